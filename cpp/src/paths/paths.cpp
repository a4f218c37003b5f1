#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"
#include "parallel/check_stop.hpp"
#include "paths/path_source.hpp"

namespace hedgecore {
namespace {

constexpr std::size_t steps_per_chunk = std::size_t(1) << 17;  // path-steps that are worth handing to a thread
constexpr std::size_t steps_between_checks = 64;
constexpr std::size_t held_times = 8;                          // a cache line of each path is written at once

std::size_t chunk_of(std::size_t steps) {
    return std::max<std::size_t>(1, steps_per_chunk / (steps + 1) / block_size) * block_size;
}

// Collects the wanted times of a block and writes them path by path.
class Recorder {
public:
    Recorder(const PathSource& source, const PathOutputs& outputs, std::size_t run_first)
        : outputs_(outputs), run_first_(run_first) {
        for (std::size_t a = 0; a < source.assets(); ++a) {
            if (outputs.spot) columns_.push_back({Kind::spot, a, outputs.spot + a * outputs.column_stride});
            if (outputs.variance) columns_.push_back({Kind::variance, a, outputs.variance + a * outputs.column_stride});
        }
        for (std::size_t c = 0; c < source.levels(); ++c) {
            if (outputs.level) columns_.push_back({Kind::level, c, outputs.level + c * outputs.column_stride});
        }
        held_.resize(columns_.size() * held_times * block_size);
    }

    void begin(const PathBlock& block, std::size_t count) {
        block_ = &block;
        count_ = count;
        next_ = held_from_ = 0;
    }

    // To be called at every time, 0 first.
    void at(std::size_t time) {
        if (next_ == outputs_.times.size() || outputs_.times[next_] != time) return;
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            double* to = held(c, next_ - held_from_);
            const Column& column = columns_[c];
            switch (column.kind) {
                case Kind::spot: kernels().exp(block_->log_spot[column.index], to, block_->n); break;
                case Kind::variance: std::copy_n(block_->variance[column.index], count_, to); break;
                case Kind::level: std::copy_n(block_->level[column.index], count_, to); break;
            }
        }
        ++next_;
        if (next_ - held_from_ == held_times || next_ == outputs_.times.size()) flush();
    }

private:
    enum class Kind { spot, variance, level };
    struct Column {
        Kind kind;
        std::size_t index;
        double* out;
    };

    double* held(std::size_t column, std::size_t k) { return held_.data() + (column * held_times + k) * block_size; }

    void flush() {
        const std::size_t times = next_ - held_from_, first = std::size_t(block_->first - run_first_);
        for (std::size_t c = 0; c < columns_.size(); ++c) {
            const double* from = held(c, 0);
            for (std::size_t i = 0; i < count_; ++i) {
                double* to = columns_[c].out + (first + i) * outputs_.path_stride + held_from_;
                for (std::size_t k = 0; k < times; ++k) to[k] = from[k * block_size + i];
            }
        }
        held_from_ = next_;
    }

    const PathOutputs& outputs_;
    std::uint64_t run_first_;
    std::vector<Column> columns_;
    std::vector<double> held_;
    const PathBlock* block_ = nullptr;
    std::size_t count_ = 0, next_ = 0, held_from_ = 0;
};

}  // namespace

void simulate_paths(const PathModel& model, const PathRun& run, const PathOutputs& outputs, const Execution& execution) {
    const PathSource source(model, run);
    for (std::size_t k = 0; k < outputs.times.size(); ++k) {
        if (outputs.times[k] > run.steps || (k > 0 && outputs.times[k] <= outputs.times[k - 1])) {
            throw std::invalid_argument("times[" + std::to_string(k) + "] = " + std::to_string(outputs.times[k]) +
                                        " must ascend and be at most " + std::to_string(run.steps));
        }
    }
    if (outputs.times.empty()) return;
    const std::size_t last = outputs.times.back(), chunk = chunk_of(last);
    parallel_for(run.paths, chunk, execution, [&](std::size_t begin, std::size_t end) {
        const auto block = std::make_unique_for_overwrite<PathBlock>();
        Recorder recorder(source, outputs, run.first_path);
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t count = std::min(block_size, end - first);
            source.start(*block, run.first_path + first, count);
            recorder.begin(*block, count);
            recorder.at(0);
            for (std::size_t step = 0; step < last; ++step) {
                source.advance(*block, step);
                recorder.at(step + 1);
                if (step % steps_between_checks == 0) check_stop();
            }
        }
        if (run.done) run.done->fetch_add(end - begin, std::memory_order_relaxed);
    });
}

void philox4x32(std::uint64_t seed, const std::uint32_t* counters, std::uint32_t* words, std::size_t n) {
    kernels().philox(seed, counters, words, n);
}

void path_numbers(const PathRun& run, std::uint32_t stream, std::uint64_t first_number, std::size_t count, bool normal, double* out,
                  const Execution& execution) {
    if (first_number > (std::uint64_t(1) << 33) - count) throw std::invalid_argument("numbers of a stream are below 2^33");
    if (run.first_path > ~std::uint64_t(0) - run.paths) throw std::invalid_argument("first_path + paths must be below 2^64");
    constexpr std::size_t at_once = 16;
    parallel_for(run.paths, chunk_of(count), execution, [&](std::size_t begin, std::size_t end) {
        const auto block = std::make_unique_for_overwrite<PathBlock>();
        std::vector<double> held(at_once * block_size);
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t paths = std::min(block_size, end - first);
            set_lanes(*block, run, run.first_path + first, paths);
            for (std::size_t k = 0; k < count; k += at_once) {
                check_stop();
                const std::size_t numbers = std::min(at_once, count - k);
                kernels().path_numbers(*block, stream, first_number + k, numbers, normal, held.data(), block_size);
                for (std::size_t i = 0; i < paths; ++i) {
                    for (std::size_t j = 0; j < numbers; ++j) out[(first + i) * count + k + j] = held[j * block_size + i];
                }
            }
        }
    });
}

}  // namespace hedgecore
