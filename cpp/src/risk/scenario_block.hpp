// The working set of the scenario kernel: one block of options of one bucket under one shock of vol and time.
#pragma once

#include <cstddef>

#include "pricing/blocks.hpp"

namespace hedgecore {

struct ScenarioBlock : MillsLanes {
    std::size_t n;
    bool wants_underlying, wants_strike;  // whether these amounts are filled in

    // The options. Rows that are not valid have inputs of 1 and the weight 0.
    alignas(64) Lane kind, forward, strike, expiry, vol, rate, weight;

    // For all nodes: scenario_start
    alignas(64) Lane moneyness;        // ln(F / K)
    alignas(64) Lane inverse_forward;  // 1 / F

    // For the nodes that share vol and time: scenario_sheet
    alignas(64) Lane shocked_vol, root_expiry;
    alignas(64) Lane total_vol;          // s; 0 for an option that is its payoff
    alignas(64) Lane inverse_total_vol;  // 1 / s; 1e300 for the payoff, which sends z1 and z2 beyond the density
    alignas(64) Lane steepness;          // 1 / s; 0 for the payoff, whose pole at the strike is left out
    alignas(64) Lane discounted_weight;

    // For one node: scenario_node
    alignas(64) Lane shocked_forward;
    alignas(64) Lane exponent_rest, exponent_bits;
    alignas(64) Lane density;     // E = F n(d1) = K n(d2)
    alignas(64) Lane value;       // undiscounted, in the quote currency
    alignas(64) Lane underlying;  // w F N(w d1): F times the delta
    alignas(64) Lane strike_part;  // w K N(w d2): F times the delta net of premium
};

}  // namespace hedgecore
