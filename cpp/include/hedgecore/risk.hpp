// Risk of books: weighted sums of Greeks by bucket, without one value kept per option.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hedgecore/pricing.hpp"

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

}  // namespace hedgecore
