// exp, ln and the normal distribution, for vectorised loops. Largest errors are those measured by
// tests/test_math.py against mpmath over the whole range, at every level of instruction sets.

constexpr double ln2_high = 6.93147180369123816490e-01;  // 32 bits, so that n * ln2_high is exact
constexpr double ln2_low = 1.90821492927058770002e-10;
constexpr double inverse_ln2 = 1.4426950408889634;
constexpr double inverse_sqrt_2pi = 0.3989422804014327;
constexpr double least_normal = 2.2250738585072014e-308;
constexpr double greatest = 1.7976931348623157e308;

// e^x. Error below 0.7 ulp where the result is normal; overflow gives
// infinity, underflow goes to subnormal numbers and zero; NaN stays NaN.
HC_INLINE double exponential(double x) {
    const double bounded = x < -750.0 ? -750.0 : (x > 710.0 ? 710.0 : x);
    const double n = nearest(bounded * inverse_ln2);
    const double high = mad(-n, ln2_high, bounded);
    const double r = mad(-n, ln2_low, high);
    const double lost = mad(-n, ln2_low, high - r);  // what rounding r left out
    const double rest = mad(r * r, polynomial(exp_terms, r), lost);
    const double sum = 1.0 + r;
    const double low = (r - (sum - 1.0)) + rest;  // e^r = sum + low with one rounding left to do
    // in two factors, since 2^n itself may be out of range where e^x is not
    const double half = nearest(0.5 * n);
    const double scale = power_of_two(half);
    return mad(scale, sum, scale * low) * power_of_two(n - half);
}

// scale e^x for scale > 0 and |x| <= 1419, error below 1.5 ulp, in half the operations of exponential. 0 where the result is
// subnormal; a result beyond the largest double is no longer a positive finite number. In two steps, which may be loops of their own.
struct Exponent {
    double r, shifted;  // x = n ln 2 + r; n is in the lowest bits of shifted
};

HC_INLINE Exponent exponent_of(double x) {
    const double shifted = mad(x, inverse_ln2, 6755399441055744.0);
    const double n = shifted - 6755399441055744.0;
    return {mad(-n, ln2_low, mad(-n, ln2_high, x)), shifted};
}

HC_INLINE double scaled_power(double scale, double r, double shifted) {
    const double fraction = mad(mad(r * r, polynomial(exp_terms, r), r), scale, scale);
    const std::uint64_t bits = bits_of(fraction) + (bits_of(shifted) << 52);
    return std::int64_t(bits) >= 0x0010000000000000LL ? from_bits(bits) : 0.0;
}

HC_INLINE double scaled_exponential(double scale, double x) {
    const Exponent e = exponent_of(x);
    return scaled_power(scale, e.r, e.shifted);
}

// a / b = q 2^n with 2/3 <= q <= 3/2, as q = above / below with below in [1, 2).
struct Ratio {
    double above, below, n;
};

