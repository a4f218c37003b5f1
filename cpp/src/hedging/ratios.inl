// Hedge ratios beside Black's: the delta of the position where vols are expected to move with the price. To Black's delta of each option
// comes vega / S times slope, slope = d vol / d ln S; vega / S = n(d1) sqrt(tau).

// (d - (1 - d) / x) / 2, d = (1 - e^-x) / x: what the correlation of price and variance moves the vol of a strike by, less what moneyness moves
// it back, in a Heston model to first order in the vol of vol (Bergomi and Guyon, "Stochastic volatility's orderly smiles", 2012). 1 / 4 at 0.
HC_INLINE double reverting_share(double x) {
    if (x > 1.0) {
        const double d = (1.0 - exponential(-x)) / x;
        return 0.5 * (d - (1.0 - d) / x);
    }
    double sum = 1.0;  // half the sum of (k + 1) (-x)^k / (k + 2)!, from its end
    for (int k = 18; k >= 0; --k) sum = 1.0 - x * double(k + 2) / double((k + 1) * (k + 3)) * sum;
    return 0.25 * sum;
}

// Adds quantity * vega / S * slope of an option. Where own_vol, vols are those of the option times a lane.
template <RatioKind kind, bool own_vol>
static void add_slope(const HedgePlan& plan, const OptionPlan& o, const HedgeRatio& ratio, const double* log_spot,
                      const double* vols, const double* inverse_vols, const double* slopes, double* delta, std::size_t n) {
    const double left = o.left, root = __builtin_sqrt(left);
    const double base = o.vol * root, inverse_base = 1.0 / base;
    const double centre = o.log_strike - plan.rate * left, quantity = o.quantity, sign = o.kind;
    const double* const fitted = o.kind > 0.0 ? ratio.call : ratio.put;
    const double a = fitted[0], slope = fitted[1], bend = fitted[2];
    const double sticks = (ratio.stickiness - 1.0) * root;
    const double follows = ratio.covariance * reverting_share(ratio.reversion * left) * left;
    HC_EACH(i, n) {
        const double s = own_vol ? base * vols[i] : base, inverse = own_vol ? inverse_base * inverse_vols[i] : inverse_base;
        const double d1 = larger(smaller(mad(log_spot[i] - centre, inverse, 0.5 * s), 50.0), -50.0);
        const double density = scaled_exponential(inverse_sqrt_2pi, -0.5 * d1 * d1);
        double term;
        if constexpr (kind == RatioKind::smile) {
            term = sticks * slopes[i];
        } else if constexpr (kind == RatioKind::hull_white) {
            const double tail = density * mills_ratio(magnitude(d1)), share = sign * (sign * d1 > 0.0 ? 1.0 - tail : tail);
            term = mad(share, mad(share, bend, slope), a);
        } else {
            term = follows * inverse;  // sqrt(tau) / vol
        }
        delta[i] = mad(quantity * density, term, delta[i]);
    }
}

template <RatioKind kind>
static void add_slopes(const HedgePlan& plan, const HedgeBlock& b, const HedgeRatio& ratio, std::uint64_t step, const double* log_spot,
                       double* delta) {
    for (std::size_t j = 0; j < plan.options; ++j) {
        OptionPlan o;
        if (!option_at(plan, j, step, o)) continue;
        const VolFactors own = vols_of(o, b);
        const double* slopes = kind == RatioKind::smile ? b.vols[o.vols].slope : nullptr;
        own.vol ? add_slope<kind, true>(plan, o, ratio, log_spot, own.vol, own.inverse, slopes, delta, b.n)
                : add_slope<kind, false>(plan, o, ratio, log_spot, nullptr, nullptr, slopes, delta, b.n);
    }
}

// The delta of a hedge ratio at this step, for all policies that have it: computed for the first that asks.
static const double* ratio_delta(const HedgePlan& plan, HedgeBlock& b, std::size_t k, const double* log_spot, std::uint64_t step) {
    if (k == 0) return b.delta;
    const std::size_t n = b.n;
    double* delta = b.ratio[k - 1];
    if (b.ratio_step[k - 1] == step) return delta;
    b.ratio_step[k - 1] = step;
    const HedgeRatio& ratio = plan.ratio[k];
    if (ratio.kind == RatioKind::scaled_vol) {
        position_greeks(plan, b, step, ratio.vol_scale, log_spot, {nullptr, nullptr}, delta, nullptr);
        return delta;
    }
    const double* black = b.delta;
    HC_EACH(i, n) delta[i] = black[i] + 0.0;
    if (ratio.kind == RatioKind::smile) add_slopes<RatioKind::smile>(plan, b, ratio, step, log_spot, delta);
    else if (ratio.kind == RatioKind::hull_white) add_slopes<RatioKind::hull_white>(plan, b, ratio, step, log_spot, delta);
    else add_slopes<RatioKind::stochastic_vol>(plan, b, ratio, step, log_spot, delta);
    return delta;
}
