// The Mills ratios of the two ends of an option's range, and their difference without cancellation.
//
// With x = ln(U / B), s = vol sqrt(expiry), h = |x| / s and t = s / 2, the out-of-the-money option of the pair is worth
//     L N(-z1) - H N(-z2),  z1 = h - t,  z2 = h + t,  L = min(U, B), H = max(U, B),
// and L n(z1) = H n(z2) = E, so that it is E (R(z1) - R(z2)) with the Mills ratio R. R is y + y^2 G(v(y)) with
// y = 1 / (z + 5) and a polynomial G; the difference of two such values is formed from the divided difference of G, which costs no
// more than a second evaluation and cancels nothing: y1 - y2 = s y1 y2 is exact in s. So prices keep their relative
// accuracy for any moneyness and any vol. |z1| <= z2: the larger of the two densities is the one computed.

// z1 < -1/2 is beyond the range of G: there R(|z1|) is taken ("reflected") and nothing cancels.
HC_INLINE bool is_reflected(double z1) { return z1 < -0.5; }

struct StandardPoint {
    double z1, z2;
};

// Clamped where the density has long been zero, so that nothing overflows into NaN.
HC_INLINE StandardPoint standard_point(double x, double s) {
    const double h = smaller(magnitude(x) / s, 1e8), t = smaller(0.5 * s, 1e8);
    return {h - t, h + t};
}

// y at |z1| where reflected, else z1, and at z2.
HC_INLINE void mills_nodes(MillsLanes& m, std::size_t i) {
    const double z1 = m.z1[i];
    m.y1[i] = 1.0 / (negated_if(is_reflected(z1), z1) + mills_shift);
    m.y2[i] = 1.0 / (m.z2[i] + mills_shift);
}

// G(v2) and dG/dy = (G(v1) - G(v2)) / (y1 - y2), in even and odd powers side by side: A(w) + v B(w) with w = v^2, whose divided
// difference is (v1 + v2) (dA + v1 dB) + B(w2).
template <int N>
HC_INLINE void mills_polynomials(const double (&c)[N], MillsLanes& m, std::size_t i) {
    constexpr int top = N - 1;
    static_assert(top % 2 == 0 && top >= 6);
    const double v1 = mad(mills_scale, m.y1[i], -mills_offset), v2 = mad(mills_scale, m.y2[i], -mills_offset);
    const double w1 = v1 * v1, w2 = v2 * v2;
    double even = mad(c[top], w2, c[top - 2]), even_slope = c[top];
    double odd = mad(c[top - 1], w2, c[top - 3]), odd_slope = c[top - 1];
#pragma GCC unroll 32
    for (int k = top - 4; k >= 0; k -= 2) {
        even_slope = mad(even_slope, w1, even);
        even = mad(even, w2, c[k]);
    }
#pragma GCC unroll 32
    for (int k = top - 5; k >= 1; k -= 2) {
        odd_slope = mad(odd_slope, w1, odd);
        odd = mad(odd, w2, c[k]);
    }
    m.g2[i] = mad(v2, odd, even);
    m.slope[i] = mills_scale * mad(v1 + v2, mad(v1, odd_slope, even_slope), odd);
}

struct MillsPair {
    double first, second;  // R(|z1|) where reflected, else R(z1); R(z2)
    double difference;     // R(z1) - R(z2), meaningful where not reflected
};

HC_INLINE MillsPair mills_pair(const MillsLanes& m, std::size_t i, double s) {
    const double y1 = m.y1[i], y2 = m.y2[i], g2 = m.g2[i], slope = m.slope[i];
    const double gap = is_reflected(m.z1[i]) ? m.z1[i] + m.z2[i] : s;  // of the two arguments of R
    const double product = y1 * y2;                                    // y1 - y2 = gap product
    const double g1 = mad(gap * product, slope, g2);
    const double bend = mad(y1 + y2, g2, mad(y1 * y1, slope, 1.0));  // (R(u) - R(z2)) / (y1 - y2)
    return {mad(y1 * y1, g1, y1), mad(y2 * y2, g2, y2), s * product * bend};
}
