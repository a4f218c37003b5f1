// The table of kernels that each level of instruction sets fills in. Plain data only: no type of a level crosses it.
#pragma once

#include <cstddef>
#include <string>

#include "hedging/hedge_block.hpp"
#include "paths/path_block.hpp"
#include "pricing/blocks.hpp"
#include "risk/scenario_block.hpp"
#include "surface/surface_block.hpp"

namespace hedgecore {

struct Kernels {
    const char* level;

    void (*exp)(const double*, double*, std::size_t);
    void (*log)(const double*, double*, std::size_t);
    void (*log_ratio)(const double*, const double*, double*, std::size_t);
    void (*normal_pdf)(const double*, double*, std::size_t);
    void (*normal_cdf)(const double*, double*, std::size_t);
    void (*normal_quantile)(const double*, double*, std::size_t);

    // A closed form: what values options of one model and payoff.
    struct ClosedForm {
        // Fills the derived arrays of the block; true if there may be lanes that need the scalar treatment of limits.hpp.
        bool (*prepare)(BlackBlock&);
        using GreekPass = void (*)(const BlackBlock&, double* out);
        GreekPass greek[2][greek_count];  // [settlement][greek]; null where a settlement has no such Greek
    };
    ClosedForm black, bachelier, cash_or_nothing, asset_or_nothing;

    // Solves the block; true if there may be lanes that need the scalar treatment of limits.hpp.
    bool (*implied_vol)(ImpliedBlock&);
    bool (*implied_normal_vol)(ImpliedBlock&);

    // Black's formula on the nodes of a grid: once for all nodes, once for those that share time, once for those that share vol
    // too (true if a positive vol no longer is), once for each (the factor of the forward and its logarithm).
    void (*scenario_start)(ScenarioBlock&);
    void (*scenario_time)(ScenarioBlock&, double time_shift);
    bool (*scenario_sheet)(ScenarioBlock&, const VolShock& shock, bool flat);
    void (*scenario_node)(ScenarioBlock&, double factor, double log_factor);

    // Points of a surface: the slices about them (true if they are the same for all), their place between these and their k (true if a
    // row is outside of the domain), then total variance with its derivatives, or vols; by model, SVI and SABR.
    bool (*surface_search)(SurfaceBlock&, const double* times, std::size_t);
    bool (*surface_place)(SurfaceBlock&);
    void (*surface_derivatives[2])(SurfaceBlock&);
    void (*surface_vol[2])(SurfaceBlock&);
    // Total variance of one slice, for fits.
    void (*sabr_variance)(double alpha, double beta, double nu, double rho, double expiry, const double* k, double* w, std::size_t);
    // What a shock that is not flat needs before its sheet: once the moneyness in standard deviations, for each spot how far vols
    // slide with it, by slopes or by a smile (`from_here`: the smile before the move, which has to be there first).
    void (*scenario_standardise)(ScenarioBlock&, double atm_vol);
    void (*scenario_slide)(ScenarioBlock&, double log_factor);
    void (*scenario_smile)(ScenarioBlock&, const ScenarioSmile&, double log_factor, bool from_here);
    // Words of Philox4x32-10; numbers of a stream; a block of paths put at time 0, and moved by a step.
    void (*philox)(std::uint64_t key, const std::uint32_t* counters, std::uint32_t* words, std::size_t);
    void (*path_numbers)(PathBlock&, std::uint32_t stream, std::uint64_t first, std::size_t count, bool normal, double* out,
                         std::size_t stride);
    void (*path_start)(const PathPlan&, PathBlock&);
    void (*path_advance)(const PathPlan&, PathBlock&, std::uint64_t step);

    // A block of paths in a hedging simulation: before the first step, at a step before the horizon
    // (and after a decision made elsewhere), at the horizon.
    void (*hedge_start)(const HedgePlan&, const PathBlock&, HedgeBlock&);
    void (*hedge_step)(const HedgePlan&, const PathBlock&, HedgeBlock&, std::uint64_t step);
    void (*hedge_own_price)(const HedgePlan&, HedgeBlock&, std::size_t policy, std::uint64_t step);
    void (*hedge_orders)(const HedgePlan&, const PathBlock&, HedgeBlock&, std::size_t policy, std::uint64_t step, bool any);
    void (*hedge_finish)(const HedgePlan&, const PathBlock&, HedgeBlock&);

    // w[0] x[0] + w[1] x[1] + ... in eight partial sums and a fixed tree; not finite if a number of them is not.
    double (*dot)(const double* w, const double* x, std::size_t);

    // Calls and puts as numbers; true if all are +1 or -1.
    bool (*widen)(const std::int8_t*, double*, std::size_t);
};

// The table of the level in use (see active_level in build_info.hpp).
const Kernels& kernels();

// Another level from now on, for programs that compare levels: while no other thread is in the library.
void use_level(const std::string& name);

}  // namespace hedgecore
