// The working set of the hedging kernels: the market and the position of one block of paths, and what each policy holds. Plain data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hedgecore/hedging.hpp"
#include "paths/path_block.hpp"

namespace hedgecore {

// What may be shared by the laws of several policies, computed where one of them needs it.
enum HedgeNeeds : unsigned {
    hedge_gamma = 1,
    hedge_cube = 2,      // (S Gamma^2 m)^(1/3), m = 1 in the quote currency, S in the coin
    hedge_root = 4,      // (|Gamma| m)^(1/2)
    hedge_shift = 8,     // (S^2 |Gamma| / m)^0.15
    hedge_impulse = 16,  // (|Gamma|^2 m)^(1/4)
    hedge_moves = 32,    // past prices
    hedge_inverse = 64,  // 1 / S
};

struct OptionPlanTerms {
    double quantity, log_strike, vol, left;
};

struct OptionPlan {
    double kind = 1, quantity = 0, strike = 0, log_strike = 0;
    double vol = 0;            // 1 where it is the model's or a smile's
    std::uint64_t expiry = 0;  // step
    int vols = -1;             // its lanes of vols, if it has any
    int smile = -1;            // of the plan's
    double moneyness = 0;      // ln(K / F) at the start, of a smile
    const OptionPlanTerms* schedule = nullptr;  // from step `first` to that before its expiry
    std::uint64_t first = 0;
    double left = 0;           // years to expiry, where there is a schedule
};

struct PolicyPlan : HedgePolicy {
    std::size_t variance = 0;    // which of the averages of squared returns
    double scale = 0;            // of the shared power: the law's constants but those of time
    double scale_root = 0, scale_shift = 0, scale_pole = 0;  // of Zakamouline's terms
    double impulse = 0, load = 0;  // of the law of fixed and proportional costs
    double load_root = 0, per_load_root = 0;  // load^(1/9) and its inverse
    std::size_t delta = 0;       // which of the hedge ratios
    double tolerance = 0;        // deviations that are rounding
    const PolicyPlan* member = nullptr;  // of a combination
    std::size_t member_count = 0, depth = 0;  // depth: how many combinations it lies in
    bool external = false;       // decided elsewhere
    bool filtered = false;       // orders may be taken back or rounded
    bool keeps_price = false, keeps_time = false;  // of the last trade
    bool exposes = false;        // the decision itself knows the exposure: the shared delta, and fills at once of whole orders
};

// Constants of a step.
struct StepPlan {
    double growth = 1;        // of cash from this time to the horizon
    double left = 0;          // years to the mean expiry of the options that live
    double root3 = 1, root4 = 1;  // e^(-r left / 3), e^(-r left / 4)
    double left_power5 = 1, left_power2 = 1;  // left^0.05, left^-0.02
    std::uint64_t to_expiry = 0;  // steps to the next expiry
    double unit = 1;          // price of the dated future over the spot
    bool polled = true;       // decisions are made
};

struct OutagePlan {
    OutageKind kind = OutageKind::keeper;
    double start = 0;  // probability that one begins by chance, per step
    double mean = 0;   // steps
    double move = 0;   // infinite: none
    const std::uint64_t* windows = nullptr;
    std::size_t window_count = 0;
};

struct HedgePlan {
    std::size_t options = 0, policies = 0, variances = 0;
    const OptionPlan* option = nullptr;  // in the order of their expiries
    const PolicyPlan* policy = nullptr;
    const StepPlan* steps = nullptr;     // steps + 1 of them
    const double* variance_decay = nullptr;
    const double* variance_start = nullptr;
    const ScenarioSmile* smile = nullptr;
    const HedgeRatio* ratio = nullptr;   // distinct; the first is Black's, that of exposures and gamma
    std::size_t ratios = 1, vols = 0;    // lanes of vols: one for the model or one for each option with a smile
    bool slopes = false;                 // of smiles
    bool attribution = false;
    double mean_vol = 0;                 // at the start; says what is a jump
    double log_start = 0;                // ln S there
    std::size_t asset = 0;
    double holding = 0;
    unsigned needs = 0;
    bool model_vol = false, premium_adjusted = false;  // coin accounting: deltas net of premium
    HedgeKind kind = HedgeKind::spot;
    double step = 0, rate = 0, funding = 0, initial_value = 0;
    int funding_level = -1;
    std::uint64_t last = 0;  // step of the horizon

