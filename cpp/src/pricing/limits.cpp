#include "pricing/limits.hpp"

#include <cmath>
#include <limits>

namespace hedgecore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double inverse_sqrt_2pi = 0.3989422804014327;

// 0 x infinity is 0 here: a pole that nothing multiplies is absent.
double quotient(double a, double b) { return a == 0.0 ? 0.0 : a / b; }
double signed_infinity(double x) { return x > 0.0 ? infinity : (x < 0.0 ? -infinity : 0.0); }

struct Limit {
    double w, x, strike, expiry, vol, root_expiry;
    double r, q, x_discount, k_discount;
    double exercised;  // 1 in, 0 out, 1/2 at the money
    bool at_money, spot_form, inverse;

    // U N(w d1), B N(w d2)
    double underlying_part() const { return exercised * x * x_discount; }
    double strike_part() const { return exercised * strike * k_discount; }
    double density() const { return at_money ? inverse_sqrt_2pi * x * x_discount : 0.0; }
    double unit_density() const { return at_money ? inverse_sqrt_2pi * x_discount : 0.0; }
    double in_currency(double amount) const { return inverse ? quotient(amount, x) : amount; }
    double net_delta() const { return w * quotient(strike_part(), x); }
    double value() const { return at_money ? 0.0 : w * (underlying_part() - strike_part()); }
    double pole() const { return at_money ? infinity : 0.0; }

    double theta() const {
        const double rates = w * (q * underlying_part() - r * strike_part());
        return rates - quotient(0.5 * density() * vol, root_expiry);
    }
    double rho() const { return spot_form ? w * expiry * strike_part() : -expiry * value(); }
    // -e d(d1)/dT (sign = -1) and -e d(d2)/dT (sign = +1) at the money, where d1 = s/2 = -d2
    double drift(double sign) const {
        if (!at_money) return 0.0;
        const double growth = r - q;
        if (growth != 0.0) return -signed_infinity(growth);
        return sign * quotient(0.25 * unit_density() * vol, root_expiry);
    }
    double decay_bracket(double sign) const {  // q + d1 d(d1)/dT + sign / (2 T)
        return q + 0.5 * (r - q) + 0.125 * vol * vol + sign * 0.5 / expiry;
    }
};

}  // namespace

Faults find_fault(const Legs& legs, const double* kind, const double* vol, std::size_t i) {
    Faults fault;
    const auto report = [&](const char* argument, double value, const char* demand) {
        fault = {1, i, argument, value, demand};
        return fault;
    };
    const auto unfit = [](double x) { return !(x >= 0.0 && x < infinity); };
    const bool spot = legs.form == Form::spot;
    if (kind[i] * kind[i] != 1.0) return report("kind", kind[i], "+1 (call) or -1 (put)");
    if (unfit(legs.underlying[i])) {
        return report(spot ? "spot" : "forward", legs.underlying[i], "finite and not negative");
    }
    if (unfit(legs.strike[i])) return report("strike", legs.strike[i], "finite and not negative");
    if (unfit(legs.expiry[i])) return report("expiry", legs.expiry[i], "finite and not negative");
    if (vol && unfit(vol[i])) return report("vol", vol[i], "finite and not negative");
    if (legs.form == Form::discounted_forward && !(legs.discount[i] > 0.0 && legs.discount[i] < infinity)) {
        return report("discount", legs.discount[i], "finite and positive");
    }
    if (spot) {
        if (!std::isfinite(legs.rate[i])) return report("rate", legs.rate[i], "finite");
        if (!std::isfinite(legs.carry[i])) return report("carry", legs.carry[i], "finite");
        if (!(std::fabs(legs.rate[i] * legs.expiry[i]) <= largest_growth)) {
            return report("rate", legs.rate[i], "at most 700 / expiry in magnitude");
        }
        if (!(std::fabs(legs.carry[i] * legs.expiry[i]) <= largest_growth)) {
            return report("carry", legs.carry[i], "at most 700 / expiry in magnitude");
        }
    }
    if (!(legs.underlying_leg[i] < infinity)) {
        return report(spot ? "spot" : "forward", legs.underlying[i], "finite once discounted");
    }
    if (!(legs.strike_leg[i] < infinity)) return report("strike", legs.strike[i], "finite once discounted");
    return fault;
}

double greek_limit(const BlackBlock& b, Settlement settlement, Greek greek, std::size_t i) {
    Limit m{};
    m.w = b.kind[i];
    m.x = b.underlying[i];
    m.strike = b.strike[i];
    m.expiry = b.expiry[i];
    m.vol = b.vol[i];
    m.root_expiry = b.root_expiry[i];
    m.r = b.rate_used[i];
    m.q = b.carry_used[i];
    m.x_discount = b.underlying_discount[i];
    m.k_discount = b.strike_discount[i];
    m.spot_form = b.form == Form::spot;
    m.inverse = settlement == Settlement::inverse;
    // The moneyness is exact at zero where U and B agree; with an empty leg only the comparison has a meaning.
    const double lead = m.x > 0.0 && m.strike > 0.0 ? b.moneyness[i] : b.leg_difference[i];
    m.at_money = lead == 0.0;
    m.exercised = m.at_money ? 0.5 : (m.w * lead > 0.0 ? 1.0 : 0.0);

    const double vega = m.density() * m.root_expiry;
    const double delta = m.w * m.exercised * m.x_discount;
    const double half_vega = 0.5 * m.unit_density() * m.root_expiry;
    switch (greek) {
        case Greek::price: return m.in_currency(m.value());
        case Greek::delta: return m.inverse ? m.net_delta() : delta;
        case Greek::gamma: return m.inverse && !m.at_money ? -quotient(m.net_delta(), m.x) : m.pole();
        case Greek::vega: return m.in_currency(vega);
        case Greek::theta: return m.in_currency(m.theta());
        case Greek::rho: return m.in_currency(m.rho());
        case Greek::phi: return m.in_currency(-m.w * m.expiry * m.underlying_part());
        case Greek::vanna: return m.inverse ? -half_vega : half_vega;
        case Greek::volga: return m.in_currency(-0.25 * vega * m.expiry * m.vol);
        case Greek::charm: return m.inverse ? m.r * m.net_delta() + m.drift(1.0) : m.q * delta + m.drift(-1.0);
        case Greek::veta:
            return m.in_currency(m.expiry > 0.0 ? vega * m.decay_bracket(-1.0) : -m.pole());
        case Greek::speed:
            return m.inverse && !m.at_money ? 2.0 * quotient(quotient(m.net_delta(), m.x), m.x) : -m.pole();
        case Greek::zomma: return -m.pole();
        case Greek::color:
            if (m.at_money) return signed_infinity(m.decay_bracket(1.0));
            return m.inverse ? -quotient(m.r * m.net_delta(), m.x) : 0.0;
        case Greek::ultima: return m.in_currency(-0.25 * vega * m.expiry);
        case Greek::dual_delta: return m.in_currency(-m.w * m.exercised * m.k_discount);
        case Greek::dual_gamma: return m.pole();
        case Greek::black_delta: return delta;
        case Greek::black_gamma: return m.pole();
    }
    return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace hedgecore
