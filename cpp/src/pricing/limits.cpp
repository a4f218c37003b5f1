#include "pricing/limits.hpp"

#include <cmath>
#include <limits>

namespace hedgecore {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double inverse_sqrt_2pi = 0.3989422804014327;

// 0 x infinity is 0 here: a pole that nothing multiplies is absent.
double quotient(double a, double b) { return a == 0.0 ? 0.0 : a / b; }

// One lane. At the money both ways into the corner have their own limits: expiry -> 0 at a vol (there d1 and d2 vanish like
// (b / vol +- vol / 2) sqrt(T), b = r - q) and vol -> 0 at an expiry (d1 = -d2 = s / 2, the growth being part of the moneyness).
struct Limit {
    double w, x, strike, expiry, vol, root_expiry;
    double r, q, x_discount, k_discount;
    double exercised;  // 1 in, 0 out, 1/2 at the money
    bool at_money, spot_form, inverse;

    double growth() const { return r - q; }
    bool at_expiry() const { return expiry == 0.0; }

    // U N(w d1) and B N(w d2), as such and over the underlying
    double underlying_part() const { return exercised * x * x_discount; }
    double strike_part() const { return exercised * strike * k_discount; }
    double unit_underlying_part() const { return exercised * x_discount; }
    double unit_strike_part() const { return quotient(strike_part(), x); }

    double unit_density() const { return at_money ? inverse_sqrt_2pi * x_discount : 0.0; }
    double density() const { return unit_density() * x; }
    double in_currency(double amount) const { return inverse ? quotient(amount, x) : amount; }
    double net_delta() const { return w * unit_strike_part(); }
    double delta() const { return w * unit_underlying_part(); }
    double pole() const { return at_money ? infinity : 0.0; }

    double value() const {
        // rounded legs may differ the wrong way by their last bits
        const double worth = at_money ? 0.0 : w * (underlying_part() - strike_part());
        return worth > 0.0 ? in_currency(worth) : 0.0;
    }
    double theta() const {
        const double held = inverse ? unit_underlying_part() : underlying_part();
        const double owed = inverse ? unit_strike_part() : strike_part();
        const double rates = (q == 0.0 ? 0.0 : w * q * held) - (r == 0.0 ? 0.0 : w * r * owed);
        const double decay = 0.5 * (inverse ? unit_density() : density()) * vol;
        return rates - quotient(decay, root_expiry);
    }
    double rho() const {
        if (!spot_form) return expiry == 0.0 ? 0.0 : -expiry * value();
        return expiry == 0.0 ? 0.0 : w * expiry * (inverse ? unit_strike_part() : strike_part());
    }
    double phi() const { return -w * expiry * (inverse ? unit_underlying_part() : underlying_part()); }

    // -e d(d1)/dT (half = +1/2) and -e d(d2)/dT (half = -1/2) at the money
    double drift(double half) const {
        if (!at_money) return 0.0;
        if (at_expiry() && vol > 0.0) return -signed_infinity(0.5 * growth() / vol + 0.5 * half * vol);
        if (growth() != 0.0) return -signed_infinity(growth());
        return -half * quotient(0.5 * unit_density() * vol, root_expiry);
    }
    // d1 / s, to which speed adds: b / vol^2 + 1/2 on the way to expiry, 1/2 on the way to vol 0
    double steepness() const {
        return 0.5 + (at_expiry() && growth() != 0.0 ? growth() / (vol * vol) : 0.0);
    }
    double charm() const { return inverse ? (r == 0.0 ? 0.0 : r * net_delta()) + drift(-0.5) : q * delta() + drift(0.5); }
    double color() const {
        if (at_money) {
            const double bracket = q + 0.5 * growth() + (inverse ? growth() : 0.0);
            return at_expiry() ? infinity : signed_infinity(bracket + 0.5 / expiry);
        }
        return inverse && r != 0.0 ? -quotient(r * net_delta(), x) : 0.0;
    }
    double veta() const {
        const double vega = density() * root_expiry;
        return in_currency(at_expiry() ? -pole() : vega * (q + 0.5 * growth() - 0.5 / expiry));
    }
    double gamma() const { return inverse && !at_money ? -quotient(net_delta(), x) : pole(); }
    double speed() const {
        if (at_money) return -signed_infinity(steepness() + (inverse ? 2.0 : 1.0));
        return inverse ? 2.0 * quotient(quotient(net_delta(), x), x) : 0.0;
    }
};

double limit_of(const Limit& m, Greek greek) {
    const double vega = m.density() * m.root_expiry;
    const double half_vega = 0.5 * m.unit_density() * m.root_expiry;
    switch (greek) {
        case Greek::price: return m.value();
        case Greek::delta: return m.inverse ? m.net_delta() : m.delta();
        case Greek::gamma: return m.gamma();
        case Greek::vega: return m.in_currency(vega);
        case Greek::theta: return m.theta();
        case Greek::rho: return m.rho();
        case Greek::phi: return m.phi();
        case Greek::vanna: return m.inverse ? -half_vega : half_vega;
        case Greek::volga: return m.in_currency(-0.25 * vega * m.expiry * m.vol);
        case Greek::charm: return m.charm();
        case Greek::veta: return m.veta();
        case Greek::speed: return m.speed();
        case Greek::zomma: return -m.pole();
        case Greek::color: return m.color();
        case Greek::ultima: return m.in_currency(-0.25 * vega * m.expiry);
        case Greek::dual_delta: return m.in_currency(-m.w * m.exercised * m.k_discount);
        case Greek::dual_gamma: return m.pole();
        case Greek::black_delta: return m.delta();
        case Greek::black_gamma: return m.pole();
    }
    return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

Faults find_fault(const Legs& legs, const double* kind, const double* vol, std::size_t i, Domain domain) {
    Faults fault;
    const auto report = [&](const char* argument, double value, const char* demand) {
        fault = {1, i, argument, value, demand};
        return fault;
    };
    const auto unfit = [](double x) { return !(x >= 0.0 && x < infinity); };
    const bool spot = legs.form == Form::spot;
    if (kind[i] * kind[i] != 1.0) return report("kind", kind[i], "+1 (call) or -1 (put)");
    const char* underlying = spot ? "spot" : "forward";
    if (domain == Domain::not_negative) {
        if (unfit(legs.underlying[i])) return report(underlying, legs.underlying[i], "finite and not negative");
        if (unfit(legs.strike[i])) return report("strike", legs.strike[i], "finite and not negative");
    } else {
        if (!std::isfinite(legs.underlying[i])) return report(underlying, legs.underlying[i], "finite");
        if (domain == Domain::positive_underlying && legs.underlying[i] <= 0.0) {
            return report(underlying, legs.underlying[i], "positive with inverse settlement");
        }
        if (!std::isfinite(legs.strike[i])) return report("strike", legs.strike[i], "finite");
    }
    if (unfit(legs.expiry[i])) return report("expiry", legs.expiry[i], "finite and not negative");
    if (vol && unfit(vol[i])) return report("vol", vol[i], "finite and not negative");
    if (legs.form == Form::discounted_forward && !(legs.discount[i] > 0.0 && legs.discount[i] < infinity)) {
        return report("discount", legs.discount[i], "finite and positive");
    }
    if (spot) {
        if (!std::isfinite(legs.rate_used[i])) return report("rate", legs.rate_used[i], "finite");
        if (!std::isfinite(legs.carry_used[i])) return report("carry", legs.carry_used[i], "finite");
        if (!(std::fabs(legs.rate_used[i] * legs.expiry[i]) <= largest_growth)) {
            return report("rate", legs.rate_used[i], "at most 700 / expiry in magnitude");
        }
        if (!(std::fabs(legs.carry_used[i] * legs.expiry[i]) <= largest_growth)) {
            return report("carry", legs.carry_used[i], "at most 700 / expiry in magnitude");
        }
    }
    if (!std::isfinite(legs.underlying_leg[i])) return report(underlying, legs.underlying[i], "finite once discounted");
    if (!std::isfinite(legs.strike_leg[i])) return report("strike", legs.strike[i], "finite once discounted");
    if (!std::isfinite(legs.leg_difference[i])) {
        return report("strike", legs.strike[i], "at a finite distance from the underlying");
    }
    return fault;
}

namespace {

Limit limit_at(const BlackBlock& b, Settlement settlement, std::size_t i) {
    Limit m{};
    m.w = b.kind[i];
    m.x = without_sign_of_zero(b.underlying[i]);
    m.strike = without_sign_of_zero(b.strike[i]);
    m.expiry = without_sign_of_zero(b.expiry[i]);
    m.vol = without_sign_of_zero(b.vol[i]);
    m.root_expiry = without_sign_of_zero(b.root_expiry[i]);
    m.r = b.rate_used[i];
    m.q = b.carry_used[i];
    m.x_discount = b.underlying_discount[i];
    m.k_discount = b.strike_discount[i];
    m.spot_form = b.form == Form::spot;
    m.inverse = settlement == Settlement::inverse;
    return m;
}

}  // namespace

double greek_limit(const BlackBlock& b, Settlement settlement, Greek greek, std::size_t i) {
    Limit m = limit_at(b, settlement, i);
    const double lead = lead_of(b, i);
    m.at_money = lead == 0.0;
    m.exercised = m.at_money ? 0.5 : (m.w * lead > 0.0 ? 1.0 : 0.0);
    return limit_of(m, greek) + 0.0;  // no negative zeros
}

double certain_limit(const BlackBlock& b, Settlement settlement, Greek greek, bool exercised, std::size_t i) {
    Limit m = limit_at(b, settlement, i);
    m.exercised = exercised ? 1.0 : 0.0;
    return limit_of(m, greek) + 0.0;
}

constinit const Edges black_edges = {at_black_limit, greek_limit};

}  // namespace hedgecore
