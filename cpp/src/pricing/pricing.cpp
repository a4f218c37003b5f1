// The drivers: rows to blocks, blocks to kernels, faults back to rows.
#include "hedgecore/pricing.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"
#include "pricing/limits.hpp"

namespace hedgecore {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t rows_per_chunk = 32 * block_size;

constexpr double one = 1.0, zero = 0.0;

// A column cut into blocks: a contiguous one is used where it lies, others go through a buffer, a single value is
// spread once.
class Cut {
public:
    template <class T>
    void start(Column<T> column) {
        if (column.stride == 0) std::fill_n(buffer_, block_size, double(column[0]));
    }
    const double* block(Column<double> column, std::size_t first, std::size_t n) {
        if (column.stride == 1) return column.data + first;
        if (column.stride != 0) copy(column, first, n);
        return buffer_;
    }
    const double* block(Column<std::int8_t> column, std::size_t first, std::size_t n) {
        if (column.stride != 0) copy(column, first, n);
        return buffer_;
    }

private:
    template <class T>
    void copy(Column<T> column, std::size_t first, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) buffer_[i] = double(column[first + i]);
    }
    alignas(64) Lane buffer_;
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
        rate_ = options.rate ? options.rate : Column<double>{&zero, 0};
        carry_ = options.carry ? options.carry : Column<double>{&zero, 0};
        form_ = spot ? Form::spot : (options.discount ? Form::discounted_forward : Form::forward);
    }

    Form form() const { return form_; }

    struct Cuts {
        Cut kind, underlying, strike, expiry, discount, rate, carry;
    };

    void start(Cuts& cuts) const {
        cuts.kind.start(options_.kind);
        cuts.underlying.start(underlying_);
        cuts.strike.start(options_.strike);
        cuts.expiry.start(options_.expiry);
        if (form_ == Form::discounted_forward) cuts.discount.start(options_.discount);
        if (form_ == Form::spot) {
            cuts.rate.start(rate_);
            cuts.carry.start(carry_);
        }
    }

    template <class Block>
    void cut(Cuts& cuts, Block& block, std::size_t first, std::size_t n) const {
        block.n = n;
        block.form = form_;
        block.kind = cuts.kind.block(options_.kind, first, n);
        block.underlying = cuts.underlying.block(underlying_, first, n);
        block.strike = cuts.strike.block(options_.strike, first, n);
        block.expiry = cuts.expiry.block(options_.expiry, first, n);
        if (form_ == Form::discounted_forward) block.discount = cuts.discount.block(options_.discount, first, n);
        if (form_ == Form::spot) {
            block.rate = cuts.rate.block(rate_, first, n);
            block.carry = cuts.carry.block(carry_, first, n);
        }
    }

private:
    const Options& options_;
    Column<double> underlying_, rate_, carry_;
    Form form_;
};

// The faults of one chunk or of all: their number and the first row.
void merge(Faults& total, const Faults& other) {
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

}  // namespace

Faults greeks(const Options& options, const GreekOutputs& outputs, const Execution& execution) {
    const Rows rows(options);
    const Kernels& table = kernels();
    const auto settlement = static_cast<std::size_t>(options.settlement);
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (!outputs[g]) continue;
        if (!table.greek[settlement][g]) {
            throw std::invalid_argument(std::string(greek_names[g]) + " is defined for inverse settlement only");
        }
        if (Greek(g) == Greek::phi && rows.form() != Form::spot) {
            throw std::invalid_argument("phi (the carry's Greek) needs the spot form: the forward holds no carry");
        }
    }
    const auto wanted = [&](Greek g) { return outputs[std::size_t(g)] != nullptr; };
    const bool wants_rates = wanted(Greek::theta) || wanted(Greek::charm) || wanted(Greek::veta) || wanted(Greek::color);

    FaultLog log;
    parallel_for(options.n, rows_per_chunk, execution, [&](std::size_t begin, std::size_t end) {
        Rows::Cuts cuts;
        Cut vol_cut;
        BlackBlock block;
        Faults faults;
        rows.start(cuts);
        vol_cut.start(options.vol);
        block.wants_rates = wants_rates;
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t n = std::min(block_size, end - first);
            rows.cut(cuts, block, first, n);
            block.vol = vol_cut.block(options.vol, first, n);
            const std::size_t special = table.black_prepare(block);
            for (std::size_t g = 0; g < greek_count; ++g) {
                if (outputs[g]) table.greek[settlement][g](block, outputs[g] + first);
            }
            if (special == 0) continue;
            for (std::size_t i = 0; i < n; ++i) {
                Faults fault = find_fault(block, block.kind, block.vol, i);
                const bool limit = block.total_vol[i] <= smallest_total_vol || block.underlying_leg[i] == 0.0 ||
                                   block.strike_leg[i] == 0.0;
                if (!fault.argument && !limit) continue;
                for (std::size_t g = 0; g < greek_count; ++g) {
                    if (!outputs[g]) continue;
                    outputs[g][first + i] =
                        fault.argument ? nan : greek_limit(block, options.settlement, Greek(g), i);
                }
                fault.row = first + i;
                merge(faults, fault);
            }
        }
        log.add(faults);
    });
    return log.total();
}

