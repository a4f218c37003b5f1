// Delta and gamma of the position, its options one after another over the paths of the block. Only the logarithm of the price
// changes from path to path: strike, root of time and total vol are scalars of a step. Amounts as in black.inl, of which the tails alone are needed:
// the deltas are w N(w d1), net of premium w B N(w d2) / S.

// Adds quantity * delta, and quantity * S * gamma where wanted; the first option sets them. Where own_vol, vols are those of the option
// times a lane.
template <bool own_vol, bool with_gamma, bool premium_adjusted, bool first>
static void add_option(const HedgePlan& plan, const OptionPlan& o, std::uint64_t step, const double& vol_scale, const double* log_spot,
                       const double* vols, const double* inverse_vols, double* delta, double* gamma, std::size_t n) {
    const double left = double(o.expiry - step) * plan.step, rate = plan.rate;
    const double base = o.vol * vol_scale * __builtin_sqrt(left), inverse_base = 1.0 / base;
    const double centre = o.log_strike - rate * left;  // ln of the discounted strike
    const double kind = o.kind, quantity = o.quantity;
    HC_EACH(i, n) {
        const double s = own_vol ? base * vols[i] : base, inverse = own_vol ? inverse_base * inverse_vols[i] : inverse_base;
        const double x = log_spot[i] - centre;
        const double d1 = larger(smaller(mad(x, inverse, 0.5 * s), 50.0), -50.0);
        const double density = scaled_exponential(inverse_sqrt_2pi, -0.5 * d1 * d1);
        const double tail1 = density * mills_ratio(magnitude(d1));
        double share = kind * (kind * d1 > 0.0 ? 1.0 - tail1 : tail1);
        if constexpr (premium_adjusted) {
            const double d2 = larger(smaller(mad(x, inverse, -0.5 * s), 50.0), -50.0);
            // B / S n(d2) = n(d1)
            const double tail2 = density * mills_ratio(magnitude(d2)), discount = scaled_exponential(1.0, -larger(smaller(x, 600.0), -600.0));
            share = kind * (kind * d2 > 0.0 ? discount - tail2 : tail2);
        }
        delta[i] = mad(quantity, share, first ? 0.0 : delta[i]);
        if constexpr (with_gamma) gamma[i] = mad(quantity * inverse, density, first ? 0.0 : gamma[i]);
    }
}

// All options that live at `step`: those that expire later, of which there is one before the horizon.
template <bool own_vol, bool with_gamma, bool premium_adjusted>
static void add_options(const HedgePlan& plan, std::uint64_t step, const double& vol_scale, const double* log_spot, const double* vols,
                        const double* inverse_vols, double* delta, double* gamma, std::size_t n) {
    bool first = true;
    for (std::size_t j = 0; j < plan.options; ++j) {
        const OptionPlan& o = plan.option[j];
        if (o.expiry <= step) continue;
        if (first) {
            add_option<own_vol, with_gamma, premium_adjusted, true>(plan, o, step, vol_scale, log_spot, vols, inverse_vols, delta, gamma, n);
        } else {
            add_option<own_vol, with_gamma, premium_adjusted, false>(plan, o, step, vol_scale, log_spot, vols, inverse_vols, delta, gamma, n);
        }
        first = false;
    }
}

template <bool value>
struct Constant {
    static constexpr bool is = value;
};

// The net delta of the position, and S times its gamma where wanted, at vol_scale and, where given, lanes of factors of the vol. It
// only chooses: the scale comes by reference, so that no number is touched here.
static void position_greeks(const HedgePlan& plan, std::uint64_t step, const double& vol_scale, const double* log_spot, const double* vols,
                            const double* inverse_vols, double* delta, double* gamma, std::size_t n) {
    const auto run = [&](auto adjusted) {
        constexpr bool net = decltype(adjusted)::is;
        if (vols) {
            gamma ? add_options<true, true, net>(plan, step, vol_scale, log_spot, vols, inverse_vols, delta, gamma, n)
                  : add_options<true, false, net>(plan, step, vol_scale, log_spot, vols, inverse_vols, delta, gamma, n);
        } else {
            gamma ? add_options<false, true, net>(plan, step, vol_scale, log_spot, vols, inverse_vols, delta, gamma, n)
                  : add_options<false, false, net>(plan, step, vol_scale, log_spot, vols, inverse_vols, delta, gamma, n);
        }
    };
    plan.premium_adjusted ? run(Constant<true>{}) : run(Constant<false>{});
}

// What options that expire now pay.
static void settle_options(const HedgePlan& plan, std::uint64_t step, HedgeBlock& b) {
    const std::size_t n = b.n;
    for (std::size_t j = 0; j < plan.options; ++j) {
        const OptionPlan& o = plan.option[j];
        if (o.expiry != step) continue;
        const double kind = o.kind, strike = o.strike, quantity = o.quantity;
        HC_EACH(i, n) b.option[i] = mad(quantity * larger(kind * (b.spot[i] - strike), 0.0), b.money[i], b.option[i]);
    }
}