    double fee = 0, half_spread = 0, fee_per_coin = 0, fee_cap = 1, least_fee = 0, fixed = 0, impact = 0, root_impact = 0, permanent = 0;
    int fixed_level = -1;
    bool close = true;
    bool fee_schedule = false, small_costs = false;  // fees that the turnover does not tell; any cost that it does not tell
    const double* below = nullptr;  // latency + 1 probabilities
    std::size_t latency = 0;        // the longest
    std::uint64_t block = 0, block_phase = 0;
    const double* inclusion_below = nullptr;  // inclusion + 1 probabilities
    std::size_t inclusion = 0;                // the longest
    bool constant_delay = true, first_at_once = true;
    double failure = 0;
    std::uint32_t most_attempts = 1;  // the last of them does not fail
    std::size_t ring = 0;           // times of orders in flight; 0 where all are filled at once
    std::size_t parts = 0;          // what is known of orders in flight: plain_parts or order_parts
    bool settles = false;           // decisions are netted before they are orders
    std::uint64_t settle_every = 0;
    double settle_size = 0;         // infinite: none
    const OutagePlan* outage = nullptr;
    std::size_t outages = 0;
    bool has[outage_kinds] = {};    // outages of a kind
    double peg = 1, depeg_cost = 0; // what a USD costs off the peg; an added share of the amount
    std::size_t history = 0;        // past prices kept
    std::size_t depth = 0;          // of combinations in one another
};

// What is known of the orders that are filled at one time, or that wait for their settlement: sums over them.
enum OrderPart : std::size_t {
    order_size,
    order_amount,    // size times the worth of a unit at the decision
    order_attempts,
    plain_parts,
    order_count = plain_parts,
    order_delta,     // of the position at the decision
    order_gamma, order_gamma_spot, order_gamma_square,  // its gamma, times the price, times its square
    order_parts,
};

// A vol that moves: of all options or of one. With attribution its last value, and Greeks of the options that have it and live after
// the coming step. Null where not needed.
struct VolLanes {
    double *vol, *inverse, *slope;  // slope: d vol / d ln K
    double *before, *vega, *vanna, *volga;
};

// What a policy holds on each path of the block.
struct PolicyState {
    double *ordered;  // holding when all orders in flight are filled
    double *held;     // holding; `ordered` itself without latency
    double *gain;     // of the trades: less what they cost at the price
    double *turnover, *trades, *fixed, *impact, *latency, *exposure, *failures;
    double *fees, *outage, *permanent, *delta_drift, *gamma_leakage;  // null where they are not kept
    double *last;     // ln S at the last trade, where it is kept; not a number before the first
    double *traded;   // the step of the last trade, where it is kept
    double *price;    // of the gain what moves of the price made; with attribution
    Lane* orders;     // [ring + 1][parts]: in flight by time modulo ring, then those that wait for their settlement
};

struct HedgeBlock {
    std::size_t n = 0;
    PolicyState* policy = nullptr;
    Lane* moved = nullptr;     // ln S of the last `history` times, by time modulo history
    Lane* variance = nullptr;  // averages of squared returns, per year
    VolLanes* vols = nullptr;
    Lane* ratio = nullptr;     // deltas of the hedge ratios but the first
    std::uint64_t* ratio_step = nullptr;  // the step they are of
    Lane* line = nullptr;      // with attribution: hedge_lines of them
    Lane* kept = nullptr;      // orders of a combination while its members decide, by depth
    std::uint64_t faulty = 0;  // not 0: a forecast of this step is no vol
    Lane* until = nullptr;     // of each outage the step at which it ends
    PathDraws* draws = nullptr;  // its numbers

    alignas(64) Lane spot, before, log_before, inverse_spot;
    alignas(64) Lane money;    // terminal numeraire for a USD of now
    alignas(64) Lane amount;   // of a coin, in the same
    alignas(64) Lane level;    // of the funding, at the start of a step
    alignas(64) Lane fixed;    // cost of an attempt, in the same
    alignas(64) Lane unit, per_unit;  // delta of a unit of the instrument, and its inverse
    alignas(64) Lane worth;    // P&L of a unit held since time 0
    alignas(64) Lane option;   // P&L of the position
    alignas(64) Lane delta, gamma, log_gamma;
    alignas(64) Lane cube, root, shift, impulse;
    alignas(64) Lane ninth, per_ninth;        // (S impulse)^(1/9) and its inverse
    alignas(64) Lane own_delta, own_gamma, own_vol, own_inverse;
    alignas(64) Lane outer, inner;            // of a law
    alignas(64) Lane order;
    alignas(64) Lane mixed_vol, mixed_inverse;
    alignas(64) Lane value, theta;            // attribution: of the position, in USD
    alignas(64) Lane old_value, paid, taylor, push, per, move, price_worth;
    alignas(64) std::uint64_t down[outage_kinds][block_size];  // all bits where there is an outage of the kind
    alignas(64) Lane down_time[outage_kinds];                  // steps
    alignas(64) Lane peg, peg_before;                          // what a USD costs in the quote currency
    const double* log_spot = nullptr;  // of `spot`, the price that decisions are made at: the market's, or with permanent impact a policy's own
    alignas(64) Lane market, own_log, own_amount;  // with permanent impact: the market's price; a policy's own
    alignas(64) std::uint64_t sunk[block_size];    // all bits where own trades took the price to 0
    alignas(64) std::uint64_t picked[block_size];              // of what waits, what is settled
};

}  // namespace hedgecore
