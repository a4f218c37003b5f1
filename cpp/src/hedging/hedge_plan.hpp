// A hedging simulation made ready: checked, with the constants of its laws and of every step.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "hedging/hedge_block.hpp"

namespace hedgecore {

// What the plan's pointers lead to belongs to this.
struct PreparedHedge {
    HedgePlan plan;
    std::vector<OptionPlan> options;
    std::deque<std::vector<OptionPlanTerms>> schedules;
    std::vector<PolicyPlan> policies;
    std::deque<std::vector<PolicyPlan>> members;  // of combinations
    std::vector<StepPlan> steps;
    std::vector<ScenarioSmile> smiles;
    std::vector<HedgeRatio> ratios{HedgeRatio{}};
    std::vector<double> decays, starts, below, inclusion;
    std::vector<Outage> events;
    std::vector<OutagePlan> outages;

    // Throws std::invalid_argument naming what is outside of its domain. `assets` and `levels` are those of the path model.
    PreparedHedge(const PathRun& run, std::size_t assets, std::size_t levels, const std::vector<HedgedOption>& position, const HedgeRun& terms,
                  const HedgeInstrument& instrument, const std::vector<HedgePolicy>& policies, const HedgeCosts& costs,
                  const OrderExecution& orders);
    PreparedHedge(const PreparedHedge&) = delete;
    PreparedHedge& operator=(const PreparedHedge&) = delete;
};

// Of policies, with their members, once options, outages and the step are there. `levels` are those of the path model.
void prepare_policies(PreparedHedge& to, const std::vector<HedgePolicy>& policies, std::size_t levels);

// The lanes of one block, for all policies, zero at the start of a block.
class HedgeStorage {
public:
    explicit HedgeStorage(const HedgePlan& plan);
    static std::size_t lanes_of(const HedgePlan& plan);  // how many it takes
    void reset();
    HedgeBlock& block() { return *block_; }
    const PolicyState& policy(std::size_t j) const { return states_[j]; }

private:
    struct AlignedLane {
        alignas(64) Lane lane;
    };
    std::vector<AlignedLane> lanes_;
    std::vector<PathDraws> draws_;
    std::vector<PolicyState> states_;
    std::vector<VolLanes> vols_;
    std::vector<std::uint64_t> ratio_steps_;
    std::unique_ptr<HedgeBlock> block_;
};

}  // namespace hedgecore
