// From rows to blocks: what every driver of the pricing kernels shares.
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <mutex>
#include <stdexcept>

#include "dispatch/kernels.hpp"
#include "pricing/limits.hpp"

namespace hedgecore {

inline constexpr std::size_t rows_per_chunk = 32 * block_size;

// A column cut into blocks: a contiguous one is used where it lies, others go through a buffer, a single value is
// spread once.
class Cut {
public:
    // For blocks of at most n rows.
    void start(Column<double> column, std::size_t n) {
        if (column.stride == 0) std::fill_n(buffer_, std::min(n, block_size), column[0]);
    }
    const double* block(Column<double> column, std::size_t first, std::size_t n) {
        if (column.stride == 1) return column.data + first;
        if (column.stride != 0) {
            for (std::size_t i = 0; i < n; ++i) buffer_[i] = column[first + i];
        }
        return buffer_;
    }

private:
    alignas(64) Lane buffer_;
};

// Calls and puts, as numbers; `odd` when one of a block is neither +1 nor -1.
class KindCut {
public:
    void start(Column<std::int8_t> column, std::size_t n) {
        if (column.stride != 0) return;
        std::fill_n(buffer_, std::min(n, block_size), double(column[0]));
        odd = column[0] * column[0] != 1;
    }
    const double* block(Column<std::int8_t> column, std::size_t first, std::size_t n) {
        if (column.stride == 0) return buffer_;
        const std::int8_t* kinds = column.data + first;
        if (column.stride != 1) {
            for (std::size_t i = 0; i < n; ++i) gathered_[i] = column[first + i];
            kinds = gathered_;
        }
        odd = !kernels().widen(kinds, buffer_, n);
        return buffer_;
    }
    bool odd = false;

private:
    alignas(64) Lane buffer_;
    std::int8_t gathered_[block_size];
};

// The inputs that pricing and implied vols share.
class Rows {
public:
    explicit Rows(const Options& options) : options_(options) {
        const bool spot = bool(options.spot);
        if (spot == bool(options.forward)) throw std::invalid_argument("give exactly one of forward and spot");
        if (spot && options.discount) throw std::invalid_argument("discount goes with forward; with spot give rate and carry");
        if (!spot && (options.rate || options.carry)) {
            throw std::invalid_argument("rate and carry go with spot; with forward give discount");
        }
        underlying_ = spot ? options.spot : options.forward;
        const auto is_zero = [](const Column<double>& column) { return column.stride == 0 && column[0] == 0.0; };
        if (options.rate && !is_zero(options.rate)) rate_ = options.rate;
        if (options.carry && !is_zero(options.carry)) carry_ = options.carry;
        form_ = spot ? Form::spot : (options.discount ? Form::discounted_forward : Form::forward);
    }

    Form form() const { return form_; }

    struct Cuts {
        KindCut kind;
        Cut underlying, strike, expiry, discount, rate, carry;
    };

    void start(Cuts& cuts) const {
        const std::size_t n = options_.n;
        cuts.kind.start(options_.kind, n);
        cuts.underlying.start(underlying_, n);
        cuts.strike.start(options_.strike, n);
        cuts.expiry.start(options_.expiry, n);
        if (form_ == Form::discounted_forward) cuts.discount.start(options_.discount, n);
        if (rate_) cuts.rate.start(rate_, n);
        if (carry_) cuts.carry.start(carry_, n);
    }

    template <class Block>
    void cut(Cuts& cuts, Block& block, std::size_t first, std::size_t n) const {
        block.n = n;
        block.form = form_;
        block.kind = cuts.kind.block(options_.kind, first, n);
        block.odd_kinds = cuts.kind.odd;
        block.underlying = cuts.underlying.block(underlying_, first, n);
        block.strike = cuts.strike.block(options_.strike, first, n);
        block.expiry = cuts.expiry.block(options_.expiry, first, n);
        if (form_ == Form::discounted_forward) block.discount = cuts.discount.block(options_.discount, first, n);
        block.rate = rate_ ? cuts.rate.block(rate_, first, n) : nullptr;
        block.carry = carry_ ? cuts.carry.block(carry_, first, n) : nullptr;
    }

private:
    const Options& options_;
    Column<double> underlying_;
    Column<double> rate_, carry_;  // not given where they are zero throughout
    Form form_;
};

// The faults of one chunk or of all: their number and the first row.
inline void merge(Faults& total, const Faults& other) {
    if (other.count == 0) return;
    const std::size_t count = total.count + other.count;
    if (total.count == 0 || other.row < total.row) total = other;
    total.count = count;
}

class FaultLog {
public:
    void add(const Faults& chunk) {
        const std::lock_guard lock(mutex_);
        merge(total_, chunk);
    }
    Faults total() const { return total_; }

private:
    std::mutex mutex_;
    Faults total_;
};

// What the model lets underlying and strike be. Throws std::invalid_argument where model and payoff do not go together.
Domain domain_of(const Options& options);

// Greeks of blocks of rows, edges and faults included: the one driver behind greeks() and the sums of books.
using GreekSet = std::array<bool, greek_count>;

class GreekStream {
public:
    // Throws std::invalid_argument for Greeks that the settlement or the form does not have.
    GreekStream(const Options& options, const GreekSet& wanted);

    // One thread's working set.
    class Worker {
    public:
        explicit Worker(const GreekStream& stream);
        // Fills out[g][0, n) for every wanted Greek g from the rows that begin at `first`, n <= block_size. Rows outside the
        // domain get `invalid` and are added to the faults, and marked in `faulty` if given.
        void run(std::size_t first, std::size_t n, const GreekOutputs& out, double invalid, Faults& faults,
                 std::bitset<block_size>* faulty = nullptr);

    private:
        const GreekStream& stream_;
        Rows::Cuts cuts_;
        Cut vol_cut_;
        BlackBlock block_;
    };

private:
    struct Pass {
        std::size_t greek;
        Kernels::ClosedForm::GreekPass run;
    };

    const Options& options_;
    Rows rows_;
    const Kernels::ClosedForm& closed_form_;
    const Edges& edges_;
    Domain domain_;
    std::array<Pass, greek_count> passes_;  // the first pass_count_ of them
    std::size_t pass_count_ = 0;
    unsigned needs_ = 0;
};

}  // namespace hedgecore
