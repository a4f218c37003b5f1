// Inputs to legs: the discounted underlying U and strike B, their difference and ln(U / B), in every form of input.

// exp(-rate expiry), with the rounding of the product put back: it would grow with rate x expiry.
HC_INLINE double discount_factor(double rate, double expiry) {
    const double growth = rate * expiry;
    const double factor = exponential(-growth);
    return mad(factor, -product_error(rate, expiry, growth), factor);
}

struct Constants {
    alignas(64) double ones[block_size];
    alignas(64) double zeros[block_size];
    constexpr Constants() : ones{}, zeros{} {
        for (double& x : ones) x = 1.0;
    }
};
constinit const Constants constants;

HC_INLINE void fill_legs(Legs& b, std::size_t n) {
    const double *underlying = b.underlying, *strike = b.strike, *expiry = b.expiry;
    HC_EACH(i, n) b.moneyness[i] = logarithm_of_ratio(underlying[i], strike[i]);
    HC_EACH(i, n) b.root_expiry[i] = __builtin_sqrt(expiry[i]);

    b.rate_used = b.carry_used = constants.zeros;
    if (b.form == Form::forward) {
        b.underlying_leg = underlying;
        b.strike_leg = strike;
        b.underlying_discount = b.strike_discount = constants.ones;
        HC_EACH(i, n) b.leg_difference[i] = underlying[i] - strike[i];
        return;
    }
    double *u = b.own_legs[0], *k = b.own_legs[1];
    b.underlying_leg = u;
    b.strike_leg = k;
    if (b.form == Form::discounted_forward) {
        const double* discount = b.discount;
        b.underlying_discount = b.strike_discount = discount;
        HC_EACH(i, n) {
            u[i] = discount[i] * underlying[i];
            k[i] = discount[i] * strike[i];
            b.leg_difference[i] = discount[i] * (underlying[i] - strike[i]);
        }
        if (b.wants_rates) {
            double* own = b.own_rate;
            HC_EACH(i, n) {
                const double growth = -logarithm(discount[i]);
                own[i] = expiry[i] > 0.0 ? growth / expiry[i] : 0.0;
            }
            b.rate_used = b.carry_used = own;
        }
        return;
    }
    const double *rate = b.rate, *carry = b.carry;
    double *of_underlying = b.own_discounts[0], *of_strike = b.own_discounts[1];
    b.rate_used = rate;
    b.carry_used = carry;
    b.underlying_discount = of_underlying;
    b.strike_discount = of_strike;
    HC_EACH(i, n) of_underlying[i] = discount_factor(carry[i], expiry[i]);
    HC_EACH(i, n) of_strike[i] = discount_factor(rate[i], expiry[i]);
    HC_EACH(i, n) {
        u[i] = underlying[i] * of_underlying[i];
        k[i] = strike[i] * of_strike[i];
        b.leg_difference[i] = u[i] - k[i];
        b.moneyness[i] = mad(rate[i] - carry[i], expiry[i], b.moneyness[i]);
    }
}

// 1 where every input of the lane is inside the open domain of the formulas, else 0 (NaN included).
HC_INLINE std::uint64_t is_regular(const Legs& b, std::size_t i) {
    const double huge = 1.7976931348623157e308;
    return std::uint64_t(b.underlying[i] > 0.0) & std::uint64_t(b.underlying[i] <= huge) &
           std::uint64_t(b.strike[i] > 0.0) & std::uint64_t(b.strike[i] <= huge) & std::uint64_t(b.expiry[i] > 0.0) &
           std::uint64_t(b.expiry[i] <= huge) & std::uint64_t(b.underlying_leg[i] > 0.0) &
           std::uint64_t(b.underlying_leg[i] <= huge) & std::uint64_t(b.strike_leg[i] > 0.0) &
           std::uint64_t(b.strike_leg[i] <= huge) & std::uint64_t(magnitude(b.moneyness[i]) <= 3000.0);
}
