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

// All bits where the condition holds, for sums of conditions by |.
HC_INLINE std::uint64_t mask_of(bool condition) { return condition ? ~std::uint64_t(0) : 0; }

// condition ? -x : x by its sign bit: compilers move a select behind the operations that follow, divisions even, and do them twice.
HC_INLINE double negated_if(bool condition, double x) {
    return from_bits(bits_of(x) ^ (mask_of(condition) & 0x8000000000000000ULL));
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

// c[0] + c[1] x + ...: even and odd powers by Horner's rule side by side, which halves the chain of dependent operations.
template <int N>
HC_INLINE double polynomial(const double (&c)[N], double x) {
    constexpr int even_top = (N - 1) / 2 * 2, odd_top = (N - 2) / 2 * 2 + 1;
    const double square = x * x;
    double even = c[even_top], odd = c[odd_top];
#pragma GCC unroll 32
    for (int i = even_top - 2; i >= 0; i -= 2) even = mad(even, square, c[i]);
#pragma GCC unroll 32
    for (int i = odd_top - 2; i >= 1; i -= 2) odd = mad(odd, square, c[i]);
    return mad(odd, x, even);
}

// 2^n for an integer -1022 <= n <= 1023.
HC_INLINE double power_of_two(double n) {
    return from_bits(bits_of(n + 6755399441055744.0 + 1023.0) << 52);
}

// The nearest integer, for |x| < 2^51.
HC_INLINE double nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }
