// Risk of books: weighted sums of Greeks by bucket, without one value kept per option.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hedgecore/pricing.hpp"
#include "hedgecore/surface.hpp"

namespace hedgecore {

// One sum: the Greek of each option times its weight (a quantity, or a quantity in another unit).
struct RiskTerm {
    Greek greek;
    Column<double> weight;
};

// sums[term * buckets + bucket] = sum over the options of that bucket of weight * Greek, for every term.
// Rows outside the domain add nothing and are reported; so do rows whose weight is not finite. The order of
// summation is fixed by the numbers of options and sums: the same bits for any number of threads. Memory beyond the sums: at
// most 64 copies of them and no more than 32 MiB, or one copy. Throws std::invalid_argument for a bucket that is not in [0, buckets).
Faults greek_sums(const Options& options, std::span<const RiskTerm> terms, Column<std::int32_t> bucket,
                  std::size_t buckets, double* sums, const Execution& execution = {});

// n European options under Black, in forward form: `rate` (0 where not given) discounts from expiry and goes on doing so when
// time is shifted. `slope` (0 where not given) is d vol / d ln(forward): the vol moves by slope x ln(spot_factor).
struct ScenarioOptions {
    std::size_t n = 0;
    Column<std::int8_t> kind;
    Column<double> strike, expiry, vol, forward, rate, weight;
    Column<double> slope;
    Column<std::int32_t> bucket;
    Settlement settlement = Settlement::linear;
};

// The smile of a bucket, and how it goes with the forward: total variance w(k) = near_weight x near + far_weight x far at
// k = ln(strike / forward), vol sqrt(w / expiry). At a node that moves the forward by the factor u the vol of an option slides by
// smile(k - (1 - ratio) ln u) - smile(k): with the skew-stickiness ratio 1 not at all (sticky strike), with 0 the smile keeps to
// moneyness (sticky delta), with 2 it moves against the forward as a local vol does. An expiry of 0: no smile.
struct ScenarioSmile {
    Svi near, far;
    double near_weight, far_weight, expiry, ratio;
};

// n nodes. The forward becomes forward x spot_factor, the expiry - time_shift, and the vol
//     max((vol + slide) x vol_scale + vol_shift + vol_skew x z + vol_curvature x z^2, vol_floor)
// where z = ln(strike / forward) / (atm_vol sqrt(expiry)) before any move, at most `largest_z` in magnitude (0 at expiry).
// All but time may differ by bucket: entry [bucket * n + node]; what is null does not move the vol. Nodes that follow each other
// with the same shocks of vol and time share what depends on these alone: let the spots run fastest.
struct ScenarioNodes {
    std::size_t n = 0;
    std::size_t buckets = 0;
    const double *spot_factor = nullptr, *vol_scale = nullptr, *vol_shift = nullptr;
    const double* time_shift = nullptr;                               // [node], years
    const double *vol_skew = nullptr, *vol_curvature = nullptr;       // both or none
    const double* vol_floor = nullptr;
    const double* atm_vol = nullptr;                                  // [bucket], needed by skew and curvature
    const ScenarioSmile* smiles = nullptr;                            // [bucket]
};

constexpr double largest_z = 5.0;

// sums[(greek * buckets + bucket) * nodes + node] = sum over the options of that bucket of weight * Greek at the node, for each of the
// Greeks given: price, delta, gamma, vega, theta, with inverse settlement black_delta and black_gamma too. Where vols go with the
// forward (slope, smiles) the deltas have that in them, vega x d vol / d ln(forward) / forward (coin vega x d vol / d ln(forward)
// with inverse settlement); the gammas do not.
// An option whose time is up is its payoff at the shocked forward, the delta at the strike one half, and has no gamma, vega
// and theta. Rows outside the domain add nothing and are reported, so are vols that a shock makes zero or negative (at its
// nodes). The order of summation is fixed: the same bits for any number of threads. Memory beyond the sums: eight bytes for each
// option, one copy of the sums and as much as 64 copies of those of one bucket, or 32 MiB more; where smiles slide, 128 KiB and
// eight bytes for each node by thread. Throws std::invalid_argument for nodes outside
// their domain, for other Greeks, and for a bucket that is not in [0, buckets).
Faults scenario_sums(const ScenarioOptions& options, const ScenarioNodes& nodes, std::span<const Greek> greeks,
                     double* sums, const Execution& execution = {});

}  // namespace hedgecore
