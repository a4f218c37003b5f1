// exp, ln and the normal distribution, for vectorised loops. Largest errors are those measured by
// tests/test_math.py against mpmath over the whole range, at every level of instruction sets.

constexpr double ln2_high = 6.93147180369123816490e-01;  // 32 bits, so that n * ln2_high is exact
constexpr double ln2_low = 1.90821492927058770002e-10;
constexpr double sqrt2 = 1.4142135623730951;
constexpr double inverse_sqrt_2pi = 0.3989422804014327;

// e^x. Error below 0.7 ulp where the result is normal; overflow gives
// infinity, underflow goes to subnormal numbers and zero; NaN stays NaN.
HC_INLINE double exponential(double x) {
    const double bounded = x < -750.0 ? -750.0 : (x > 710.0 ? 710.0 : x);
    const double n = nearest(bounded * 1.4426950408889634);
    const double high = mad(-n, ln2_high, bounded);
    const double r = mad(-n, ln2_low, high);
    const double lost = mad(-n, ln2_low, high - r);  // what rounding r left out
    const double rest = mad(r * r, horner(exp_terms, r), lost);
    const double sum = 1.0 + r;
    const double low = (r - (sum - 1.0)) + rest;  // e^r = sum + low with one rounding left to do
    // in two factors, since 2^n itself may be out of range where e^x is not
    const double half = nearest(0.5 * n);
    const double scale = power_of_two(half);
    return mad(scale, sum, scale * low) * power_of_two(n - half);
}

// ln((1 + f + remainder) 2^exponent), sqrt(1/2) - 1 <= f <= sqrt(2) - 1, for a remainder of the order of an ulp (the
// scheme of fdlibm's log). ln(1 + f + remainder) = ln(1 + f) + remainder / (1 + f), 1 / (1 + f) = 1 - 2 s + 2 s^2 - ...
HC_INLINE double logarithm_of_parts(double f, double exponent, double remainder) {
    const double s = f / (2.0 + f);
    const double correction = remainder * mad(mad(2.0, s, -2.0), s, 1.0);
    const double z = s * s;
    const double half_square = 0.5 * f * f;
    const double tail = z * horner(log_terms, z);
    const double low = mad(s, half_square + tail, mad(exponent, ln2_low, correction));
    return mad(exponent, ln2_high, f - (half_square - low));
}

// ln x. Error below 0.8 ulp, near x = 1 too; ln 0 = -infinity, NaN for x < 0 and for NaN.
HC_INLINE double logarithm(double x) {
    const Parts p = parts_of(x);
    const bool upper = p.fraction > sqrt2;
    const double fraction = upper ? 0.5 * p.fraction : p.fraction;
    const double exponent = upper ? p.exponent + 1.0 : p.exponent;
    const double value = logarithm_of_parts(fraction - 1.0, exponent, 0.0);
    const double edge = x == 0.0 ? -__builtin_inf() : (x > 0.0 ? x : __builtin_nan(""));
    return x > 0.0 && x < __builtin_inf() ? value : edge;
}

// ln(a / b) for finite a, b > 0 with an error below 1 ulp of the result, however close a and b are (the rounding of
// the quotient is put back), and without overflow of the quotient.
HC_INLINE double logarithm_of_ratio(double a, double b) {
    const Parts pa = parts_of(a), pb = parts_of(b);
    const double inverse = 1.0 / pb.fraction;
    const double guess = pa.fraction * inverse;  // in (1/2, 2), to an ulp or two
    // put right, so that equal numbers give 1 and no remainder
    const double q = mad(remainder_of_product(guess, pb.fraction, pa.fraction), inverse, guess);
    const double remainder = remainder_of_product(q, pb.fraction, pa.fraction) * inverse;
    const bool above = q > sqrt2, below = q < 0.5 * sqrt2;
    const double scale = above ? 0.5 : (below ? 2.0 : 1.0);
    const double exponent = (pa.exponent - pb.exponent) + (above ? 1.0 : (below ? -1.0 : 0.0));
    return logarithm_of_parts(mad(scale, q, -1.0), exponent, scale * remainder);
}

// One Newton step for y = 1 / a: near z = 0 the Mills ratio magnifies an error of y fivefold.
HC_INLINE double refined_inverse(double y, double a) { return mad(y, mad(-y, a, 1.0), y); }

// The Mills ratio R(z) = (1 - N(z)) / n(z) for z >= -1/2, as y + y^2 G(v), y = 1 / (z + 5): error below 6 ulp
// for z <= 70. Beyond, where the density it is multiplied by is zero, it only stays finite.
HC_INLINE double mills_ratio(double z) {
    const double shifted = smaller(z, 1e8) + mills_shift;
    const double y = refined_inverse(1.0 / shifted, shifted);
    return mad(y * y, horner(mills_terms, mad(mills_scale, y, -mills_offset)), y);
}

// n(x), the normal density. Error below 2.3 ulp where the result is normal: the rounding of x^2 is put back.
HC_INLINE double normal_density(double x) {
    const double square = x * x;
    const double low = product_error(x, x, square);
    const double value = inverse_sqrt_2pi * exponential(-0.5 * square);
    return magnitude(x) < 50.0 ? mad(value, -0.5 * low, value) : (x == x ? 0.0 : x);
}

// N(x), the normal distribution function: full relative accuracy in both tails, error below 8 ulp (8.5 without FMA).
HC_INLINE double normal_distribution(double x) {
    const double distance = magnitude(x);
    const bool central = x < 0.0 || x <= 0.5;
    const double argument = x < 0.0 ? distance : (central ? -x : x);
    const double tail = normal_density(x) * mills_ratio(argument);
    return central ? tail : 1.0 - tail;
}

// The quantile of the normal distribution: x with N(x) = p. Error below 2.6 ulp; -infinity at 0, infinity at 1, NaN outside [0, 1].
// In the tails one third-order correction of ln N(x) completes a start.
HC_INLINE double normal_quantile(double p) {
    const double centred = p - 0.5;
    const double tail = p < 0.5 ? p : 1.0 - p;  // exact: p >= 1/2 there
    const double log_tail = logarithm(larger(tail, 4.9406564584124654e-324));
    const double w = -(log_tail + logarithm(mad(-4.0, tail, 4.0)));
    const double central = centred * horner(quantile_terms, smaller(w, quantile_split));

    const double root = 1.0 / __builtin_sqrt(larger(w, quantile_split));
    const double start = horner(quantile_tail_terms, root) / root;
    const double mills = mills_ratio(start);
    const double residual = log_tail - logarithm(mills * inverse_sqrt_2pi) + 0.5 * start * start;
    // Householder's third-order step for ln N(-x): f' = -1/R, f''/f' = 1/R - x, f'''/f' = (x - 1/R)(x - 2/R) - 1
    const double inverse = 1.0 / mills;
    const double newton = -residual * mills, second = inverse - start;
    const double third = mad(start - inverse, mad(-2.0, inverse, start), -1.0);
    const double magnitude_of_x = start + newton * mad(0.5 * second, newton, 1.0) /
                                              mad(newton, mad(third / 6.0, newton, second), 1.0);
    const double outer = p < 0.5 ? -magnitude_of_x : magnitude_of_x;

    const double edge = p == 0.0 ? -__builtin_inf() : (p == 1.0 ? __builtin_inf() : __builtin_nan(""));
    const double inside = w < quantile_split ? central : outer;
    return p > 0.0 && p < 1.0 ? inside : edge;
}