// For finite a, b > 0. Subnormal numbers cost more: only any_size takes them, with the same bits for all others.
template <bool any_size>
HC_INLINE Ratio ratio_of(double a, double b) {
    const bool small_a = any_size && a < least_normal, small_b = any_size && b < least_normal;
    const std::uint64_t bits_a = bits_of(small_a ? a * 18014398509481984.0 : a);  // 2^54
    const std::uint64_t bits_b = bits_of(small_b ? b * 18014398509481984.0 : b);
    // The bits of a number are piecewise linear in its binary logarithm: their difference, rounded, is n.
    constexpr std::uint64_t bias = std::uint64_t(2048) << 52;
    const std::uint64_t difference = bits_a - bits_b;
    const std::uint64_t biased = (difference + (bias + 0x0008000000000000ULL)) >> 52;  // n + 2048
    // a small integer placed in the low bits of 2^52 reads as 2^52 + that integer
    double n = from_bits(biased | 0x4330000000000000ULL) - (4503599627370496.0 + 2048.0);
    if (any_size) n += (small_b ? 54.0 : 0.0) - (small_a ? 54.0 : 0.0);
    const std::uint64_t below = (bits_b & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL;
    return {from_bits(below + (difference - (biased << 52) + bias)), from_bits(below), n};
}

// ln(q 2^n) = n ln 2 + 2 s + s^3 P(s^2) with s = (q - 1) / (q + 1), whose numerator is exact; s_low is what rounding s left out.
HC_INLINE double logarithm_from(double s, double s_low, double n) {
    const double z = s * s;
    const double tail = mad(z * s, polynomial(log_terms, z), mad(n, ln2_low, s_low + s_low));
    return mad(n, ln2_high, mad(2.0, s, tail));
}

// ln(a / b) for finite a, b > 0 (normal numbers, unless any_size), however close they are, and without overflow of
// the quotient. Error below 0.8 ulp.
template <bool any_size = true>
HC_INLINE double logarithm_of_ratio(double a, double b) {
    const Ratio q = ratio_of<any_size>(a, b);
    const double high = larger(q.above, q.below), low = smaller(q.above, q.below);
    const double sum = high + low, sum_lost = low - (sum - high);
    const double gap = q.above - q.below, inverse = 1.0 / sum;
    const double s = gap * inverse;
    return logarithm_from(s, mad(-s, sum_lost, remainder_of_product(s, sum, gap)) * inverse, q.n);
}

// The same with an error below 2.1 ulp, in three quarters of the operations.
template <bool any_size = true>
HC_INLINE double plain_logarithm_of_ratio(double a, double b) {
    const Ratio q = ratio_of<any_size>(a, b);
    return logarithm_from((q.above - q.below) / (q.above + q.below), 0.0, q.n);
}

// ln x for finite x > 0 (normal numbers, unless any_size). Error below 0.8 ulp, near x = 1 too. With f = q - 1, which is exact,
// ln q = f - (f^2 / 2 - s (f^2 / 2 + z P(z))): the leading term carries no rounding (the scheme of fdlibm's log).
template <bool any_size>
HC_INLINE double finite_logarithm(double x) {
    const Ratio q = ratio_of<any_size>(x, 1.0);
    const double f = q.above - 1.0, s = f / (2.0 + f), z = s * s, half_square = 0.5 * f * f;
    const double low = mad(s, mad(z, polynomial(log_terms, z), half_square), q.n * ln2_low);
    return mad(q.n, ln2_high, f - (half_square - low));
}

// x^(-1/2) for normal x > 0 without a division, error below 2 ulp: the bits of a number, halved, are nearly half its logarithm, and two
// steps of the binomial series of (1 - e)^(-1/2), e = 1 - x y^2, correct that: from 3.5 % over 2e-7 to rounding.
HC_INLINE double inverse_root(double x) {
    double y = from_bits(0x5fe6eb50c7b537a9ULL - (bits_of(x) >> 1));
    const double e = mad(-x * y, y, 1.0);
    y = mad(y * e, mad(e, mad(e, mad(e, mad(e, 63.0 / 256.0, 35.0 / 128.0), 0.3125), 0.375), 0.5), y);
    const double f = mad(-x * y, y, 1.0);
    return mad(y * f, mad(f, 0.375, 0.5), y);
}

// ln x, as above; ln 0 = -infinity, NaN for x < 0 and for NaN.
HC_INLINE double logarithm(double x) {
    const double value = finite_logarithm<true>(x);
    const double edge = x == 0.0 ? -__builtin_inf() : (x > 0.0 ? x : __builtin_nan(""));
    return x > 0.0 && x < __builtin_inf() ? value : edge;
}

// The Mills ratio R(z) = (1 - N(z)) / n(z) for z >= -1/2, as y + y^2 G(v), y = 1 / (z + 5): error below 6 ulp
// for z <= 70. Beyond, where the density it is multiplied by is zero, it only stays finite.
HC_INLINE double mills_ratio(double z) {
    const double y = 1.0 / (smaller(z, 1e8) + mills_shift);
    return mad(y * y, polynomial(mills_terms, mad(mills_scale, y, -mills_offset)), y);
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

// -ln(4 p (1 - p)), of which the quantile is a smooth function, for p or its complement, whichever is smaller.
template <bool any_size>
HC_INLINE double quantile_argument(double tail) {
    return -finite_logarithm<any_size>(tail * mad(-4.0, tail, 4.0));
}

// The quantile where the argument is below quantile_split.
HC_INLINE double central_quantile(double p, double w) {
    return (p - 0.5) * polynomial(quantile_terms, smaller(w, quantile_split));
}

// The quantile of the normal distribution: x with N(x) = p. Error below 2.6 ulp; -infinity at 0, infinity at 1, NaN outside [0, 1].
// In the tails one third-order correction of ln N(x) completes a start.
HC_INLINE double normal_quantile(double p) {
    const double tail = p < 0.5 ? p : 1.0 - p;  // exact: p >= 1/2 there
    const double log_tail = finite_logarithm<true>(tail);
    const double w = quantile_argument<true>(tail);

    const double root = 1.0 / __builtin_sqrt(larger(w, quantile_split));
    const double start = polynomial(quantile_tail_terms, root) / root;
    const double mills = mills_ratio(start);
    const double residual = log_tail - finite_logarithm<false>(mills * inverse_sqrt_2pi) + 0.5 * start * start;
    // Householder's third-order step for ln N(-x): f' = -1/R, f''/f' = 1/R - x, f'''/f' = (x - 1/R)(x - 2/R) - 1
    const double inverse = 1.0 / mills;
    const double newton = -residual * mills, second = inverse - start;
    const double third = mad(start - inverse, mad(-2.0, inverse, start), -1.0);
    const double magnitude_of_x = start + newton * mad(0.5 * second, newton, 1.0) /
                                              mad(newton, mad(third / 6.0, newton, second), 1.0);
    const double outer = p < 0.5 ? -magnitude_of_x : magnitude_of_x;

    const double edge = p == 0.0 ? -__builtin_inf() : (p == 1.0 ? __builtin_inf() : __builtin_nan(""));
    const double inside = w < quantile_split ? central_quantile(p, w) : outer;
    return p > 0.0 && p < 1.0 ? inside : edge;
}
