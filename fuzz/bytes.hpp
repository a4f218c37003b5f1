// From the bytes of a fuzzer to numbers and choices, and how a target says that a property does not hold.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace fuzz {

// Bytes from first to last, then zeros. Each call takes some: never two in one expression whose order C++ leaves open.
class Bytes {
public:
    Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    bool empty() const { return at_ == end_; }
    std::uint8_t byte() { return empty() ? 0 : *at_++; }
    bool flag() { return byte() & 1; }
    std::size_t below(std::size_t n) { return byte() % n; }
    std::uint64_t word(int bytes) {
        std::uint64_t w = 0;
        for (int i = 0; i < bytes; ++i) w = w << 8 | byte();
        return w;
    }
    double share() { return double(word(2)) / 65535.0; }

    // A number that fits, from low to high, most of the time; any size or any bits at other times.
    double number(double low, double high) {
        const std::uint8_t how = byte();
        if (how < 192) return low + (high - low) * share();
        if (how < 216) return special();
        const std::uint64_t bits = word(8);
        double any;
        std::memcpy(&any, &bits, sizeof any);
        if (how < 236) return any;
        const int exponent = int(word(2) % 2098) - 1074;
        return std::ldexp(1.0 + share(), exponent) * (how % 2 ? 1.0 : -1.0);
    }

private:
    double special() {
        using Limits = std::numeric_limits<double>;
        constexpr double values[] = {
            0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e-100, 1e-8, 1e8, 1e100, 1e300, -1e300, 700.0, -700.0,
            Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), Limits::max(), -Limits::max(), Limits::min(),
            -Limits::min(), Limits::denorm_min(), Limits::epsilon(), 1.0 + Limits::epsilon(),
        };
        return values[below(std::size(values))];
    }

    const std::uint8_t *at_, *end_;
};

inline std::uint64_t bits_of(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

// Every NaN is one; zeros have their signs.
inline bool same(double a, double b) { return bits_of(a) == bits_of(b) || (std::isnan(a) && std::isnan(b)); }

[[noreturn]] inline void broken(const std::string& what) {
    std::fprintf(stderr, "property does not hold: %s\n", what.c_str());
    std::abort();
}

inline std::string text(double x) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.17g", x);
    return digits;
}

inline void check_same(const std::vector<double>& a, const std::vector<double>& b, const std::string& what) {
    if (a.size() != b.size()) broken(what + ": sizes");
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!same(a[i], b[i])) broken(what + "[" + std::to_string(i) + "]: " + text(a[i]) + " and " + text(b[i]));
    }
}

}  // namespace fuzz
