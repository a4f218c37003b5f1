// The few scalar operations every kernel is made of. Written so that a loop over them is vectorised:
// no branches, no calls, selects as ?:. Multiply-adds are explicit, since the kernels are compiled with
// -ffp-contract=off: results are the same bits on every target that has a fused multiply-add.

HC_INLINE double mad(double a, double b, double c) {
#if HC_HAS_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

HC_INLINE std::uint64_t bits_of(double x) {
    std::uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    return bits;
}

HC_INLINE double from_bits(std::uint64_t bits) {
    double x;
    __builtin_memcpy(&x, &bits, sizeof x);
    return x;
}

HC_INLINE double magnitude(double x) { return from_bits(bits_of(x) & 0x7fffffffffffffffULL); }
HC_INLINE double smaller(double a, double b) { return a < b ? a : b; }
HC_INLINE double larger(double a, double b) { return a > b ? a : b; }

// The rounding error a b - p of the product p = fl(a b), exact where nothing underflows.
HC_INLINE double product_error(double a, double b, double p) {
#if HC_HAS_FMA
    return __builtin_fma(a, b, -p);
#else
    const double split = 134217729.0;  // 2^27 + 1 (Dekker, Veltkamp)
    const double ta = split * a, tb = split * b;
    const double ah = ta - (ta - a), al = a - ah, bh = tb - (tb - b), bl = b - bh;
    const double error = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
    return error == error ? error : 0.0;  // above 2^996 the splitting overflows: the error is left out
#endif
}

// c - a b with a b exact, for a b close to c.
HC_INLINE double remainder_of_product(double a, double b, double c) {
#if HC_HAS_FMA
    return __builtin_fma(-a, b, c);
#else
    const double product = a * b;
    return (c - product) - product_error(a, b, product);
#endif
}

// The rounding error (a - b) - d of the difference d = fl(a - b), exact (Knuth).
HC_INLINE double difference_error(double a, double b, double d) {
    const double bv = a - d, av = d + bv;
    return (a - av) - (b - bv);
}

// c[0] + c[1] x + ... by Horner's rule.
template <int N>
HC_INLINE double horner(const double (&c)[N], double x) {
    double sum = c[N - 1];
#pragma GCC unroll 32
    for (int i = N - 2; i >= 0; --i) sum = mad(sum, x, c[i]);
    return sum;
}

// x = fraction 2^exponent with the fraction in [1, 2), for any finite x > 0, subnormal ones too.
struct Parts {
    double fraction, exponent;
};

HC_INLINE Parts parts_of(double x) {
    const bool subnormal = x < 2.2250738585072014e-308;
    const double normal = subnormal ? x * 18014398509481984.0 : x;  // 2^54
    const double bias = subnormal ? 1077.0 : 1023.0;
    const std::uint64_t bits = bits_of(normal);
    const double fraction = from_bits((bits & 0x000fffffffffffffULL) | 0x3ff0000000000000ULL);
    // a small integer placed in the low bits of 2^52 reads as 2^52 + that integer
    const double exponent = from_bits((bits >> 52) | 0x4330000000000000ULL) - 4503599627370496.0;
    return {fraction, exponent - bias};
}

// 2^n for an integer -1022 <= n <= 1023.
HC_INLINE double power_of_two(double n) {
    return from_bits(bits_of(n + 6755399441055744.0 + 1023.0) << 52);
}

// The nearest integer, for |x| < 2^51.
HC_INLINE double nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }
