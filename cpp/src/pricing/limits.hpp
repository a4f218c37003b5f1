// The lanes that the kernels leave aside: invalid inputs, and the limits at expiry 0, vol 0, strike 0, underlying 0.
#pragma once

#include <cstddef>
#include <limits>

#include "pricing/blocks.hpp"

namespace hedgecore {

// What underlying and strike may be.
enum class Domain {
    not_negative,         // Black
    real,                 // Bachelier, linear: any finite numbers
    positive_underlying,  // Bachelier, inverse: a coin has a price, the strike may be any finite number
};

// The first input of lane i that is outside the domain; argument is null when all are inside.
// vol is not looked at where it is null.
Faults find_fault(const Legs& legs, const double* kind, const double* vol, std::size_t i,
                  Domain domain = Domain::not_negative);

// The limit of a Greek in lane i of a prepared block whose inputs are valid: total vol 0, strike 0 or underlying 0.
// Where the limit is a pole (gamma at the money at expiry) it is infinite.
double greek_limit(const BlackBlock& block, Settlement settlement, Greek greek, std::size_t i);

// The same for an option that is certain to be exercised (or not to be), under any model.
double certain_limit(const BlackBlock& block, Settlement settlement, Greek greek, bool exercised, std::size_t i);

// The moneyness under Black, at strike 0 and underlying 0 too: positive where the call is in the money. With strike 0 a call
// is the underlying itself, whatever that is worth.
inline double lead_of(const BlackBlock& b, std::size_t i) {
    return b.strike[i] == 0.0 ? 1.0 : (b.underlying[i] == 0.0 ? -1.0 : b.moneyness[i]);
}

inline bool at_black_limit(const BlackBlock& b, std::size_t i) {
    return b.total_vol[i] <= smallest_total_vol || b.underlying_leg[i] == 0.0 || b.strike_leg[i] == 0.0;
}

// Negative zero is zero: its sign is that of no pole.
inline double without_sign_of_zero(double x) { return x + 0.0; }

// +-infinity with the sign of x, 0 for 0: a pole that nothing multiplies is absent.
inline double signed_infinity(double x) {
    return x > 0.0 ? std::numeric_limits<double>::infinity() : (x < 0.0 ? -std::numeric_limits<double>::infinity() : 0.0);
}

// The scalar side of a closed form.
struct Edges {
    bool (*at_limit)(const BlackBlock&, std::size_t i);  // is the lane one that the limits serve?
    double (*limit)(const BlackBlock&, Settlement, Greek, std::size_t i);
};
extern const Edges black_edges, bachelier_edges, cash_or_nothing_edges, asset_or_nothing_edges;

}  // namespace hedgecore
