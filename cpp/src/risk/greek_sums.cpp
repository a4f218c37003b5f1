#include "hedgecore/risk.hpp"

#include <algorithm>
#include <bitset>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "parallel/check_stop.hpp"
#include "pricing/stream.hpp"

namespace hedgecore {
namespace {

constexpr std::size_t most_segments = 64;
constexpr std::size_t most_partial_sums = std::size_t(1) << 22;  // 32 MiB

// The buckets of a block; true when all are the same.
bool read_buckets(Column<std::int32_t> bucket, std::size_t buckets, std::size_t first, std::size_t n, std::int32_t* where) {
    bool one = true;
    for (std::size_t i = 0; i < n; ++i) {
        where[i] = bucket[first + i];
        if (where[i] < 0 || std::size_t(where[i]) >= buckets) {
            throw std::invalid_argument("bucket[" + std::to_string(first + i) + "] = " + std::to_string(where[i]) +
                                        " must be from 0 to " + std::to_string(buckets - 1));
        }
        one &= where[i] == where[0];
    }
    return one;
}

// Where a weight is 0 the Greek does not count, even if it is infinite (gamma at the money at expiry); a weight that is not
// finite is a fault, once for its row, and counts as 0.
void settle(double* weight, double* value, std::size_t first, std::size_t n, std::bitset<block_size>& faulty, Faults& faults) {
    for (std::size_t i = 0; i < n; ++i) {
        if (!std::isfinite(weight[i])) {
            if (!faulty[i]) merge(faults, {1, first + i, "weight", weight[i], "finite"});
            faulty[i] = true;
            weight[i] = 0.0;
        }
        if (weight[i] == 0.0) value[i] = 0.0;
    }
}

}  // namespace

Faults greek_sums(const Options& options, std::span<const RiskTerm> terms, Column<std::int32_t> bucket,
                  std::size_t buckets, double* sums, const Execution& execution) {
    const std::size_t cells = terms.size() * buckets;
    std::fill_n(sums, cells, 0.0);
    if (options.n == 0 || cells == 0) return {};

    GreekSet wanted{};
    std::array<std::size_t, greek_count> place{};  // of a Greek among the scratch columns
    std::size_t columns = 0;
    for (const RiskTerm& term : terms) {
        const auto g = std::size_t(term.greek);
        if (!wanted[g]) place[g] = columns++;
        wanted[g] = true;
    }
    const GreekStream stream(options, wanted);
    const Kernels& table = kernels();

    // Segments depend on the numbers of options and of sums alone, so that the order of summation does too.
    const std::size_t blocks = (options.n + block_size - 1) / block_size;
    const std::size_t affordable = std::max<std::size_t>(1, most_partial_sums / cells);
    const std::size_t segments = std::min({most_segments, blocks, affordable});
    const std::size_t rows = (blocks + segments - 1) / segments * block_size;
    std::vector<double> partial(segments * cells, 0.0);

    FaultLog log;
    parallel_for(options.n, rows, execution, [&](std::size_t begin, std::size_t end) {
        double* mine = partial.data() + begin / rows * cells;
        GreekStream::Worker worker(stream);
        std::vector<Cut> weight_cuts(terms.size());
        for (std::size_t t = 0; t < terms.size(); ++t) weight_cuts[t].start(terms[t].weight, options.n);
        std::vector<double> scratch(columns * block_size);
        GreekOutputs out{};
        for (std::size_t g = 0; g < greek_count; ++g) {
            if (wanted[g]) out[g] = scratch.data() + place[g] * block_size;
        }
        Faults faults;
        for (std::size_t first = begin; first < end; first += block_size) {
            check_stop();
            const std::size_t n = std::min(block_size, end - first);
            std::bitset<block_size> faulty;  // rows counted already
            worker.run(first, n, out, 0.0, faults, &faulty);
            std::int32_t where[block_size];
            const bool one_bucket = read_buckets(bucket, buckets, first, n, where);
            for (std::size_t t = 0; t < terms.size(); ++t) {
                const double* weight = weight_cuts[t].block(terms[t].weight, first, n);
                const double* value = out[std::size_t(terms[t].greek)];
                double sum = table.dot(weight, value, n);
                Lane own_weight, own_value;
                if (!std::isfinite(sum)) {
                    std::copy_n(weight, n, own_weight);
                    std::copy_n(value, n, own_value);
                    settle(own_weight, own_value, first, n, faulty, faults);
                    weight = own_weight;
                    value = own_value;
                    sum = table.dot(weight, value, n);
                }
                double* into = mine + t * buckets;
                if (one_bucket) {
                    into[where[0]] += sum;
                } else {
                    for (std::size_t i = 0; i < n; ++i) into[where[i]] += weight[i] * value[i];
                }
            }
        }
        log.add(faults);
    });
    for (std::size_t s = 0; s < segments; ++s) {
        for (std::size_t c = 0; c < cells; ++c) sums[c] += partial[s * cells + c];
    }
    return log.total();
}

}  // namespace hedgecore
