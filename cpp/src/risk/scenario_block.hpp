// The working set of the scenario kernel: one block of options of one bucket under one shock of vol and time.
#pragma once

#include <cstddef>

#include "hedgecore/risk.hpp"
#include "pricing/blocks.hpp"

namespace hedgecore {

// What a sheet does to the vols of a block.
struct VolShock {
    double scale, shift;
    double skew = 0.0, curvature = 0.0, floor = -1e300;

    bool operator==(const VolShock&) const = default;
};

struct ScenarioBlock : MillsLanes {
    std::size_t n;
    bool wants_underlying, wants_strike, wants_smile;  // whether these amounts are filled in

    // The options. Rows that are not valid have inputs of 1 and the weight 0.
    alignas(64) Lane kind, forward, strike, expiry, vol, rate, weight;

    // For all nodes: scenario_start
    alignas(64) Lane moneyness;        // ln(F / K)
    alignas(64) Lane inverse_forward;  // 1 / F

    // Where the shock has a shape: scenario_standardise
    alignas(64) Lane z;

    // Where vols go with the forward, for the nodes of one spot: scenario_slide, scenario_smile
    alignas(64) Lane slope;       // as given
    alignas(64) Lane smile_here;  // vol of the smile before the move
    alignas(64) Lane slide, slide_slope;

    // For the nodes that share time: scenario_time
    alignas(64) Lane root_expiry;
    alignas(64) Lane discounted_weight;

    // For the nodes that share vol too: scenario_sheet
    alignas(64) Lane shocked_vol;
    alignas(64) Lane shocked_slope;      // d vol / d ln(forward) there, where vols go with the forward
    alignas(64) Lane total_vol;          // s; 0 for an option that is its payoff
    alignas(64) Lane inverse_total_vol;  // 1 / s; 1e300 for the payoff, which sends z1 and z2 beyond the density
    alignas(64) Lane steepness;          // 1 / s; 0 for the payoff, whose pole at the strike is left out

    // For one node: scenario_node
    alignas(64) Lane shocked_forward;
    alignas(64) Lane exponent_rest, exponent_bits;
    alignas(64) Lane density;     // E = F n(d1) = K n(d2)
    alignas(64) Lane value;       // undiscounted, in the quote currency
    alignas(64) Lane underlying;  // w F N(w d1): F times the delta
    alignas(64) Lane strike_part;  // w K N(w d2): F times the delta net of premium
    alignas(64) Lane smile_part;   // E times shocked_slope
};

}  // namespace hedgecore
