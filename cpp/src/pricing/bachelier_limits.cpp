// The limits of Bachelier's model at total vol 0. Away from the money they are those of any option that is certain to be
// exercised or not; at the money m = U - B = 0.
#include "pricing/limits.hpp"

namespace hedgecore {
namespace {

constexpr double inverse_sqrt_2pi = 0.3989422804014327;
constexpr double infinity = std::numeric_limits<double>::infinity();

// An amount of currency: no number but a subnormal one is too small.
bool at_limit(const BlackBlock& b, std::size_t i) { return b.total_vol[i] < std::numeric_limits<double>::min(); }

// On the way to expiry at a vol d vanishes like (b X / vol) sqrt(T); on the way to vol 0 it is 0 throughout.
double at_money(const BlackBlock& b, bool inverse, Greek greek, std::size_t i) {
    const double w = b.kind[i], x = b.underlying[i], vol = b.vol[i], expiry = b.expiry[i];
    const double r = b.rate_used[i], q = b.carry_used[i], drift = (r - q) * x;
    const bool at_expiry = expiry == 0.0, to_expiry = at_expiry && vol > 0.0;
    const double coin = inverse ? x : 1.0;
    const double delta = 0.5 * w * b.underlying_discount[i], net_delta = 0.5 * w * b.strike_leg[i] / x;
    const double vega = inverse_sqrt_2pi * b.strike_discount[i] * b.root_expiry[i];
    switch (greek) {
        case Greek::delta: return inverse ? net_delta : delta;
        case Greek::vega: return vega / coin;
        case Greek::vanna: return inverse ? -vega / x : 0.0;
        case Greek::theta: {
            const double rates = 0.5 * w * (q * b.underlying_leg[i] - r * b.strike_leg[i]);
            const double decay = 0.5 * inverse_sqrt_2pi * b.strike_discount[i] * vol;
            return (rates - (decay == 0.0 ? 0.0 : decay / without_sign_of_zero(b.root_expiry[i]))) / coin;
        }
        case Greek::rho: return b.form == Form::spot ? 0.5 * w * expiry * b.strike_leg[i] / coin : 0.0;
        case Greek::phi: return -0.5 * w * expiry * b.underlying_leg[i] / coin;
        case Greek::charm: {
            const double pole = inverse ? (to_expiry ? vol * vol - drift * x : -drift) : -drift;
            return pole == 0.0 ? (inverse ? r * net_delta : q * delta) : signed_infinity(pole);
        }
        case Greek::veta: return at_expiry ? -infinity : vega * (r - 0.5 / expiry) / coin;
        case Greek::gamma:
        case Greek::dual_gamma:
        case Greek::black_gamma: return infinity;
        case Greek::speed:
            return -signed_infinity((to_expiry ? drift / (vol * vol) : 0.0) + (inverse ? 1.0 / x : 0.0));
        case Greek::zomma: return -infinity;
        case Greek::color:
            return at_expiry ? infinity : signed_infinity((inverse ? q : 2.0 * q - r) + 0.5 / expiry);
        case Greek::dual_delta: return -0.5 * w * b.strike_discount[i] / coin;
        case Greek::black_delta: return delta;
        case Greek::price:
        case Greek::volga:
        case Greek::ultima: return 0.0;
    }
    return std::numeric_limits<double>::quiet_NaN();
}

double limit(const BlackBlock& b, Settlement settlement, Greek greek, std::size_t i) {
    const double m = b.leg_difference[i];
    if (m != 0.0) return certain_limit(b, settlement, greek, b.kind[i] * m > 0.0, i);
    return at_money(b, settlement == Settlement::inverse, greek, i) + 0.0;  // no negative zeros
}

}  // namespace

constinit const Edges bachelier_edges = {at_limit, limit};

}  // namespace hedgecore
