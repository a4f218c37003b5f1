// Vector functions.
#pragma once

#include <string>
#include <vector>

#include "hedgecore/math.hpp"
#include "lines.hpp"

namespace same_bits {

inline void print_vector_functions() {
    struct Function {
        const char* name;
        void (*map)(const double*, double*, std::size_t);
        int low, high;  // exponents of the arguments
        bool negative;
    };
    const Function functions[] = {
        {"math.exp", math::exp, -60, 10, true},
        {"math.log", math::log, -1022, 1023, false},
        {"math.normal_pdf", math::normal_pdf, -60, 6, true},
        {"math.normal_cdf", math::normal_cdf, -60, 6, true},
        {"math.normal_quantile", math::normal_quantile, -1022, -1, false},
    };
    const auto arguments = [](std::uint64_t seed, int low, int high, bool negative) {
        inputs::Source source(seed);
        std::vector<double> x(rows);
        for (double& value : x) {
            const int bend = high > 6 ? -2 : high - 4;
            value = source.word() >> 63 ? source.spread(low, high) : source.spread(bend, bend + 4);
            if (negative) value *= source.sign();
            if (source.integer(0, 31) == 0) value = edge(source);
        }
        return Stored<double>(x, 1);
    };
    Stored<double> out(rows);
    for (const Function& f : functions) {
        Stored<double> x = arguments(1, f.low, f.high, f.negative);
        for (const auto& [begin, end] : calls()) f.map(x.data() + begin, out.data() + begin, end - begin);
        print(f.name, out.data(), rows);
    }
    Stored<double> a = arguments(2, -1022, 1023, false), b = arguments(3, -1022, 1023, false);
    for (const auto& [begin, end] : calls()) {
        math::log_ratio(a.data() + begin, b.data() + begin, out.data() + begin, end - begin);
    }
    print("math.log_ratio", out.data(), rows);
}

}  // namespace same_bits
