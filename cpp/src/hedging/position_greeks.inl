// Delta and gamma of the position, its options one after another over the paths of the block. Only the logarithm of the price
// changes from path to path: strike, root of time and total vol are scalars of a step. Amounts as in black.inl, of which the tails alone are needed:
// the deltas are w N(w d1), net of premium w B N(w d2) / S.

// An option as it is at a step: by its schedule, where it has one. False: there is nothing of it.
HC_INLINE bool option_at(const HedgePlan& plan, std::size_t j, std::uint64_t step, OptionPlan& o) {
    o = plan.option[j];
    if (o.expiry <= step) return false;
    if (!o.schedule) {
        o.left = double(o.expiry - step) * plan.step;
        return true;
    }
    if (step < o.first) return false;
    const OptionPlanTerms& now = o.schedule[step - o.first];
    o.quantity = now.quantity;
    o.log_strike = now.log_strike;
    o.vol = now.vol;
    o.left = now.left;
    return true;
}

// Adds quantity * delta, and quantity * S * gamma where wanted; the first option sets them. Where own_vol, vols are those of the option
// times a lane.
template <bool own_vol, bool with_gamma, bool premium_adjusted, bool first>
static void add_option(const HedgePlan& plan, const OptionPlan& o, const double& vol_scale, const double* log_spot,
                       const double* vols, const double* inverse_vols, double* delta, double* gamma, std::size_t n) {
    const double left = o.left, rate = plan.rate;
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

// The vols of options with a smile: at ln(K / F_0) - (1 - R) ln(F_t / F_0), with the price that decisions are made at.
static void move_smiles(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    const double* log_spot = b.log_spot;
    const double start = plan.log_start + plan.rate * plan.step * double(step);  // ln of F_0 less the carry of what is left
    for (std::size_t j = 0; j < plan.options; ++j) {
        const OptionPlan& o = plan.option[j];
        if (o.smile < 0 || o.expiry <= step) continue;
        const ScenarioSmile smile = plan.smile[o.smile];
        const VolLanes& to = b.vols[o.vols];
        const double per_year = 1.0 / smile.expiry, follows = smile.ratio - 1.0, moneyness = o.moneyness;
        if (plan.attribution) {
            HC_EACH(i, n) to.before[i] = to.vol[i] + 0.0;
        }
        if (plan.slopes) {
            HC_EACH(i, n) {
                const SlidePoint at = smile_at(smile, per_year, mad(follows, log_spot[i] - start, moneyness));
                to.vol[i] = at.vol;
                to.inverse[i] = 1.0 / at.vol;
                to.slope[i] = at.slope;
            }
        } else {
            HC_EACH(i, n) {
                const double vol = smile_at(smile, per_year, mad(follows, log_spot[i] - start, moneyness)).vol;
                to.vol[i] = vol;
                to.inverse[i] = 1.0 / vol;
            }
        }
    }
}

// The vol of a model, or those of smiles.
static void move_vols(const HedgePlan& plan, const PathBlock& paths, HedgeBlock& b, std::uint64_t step) {
    const std::size_t n = b.n;
    if (!plan.model_vol) {
        if (plan.vols > 0) move_smiles(plan, b, step);
        return;
    }
    const double* variance = paths.variance[plan.asset];
    const VolLanes& to = b.vols[0];
    if (plan.attribution) {
        HC_EACH(i, n) to.before[i] = to.vol[i] + 0.0;
    }
    HC_EACH(i, n) {
        const double vol = __builtin_sqrt(larger(variance[i], 1e-12));
        to.vol[i] = vol;
        to.inverse[i] = 1.0 / vol;
    }
}

// Factors of an option's vol, path by path; null: none.
struct VolFactors {
    const double *vol, *inverse;
};

static VolFactors vols_of(const OptionPlan& o, const HedgeBlock& b) {
    return o.vols < 0 ? VolFactors{nullptr, nullptr} : VolFactors{b.vols[o.vols].vol, b.vols[o.vols].inverse};
}

struct Yes {
    static constexpr bool value = true;
};
struct No {
    static constexpr bool value = false;
};

template <bool with_gamma, bool premium_adjusted>
static void add_options(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step, const double& vol_scale, const double* log_spot,
                        const VolFactors& factors, double* delta, double* gamma) {
    const std::size_t n = b.n;
    bool first = true;
    for (std::size_t j = 0; j < plan.options; ++j) {
        OptionPlan o;
        if (!option_at(plan, j, step, o)) continue;
        VolFactors own = vols_of(o, b);
        if (factors.vol && own.vol) {
            HC_EACH(i, n) {
                b.mixed_vol[i] = factors.vol[i] * own.vol[i];
                b.mixed_inverse[i] = factors.inverse[i] * own.inverse[i];
            }
            own = {b.mixed_vol, b.mixed_inverse};
        } else if (factors.vol) {
            own = factors;
        }
        const auto add = [&](auto own_vol, auto is_first) {
            add_option<own_vol.value, with_gamma, premium_adjusted, is_first.value>(plan, o, vol_scale, log_spot, own.vol, own.inverse, delta, gamma, n);
        };
        if (own.vol) {
            first ? add(Yes{}, Yes{}) : add(Yes{}, No{});
        } else {
            first ? add(No{}, Yes{}) : add(No{}, No{});
        }
        first = false;
    }
    if (!first) return;
    HC_EACH(i, n) delta[i] = 0.0 * log_spot[i];
    if constexpr (with_gamma) {
        HC_EACH(i, n) gamma[i] = 0.0 * log_spot[i];
    }
}

// The net delta of the position, and S times its gamma where wanted, at vol_scale and, where given, lanes of factors of the vol. It
// only chooses: the scale comes by reference, so that no number is touched here.
static void position_greeks(const HedgePlan& plan, HedgeBlock& b, std::uint64_t step, const double& vol_scale, const double* log_spot,
                            const VolFactors& factors, double* delta, double* gamma) {
    if (plan.premium_adjusted) {
        gamma ? add_options<true, true>(plan, b, step, vol_scale, log_spot, factors, delta, gamma)
              : add_options<false, true>(plan, b, step, vol_scale, log_spot, factors, delta, gamma);
    } else {
        gamma ? add_options<true, false>(plan, b, step, vol_scale, log_spot, factors, delta, gamma)
              : add_options<false, false>(plan, b, step, vol_scale, log_spot, factors, delta, gamma);
    }
}

// What options that expire now pay.
static void settle_options(const HedgePlan& plan, std::uint64_t step, HedgeBlock& b) {
    const std::size_t n = b.n;
    for (std::size_t j = 0; j < plan.options; ++j) {
        const OptionPlan& o = plan.option[j];
        if (o.expiry != step || o.schedule) continue;
        const double kind = o.kind, strike = o.strike, quantity = o.quantity;
        HC_EACH(i, n) b.option[i] = mad(quantity * larger(kind * (b.spot[i] - strike), 0.0), b.money[i], b.option[i]);
    }
}
