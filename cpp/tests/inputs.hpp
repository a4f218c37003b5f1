// Inputs for programs that compare targets: made by integer arithmetic and single roundings alone, without the
// mathematics library and std:: distributions, so that they are the same bits everywhere.
#pragma once

#include <cstdint>
#include <cstring>

namespace inputs {

inline double from_bits(std::uint64_t bits) {
    double x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

inline std::uint64_t bits_of(double x) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return bits;
}

// SplitMix64 (Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014).
class Source {
public:
    explicit Source(std::uint64_t seed) : state_(seed) {}

    std::uint64_t word() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    // A whole number from low to high.
    std::int64_t integer(std::int64_t low, std::int64_t high) {
        return low + std::int64_t(word() % std::uint64_t(high - low + 1));
    }
    // A fraction in [1, 2) times 2^e, e from low to high, -1022 <= low, high <= 1023.
    double spread(int low, int high) {
        const std::uint64_t exponent = std::uint64_t(integer(low, high) + 1023);
        return from_bits((exponent << 52) | (word() >> 12));
    }
    // A multiple of 2^-20 in [low, high].
    double uniform(double low, double high) {
        return double(integer(std::int64_t(low * 1048576.0), std::int64_t(high * 1048576.0))) / 1048576.0;
    }
    double sign() { return word() >> 63 ? 1.0 : -1.0; }

private:
    std::uint64_t state_;
};

}  // namespace inputs
