// Bachelier's normal model. With m = U - B, s = exp(-r T) vol sqrt(T) and d = m / s,
//     V = w m N(w d) + s n(d),   the out-of-the-money value  s n(d) (1 - z R(z)),  z = |d|, R the Mills ratio.
// 1 - z R(z) = -R'(z) falls like 1 / z^2 and would cancel in the wings. R is y + y^2 G(v(y)) with y = 1 / (z + 5), so that
// -R' = y^2 (1 + 2 y G + y^2 dG/dy), where every term is positive: what black.inl does with two points, at one.

// The distance z = |m| / s, as both ends of the range of mills.inl.
HC_INLINE void normal_node(MillsLanes& lanes, std::size_t i, double z) {
    lanes.z1[i] = z;
    lanes.y1[i] = lanes.y2[i] = 1.0 / (z + mills_shift);
}

struct MillsSlope {
    double ratio, slope;  // R(z), -R'(z) = 1 - z R(z)
};

HC_INLINE MillsSlope mills_slope(const MillsLanes& lanes, std::size_t i) {
    const double y = lanes.y1[i], g = lanes.g2[i], square = y * y;
    return {mad(square, g, y), square * mad(2.0 * y, g, mad(square, lanes.slope[i], 1.0))};
}

// e^x - 1 with the relative accuracy of x, for |x| <= 0.3465.
HC_INLINE double small_growth(double x) { return mad(x * x, polynomial(exp_terms, x), x); }

// U - B. The difference of rounded legs would lose what is left of it next to the money: D ((X - K) + X (e^((r - q) T) - 1))
// loses nothing, as ln(X / K) + (r - q) T does not in Black's model.
HC_INLINE double normal_distance(const Legs& b, std::size_t i, double growth) {
    const bool is_small = magnitude(growth) <= 0.3465;
    const double near = mad(b.underlying[i], small_growth(growth), b.underlying[i] - b.strike[i]);
    const double nearby = b.strike_discount[i] * near, far = b.underlying_leg[i] - b.strike_leg[i];
    return is_small ? nearby : far;
}

static void normal_distances(Legs& b, std::size_t n) {
    // the forward forms hold the forward; their own rate may be infinite where the expiry is tiny
    const bool spot = b.form == Form::spot;
    const double *rate = spot ? b.rate_used : constants.zeros, *carry = spot ? b.carry_used : constants.zeros;
    HC_EACH(i, n) b.leg_difference[i] = normal_distance(b, i, (rate[i] - carry[i]) * b.expiry[i]);
}

// All bits where an input of the lane may be outside the open domain of the formulas (NaN included), vol and kind aside.
HC_INLINE std::uint64_t is_special_normal(const Legs& b, Settlement settlement, std::size_t i) {
    const double least = settlement == Settlement::inverse ? 0.0 : -__builtin_inf();
    return mask_of(!(b.underlying[i] > least)) | mask_of(!(magnitude(b.leg_difference[i]) <= greatest)) |
           mask_of(!(magnitude(b.underlying_leg[i]) + magnitude(b.strike_leg[i]) <= greatest)) |
           mask_of(!(b.expiry[i] > 0.0)) | mask_of(!(b.expiry[i] <= greatest)) |
           mask_of(!(b.strike_discount[i] > 0.0)) | mask_of(!(b.strike_discount[i] <= greatest)) |
           mask_of(!(magnitude(b.rate_used[i] * b.expiry[i]) <= largest_growth)) |
           mask_of(!(magnitude(b.carry_used[i] * b.expiry[i]) <= largest_growth));
}

// The lanes of the block, as this model uses them: total_vol is s, d1 is d, density is n(d) and underlying_part is N(w d).
HC_INLINE double chance(const BlackBlock& b, std::size_t i) { return b.underlying_part[i]; }

static bool bachelier_prepare(BlackBlock& b) {
    const std::size_t n = b.n;
    const Settlement settlement = b.settlement;
    fill_legs<false, false>(b, n);
    normal_distances(b, n);
    std::uint64_t special = 0;
    HC_EACH(i, n) {
        const double s = b.strike_discount[i] * (b.vol[i] * b.root_expiry[i]);
        b.total_vol[i] = s;
        special += 1 & (is_special_normal(b, settlement, i) | mask_of(!(s >= least_normal)) |
                        mask_of(!(b.vol[i] <= greatest)));
    }
    HC_EACH(i, n) {
        const double m = b.leg_difference[i], z = smaller(magnitude(m) / b.total_vol[i], 1e8);
        normal_node(b, i, z);
        b.d1[i] = m < 0.0 ? -z : z;
        b.density[i] = scaled_exponential(inverse_sqrt_2pi, larger(-0.5 * z * z, -1419.0));
    }
    HC_EACH(i, n) mills_polynomials(mills_terms, b, i);
    double* value = b.value;
    HC_EACH(i, n) {
        const double side = b.kind[i] * b.leg_difference[i];
        const MillsSlope mills = mills_slope(b, i);
        const double tail = b.density[i] * mills.ratio, rest = 1.0 - tail;
        b.underlying_part[i] = side < 0.0 ? tail : rest;
        value[i] = mad(b.total_vol[i] * b.density[i], mills.slope, larger(side, 0.0));
    }
    return special != 0;
}

// One short pass per Greek. Notation: a = U / X and D = B / K the discount factors, b = r - q, n = n(d), N = N(w d).
// What is differentiated: d(m) = a dX - D dK + T (B dr - U dq) + (r B - q U) dT, d(s) = s (dvol / vol - T dr + (1 / (2 T) - r) dT).

HC_INLINE double normal_d_in_expiry(const BlackBlock& b, std::size_t i) {
    return (b.rate_used[i] - b.carry_used[i]) * b.underlying_leg[i] / b.total_vol[i] - 0.5 * b.d1[i] / b.expiry[i];
}
HC_INLINE double normal_delta(const BlackBlock& b, std::size_t i) {
    return b.kind[i] * b.underlying_discount[i] * chance(b, i);
}
HC_INLINE double normal_gamma(const BlackBlock& b, std::size_t i) {
    return b.underlying_discount[i] * b.underlying_discount[i] * (b.density[i] / b.total_vol[i]);
}
HC_INLINE double normal_vega(const BlackBlock& b, std::size_t i) {
    return b.strike_discount[i] * b.root_expiry[i] * b.density[i];
}
// V - X dV/dX, negative: w B N - s n
HC_INLINE double strike_part_of_value(const BlackBlock& b, std::size_t i) {
    return b.kind[i] * b.strike_leg[i] * chance(b, i) - b.total_vol[i] * b.density[i];
}
HC_INLINE double normal_theta(const BlackBlock& b, std::size_t i) {
    const double carried = (b.carry_used[i] - b.rate_used[i]) * b.kind[i] * b.underlying_leg[i] * chance(b, i);
    return b.rate_used[i] * b.value[i] + carried - 0.5 * b.total_vol[i] * b.density[i] / b.expiry[i];
}
HC_INLINE double normal_rho(const BlackBlock& b, std::size_t i) {
    const double spot_form = b.expiry[i] * strike_part_of_value(b, i);
    return b.form == Form::spot ? spot_form : -b.expiry[i] * b.value[i];
}
HC_INLINE double normal_veta(const BlackBlock& b, std::size_t i) {
    return normal_vega(b, i) * (b.rate_used[i] - 0.5 / b.expiry[i] + b.d1[i] * normal_d_in_expiry(b, i));
}
HC_INLINE double normal_charm(const BlackBlock& b, std::size_t i) {
    return b.carry_used[i] * normal_delta(b, i) - b.underlying_discount[i] * b.density[i] * normal_d_in_expiry(b, i);
}
HC_INLINE double normal_color(const BlackBlock& b, std::size_t i) {
    return normal_gamma(b, i) * (2.0 * b.carry_used[i] - b.rate_used[i] + 0.5 / b.expiry[i] +
                                 b.d1[i] * normal_d_in_expiry(b, i));
}
HC_INLINE double normal_speed(const BlackBlock& b, std::size_t i) {
    return -normal_gamma(b, i) * b.underlying_discount[i] * (b.d1[i] / b.total_vol[i]);
}
HC_INLINE double normal_zomma(const BlackBlock& b, std::size_t i) {
    return normal_gamma(b, i) * (b.d1[i] * b.d1[i] - 1.0) / b.vol[i];
}

// Inverse: P = (w B N - s n) / X is the delta net of premium.
HC_INLINE double normal_net_delta(const BlackBlock& b, std::size_t i) {
    return strike_part_of_value(b, i) / b.underlying[i];
}
HC_INLINE double normal_net_vanna(const BlackBlock& b, std::size_t i) {
    return -b.density[i] / b.vol[i] * ((b.underlying_leg[i] * b.d1[i] + b.total_vol[i]) / b.underlying[i]);
}
HC_INLINE double normal_net_charm(const BlackBlock& b, std::size_t i) {
    const double moved = 0.5 * b.total_vol[i] / b.expiry[i] - b.underlying_leg[i] * normal_d_in_expiry(b, i);
    return b.rate_used[i] * normal_net_delta(b, i) + b.density[i] * (moved / b.underlying[i]);
}

#define HC_GREEK(name, linear, of_inverse)                                                       \
    template <bool inverse>                                                                      \
    static void name(const BlackBlock& b, double* out) {                                         \
        const std::size_t n = b.n;                                                               \
        HC_EACH(i, n) out[i] = inverse ? (of_inverse) : (linear);                                \
    }
#define HC_GREEK_PER_COIN(name, linear) HC_GREEK(name, linear, (linear) / b.underlying[i])

namespace normal {
HC_GREEK(delta, normal_delta(b, i), normal_net_delta(b, i))
HC_GREEK(gamma, normal_gamma(b, i), normal_gamma(b, i) - normal_net_delta(b, i) / b.underlying[i])
HC_GREEK_PER_COIN(vega, normal_vega(b, i))
HC_GREEK_PER_COIN(theta, normal_theta(b, i))
HC_GREEK_PER_COIN(rho, normal_rho(b, i))
HC_GREEK_PER_COIN(phi, -b.kind[i] * b.expiry[i] * b.underlying_leg[i] * chance(b, i))
HC_GREEK(vanna, -b.underlying_discount[i] * b.density[i] * (b.d1[i] / b.vol[i]), normal_net_vanna(b, i))
HC_GREEK_PER_COIN(volga, normal_vega(b, i) * b.d1[i] * b.d1[i] / b.vol[i])
HC_GREEK(charm, normal_charm(b, i), normal_net_charm(b, i))
HC_GREEK_PER_COIN(veta, normal_veta(b, i))
HC_GREEK(speed, normal_speed(b, i),
         normal_speed(b, i) + (2.0 * normal_net_delta(b, i) / b.underlying[i] - normal_gamma(b, i)) / b.underlying[i])
HC_GREEK(zomma, normal_zomma(b, i), normal_zomma(b, i) - normal_net_vanna(b, i) / b.underlying[i])
HC_GREEK(color, normal_color(b, i), normal_color(b, i) - normal_net_charm(b, i) / b.underlying[i])
HC_GREEK_PER_COIN(ultima, normal_vega(b, i) * (b.d1[i] / b.vol[i]) * (b.d1[i] / b.vol[i]) * (b.d1[i] * b.d1[i] - 3.0))
HC_GREEK_PER_COIN(dual_delta, -b.kind[i] * b.strike_discount[i] * chance(b, i))
HC_GREEK_PER_COIN(dual_gamma, b.strike_discount[i] * b.strike_discount[i] * (b.density[i] / b.total_vol[i]))
}  // namespace normal

#undef HC_GREEK_PER_COIN
#undef HC_GREEK

// all but the price, whose pass is Black's
#define HC_ROW(inverse)                                                                                                 \
    normal::delta<inverse>, normal::gamma<inverse>, normal::vega<inverse>, normal::theta<inverse>,                      \
    normal::rho<inverse>, normal::phi<inverse>, normal::vanna<inverse>, normal::volga<inverse>, normal::charm<inverse>, \
    normal::veta<inverse>, normal::speed<inverse>, normal::zomma<inverse>, normal::color<inverse>,                      \
    normal::ultima<inverse>, normal::dual_delta<inverse>, normal::dual_gamma<inverse>

constexpr Kernels::ClosedForm bachelier_form = {
    bachelier_prepare,
    {
        {linear_greeks::price, HC_ROW(false), nullptr, nullptr},
        {inverse_greeks::price, HC_ROW(true), normal::delta<false>, normal::gamma<false>},  // black_delta, black_gamma
    },
};

#undef HC_ROW
