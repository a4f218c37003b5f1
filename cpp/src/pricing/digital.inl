// Cash-or-nothing and asset-or-nothing digitals under Black: one family V = A X^p N(w d), where A discounts at rho and
//     cash:  p = 0, A = exp(-r T), d = d2        asset:  p = 1, A = exp(-q T), d = d1
// and inverse settlement lowers p by 1. With c the other of d1, d2, b = r - q and the signed density D = w A X^p n(d),
// every Greek follows from (Theta = X d/dX)
//     Theta V = p V + D / s            d(d)/dX = 1 / (s X)         Theta D = -(L / s) D,   L = d2 (linear), d1 (inverse)
//     dV/dvol = -c D / vol             d(d)/dvol = -c / vol        dD/dvol = d c D / vol
//     dV/dT = -rho V + D d_T           d_T = b / s - c / (2 T)     dD/dT = -(rho + d d_T) D
// (docs/conventions.md lists the results). Only the distribution function of the tail is ever computed, as density x
// Mills ratio, so that it keeps its relative accuracy; and of the two densities U n(d1) = B n(d2) the one that has the smaller
// argument, as in black.inl.

template <bool asset>
static bool digital_prepare(BlackBlock& b) {
    const std::size_t n = b.n;
    const bool discounts_regular = fill_legs<false>(b, n);
    std::uint64_t regular = 0;
    HC_EACH(i, n) {
        const double s = b.vol[i] * b.root_expiry[i];
        const StandardPoint p = standard_point(b.moneyness[i], s);
        const bool above = b.moneyness[i] <= 0.0;
        b.total_vol[i] = s;
        b.z1[i] = p.z1;
        b.d1[i] = above ? -p.z1 : p.z2;
        b.d2[i] = above ? -p.z2 : p.z1;
        regular += is_regular(b, i, s);
    }
    HC_EACH(i, n) {
        const double lower = smaller(b.underlying_leg[i], b.strike_leg[i]), z1 = b.z1[i];
        const double scale = inverse_sqrt_2pi * (asset ? lower : lower / b.strike[i]);
        b.density[i] = scaled_exponential(scale, larger(-0.5 * z1 * z1, -1419.0));
    }
    double* value = b.value;
    HC_EACH(i, n) {
        const double d = asset ? b.d1[i] : b.d2[i], w = b.kind[i];
        const double whole = asset ? b.underlying_leg[i] : b.strike_discount[i];
        const double tail = b.density[i] * mills_ratio(magnitude(d)), rest = whole - tail;
        value[i] = w * d < 0.0 ? tail : rest;
        b.density[i] = w * b.density[i];
    }
    return !discounts_regular || regular != n;
}

// What the expressions below are made of; amounts in the currency of settlement.
struct DigitalLane {
    double v, D;     // value, signed density
    double d, c, L;  // as above
    double x, K, s, vol, T, root_T, b, rho;
    double d_T, c_T;  // d(d)/dT, d(c)/dT
};

template <bool asset, bool inverse>
HC_INLINE DigitalLane digital_lane(const BlackBlock& b, std::size_t i) {
    const double unit = inverse ? b.underlying[i] : 1.0;
    const double d = asset ? b.d1[i] : b.d2[i], c = asset ? b.d2[i] : b.d1[i];
    const double growth = b.rate_used[i] - b.carry_used[i], s = b.total_vol[i];
    return {b.value[i] / unit, b.density[i] / unit,
            d, c, inverse ? b.d1[i] : b.d2[i],
            b.underlying[i], b.strike[i], s, b.vol[i], b.expiry[i], b.root_expiry[i],
            growth, asset ? b.carry_used[i] : b.rate_used[i],
            growth / s - 0.5 * c / b.expiry[i], growth / s - 0.5 * d / b.expiry[i]};
}

HC_INLINE double digital_charm(double p, const DigitalLane& q) {  // times X where linear
    return q.rho * (p * q.v) + q.D / q.s * (q.rho + q.L * q.d_T + 0.5 / q.T);
}
template <bool asset>
HC_INLINE double digital_rho(bool spot_form, const DigitalLane& q) {
    const double by_forward = q.T / q.s * q.D, by_discount = -q.T * q.v;
    return spot_form ? (asset ? by_forward : by_forward + by_discount) : by_discount;
}

