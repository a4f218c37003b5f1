// Implied vol without an iteration limit: a closed-form start good to 12 % everywhere, then two fixed steps of fourth order.
//
// Start: Stefanica and Radoicic (An explicit implied volatility formula, IJTAF 20, 2017) put Polya's approximation
// N(z) = 1/2 + sign(z)/2 sqrt(1 - exp(-2 z^2 / pi)) into the equation of the price and solve it as a quadratic. Here the
// quadratic is written in the out-of-the-money value c = O / L and a = |ln(U / B)|, where every term is positive.
// Steps: Householder's third-order iteration on the logarithm of the value (of its distance from the maximum where
// z1 < -1/2), in terms of Mills ratios alone, so that neither overflows (Jaeckel, Let's Be Rational, Wilmott 2015,
// names the derivatives). From 12 % the first step leaves 2e-5 and the second what the arithmetic carries.

HC_INLINE double implied_start(double a, double c, double rest, double leg_ratio, double gap_ratio) {
    const double polya = 1.2732395447351628;  // 4 / pi
    const double small = larger((1.0 - polya) * a, -1419.0);
    const double decay = scaled_exponential(1.0, small);
    const double decay_gap = a < 1e-4 ? -small * mad(0.5, small, 1.0) : 1.0 - decay;
    const double spread = gap_ratio - decay_gap;  // decay - leg_ratio
    const double product = c * mad(c, leg_ratio, gap_ratio);
    const double constant = 16.0 * product * rest * mad(c, leg_ratio, 1.0);
    const double linear = 2.0 * gap_ratio * decay_gap + 4.0 * (decay + leg_ratio) * product;
    const double root = constant / (linear + __builtin_sqrt(mad(linear, linear, spread * spread * constant)));
    // far out the root is too small for a number; any start below serves there
    const double bounded = larger(smaller(root, 1.0), least_normal);
    const double z = __builtin_sqrt(-1.5707963267948966 * logarithm_of_ratio<false>(bounded, 1.0));
    // c at z1 = 0 is 1/2 - decay / 2 / (1 + sqrt(1 - decay leg_ratio))
    const bool is_low = (0.5 - c) * (1.0 + __builtin_sqrt(1.0 - decay * leg_ratio)) > 0.5 * decay;
    const double z2 = __builtin_sqrt(mad(z, z, 2.0 * a));  // z2^2 - z1^2 = 2 a
    const double polya_vol = is_low ? 2.0 * a / (z2 + z) : z2 + z;
    // near the money and for small vols N is linear, while 1 - root would cancel
    const double linear_vol = 2.5066282746310002 * mad(0.5, a, c);
    return (c < 1e-3 ? c : 0.0) > 8.0 * a ? linear_vol : polya_vol;
}

// What the step needs of the vol reached so far.
template <int N>
HC_INLINE void implied_tails(const double (&terms)[N], ImpliedBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) {
        const StandardPoint p = standard_point(b.moneyness[i], b.total_vol[i]);
        b.z1[i] = p.z1;
        b.z2[i] = p.z2;
        mills_nodes(b, i);
    }
    HC_EACH(i, n) mills_polynomials(terms, b, i);
}

template <bool any_size>
HC_INLINE double implied_step(const ImpliedBlock& b, std::size_t i) {
    const double s = b.total_vol[i], z1 = b.z1[i], h = 0.5 * (z1 + b.z2[i]);
    const MillsPair m = mills_pair(b, i, s);
    // value / density below, minus (maximum - value) / density above: the derivative of the logarithm is its inverse
    const double both = -(m.first + m.second), gain = is_reflected(z1) ? both : m.difference;
    const double target = chosen(is_reflected(z1), b.rest[i], b.share[i]);
    const double residual = mad(0.5 * z1, z1, logarithm_of_ratio<any_size>(target, inverse_sqrt_2pi * magnitude(gain)));
    // Newton's step is residual x gain; the ratios of the higher derivatives enter times powers of gain, which keeps every
    // term of the order of one however small the vol
    const double steep = h / s * gain, bend = mad(h, steep, -0.25 * s * gain);
    const double second = residual * (bend - 1.0);
    const double third = residual * residual *
                         mad(bend, bend - 3.0, 2.0 - mad(3.0 * steep, steep, 0.25 * gain * gain));
    return s + residual * gain * mad(0.5, second, 1.0) / (1.0 + mad(third, 1.0 / 6.0, second));
}

template <bool any_size>
static void implied_steps(ImpliedBlock& b) {
    const std::size_t n = b.n;
    HC_EACH(i, n) b.total_vol[i] = implied_step<any_size>(b, i);
}

static bool implied_vol(ImpliedBlock& b) {
    const std::size_t n = b.n;
    const bool discounts_regular = fill_legs<true>(b, n);
    // Prices become undiscounted amounts of the quote currency in the forward form, discounted ones in the spot form.
    const bool forward_form = b.form != Form::spot;
    const double* unit = b.settlement == Settlement::inverse ? b.underlying : constants.ones;
    const double* discount = forward_form ? b.underlying_discount : constants.ones;
    const double* first = forward_form ? b.underlying : b.underlying_leg;
    const double* second = forward_form ? b.strike : b.strike_leg;
    std::uint64_t regular = 0, small = 0;
    HC_EACH(i, n) {
        const double price = b.price[i] * unit[i] / discount[i];
        // the exact intrinsic value: the rounding of the difference counts where little time value is left
        const double difference = first[i] - second[i];
        const double lost = difference_error(first[i], second[i], difference);
        const double in_value = (price - magnitude(difference)) - b.kind[i] * lost;
        const double value = b.kind[i] * difference > 0.0 ? in_value : price;
        const double scale = smaller(first[i], second[i]);
        const double share = value / scale, rest = (scale - value) / scale;
        b.time_value[i] = value;
        b.scale[i] = scale;
        b.share[i] = share;
        b.rest[i] = rest;
        regular += is_regular(b, i, b.expiry[i]) & std::uint64_t(smaller(share, scale - value) > 0.0);
        small |= mask_of(smaller(share, rest) < least_normal);
    }
    HC_EACH(i, n) {
        const double u = b.underlying_leg[i], k = b.strike_leg[i];
        const double inverse = 1.0 / larger(u, k);
        b.total_vol[i] = implied_start(magnitude(b.moneyness[i]), b.share[i], b.rest[i], smaller(u, k) * inverse,
                                       magnitude(b.leg_difference[i]) * inverse);
    }
    implied_tails(mills_coarse_terms, b);
    small ? implied_steps<true>(b) : implied_steps<false>(b);
    implied_tails(mills_terms, b);
    small ? implied_steps<true>(b) : implied_steps<false>(b);
    double* vol = b.vol;
    HC_EACH(i, n) vol[i] = b.total_vol[i] / b.root_expiry[i];
    return !discounts_regular || regular != n;
}
