// The quotes that fits take: beyond these bounds squares of residuals are no numbers.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include "hedgecore/surface.hpp"

namespace hedgecore::surface {

// Of `row`, where there are several.
inline void check_number(double value, const char* name, double low, double high, std::ptrdiff_t row = -1) {
    if (value >= low && value <= high) return;
    char demand[96];
    std::snprintf(demand, sizeof demand, " = %g must be from %g to %g", value, low, high);
    throw std::invalid_argument(name + (row < 0 ? "" : "[" + std::to_string(row) + "]") + demand);
}

inline void check_quotes(const SmileQuotes& q) {
    const std::size_t n = q.k.size();
    if (n < 3) throw std::invalid_argument("a fit needs at least 3 quotes, not " + std::to_string(n));
    if (q.w.size() != n || q.weight.size() != n) throw std::invalid_argument("k, w and weight must have one length");
    for (std::size_t i = 0; i < n; ++i) {
        check_number(q.k[i], "k", -100, 100, std::ptrdiff_t(i));
        check_number(q.w[i], "w", 1e-20, 1e6, std::ptrdiff_t(i));
        check_number(q.weight[i] * q.w[i], "weight x w", 1e-20, 1e10, std::ptrdiff_t(i));
    }
}

}  // namespace hedgecore::surface
