// SABR by Hagan's formula (Hagan, Kumar, Lesniewski and Woodward 2002, equation 2.17) as a smile in k = ln(strike / forward).
// With alpha measured at the forward, alpha F^(beta - 1), the formula depends on k alone.

// A function of k and its first two derivatives.
struct Jet {
    double value, first, second;
};

HC_INLINE Jet product(Jet f, Jet g) {
    return {f.value * g.value, mad(f.first, g.value, f.value * g.first),
            mad(f.second, g.value, mad(2.0 * f.first, g.first, f.value * g.second))};
}

// h(f), of the value and the derivatives of h there.
HC_INLINE Jet composed(Jet h, Jet f) {
    return {h.value, h.first * f.first, mad(h.second, f.first * f.first, h.first * f.second)};
}

HC_INLINE Jet reciprocal(double x) {
    const double y = 1.0 / x;
    return {y, -y * y, 2.0 * y * y * y};
}

// z / x(z) with x(z) = ln((sqrt(1 - 2 rho z + z^2) + z - rho) / (1 - rho)), as a function of z. x' is the generating function of
// Legendre's polynomials: x / z = sum P_n(rho) z^n / (n + 1), which near 0 takes the place of quotients of differences.
HC_INLINE Jet sabr_ratio(double z, double rho) {
    constexpr double near = 0.125;
    constexpr int terms = 19;  // near^20 is beyond the last digit
    const bool is_near = magnitude(z) < near;

    const double small = is_near ? z : 0.0;
    double before = 1.0, legendre = rho, power = 1.0;  // P_0, P_1, z^(n - 2)
    double value = mad(0.5 * rho, small, 1.0), first = 0.5 * rho, second = 0.0;
#pragma GCC unroll 32
    for (int n = 2; n <= terms; ++n) {
        const double next = mad((2.0 * n - 1.0) / n * rho, legendre, -((n - 1.0) / n) * before);
        before = legendre;
        legendre = next;
        const double term = next * power * (1.0 / (n + 1.0));
        second = mad(double(n) * (n - 1.0), term, second);
        first = mad(double(n) * small, term, first);
        value = mad(small * small, term, value);
        power *= small;
    }

    // x(z, rho) = -x(-z, -rho): of positive z nothing cancels
    const double far = is_near ? near : z, size = magnitude(far);
    const double lean = negated_if(far < 0.0, rho), rest = 1.0 - lean;
    const double square = mad(size, size - 2.0 * lean, 1.0), root = __builtin_sqrt(square);
    const double above = size * (1.0 + (size - 2.0 * lean) / (root + 1.0));
    const double quotient = plain_logarithm_of_ratio<false>(rest + above, rest) / size;  // x / z
    const double inverse = 1.0 / far;
    const double slope = (1.0 / root - quotient) * inverse;
    const double bend = ((rho - far) / (square * root) - 2.0 * slope) * inverse;

    const Jet x_over_z = {is_near ? value : quotient, is_near ? first : slope, is_near ? second : bend};
    return composed(reciprocal(x_over_z.value), x_over_z);
}

HC_INLINE SmilePoint sabr_point(double alpha, double beta, double nu, double rho, double expiry, double k) {
    const double rest = 1.0 - beta, half = 0.5 * rest, grown = exponential(half * k), shrunk = 1.0 / grown;
    const double level = alpha * shrunk;
    const Jet local = {level, -half * level, half * half * level};  // alpha (F K)^((beta - 1) / 2)

    const double q = -(nu / alpha) * grown;
    const Jet z = {q * k, q * mad(half, k, 1.0), q * half * mad(half, k, 2.0)};
    const Jet ratio = composed(sabr_ratio(z.value, rho), z);

    const double u = rest * k, s = u * u;
    const Jet spread = {mad(s, mad(s, 1.0 / 1920.0, 1.0 / 24.0), 1.0), rest * u * mad(s, 1.0 / 480.0, 1.0 / 12.0),
                        rest * rest * mad(s, 1.0 / 160.0, 1.0 / 12.0)};
    const Jet leading = product(local, composed(reciprocal(spread.value), spread));

    const double c2 = rest * rest / 24.0, c1 = 0.25 * rho * beta * nu, c0 = mad(-3.0 * rho, rho, 2.0) / 24.0 * nu * nu;
    const Jet of_level = {mad(expiry, mad(mad(c2, level, c1), level, c0), 1.0), expiry * mad(2.0 * c2, level, c1),
                          expiry * 2.0 * c2};
    const Jet vol = product(product(leading, ratio), composed(of_level, local));
    const Jet square = product(vol, vol);
    return {expiry * square.value, expiry * square.first, expiry * square.second};
}

// Total variance of one slice.
static void sabr_variance(double alpha, double beta, double nu, double rho, double expiry, const double* k, double* w,
                          std::size_t n) {
    HC_EACH(i, n) w[i] = sabr_point(alpha, beta, nu, rho, expiry, k[i]).w;
}
