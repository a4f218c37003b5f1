// The one evaluation of Black's formula that pricing, Greeks and implied vols share.
//
// With x = ln(U / B), s = vol sqrt(expiry), h = |x| / s and t = s / 2, the out-of-the-money option of the pair is worth
//     L N(-z1) - H N(-z2),  z1 = h - t,  z2 = h + t,  L = min(U, B), H = max(U, B),
// and L n(z1) = H n(z2) = E, so that it is E (R(z1) - R(z2)) with the Mills ratio R. R is y + y^2 G(v(y)) with
// y = 1 / (z + 5) and a polynomial G; the difference of two such values is formed from the divided difference of G, which costs no more than a
// second evaluation and cancels nothing: y1 - y2 = s y1 y2 is exact in s. So prices keep their relative accuracy for
// any moneyness and any vol. |z1| <= z2: the larger of the two densities is the one computed.

struct MillsPair {
    double first, second;  // R(|z1|) where reflected, else R(z1); R(z2)
    double difference;     // R(z1) - R(z2), meaningful where not reflected
    bool reflected;        // z1 < -1/2, beyond the range of G: there nothing cancels
};

HC_INLINE MillsPair mills_pair(double s, double z1, double z2) {
    const bool reflected = z1 < -0.5;
    const double u = reflected ? -z1 : z1;
    const double a1 = u + mills_shift, a2 = z2 + mills_shift;
    const double inverse = 1.0 / (a1 * a2);  // y1 y2
    const double y1 = refined_inverse(inverse * a2, a1), y2 = refined_inverse(inverse * a1, a2);
    const double v1 = mad(mills_scale, y1, -mills_offset), v2 = mad(mills_scale, y2, -mills_offset);
    constexpr int top = int(sizeof mills_terms / sizeof *mills_terms) - 1;
    double g2 = mad(mills_terms[top], v2, mills_terms[top - 1]);  // G(v2)
    double slope = mills_terms[top];                              // (G(v1) - G(v2)) / (v1 - v2)
#pragma GCC unroll 32
    for (int i = top - 2; i >= 0; --i) {
        slope = mad(slope, v1, g2);
        g2 = mad(g2, v2, mills_terms[i]);
    }
    const double scaled_slope = mills_scale * slope;
    const double gap = reflected ? z1 + z2 : s;  // z2 - u
    const double g1 = mad(gap * inverse, scaled_slope, g2);
    const double bend = mad(y1 + y2, g2, mad(y1 * y1, scaled_slope, 1.0));  // (R(u) - R(z2)) / (y1 - y2)
    return {mad(y1 * y1, g1, y1), mad(y2 * y2, g2, y2), s * inverse * bend, reflected};
}

struct StandardPoint {
    double h, z1, z2;
};

// Clamped where the density has long been zero, so that nothing overflows into NaN.
HC_INLINE StandardPoint standard_point(double x, double s) {
    const double h = smaller(magnitude(x) / s, 1e8), t = smaller(0.5 * s, 1e8);
    return {h, h - t, h + t};
}

static std::size_t black_prepare(BlackBlock& b) {
    const std::size_t n = b.n;
    fill_legs(b, n);
    std::uint64_t regular = 0;
    HC_EACH(i, n) {
        b.total_vol[i] = b.vol[i] * b.root_expiry[i];
        regular += is_regular(b, i) & std::uint64_t(b.total_vol[i] > smallest_total_vol) &
                   std::uint64_t(b.vol[i] <= 1.7976931348623157e308) & std::uint64_t(b.kind[i] * b.kind[i] == 1.0);
    }
    HC_EACH(i, n) {
        const StandardPoint p = standard_point(b.moneyness[i], b.total_vol[i]);
        const double lower = smaller(b.underlying_leg[i], b.strike_leg[i]);
        b.d1[i] = p.z1;
        b.d2[i] = p.z2;
        b.density[i] = lower * (inverse_sqrt_2pi * exponential(-0.5 * p.z1 * p.z1));
    }
    HC_EACH(i, n) {
        const double x = b.moneyness[i], s = b.total_vol[i], density = b.density[i];
        const double z1 = b.d1[i], z2 = b.d2[i];
        const MillsPair m = mills_pair(s, z1, z2);
        const bool strike_above = x <= 0.0;  // the call is the out-of-the-money option
        const double u = b.underlying_leg[i], k = b.strike_leg[i];
        const double lower = strike_above ? u : k, higher = strike_above ? k : u;
        const double intrinsic = magnitude(b.leg_difference[i]);  // a load in one arm of ?: alone would be a branch

        const double first = density * m.first, second = density * m.second;
        const double lower_part = m.reflected ? lower - first : first;        // L N(-z1)
        const double lower_rest = m.reflected ? first : lower - first;        // L N(z1)
        const double out_of_money = m.reflected ? lower_part - second : density * m.difference;

        const bool is_out = (b.kind[i] > 0.0) == strike_above;
        const double low = is_out ? lower_part : lower_rest, high = is_out ? second : higher - second;
        b.underlying_part[i] = strike_above ? low : high;
        b.strike_part[i] = strike_above ? high : low;
        b.value[i] = is_out ? out_of_money : out_of_money + intrinsic;
        b.d1[i] = strike_above ? -z1 : z2;
        b.d2[i] = strike_above ? -z2 : z1;
    }
    return n - std::size_t(regular);
}
