// The limits of digitals at total vol 0, strike 0 and underlying 0 (the family V = A X^p N(w d) of digital.inl).
#include "pricing/limits.hpp"

namespace hedgecore {
namespace {

constexpr double inverse_sqrt_2pi = 0.3989422804014327;

// One lane. At the money d and c vanish with s: own = d / s, other = c / s and lean = L / s stay. On the way to expiry at a vol
// they are b / vol^2 +- 1/2; on the way to vol 0 the growth is part of the moneyness and they are +-1/2.
struct DigitalLimit {
    double w, p, x, expiry, vol, root_expiry;
    double growth, rho, discount;  // b, rho and A
    double exercised;              // 1 in, 0 out, 1/2 at the money
    double own, other, lean;
    bool asset, inverse, spot_form, to_expiry;

    double scaled(double amount) const { return p > 0.0 ? amount * x : (p < 0.0 ? over_x(amount) : amount); }
    double over_x(double amount) const { return amount == 0.0 ? 0.0 : amount / x; }
    double value() const { return scaled(exercised * discount); }
    double delta() const { return inverse ? p * value() : p * exercised * discount; }
    double times(double rate, double amount) const { return rate == 0.0 ? 0.0 : rate * amount; }
    double discounting() const { return times(-expiry, value()); }
    // D without its sign w
    double density() const { return scaled(discount * inverse_sqrt_2pi); }
    double pole(double sign) const { return signed_infinity(w * sign); }

    // Away from the money the value is A X^p or nothing.
    double away(Greek greek) const {
        switch (greek) {
            case Greek::price: return value();
            case Greek::delta: return delta();
            case Greek::gamma: return inverse ? over_x(p * p * value()) : 0.0;
            case Greek::speed: return inverse ? over_x(over_x(p * p * (p - 1.0) * value())) : 0.0;
            case Greek::theta: return times(rho, value());
            case Greek::rho: return spot_form && asset ? 0.0 : discounting();
            case Greek::phi: return asset ? discounting() : 0.0;
            case Greek::charm: return times(rho, delta());
            case Greek::color: return inverse ? over_x(times(rho, p * p * value())) : 0.0;
            default: return 0.0;
        }
    }

    double at_money(Greek greek) const {
        const double to_vol_0 = to_expiry ? 0.0 : growth;  // what b / s, larger than all else there, is a multiple of
        const bool at_expiry = expiry == 0.0;
        switch (greek) {
            case Greek::price: return value();
            case Greek::delta: return pole(1.0);
            case Greek::gamma: {
                const double steep = inverse ? lean - p : other;
                return steep == 0.0 ? away(greek) : pole(-steep);
            }
            case Greek::vega: return -w * density() * other * root_expiry;
            case Greek::theta: {
                const double approach = to_expiry ? own : growth;
                return approach == 0.0 ? rho * value() : pole(-approach);
            }
            case Greek::rho: return spot_form && !at_expiry ? pole(1.0) : discounting();
            case Greek::phi: return at_expiry ? 0.0 : pole(-1.0);
            case Greek::vanna:
            case Greek::speed: return pole(-1.0);
            case Greek::volga: return 0.0;
            case Greek::ultima: return w * density() * other * other * other * expiry * root_expiry;
            case Greek::charm: {
                const double bracket = at_expiry ? 1.0 : rho + lean * growth + 0.5 / expiry;
                return bracket == 0.0 ? rho * delta() : pole(bracket);
            }
            case Greek::zomma: return pole(inverse ? 2.0 * lean + other : own + 2.0 * other);
            case Greek::veta:
                if (to_vol_0 != 0.0) return pole(to_vol_0);
                return at_expiry ? pole(other) : w * density() * root_expiry * other * (0.5 / expiry - rho);
            case Greek::color: {
                if (to_vol_0 != 0.0) return pole(to_vol_0);
                if (!inverse) return pole(-other * (at_expiry ? 1.0 : rho + 0.5 / expiry));
                if (!to_expiry) return pole(at_expiry ? -0.5 * other - lean : -0.5 * other / expiry - rho * (lean - p) - lean / expiry);
                const double first = own - 2.0 * lean;  // where it vanishes the next order decides
                return pole(first != 0.0 ? first : -rho * (lean - p) - 0.5 * lean * lean * own * vol * vol);
            }
            case Greek::dual_delta: return pole(-1.0);
            case Greek::dual_gamma: return pole(1.0 - own);
            default: return std::numeric_limits<double>::quiet_NaN();
        }
    }
};

template <Payoff payoff>
double digital_limit(const BlackBlock& b, Settlement settlement, Greek greek, std::size_t i) {
    if (greek == Greek::black_delta) return digital_limit<payoff>(b, Settlement::linear, Greek::delta, i);
    if (greek == Greek::black_gamma) return digital_limit<payoff>(b, Settlement::linear, Greek::gamma, i);
    DigitalLimit m{};
    m.asset = payoff == Payoff::asset_or_nothing;
    m.inverse = settlement == Settlement::inverse;
    m.spot_form = b.form == Form::spot;
    m.w = b.kind[i];
    m.p = double(m.asset) - double(m.inverse);
    m.x = without_sign_of_zero(b.underlying[i]);
    m.expiry = without_sign_of_zero(b.expiry[i]);
    m.vol = without_sign_of_zero(b.vol[i]);
    m.root_expiry = without_sign_of_zero(b.root_expiry[i]);
    m.growth = b.rate_used[i] - b.carry_used[i];
    m.rho = m.asset ? b.carry_used[i] : b.rate_used[i];
    m.discount = m.asset ? b.underlying_discount[i] : b.strike_discount[i];
    m.to_expiry = m.expiry == 0.0 && m.vol > 0.0;
    const double drift = m.to_expiry && m.growth != 0.0 ? m.growth / (m.vol * m.vol) : 0.0;
    const double upper = drift + 0.5, lower = drift - 0.5;  // d1 / s, d2 / s
    m.own = m.asset ? upper : lower;
    m.other = m.asset ? lower : upper;
    m.lean = m.inverse ? upper : lower;
    const double lead = lead_of(b, i);
    m.exercised = lead == 0.0 ? 0.5 : (m.w * lead > 0.0 ? 1.0 : 0.0);
    return (lead == 0.0 ? m.at_money(greek) : m.away(greek)) + 0.0;  // no negative zeros
}

}  // namespace

constinit const Edges cash_or_nothing_edges = {at_black_limit, digital_limit<Payoff::cash_or_nothing>};
constinit const Edges asset_or_nothing_edges = {at_black_limit, digital_limit<Payoff::asset_or_nothing>};

}  // namespace hedgecore
