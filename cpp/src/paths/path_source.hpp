// A model made ready: the constants of a step, and blocks that move through time. What consumes paths step by step builds on this.
#pragma once

#include <vector>

#include "hedgecore/paths.hpp"
#include "paths/path_block.hpp"

namespace hedgecore {

class PathSource {
public:
    // Throws std::invalid_argument naming what is outside of its domain. Arrays that the model points to must outlive the source.
    PathSource(const PathModel& model, const PathRun& run);
    PathSource(const PathSource&) = delete;
    PathSource& operator=(const PathSource&) = delete;

    std::size_t assets() const { return plan_.assets; }
    std::size_t levels() const { return plan_.levels; }

    // Puts paths [first, first + count) at time 0; count <= block_size.
    void start(PathBlock& block, std::uint64_t first, std::size_t count) const;
    // From time `step` to `step + 1`. Steps may only be taken in order.
    void advance(PathBlock& block, std::uint64_t step) const;

private:
    PathPlan plan_;
    PathRun run_;
    std::vector<double> counts_[most_assets];  // distribution functions of jump counts
    std::vector<std::uint32_t> windows_;
};

// The lanes [first, first + count) of a run, ready for random numbers.
void set_lanes(PathLanes& lanes, const PathRun& run, std::uint64_t first, std::size_t count);

}  // namespace hedgecore
