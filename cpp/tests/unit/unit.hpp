// What the unit tests share: levels, bits, messages of exceptions, the normal distribution in extended precision.
#pragma once

#define DOCTEST_CONFIG_SUPER_FAST_ASSERTS  // half the time to compile
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <exception>
#include <numbers>
#include <string>
#include <vector>

#include "../inputs.hpp"
#include "dispatch/kernels.hpp"
#include "hedgecore/build_info.hpp"

namespace unit {

using namespace hedgecore;
using Numbers = std::vector<double>;

// Calls at every level of instruction sets that this machine has.
template <class Call>
void at_every_level(const Call& call) {
    struct Restored {
        std::string level = active_level();
        ~Restored() { use_level(level); }
    } usual;
    for (const std::string& level : available_levels()) {
        CAPTURE(level);
        use_level(level);
        call();
    }
}

inline bool same_bits(const Numbers& a, const Numbers& b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0);
}

// What an exception says; "" where there is none.
template <class Call>
std::string message_of(const Call& call) {
    try {
        call();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Threads of a call, by default no thought of polling.
inline Execution on_threads(int threads) {
    Execution execution;
    execution.threads = threads;
    return execution;
}

inline Column<double> column(const Numbers& values) { return {values.data(), 1}; }

inline long double cdf(long double x) { return 0.5L * std::erfc(-x / std::numbers::sqrt2_v<long double>); }
inline long double density(long double x) {
    return std::exp(-0.5L * x * x) * std::numbers::inv_sqrtpi_v<long double> / std::numbers::sqrt2_v<long double>;
}

}  // namespace unit