Faults implied_vol(const Options& options, Column<double> price, double* vol, Status* status,
                   const Execution& execution) {
    const Rows rows(options);
    const Kernels& table = kernels();
    FaultLog log;
    parallel_for(options.n, rows_per_chunk, execution, [&](std::size_t begin, std::size_t end) {
        Rows::Cuts cuts;
        Cut price_cut;
        ImpliedBlock block;
        Faults faults;
        rows.start(cuts);
        price_cut.start(price);
        block.settlement = options.settlement;
        block.wants_rates = false;
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t n = std::min(block_size, end - first);
            rows.cut(cuts, block, first, n);
            block.price = price_cut.block(price, first, n);
            const std::size_t special = table.implied_vol(block);
            std::copy_n(block.vol, n, vol + first);
            if (status) std::fill_n(status + first, n, Status::ok);
            if (special == 0) continue;
            for (std::size_t i = 0; i < n; ++i) {
                const double value = block.time_value[i], scale = block.scale[i];
                Faults fault = find_fault(block, block.kind, nullptr, i);
                Status code = Status::ok;
                if (!fault.argument && !std::isfinite(block.price[i])) {
                    fault = {1, i, "price", block.price[i], "finite"};
                }
                if (!fault.argument && block.expiry[i] == 0.0) {
                    fault = {1, i, "expiry", 0.0, "positive: at expiry a price does not depend on the vol"};
                }
                if (!fault.argument && (block.underlying[i] == 0.0 || block.strike[i] == 0.0)) {
                    const bool no_strike = block.strike[i] == 0.0;
                    fault = {1, i, no_strike ? "strike" : (rows.form() == Form::spot ? "spot" : "forward"), 0.0,
                             "positive: at 0 a price does not depend on the vol"};
                }
                if (fault.argument) {
                    code = Status::invalid_input;
                } else if (value <= 0.0) {
                    // short of the intrinsic value by no more than its own rounding is the intrinsic value: vol 0
                    const double slack = 4.0 * std::numeric_limits<double>::epsilon() *
                                         (block.underlying_leg[i] + block.strike_leg[i]) /
                                         (rows.form() == Form::spot ? 1.0 : block.underlying_discount[i]);
                    const bool is_in = block.kind[i] * block.leg_difference[i] > 0.0;
                    if (value == 0.0 || (is_in && -value <= slack)) {
                        vol[first + i] = 0.0;
                        continue;
                    }
                    code = Status::below_intrinsic;
                    fault = {1, i, "price", block.price[i], "not below the intrinsic value"};
                } else if (value >= scale) {
                    code = Status::above_maximum;
                    fault = {1, i, "price", block.price[i], "below the value at infinite vol"};
                } else {
                    continue;
                }
                vol[first + i] = nan;
                if (status) status[first + i] = code;
                fault.row = first + i;
                merge(faults, fault);
            }
        }
        log.add(faults);
    });
    return log.total();
}

}  // namespace hedgecore
