// The drivers of prices, Greeks and implied vols.
#include "hedgecore/pricing.hpp"

#include <cmath>
#include <limits>
#include <span>
#include <string>

#include "pricing/stream.hpp"

namespace hedgecore {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const Kernels::ClosedForm& closed_form(const Options& options) {
    const Kernels& table = kernels();
    if (options.model == Model::bachelier) return table.bachelier;
    switch (options.payoff) {
        case Payoff::vanilla: return table.black;
        case Payoff::cash_or_nothing: return table.cash_or_nothing;
        case Payoff::asset_or_nothing: return table.asset_or_nothing;
    }
    throw std::invalid_argument("unknown payoff");
}

const Edges& edges_of(const Options& options) {
    if (options.model == Model::bachelier) return bachelier_edges;
    if (options.payoff == Payoff::vanilla) return black_edges;
    return options.payoff == Payoff::cash_or_nothing ? cash_or_nothing_edges : asset_or_nothing_edges;
}

// What a Greek is made of under Black (greeks.inl); the other closed forms look at needs_rates alone.
unsigned needs_of(Greek greek, Settlement settlement, Form form) {
    const bool inverse = settlement == Settlement::inverse;
    switch (greek) {
        case Greek::price: return needs_tails;
        case Greek::delta: return inverse ? needs_strike_part : needs_underlying_part;
        case Greek::gamma: return needs_unit_density | (inverse ? needs_strike_part : 0U);
        case Greek::vega: return inverse ? needs_unit_density : 0U;
        case Greek::theta:
            return needs_unit_density | (form == Form::forward ? 0U : needs_underlying_part | needs_strike_part | needs_rates);
        case Greek::rho: return form == Form::spot ? needs_strike_part : needs_tails;
        case Greek::charm: return (inverse ? needs_strike_part : needs_underlying_part) | needs_unit_density | needs_points | needs_rates;
        case Greek::speed: return (inverse ? needs_strike_part : 0U) | needs_unit_density | needs_points;
        case Greek::color: return (inverse ? needs_strike_part : 0U) | needs_unit_density | needs_points | needs_rates;
        case Greek::veta: return needs_unit_density | needs_points | needs_rates;
        case Greek::vanna:
        case Greek::zomma: return needs_unit_density | needs_points;
        case Greek::volga:
        case Greek::ultima: return needs_points;
        case Greek::dual_delta: return needs_strike_part;
        case Greek::phi:
        case Greek::black_delta: return needs_underlying_part;
        case Greek::black_gamma:
        case Greek::dual_gamma: return needs_unit_density;
    }
    return ~0U;
}

}  // namespace

Domain domain_of(const Options& options) {
    if (options.model == Model::black) return Domain::not_negative;
    if (options.payoff != Payoff::vanilla) {
        throw std::invalid_argument("digital payoffs are priced under model 'black' only, not 'bachelier'");
    }
    return options.settlement == Settlement::inverse ? Domain::positive_underlying : Domain::real;
}

GreekStream::GreekStream(const Options& options, const GreekSet& wanted)
    : options_(options), rows_(options), closed_form_(closed_form(options)), edges_(edges_of(options)),
      domain_(domain_of(options)) {
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (!wanted[g]) continue;
        const auto pass = closed_form_.greek[std::size_t(options.settlement)][g];
        if (!pass) {
            throw std::invalid_argument(std::string(greek_names[g]) + " is defined for inverse settlement only");
        }
        if (Greek(g) == Greek::phi && rows_.form() != Form::spot) {
            throw std::invalid_argument("phi (the carry's Greek) needs the spot form: the forward holds no carry");
        }
        passes_[pass_count_++] = {g, pass};
        needs_ |= needs_of(Greek(g), options.settlement, rows_.form());
    }
}

GreekStream::Worker::Worker(const GreekStream& stream) : stream_(stream) {
    stream.rows_.start(cuts_);
    vol_cut_.start(stream.options_.vol, stream.options_.n);
    block_.settlement = stream.options_.settlement;
    block_.needs = stream.needs_;
    block_.wants_rates = has_need(stream.needs_, needs_rates);
}

void GreekStream::Worker::run(std::size_t first, std::size_t n, const GreekOutputs& out, double invalid,
                              Faults& faults, std::bitset<block_size>* faulty) {
    const Settlement settlement = stream_.options_.settlement;
    const std::span passes(stream_.passes_.data(), stream_.pass_count_);
    stream_.rows_.cut(cuts_, block_, first, n);
    block_.vol = vol_cut_.block(stream_.options_.vol, first, n);
    double* price = out[std::size_t(Greek::price)];
    block_.value = price && settlement == Settlement::linear ? price : block_.own_value;
    const bool special = stream_.closed_form_.prepare(block_) || block_.odd_kinds;
    for (const Pass& pass : passes) pass.run(block_, out[pass.greek]);
    if (!special) return;
    for (std::size_t i = 0; i < n; ++i) {
        Faults fault = find_fault(block_, block_.kind, block_.vol, i, stream_.domain_);
        if (!fault.argument && !stream_.edges_.at_limit(block_, i)) continue;
        for (const Pass& pass : passes) {
            out[pass.greek][i] =
                fault.argument ? invalid : stream_.edges_.limit(block_, settlement, Greek(pass.greek), i);
        }
        if (fault.argument && faulty) (*faulty)[i] = true;
        fault.row = first + i;
        merge(faults, fault);
    }
}

