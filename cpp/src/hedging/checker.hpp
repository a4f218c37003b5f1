// What the parts of a plan are checked and computed with.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"

namespace hedgecore {

inline std::string text(double value) {
    char buffer[32];
    for (int digits = 1; digits <= 17; ++digits) {  // the shortest that reads back
        std::snprintf(buffer, sizeof buffer, "%.*g", digits, value);
        if (std::strtod(buffer, nullptr) == value) break;
    }
    return buffer;
}

struct Checker {
    std::string where;

    void require(bool good, const char* name, double value, const char* demand) const {
        if (!good) throw std::invalid_argument(where + name + " = " + text(value) + " must be " + demand);
    }
    void positive(double x, const char* name) const { require(x > 0 && std::isfinite(x), name, x, "positive"); }
    void not_negative(double x, const char* name) const { require(x >= 0 && std::isfinite(x), name, x, "zero or positive"); }
    void finite(double x, const char* name) const { require(std::isfinite(x), name, x, "finite"); }
    void level(int index, std::size_t levels, const char* name) const {
        require(index < int(levels), name, index, "one of the levels of the paths");
    }
};

// The same bits whatever the mathematics library of the machine.
inline double exponential_of(double x) {
    double y;
    kernels().exp(&x, &y, 1);
    return y;
}

inline double power(double x, double exponent) {
    double y;
    kernels().log(&x, &y, 1);
    return exponential_of(exponent * y);
}

}  // namespace hedgecore
