// The lanes that the kernels leave aside: invalid inputs, and the limits at expiry 0, vol 0, strike 0, underlying 0.
#pragma once

#include <cstddef>

#include "pricing/blocks.hpp"

namespace hedgecore {

// The first input of lane i that is outside the domain; argument is null when all are inside.
// vol is not looked at where it is null.
Faults find_fault(const Legs& legs, const double* kind, const double* vol, std::size_t i);

// The limit of a Greek in lane i of a prepared block whose inputs are valid: total vol 0, strike 0 or underlying 0.
// Where the limit is a pole (gamma at the money at expiry) it is infinite.
double greek_limit(const BlackBlock& block, Settlement settlement, Greek greek, std::size_t i);

}  // namespace hedgecore
