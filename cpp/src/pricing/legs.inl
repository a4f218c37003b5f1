// Inputs to legs: the discounted underlying U and strike B, their difference and ln(U / B), in every form of input.

// exp(-rate expiry), with the rounding of the product put back: it would grow with rate x expiry. 0 or not finite where the
// rate is out of bounds.
HC_INLINE double discount_factor(double rate, double expiry) {
    const double growth = rate * expiry;
    const double factor = scaled_exponential(1.0, larger(smaller(-growth, 1419.0), -1419.0));
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

// exact: to an ulp, as implied vols want it; prices carry the rounding of the underlying and of the strike anyway.
template <bool exact, bool any_size>
HC_INLINE double moneyness_of(double underlying, double strike) {
    return exact ? logarithm_of_ratio<any_size>(underlying, strike) : plain_logarithm_of_ratio<any_size>(underlying, strike);
}

// True if a number is subnormal, zero or negative.
template <bool exact>
static bool log_and_root(Legs& b, std::size_t n) {
    const double *underlying = b.underlying, *strike = b.strike, *expiry = b.expiry;
    std::uint64_t small = 0;
    HC_EACH(i, n) {
        b.moneyness[i] = moneyness_of<exact, false>(underlying[i], strike[i]);
        b.root_expiry[i] = __builtin_sqrt(expiry[i]);
        small |= mask_of(smaller(underlying[i], strike[i]) < least_normal);
    }
    return small != 0;
}

template <bool exact>
static void log_of_any_size(Legs& b, std::size_t n) {
    const double *underlying = b.underlying, *strike = b.strike;
    HC_EACH(i, n) b.moneyness[i] = moneyness_of<exact, true>(underlying[i], strike[i]);
}

static const double* discounts(double* out, const double* rate, const double* expiry, std::size_t n) {
    if (!rate) return constants.ones;
    HC_EACH(i, n) out[i] = discount_factor(rate[i], expiry[i]);
    return out;
}

// Without the logarithm the moneyness is not filled in.
// False if a discount factor may be outside its bounds.
template <bool exact, bool with_logarithm = true>
static bool fill_legs(Legs& b, std::size_t n) {
    const double *underlying = b.underlying, *strike = b.strike, *expiry = b.expiry;
    if constexpr (with_logarithm) {
        if (log_and_root<exact>(b, n)) log_of_any_size<exact>(b, n);
    } else {
        HC_EACH(i, n) b.root_expiry[i] = __builtin_sqrt(expiry[i]);
    }

    b.rate_used = b.carry_used = constants.zeros;
    std::uint64_t regular = 0;
    if (b.form == Form::forward) {
        b.underlying_leg = underlying;
        b.strike_leg = strike;
        b.underlying_discount = b.strike_discount = constants.ones;
        HC_EACH(i, n) b.leg_difference[i] = underlying[i] - strike[i];
        return true;
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
            regular += std::uint64_t(discount[i] > 0.0);
        }
        if (b.wants_rates) {
            double* own = b.own_rate;
            HC_EACH(i, n) {
                const double growth = -logarithm(discount[i]);
                own[i] = expiry[i] > 0.0 ? growth / expiry[i] : 0.0;
            }
            b.rate_used = b.carry_used = own;
        }
        return regular == n;
    }
    // A rate or a carry of zero throughout is not given: its discount is 1.
    if (b.rate) b.rate_used = b.rate;
    if (b.carry) b.carry_used = b.carry;
    const double *rate = b.rate_used, *carry = b.carry_used;
    const double* of_underlying = discounts(b.own_discounts[0], b.carry, expiry, n);
    const double* of_strike = discounts(b.own_discounts[1], b.rate, expiry, n);
    b.underlying_discount = of_underlying;
    b.strike_discount = of_strike;
    HC_EACH(i, n) {
        u[i] = underlying[i] * of_underlying[i];
        k[i] = strike[i] * of_strike[i];
        b.leg_difference[i] = u[i] - k[i];
        // inside e^-697 and e^697: the rates are within bounds for certain
        regular += std::uint64_t(smaller(of_underlying[i], of_strike[i]) > 1e-303) &
                   std::uint64_t(larger(of_underlying[i], of_strike[i]) < 1e303);
        if constexpr (with_logarithm) b.moneyness[i] = mad(rate[i] - carry[i], expiry[i], b.moneyness[i]);
    }
    return regular == n;
}

// 1 where the formulas hold for the lane, given that its discounts are regular; else 0 (NaN included), and the scalar checks of limits.hpp decide.
// Whatever they would object to, or treat as a limit, must give 0 here: a result may not depend on its neighbours.
// `positive` is a number that has to be. The kind is checked where it is read.
HC_INLINE std::uint64_t is_regular(const Legs& b, std::size_t i, double positive) {
    const double u = b.underlying_leg[i], k = b.strike_leg[i];
    // NaN may get lost in the smallest of three, never in a sum
    return std::uint64_t(smaller(smaller(u, k), positive) > smallest_total_vol) & std::uint64_t(u + k + positive <= greatest);
}