Faults greeks(const Options& options, const GreekOutputs& outputs, const Execution& execution) {
    GreekSet wanted;
    std::transform(outputs.begin(), outputs.end(), wanted.begin(), [](const double* out) { return out != nullptr; });
    const GreekStream stream(options, wanted);
    FaultLog log;
    parallel_for(options.n, rows_per_chunk, execution, [&](std::size_t begin, std::size_t end) {
        GreekStream::Worker worker(stream);
        Faults faults;
        GreekOutputs out{};
        for (std::size_t g = 0; g < greek_count; ++g) out[g] = wanted[g] ? outputs[g] + begin : nullptr;
        for (std::size_t first = begin; first < end; first += block_size) {
            worker.run(first, std::min(block_size, end - first), out, nan, faults);
            for (std::size_t g = 0; g < greek_count; ++g) out[g] += wanted[g] ? block_size : 0;
        }
        log.add(faults);
    });
    return log.total();
}

Faults implied_vol(const Options& options, Column<double> price, double* vol, Status* status,
                   const Execution& execution) {
    const Rows rows(options);
    if (options.payoff != Payoff::vanilla) {
        throw std::invalid_argument("the value of a digital payoff does not determine the vol: implied vols are for 'vanilla'");
    }
    const Domain domain = domain_of(options);
    const bool normal = options.model == Model::bachelier;
    const auto solve = normal ? kernels().implied_normal_vol : kernels().implied_vol;
    FaultLog log;
    parallel_for(options.n, rows_per_chunk, execution, [&](std::size_t begin, std::size_t end) {
        Rows::Cuts cuts;
        Cut price_cut;
        ImpliedBlock block;
        Faults faults;
        rows.start(cuts);
        price_cut.start(price, options.n);
        block.settlement = options.settlement;
        block.wants_rates = false;
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t n = std::min(block_size, end - first);
            rows.cut(cuts, block, first, n);
            block.price = price_cut.block(price, first, n);
            block.vol = vol + first;
            const bool special = solve(block) || block.odd_kinds;
            if (status) std::fill_n(status + first, n, Status::ok);
            if (!special) continue;
            for (std::size_t i = 0; i < n; ++i) {
                // a value that is none beside the largest is none at all
                const bool vanishes = !normal && block.time_value[i] > 0.0 && block.share[i] == 0.0;
                const double value = vanishes ? 0.0 : block.time_value[i], scale = block.scale[i];
                Faults fault = find_fault(block, block.kind, nullptr, i, domain);
                Status code = Status::ok;
                if (!fault.argument && !std::isfinite(block.price[i])) {
                    fault = {1, i, "price", block.price[i], "finite"};
                }
                if (!fault.argument && block.expiry[i] == 0.0) {
                    fault = {1, i, "expiry", 0.0, "positive: at expiry a price does not depend on the vol"};
                }
                if (!fault.argument && !normal && (block.underlying[i] == 0.0 || block.strike[i] == 0.0)) {
                    const bool no_strike = block.strike[i] == 0.0;
                    fault = {1, i, no_strike ? "strike" : (rows.form() == Form::spot ? "spot" : "forward"), 0.0,
                             "positive: at 0 a price does not depend on the vol"};
                }
                if (fault.argument) {
                    code = Status::invalid_input;
                } else if (value <= 0.0) {
                    // short of the intrinsic value by no more than its own rounding is the intrinsic value: vol 0
                    const double slack = 4.0 * std::numeric_limits<double>::epsilon() *
                                         (std::fabs(block.underlying_leg[i]) + std::fabs(block.strike_leg[i])) /
                                         (rows.form() == Form::spot ? 1.0 : block.underlying_discount[i]);
                    const bool is_in = block.kind[i] * block.leg_difference[i] > 0.0;
                    if (value == 0.0 || (is_in && -value <= slack)) {
                        vol[first + i] = 0.0;
                        continue;
                    }
                    code = Status::below_intrinsic;
                    fault = {1, i, "price", block.price[i], "not below the intrinsic value"};
                } else if (normal ? !std::isfinite(block.vol[i]) : value >= scale) {
                    code = Status::above_maximum;
                    fault = {1, i, "price", block.price[i],
                             normal ? "below the value at the largest finite vol" : "below the value at infinite vol"};
                } else if (!(block.vol[i] >= 0.0)) {
                    code = Status::invalid_input;
                    fault = {1, i, "price", block.price[i], "of amounts with digits: discounted they are below 2.2e-308"};
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
