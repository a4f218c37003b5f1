// Inputs to legs: the discounted underlying U and strike B, their difference and ln(U / B), in every form of input.

// exp(-rate expiry), with the rounding of the product put back: it would grow with rate x expiry.
HC_INLINE double discount_factor(double rate, double expiry) {
    const double growth = rate * expiry;
    const double factor = exponential(-growth);
    return mad(factor, -product_error(rate, expiry, growth), factor);
}

HC_INLINE void fill_legs(Legs& b, std::size_t n) {
    const double *underlying = b.underlying, *strike = b.strike, *expiry = b.expiry;
    if (b.form == Form::forward) {
        HC_EACH(i, n) {
            b.underlying_leg[i] = underlying[i];
            b.strike_leg[i] = strike[i];
            b.leg_difference[i] = underlying[i] - strike[i];
            b.underlying_discount[i] = b.strike_discount[i] = 1.0;
            b.rate_used[i] = b.carry_used[i] = 0.0;
        }
        HC_EACH(i, n) b.moneyness[i] = logarithm_of_ratio(underlying[i], strike[i]);
    } else if (b.form == Form::discounted_forward) {
        const double* discount = b.discount;
        HC_EACH(i, n) {
            b.underlying_leg[i] = discount[i] * underlying[i];
            b.strike_leg[i] = discount[i] * strike[i];
            b.leg_difference[i] = discount[i] * (underlying[i] - strike[i]);
            b.underlying_discount[i] = b.strike_discount[i] = discount[i];
        }
        HC_EACH(i, n) b.moneyness[i] = logarithm_of_ratio(underlying[i], strike[i]);
        if (b.wants_rates) {
            HC_EACH(i, n) b.rate_used[i] = b.carry_used[i] = expiry[i] > 0.0 ? -logarithm(discount[i]) / expiry[i] : 0.0;
        } else {
            HC_EACH(i, n) b.rate_used[i] = b.carry_used[i] = 0.0;
        }
    } else {
        const double *rate = b.rate, *carry = b.carry;
        HC_EACH(i, n) {
            b.rate_used[i] = rate[i];
            b.carry_used[i] = carry[i];
            b.underlying_discount[i] = discount_factor(carry[i], expiry[i]);
            b.strike_discount[i] = discount_factor(rate[i], expiry[i]);
        }
        HC_EACH(i, n) {
            b.underlying_leg[i] = underlying[i] * b.underlying_discount[i];
            b.strike_leg[i] = strike[i] * b.strike_discount[i];
            b.leg_difference[i] = b.underlying_leg[i] - b.strike_leg[i];
            b.moneyness[i] = mad(rate[i] - carry[i], expiry[i], logarithm_of_ratio(underlying[i], strike[i]));
        }
    }
    HC_EACH(i, n) b.root_expiry[i] = __builtin_sqrt(expiry[i]);
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
