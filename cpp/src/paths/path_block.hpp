// The working set of the path kernels: one block of paths as contiguous arrays, and the constants of a step. Plain data only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "hedgecore/paths.hpp"
#include "pricing/blocks.hpp"

namespace hedgecore {

inline constexpr std::size_t lane_multiple = 8;  // lanes in use are rounded up to it
static_assert(block_size % lane_multiple == 0);

// Who the lanes are, for the generator.
struct PathLanes {
    std::size_t n = 0;  // lanes in use, a multiple of lane_multiple
    std::uint64_t seed = 0;
    alignas(64) std::uint64_t path[block_size];  // of the counter: the mirrored path's where it is one
    alignas(64) Lane mirror;                     // 1 where every uniform u is replaced by 1 - u, else 0
};

// A source of randomness: the pair of numbers of a call serves two steps.
struct PathDraws {
    std::uint64_t call = ~std::uint64_t(0);  // the one the numbers are of
    alignas(64) Lane uniform[2];
    alignas(64) Lane normal[2];
};

struct PathBlock : PathLanes {
    std::uint64_t first = 0;  // the path of lane 0
    std::uint64_t last = 0;   // the last path of the run: lanes beyond it repeat it

    // What a reader takes: state after start() or advance().
    alignas(64) Lane log_spot[most_assets];
    alignas(64) Lane variance[most_assets];  // instantaneous, per year
    alignas(64) Lane level[most_levels];     // columns beside the prices

    PathDraws diffusion[most_assets], variation[most_assets], jump[most_assets], choice, splice, process[most_levels], spike[most_levels];
    alignas(64) Lane state[most_levels], excess[most_levels];  // of the processes
    alignas(64) Lane scratch[5], mixed[2];
    alignas(64) Lane before[most_assets];  // log_spot before the step, where replays may replace the step
    alignas(64) std::uint32_t row[block_size];     // of the history
    alignas(64) std::uint32_t window[block_size];  // the next row of a replay, no_row outside of one
    alignas(64) std::uint32_t window_end[block_size];
};

inline constexpr std::uint32_t no_row = ~std::uint32_t(0);

// One step of Andersen's scheme QE-M (paths/diffusion.inl).
struct HestonStep {
    double mean_slope = 0, mean_shift = 0;   // m = mean_slope v + mean_shift
    double square_slope = 0, square_shift = 0;      // s^2 = square_slope v + square_shift
    double k1 = 0, k2 = 0, k3 = 0, k4 = 0, a = 0, k13 = 0;          // k13 = K1 + K3 / 2
};

struct JumpStep {
    JumpKind kind = JumpKind::none;
    std::uint32_t asset = 0;       // whose streams: of the first where jumps are common
    const double* below = nullptr;  // P(count <= k)
    std::uint32_t counts = 0;
    double mean = 0, std = 0;
    double down_share = 0, up_scale = 0, down_scale = 0;
};

struct AssetStep {
    double log_spot = 0, drift = 0;  // drift of the logarithm per step, with every compensator
    double diffusion = 0, variance = 0;  // vol sqrt(h), vol^2
    bool stochastic = false;
    HestonStep heston{};
    JumpStep jumps{};
};

struct ProcessStep {
    double start = 0, mean = 0, keep = 0, noise = 0;  // of the state
    double correlation = 0, rest = 1;                 // of its noise with the first asset's, and sqrt(1 - correlation^2)
    bool logarithmic = false;
    double spike_share = 0, spike_scale = 0, spike_keep = 0;
    double anchor = 0, band = 0;
    double low = 0, high = 0;                         // limits of the level
};

// The constants of a step of a model; what the pointers lead to belongs to the PathSource.
struct PathPlan {
    std::size_t assets = 0, levels = 0;
    AssetStep asset[most_assets];
    bool correlated = false;
    double mixing[most_assets][most_assets] = {};  // lower triangular, mixing mixing^T = correlation
    bool stochastic = false;

    const double* history = nullptr;  // [row][asset, then level]; null for diffusions
    std::uint32_t history_rows = 0;
    double restart = 0;  // probability that a block ends

    const double* windows = nullptr;  // [row][asset, then level]
    const std::uint32_t* window_first = nullptr;  // windows + 1 entries
    std::uint32_t window_count = 0;
    double splice = 0, factor = 1;  // probability that a window begins; of its log returns

    const double* given = nullptr;  // spots, with the levels behind the assets
    std::ptrdiff_t given_column = 0, given_path = 0, given_time = 0;  // strides
    std::uint64_t given_first = 0;

    std::size_t processes = 0;  // the last of the levels
    ProcessStep process[most_levels];
};

}  // namespace hedgecore