#define HC_GREEK(name, expression)                                       \
    template <bool asset, bool inverse>                                  \
    static void name(const BlackBlock& block, double* out) {             \
        [[maybe_unused]] constexpr double p = asset - double(inverse);   \
        [[maybe_unused]] const bool spot_form = block.form == Form::spot; \
        const std::size_t n = block.n;                                   \
        HC_EACH(i, n) {                                                  \
            const DigitalLane q = digital_lane<asset, inverse>(block, i); \
            out[i] = (expression);                                       \
        }                                                                \
    }

namespace digital {
HC_GREEK(delta, (p * q.v + q.D / q.s) / (inverse ? 1.0 : q.x))
HC_GREEK(gamma, inverse ? (p * p * q.v - q.D / q.s * ((q.L - p * q.s) / q.s)) / q.x
                        : -q.D / q.s / q.x * (q.c / q.s) / q.x)
HC_GREEK(vega, -q.D * q.c / q.vol)
HC_GREEK(theta, q.rho * q.v - q.D * q.d_T)
HC_GREEK(rho, digital_rho<asset>(spot_form, q))
HC_GREEK(phi, (asset ? -q.T * q.v : 0.0) - q.T / q.s * q.D)
HC_GREEK(vanna, -q.D / q.s / q.vol * (1.0 - q.c * q.L) / (inverse ? 1.0 : q.x))
HC_GREEK(volga, q.D / q.vol * (q.d + q.c - q.d * q.c * q.c) / q.vol)
HC_GREEK(charm, digital_charm(p, q) / (inverse ? 1.0 : q.x))
HC_GREEK(veta, q.D / q.vol * (q.c_T - q.c * (q.rho + q.d * q.d_T)))
HC_GREEK(speed, inverse ? (p * p * (p - 1.0) * q.v +
                           q.D / q.s * (((q.L - p * q.s) * (q.L + q.s) + p * p * q.s * q.s - 1.0) / q.s) / q.s) / q.x / q.x
                        : q.D / q.s / q.x * ((q.c * (q.L + 2.0 * q.s) - 1.0) / q.s) / q.s / q.x / q.x)
HC_GREEK(zomma, q.D / q.s / q.x * ((inverse ? 2.0 * q.L + q.c - q.c * q.L * q.L : q.d + 2.0 * q.c - q.d * q.c * q.c) / q.s) /
                    q.vol / (inverse ? 1.0 : q.x))
HC_GREEK(color, inverse ? (p * p * q.rho * q.v +
                           q.D / q.s * ((q.d_T - q.rho * (q.L - p * q.s) - q.L * (q.L * q.d_T + 1.0 / q.T)) / q.s)) / q.x
                        : q.D / q.s / q.x * ((q.c_T - q.c * (q.rho + q.d * q.d_T + 1.0 / q.T)) / q.s) / q.x)
HC_GREEK(ultima, q.D / q.vol * (3.0 * (q.d + q.c) * (q.d * q.c - 1.0) + q.c * q.c * q.c * (1.0 - q.d * q.d)) / q.vol / q.vol)
HC_GREEK(dual_delta, -q.D / q.s / q.K)
HC_GREEK(dual_gamma, q.D / q.s / q.K * ((q.s - q.d) / q.s) / q.K)
}  // namespace digital

#undef HC_GREEK

// all but the price, whose pass is the vanilla one
#define HC_ROW(asset, inverse)                                                                                          \
    digital::delta<asset, inverse>, digital::gamma<asset, inverse>, digital::vega<asset, inverse>,                      \
    digital::theta<asset, inverse>, digital::rho<asset, inverse>, digital::phi<asset, inverse>,                         \
    digital::vanna<asset, inverse>, digital::volga<asset, inverse>, digital::charm<asset, inverse>,                     \
    digital::veta<asset, inverse>, digital::speed<asset, inverse>, digital::zomma<asset, inverse>,                      \
    digital::color<asset, inverse>, digital::ultima<asset, inverse>, digital::dual_delta<asset, inverse>,               \
    digital::dual_gamma<asset, inverse>

template <bool asset>
constexpr Kernels::ClosedForm digital_form = {
    digital_prepare<asset>,
    {
        {linear_greeks::price, HC_ROW(asset, false), nullptr, nullptr},
        {inverse_greeks::price, HC_ROW(asset, true), digital::delta<asset, false>, digital::gamma<asset, false>},
    },
};

#undef HC_ROW
