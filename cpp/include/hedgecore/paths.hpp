// Paths of prices, variances and other levels: models, resampled and given histories, in one pass over time.
//
// Random numbers. Philox4x32-10 with the 64-bit seed as its key (word 0 the low half). Each pair of a path and a stream has an endless
// sequence of uniforms; number m is half m & 1 of call m >> 1, whose counter is
//     word 0: the call      word 1: the stream      word 2: the path, low half      word 3: its high half.
// A call returns words w0..w3: half 0 is the 64-bit number w1 2^32 + w0, half 1 is w3 2^32 + w2. With k its upper 52 bits, the
// uniform is (k + 1/2) / 2^52, in (0, 1); a normal is its quantile. With antithetic pairs, paths 2j and 2j + 1 take the numbers of path
// j, the second of them 1 - u for every u. A stream is kind | asset << 8 | index << 16 (PathStream). Step s, from time s to s + 1,
// takes number s of every stream that it needs; the choice of rows, whose number 0 draws the start, takes s + 1.
//
// So path i is the same numbers in any run, for any number of threads, and in any shard that contains it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hedgecore/parallel.hpp"

namespace hedgecore {

inline constexpr std::size_t most_assets = 8;
inline constexpr std::size_t most_levels = 8;

enum class PathStream : std::uint32_t {
    price = 0,       // the normal of an asset's price
    variance = 1,    // of its variance
    jump_count = 2,
    jump_size = 3,   // of jump `index` in its step (one number for all jumps where these are normal)
    choice = 4,      // the row of a history
    splice = 5,      // whether a replay begins
    process = 6,     // the normal of a level; its number in place of the asset
    spike = 7,
    execution = 8,   // latencies and failures of orders; index 2 k, 2 k + 1 of attempt k
    inclusion = 9,   // blocks that an order waits; index k of attempt k
    outage = 10,     // events; their number in place of the index
    user = 128,      // 128 to 255 are never used here
};

// Heston's variance: dv = kappa (theta - v) dt + xi sqrt(v) dW, dW dW_price = rho dt. v0 and theta per year.
struct HestonVariance {
    double v0 = 0, kappa = 0, theta = 0, xi = 0, rho = 0;
};

enum class JumpKind { none, normal, double_exponential };

// Jumps of the logarithm, `intensity` per year: normal(mean, std), or with probability up_share exponential with mean 1 / up_rate, else
// the negative of one with mean 1 / down_rate.
struct Jumps {
    JumpKind kind = JumpKind::none;
    double intensity = 0;
    double mean = 0, std = 0;
    double up_share = 0, up_rate = 0, down_rate = 0;
};

// E[S_t] = spot exp(drift t) under diffusions: drift 0 is a martingale, the compensator of the jumps is taken off.
struct PathAsset {
    double spot = 100, drift = 0;
    double vol = 0;  // per sqrt(year), where the variance is constant; elsewhere what is reported
    std::optional<HestonVariance> heston;
    Jumps jumps;
};

// Rows of log returns of the assets, then levels: values[row * (assets + levels) + column].
struct PathHistory {
    std::size_t rows = 0, levels = 0;
    const double* values = nullptr;
};

struct Bootstrap {
    PathHistory history;
    double block = 1;  // mean length of a block, in steps
};

// Windows that begin at random times, `rate` per year, outside of other windows; their log returns times `factor`.
struct Replays {
    PathHistory history;               // all windows, one after another
    std::vector<std::size_t> lengths;  // of the windows
    double rate = 0, factor = 1;
};

// Spots, then levels, of paths [first, first + paths) at times 0, 1, ...; strides in numbers.
struct GivenPaths {
    const double* values = nullptr;
    std::size_t levels = 0, paths = 0, times = 0;
    std::uint64_t first = 0;
    std::ptrdiff_t column_stride = 0, path_stride = 0, time_stride = 0;
};

// A level beside the prices, x' = mean + e^(-reversion h) (x - mean) + noise: exact steps of dx = reversion (mean - x) dt + vol dW. The
// level is x + clamp(anchor - x, -band, band), or e^x, within [low, high]: a premium index and the funding rate that venues make of it.
// Spikes come `spike_rate` per year, are exponential with mean spike_size, and
// decay at spike_decay per year; they are added to x.
struct LevelProcess {
    double start = 0, mean = 0, reversion = 0, vol = 0;
    double correlation = 0;  // with the price of the first asset, under diffusions
    bool logarithmic = false;
    double spike_rate = 0, spike_size = 0, spike_decay = 0;
    double anchor = 0, band = 0;  // not of logarithms
    double low = 0, high = 0;
};

struct PathModel {
    std::vector<PathAsset> assets;
    std::vector<double> correlation;  // of the Brownian motions, row by row; empty: independent
    bool common_jumps = false;        // jumps come together, each asset's of its law, at the same quantile
    std::optional<Bootstrap> bootstrap;
    std::optional<GivenPaths> given;
    std::optional<Replays> replays;
    std::vector<LevelProcess> processes;
};

struct PathRun {
    std::uint64_t seed = 0;
    std::uint64_t first_path = 0;
    std::size_t paths = 0, steps = 0;
    double step = 0;  // years
    bool antithetic = false;
    std::atomic<std::size_t>* done = nullptr;  // counts finished paths, if given
};

// Columns to fill, null where not wanted: out[column * column_stride + path * path_stride + k] at the k-th of `times`, which ascend
// from 0 to run.steps. Assets for spot and variance, levels for level.
struct PathOutputs {
    std::vector<std::size_t> times;
    double *spot = nullptr, *variance = nullptr, *level = nullptr;
    std::size_t column_stride = 0, path_stride = 0;
};

// Simulates. Memory beyond the outputs: a block of paths for each thread. The same bits for any number of threads. Throws
// std::invalid_argument naming what is outside of its domain.
void simulate_paths(const PathModel& model, const PathRun& run, const PathOutputs& outputs, const Execution& execution = {});

// The words of n counters, both four words each.
void philox4x32(std::uint64_t seed, const std::uint32_t* counters, std::uint32_t* words, std::size_t n);

// Uniforms, or normals, of `count` numbers of each path: out[path * count + number].
void path_numbers(const PathRun& run, std::uint32_t stream, std::uint64_t first_number, std::size_t count, bool normal, double* out,
                  const Execution& execution = {});

}  // namespace hedgecore
