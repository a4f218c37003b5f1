// What a line is made of: hashes, rows in memory by layout, the calls they are cut into, edges among the inputs.
#pragma once

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "hedgecore/pricing.hpp"
#include "../inputs.hpp"

namespace same_bits {

using namespace hedgecore;

constexpr std::size_t rows = 20'011;  // several chunks, a ragged last block, a ragged last vector
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

enum class Layout { plain, pieces, strided, reversed, shifted };
constexpr const char* layout_names[] = {"plain", "pieces", "strided", "reversed", "shifted"};

inline Layout layout = Layout::plain;
inline Execution execution;
inline std::string wanted;  // the line whose values are printed

// --- hashes --------------------------------------------------------------------------------------------------------

class Hash {  // FNV-1a over the bytes, lowest first
public:
    void add(std::uint64_t word) {
        for (int byte = 0; byte < 8; ++byte) {
            value_ = (value_ ^ (word >> (8 * byte) & 0xff)) * 0x100000001b3ULL;
        }
    }
    unsigned long long value() const { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

// What a value is, apart from its digits. Next to the underflow an ulp decides what is zero.
inline std::uint64_t pattern_of(double x) {
    if (x != x) return 1;
    if (x == infinity) return 2;
    if (x == -infinity) return 3;
    return x > -1e-290 && x < 1e-290 ? 4 : 5;
}

inline void print(const std::string& name, const double* values, std::size_t n) {
    if (!wanted.empty()) {
        for (std::size_t i = 0; i < n && name == wanted; ++i) std::printf("%zu %.17g %a\n", i, values[i], values[i]);
        return;
    }
    Hash hash, pattern;
    for (std::size_t i = 0; i < n; ++i) {
        hash.add(values[i] == values[i] ? inputs::bits_of(values[i]) : 0x7ff8000000000000ULL);
        pattern.add(pattern_of(values[i]));
    }
    std::printf("%s %016llx %016llx\n", name.c_str(), hash.value(), pattern.value());
}

// --- memory --------------------------------------------------------------------------------------------------------

// n values in memory as the layout asks: `stride` apart; for the layout `shifted` one place off a cache line.
template <class T>
class Stored {
public:
    explicit Stored(std::size_t n, std::ptrdiff_t stride = 1) : stride_(stride) {
        const std::size_t step = std::size_t(stride < 0 ? -stride : stride), line = 64 / sizeof(T);
        memory_.resize(n * step + 2 * line);
        first_ = memory_.data();
        while (reinterpret_cast<std::uintptr_t>(first_) % 64 != 0) ++first_;
        if (layout == Layout::shifted) ++first_;
        if (stride < 0) first_ += (n - 1) * step;
    }
    Stored(const std::vector<T>& values, std::ptrdiff_t stride) : Stored(values.size(), stride) {
        for (std::size_t i = 0; i < values.size(); ++i) first_[std::ptrdiff_t(i) * stride_] = values[i];
    }
    Stored(Stored&&) = default;
    T* data() { return first_; }
    Column<T> column() const { return {first_, stride_}; }

private:
    std::vector<T> memory_;
    T* first_;
    std::ptrdiff_t stride_;
};

template <class T>
Stored<T> store(const std::vector<T>& values) {
    return Stored<T>(values, layout == Layout::strided ? 3 : (layout == Layout::reversed ? -2 : 1));
}

// The calls that the rows are cut into.
inline std::vector<std::pair<std::size_t, std::size_t>> calls() {
    if (layout != Layout::pieces) return {{0, rows}};
    std::vector<std::pair<std::size_t, std::size_t>> all;
    std::size_t begin = 0;
    for (const std::size_t end : {1, 2, 5, 12, 139, 267, 396, 4'492, 4'493, 13'000, int(rows)}) {
        all.emplace_back(begin, end);
        begin = end;
    }
    return all;
}

template <class T>
Column<T> from(Column<T> column, std::size_t begin) {
    return column ? Column<T>{column.data + std::ptrdiff_t(begin) * column.stride, column.stride} : column;
}

constexpr double edges[] = {
    0.0, -0.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1e-200, 1e-17, 0.5, 1.0, 2.0, 37.5, 1e17, 1e200,
    1.7976931348623157e308, -1.0, -1e-3, infinity, -infinity, not_a_number,
};

inline double edge(inputs::Source& source) { return edges[source.word() % std::size(edges)]; }

// The faults of the calls that the rows were cut into.
struct FaultCount {
    double count = 0.0, first = -1.0;

    void add(const Faults& faults, std::size_t begin) {
        if (faults.count != 0 && count == 0.0) first = double(begin + faults.row);
        count += double(faults.count);
    }
    void print(const std::string& name) const {
        const double both[] = {count, first};
        same_bits::print(name + ".faults", both, 2);
    }
};

}  // namespace same_bits
