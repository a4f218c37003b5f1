// The hedging simulation: a position, a path model and a set of policies, all on the same paths, in one pass over time.
//
// Order of events at time t = 0, 1, ..., steps - 1: the price S_t is observed; options that expire at t are settled; orders that are
// due at t are filled at S_t; every policy that looks at t decides with S_t and the Greeks of t; what has no latency is filled at S_t.
// Then the market moves. At t = steps the last options are settled, orders in flight lapse, and the hedge is closed at the price there.
// A decision at t never sees what comes after t.
//
// Amounts are in the numeraire, the quote currency or the coin, and in money of the horizon: a cash flow at t earns the rate until then.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "hedgecore/parallel.hpp"
#include "hedgecore/paths.hpp"
#include "hedgecore/risk.hpp"

namespace hedgecore {

enum class Numeraire { quote, coin };

// A scheduled option at one step: how many are held, and what its Greeks are made of. The strike is that of a forward which is the price,
// K S / F where the forward is another.
struct OptionTerms {
    double quantity = 0, strike = 0, vol = 0;
    double left = 0;  // years to expiry
};

// A European option on the underlying, held to its expiry. With a smile its vol is that of the smile at
//     ln(K / F_0) - (1 - R) ln(F_t / F_0), R = smile->ratio: strike (1) or moneyness (0) keeps its vol, whatever the option's age.
struct HedgedOption {
    double kind = 1;            // +1 call, -1 put
    double strike = 0, quantity = 0;
    double vol = 0;             // of the Greeks; not read where HedgeRun::model_vol or with a smile
    std::size_t expiry_step = 0;
    std::optional<ScenarioSmile> smile{};
    // Its terms at steps first_step, first_step + 1, ..., in place of strike, quantity, vol and the time to its expiry, and none before and after.
    // What it earns is then kept elsewhere: the P&L is that of the hedge alone.
    std::vector<OptionTerms> schedule{};
    std::size_t first_step = 0;
};

enum class HedgeKind { spot, linear_perpetual, inverse_perpetual, dated_future };

// What is traded. Holdings are coins; of the inverse perpetual USD of notional.
struct HedgeInstrument {
    HedgeKind kind = HedgeKind::spot;
    double funding = 0;        // per year, paid by longs; of perpetuals
    int funding_level = -1;    // a level of the paths in its place, times `funding`
    double basis = 0;          // per year, of a dated future: its price is S exp(basis (maturity - t))
    double maturity = 0;       // years
};

enum class Trigger { deviation, move, interval };  // of the delta from its target; of ln S since the last trade; the time since then
enum class Centre { shared, zakamouline };
enum class Width { fixed, whalley_wilmott, zakamouline, fixed_and_proportional, realised_vol, smooth };
enum class Combination { none, any_of, all_of };

// The delta that is hedged: Black's, net of premium in coins; at vols times a factor; or Black's plus vega / S times what the vol is
// expected to move with ln S, which is
//     smile            (stickiness - 1) psi, psi = d vol / d ln K of the option's smile (Bergomi 2009)
//     hull_white       (a + b D + c D^2) / sqrt(tau), D Black's delta (Hull and White 2017)
//     stochastic_vol   covariance / vol * (d - (1 - d) / x) / 2, x = reversion tau, d = (1 - e^-x) / x: the least variance in Heston's model to
//                      first order in the vol of vol, covariance = rho xi
enum class RatioKind { black, scaled_vol, smile, hull_white, stochastic_vol };

struct HedgeRatio {
    RatioKind kind = RatioKind::black;
    double vol_scale = 1;
    double stickiness = 1;
    double call[3] = {}, put[3] = {};  // a, b, c
    double covariance = 0, reversion = 0;
    bool operator==(const HedgeRatio&) const = default;
};

// A policy is a setting of few laws. With x the delta of hedge and position less the target, and H the half width of its law, it trades
// when x > up H or x < -down H, to the nearest of inner * these bounds (1: the edge, 0: the middle) or, by_ratio, by `ratio` of x.
// Under Trigger::move ln(S / S at the last trade) is compared with the bounds instead (the first trade needs no move), under Trigger::interval the steps since the last
// trade with H, and x goes to 0, or by the ratio. Width::smooth trades the share 1 - exp(-y tanh(y left)) of x whenever it looks, y =
// (risk_aversion (vol S)^2 dt / (2 impact))^(1/2), with dt = every steps and left the looks to the horizon.
//
// A vol is the constant `vol`, the root of an average of squared returns (decay > 0), or a level of the paths.
//
// A combination decides by its members, which know its holding and its last trade: any_of takes the order of the first that trades,
// all_of that of the first where all trade. Each member looks and is restrained by itself, the whole by what is said here; its exposure
// is counted from the first member's target.
struct HedgePolicy {
    Trigger trigger = Trigger::deviation;
    Centre centre = Centre::shared;
    Width width = Width::fixed;
    HedgeRatio hedge_ratio{};
    std::size_t every = 1;  // it looks at steps 0, every, 2 every, ...
    double size = 0;        // H where fixed; a factor of the law elsewhere
    double up = 1, down = 1, inner = 1;
    bool by_ratio = false;
    double ratio = 1;
    double target = 0;             // delta to hold, in coins
    double least_width = 0;        // of H
    double risk_aversion = 1;      // per unit of the numeraire
    double cost = 0, fixed_cost = 0;  // what the laws take them to be: a share of the amount, USD a trade
    double vol = 0;                // what the laws take it to be
    double zakamouline = 4.76;     // the factor of Kz
    double decay = 0;              // weight of the past in the average of squared returns, which starts from vol^2; 0: none
    int forecast_level = -1;       // the level of the paths that is the vol, in its place
    double power = 1;              // Width::realised_vol: H = size (realised / vol)^power
    double impact = 0;             // USD per coin squared, of Width::smooth
    bool in_money = false;         // target and fixed widths are USD: x S is compared with them
    double least_trade = 0, lot = 0;  // in units of the instrument; 0: none
    std::size_t cool_down = 0;     // steps without trade after a trade
    std::size_t blackout = 0;      // steps without trade before an expiry
    std::size_t move_window = 0;   // looks only where |ln S| moved by least_move over so many steps
    double least_move = 0;
    double least_fall = -1;        // of falls, as least_move of rises; the same where negative
    Combination combination = Combination::none;
    std::vector<HedgePolicy> members;
};

// What a decision of the caller's is shown: the paths [first_path, first_path + n) at a step. Arrays have n numbers.
struct HedgeView {
    std::size_t step = 0, n = 0;
    std::uint64_t first_path = 0;
    const double *spot = nullptr, *variance = nullptr;     // with permanent impact the policy's own price
    const double *delta = nullptr, *spot_gamma = nullptr;  // of the position: by the policy's hedge ratio; S times its gamma
    const double *held = nullptr, *ordered = nullptr;      // of the instrument; ordered: with what is in flight
    double* order = nullptr;                               // to be filled in, in units of the instrument; 0 at first
    std::shared_ptr<const void> memory;                    // what the arrays lie in
};

// Called from any thread, once for each block of paths and step that the policy looks at; may throw.
using HedgeDecision = std::function<void(const HedgeView&)>;

struct HedgeCosts {
    double fee = 0, half_spread = 0;  // shares of the traded amount
    double fee_per_coin = 0;   // USD, at most fee_cap of the amount, added to `fee`
    double fee_cap = 1;
    double least_fee = 0;      // USD a trade
    double fixed = 0;          // USD for every attempt to trade
    int fixed_level = -1;      // a level of the paths times `fixed`, in its place
    double impact = 0;         // USD per coin squared: a trade of q coins is abs(q) impact worse than the price
    double permanent = 0;      // USD per coin squared: each coin traded moves the price for good; see impact.inl
    double root_impact = 0;    // a trade of q coins is worse by this share of the price times sqrt(abs(q))
    bool close = true;         // the hedge is sold at the end, at these costs; else valued at the price
};

enum class OutageKind { keeper, chain, depeg };  // no decisions; no fills, what is due waits; the quote currency is off its peg
inline constexpr std::size_t outage_kinds = 3;
inline constexpr std::size_t most_outages = 8;
inline constexpr const char* outage_names[outage_kinds] = {"keeper", "chain", "depeg"};

// Events that all policies see. One begins by chance, with a move of ln S of more than `move` within a step, and at fixed times; it lasts
// an exponential time of that mean, until the end of a step, and longer where another begins meanwhile.
struct Outage {
    OutageKind kind = OutageKind::keeper;
    double rate = 0, mean = 0;  // per year; years
    double move = 0;            // 0: none
    std::vector<std::uint64_t> windows;  // first step and the step after the last, of one window after another
    double discount = 0, cost = 0;       // depeg: a coin of the currency is worth 1 - discount USD; an added share of the traded amount
};

// From the decision to the fill. below[k] = P(latency <= k steps); empty: none. Then, where there are blocks, the first block after that
// time, and more blocks: inclusion[k] = P(k or fewer more). An attempt fails with this probability when it is due, and is made again after
// another latency.
struct OrderExecution {
    std::vector<double> below;
    double failure = 0;
    bool first_at_once = true;  // the trade at time 0 is filled with the position, without latency
    std::size_t poll = 1, poll_phase = 0;    // decisions are at steps poll_phase, poll_phase + poll, ... only
    std::size_t block = 0, block_phase = 0;  // blocks are at steps block_phase, block_phase + block, ...; 0: at any
    std::vector<double> inclusion;
    std::size_t settle_every = 0;  // decisions are netted, and settled in one order at every so manieth step; 0: never
    double settle_size = 0;        // or as soon as the net is so many coins; 0: never. Neither: decisions are orders
    bool leakage = false;          // the ledgers of what the position moved between decision and fill
    std::vector<Outage> outages;
};

// Per path sums of a policy, in this order. cost = fee + spread + fixed + impact + outage.
enum class HedgeLedger { pnl, cost, turnover, trades, fixed, impact, latency, exposure, failures, fee, spread, outage, peg, delta_drift, gamma_leakage, permanent };
inline constexpr std::size_t hedge_ledgers = 16;
inline constexpr const char* hedge_ledger_names[hedge_ledgers] = {"pnl", "cost", "turnover", "trades", "fixed", "impact", "latency", "exposure", "failures",
                                                                  "fee", "spread", "outage", "peg", "delta_drift", "gamma_leakage", "permanent"};

// What the position earned, by what made it: sums over the steps of the terms of Taylor's series in the price and the vols with the Greeks
// of the start of the step. The price is S, in coins -1 / S, in which every hedge is linear. edge: the value at the start less what
// was paid; gamma_theta: Gamma dS^2 / 2 + theta dt; carry: interest on the value; residual: the revaluation less all terms, on steps with
// |ln(S' / S)| > 4 vol sqrt(dt) counted as jumps.
enum class HedgeLine { edge, delta, gamma_theta, vega, vanna, volga, carry, jumps, residual };
inline constexpr std::size_t hedge_lines = 9;
inline constexpr const char* hedge_line_names[hedge_lines] = {"edge", "delta", "gamma_theta", "vega", "vanna", "volga", "carry", "jumps", "residual"};

struct HedgeRun {
    double rate = 0;  // per year: of cash, and of the options' forward S exp(rate (T - t))
    Numeraire numeraire = Numeraire::quote;
    bool model_vol = false;    // vols are the root of the path's variance
    double initial_value = 0;  // of the position, paid at time 0
    std::size_t asset = 0;     // of the paths: the underlying
    double spot = 0;           // at the start; read for smiles alone
    double holding = 0;        // of the instrument at the start, at the price there and without costs
    bool attribution = false;
};

// Paths that are followed step by step: their places in the run, ascending. Arrays are [path][time] and [policy][path][time], the times
// 0 to steps after the fills of each; at the last the hedge is closed. Empty: nothing is followed.
struct HedgeTrace {
    std::vector<std::size_t> paths;
    double *spot = nullptr, *delta = nullptr, *unit = nullptr;    // delta of the position, and of a unit of the instrument
    double *held = nullptr, *ordered = nullptr, *cost = nullptr;  // of each policy; ordered: with what is in flight
};

// out[ledger][policy * stride + path], null where not wanted; `option` holds the position without hedge. With attribution: line[k][path] of
// the position, and price[policy * stride + path], what the hedge earned by moves of the price.
struct HedgeOutputs {
    double* option = nullptr;
    double* ledger[hedge_ledgers] = {};
    double* line[hedge_lines] = {};
    double* price = nullptr;
    std::size_t stride = 0;
    double* sums = nullptr;  // [policy][ledger][2]: over the paths, of the ledger and of its square
    double* outage[outage_kinds] = {};  // by path: the share of time in outages of a kind; null where not wanted
    HedgeTrace trace;
};

// Simulates. The same bits for any number of threads; path i the same in any run that contains it. Memory beyond the outputs: a block of
// paths with the states of all policies for each thread. decisions[j], where there is one, takes the place of the law of policy j, whose
// times and restraints apply. Throws std::invalid_argument naming what is outside of its domain.
void simulate_hedging(const PathModel& model, const PathRun& run, const std::vector<HedgedOption>& position, const HedgeRun& terms,
                      const HedgeInstrument& instrument, const std::vector<HedgePolicy>& policies, const HedgeCosts& costs,
                      const OrderExecution& orders, const HedgeOutputs& outputs, const Execution& execution = {},
                      const std::vector<HedgeDecision>& decisions = {});

}  // namespace hedgecore
