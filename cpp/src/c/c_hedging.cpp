// The plain C face of the hedging simulation: converts and calls.
#include <cmath>
#include <vector>

#include "c_interface.hpp"
#include "hedgecore/hedging.hpp"

namespace {

using namespace hedgecore;
using namespace hedgecore::c_interface;

int level_of(int has, std::size_t level, std::size_t levels, const char* name) {
    if (!has) return -1;
    if (level >= levels) {
        throw std::invalid_argument(std::string(name) + " = " + std::to_string(level) + " must be below the " + std::to_string(levels) +
                                    " levels that are given");
    }
    return int(level);
}

// Its price at the start is in `spot`.
PathModel paths_of(const hc_path_model& m, std::size_t steps) {
    PathAsset asset;
    asset.spot = m.spot;
    asset.drift = m.drift;
    asset.vol = m.vol;
    const auto kind = chosen<hc_path_kind>(m.kind, HC_PATHS_GIVEN, "hc_path_model.kind");
    if (kind == HC_PATHS_HESTON || kind == HC_PATHS_BATES) {
        asset.vol = 0;
        asset.heston = HestonVariance{m.v0, m.kappa, m.theta, m.xi, m.rho};
    }
    if (kind == HC_PATHS_MERTON || kind == HC_PATHS_BATES) {
        asset.jumps.kind = JumpKind::normal;
        asset.jumps.intensity = m.intensity;
        asset.jumps.mean = m.jump_mean;
        asset.jumps.std = m.jump_std;
    } else if (kind == HC_PATHS_KOU) {
        asset.jumps.kind = JumpKind::double_exponential;
        asset.jumps.intensity = m.intensity;
        asset.jumps.up_share = m.up_share;
        asset.jumps.up_rate = m.up_rate;
        asset.jumps.down_rate = m.down_rate;
    }
    PathModel model;
    if (kind == HC_PATHS_GIVEN) {
        const std::size_t times = steps + 1;
        required(m.given, "given", 1);
        if (m.given_paths == 0) throw std::invalid_argument("given_paths = 0 must be positive");
        asset.spot = m.given[0];
        asset.drift = 0;
        for (std::size_t i = 1; i < m.given_paths; ++i) {
            if (m.given[i * times] == asset.spot) continue;
            throw std::invalid_argument("given paths must start at one price: path 0 at " + text(asset.spot) + ", path " + std::to_string(i) +
                                        " at " + text(m.given[i * times]));
        }
        model.given = GivenPaths{m.given, m.given_levels, m.given_paths, times, m.given_first, std::ptrdiff_t(m.given_paths * times),
                                 std::ptrdiff_t(times), 1};
    }
    model.assets.push_back(asset);
    return model;
}

// The position on its steps, and what it costs at the start.
struct Held {
    std::vector<HedgedOption> options;
    double step = 0;
    HedgeRun terms;
};

Held held_of(const hc_hedged_options& o, const hc_hedge_run& run, const PathAsset& asset) {
    if (o.n == 0) throw std::invalid_argument("hc_hedged_options.n = 0 must be positive");
    if (run.steps == 0) throw std::invalid_argument("steps = 0 must be positive");
    known(run.steps, (std::size_t(1) << 33) - 1, "steps");
    required(o.kind, "kind", o.n), required(o.strike, "strike", o.n);
    required(o.expiry, "expiry", o.n), required(o.quantity, "quantity", o.n);
    double horizon = 0;
    for (std::size_t j = 0; j < o.n; ++j) {
        if (!(o.expiry[j] > 0 && std::isfinite(o.expiry[j]))) {
            throw std::invalid_argument("expiry[" + std::to_string(j) + "] = " + text(o.expiry[j]) + " must be positive");
        }
        horizon = std::max(horizon, o.expiry[j]);
    }
    Held held;
    held.step = horizon / double(run.steps);
    held.terms.rate = run.rate;
    held.terms.numeraire = flag(run.coin, "hc_hedge_run.coin") ? Numeraire::coin : Numeraire::quote;
    held.terms.model_vol = !o.vol;
    const double vol = asset.heston ? std::sqrt(asset.heston->v0) : asset.vol;
    if (!o.vol && !(vol > 0)) throw std::invalid_argument("vol must be given: the paths have none of their own");
    for (std::size_t j = 0; j < o.n; ++j) {
        const double place = o.expiry[j] / held.step;
        if (std::abs(place - std::nearbyint(place)) > 1e-6 * std::max(1.0, place) || std::nearbyint(place) < 1) {
            throw std::invalid_argument("expiry[" + std::to_string(j) + "] = " + text(o.expiry[j]) + " does not fall on one of " +
                                        std::to_string(run.steps) + " steps to the last expiry " + text(horizon));
        }
        HedgedOption option;
        option.kind = o.kind[j];
        option.strike = o.strike[j];
        option.quantity = o.quantity[j];
        option.vol = o.vol ? o.vol[j] : vol;
        option.expiry_step = std::size_t(std::nearbyint(place));
        held.options.push_back(option);
    }
    std::vector<double> value(o.n);
    if (o.premium) {
        value.assign(o.premium, o.premium + o.n);
    } else {
        Options black;
        black.n = o.n;
        black.kind = column(o.kind);
        black.strike = column(o.strike);
        black.expiry = column(o.expiry);
        black.vol = o.vol ? column(o.vol) : Column<double>{&vol, 0};
        black.spot = {&asset.spot, 0};
        black.rate = {&run.rate, 0};
        GreekOutputs outputs{};
        outputs[std::size_t(Greek::price)] = value.data();
        const Faults faults = greeks(black, outputs);
        if (faults.count > 0) {
            throw std::invalid_argument(std::string(faults.argument) + "[" + std::to_string(faults.row) + "] = " + text(faults.value) +
                                        " must be " + faults.demand);
        }
    }
    double total = 0;
    for (std::size_t j = 0; j < o.n; ++j) total += o.quantity[j] * value[j];
    held.terms.initial_value = run.coin ? total / asset.spot : total;
    return held;
}

HedgePolicy policy_of(const hc_hedge_policy& p) {
    HedgePolicy policy;
    policy.trigger = chosen<Trigger>(p.trigger, HC_TRIGGER_INTERVAL, "trigger");
    policy.centre = chosen<hc_centre>(p.centre, HC_CENTRE_ZAKAMOULINE, "centre") == HC_CENTRE_ZAKAMOULINE ? Centre::zakamouline : Centre::shared;
    policy.width = chosen<Width>(p.width, HC_WIDTH_SMOOTH, "width");
    if (p.vol_scale != 1) {
        policy.hedge_ratio.kind = RatioKind::scaled_vol;
        policy.hedge_ratio.vol_scale = p.vol_scale;
    }
    policy.every = p.every;
    policy.size = p.half_width;
    policy.up = p.up;
    policy.down = p.down;
    policy.inner = p.inner;
    policy.by_ratio = flag(p.by_ratio, "by_ratio");
    policy.ratio = p.ratio;
    policy.target = p.target;
    policy.least_width = p.least_width;
    policy.risk_aversion = p.risk_aversion;
    policy.cost = p.cost;
    policy.fixed_cost = p.fixed_cost;
    policy.vol = p.vol;
    policy.zakamouline = p.zakamouline;
    policy.decay = p.decay;
    policy.power = p.power;
    policy.impact = p.impact;
    policy.least_trade = p.least_trade;
    policy.lot = p.lot;
    policy.cool_down = p.cool_down;
    policy.blackout = p.blackout;
    policy.move_window = p.move_window;
    policy.least_move = p.least_move;
    policy.least_fall = p.least_fall;
    policy.in_money = flag(p.in_money, "in_money");
    return policy;
}

// What means nothing: trades to the target at each step.
void defaults(hc_hedge_policy& p) {
    const HedgePolicy none;
    p.size = sizeof p;
    p.every = none.every;
    p.up = none.up;
    p.down = none.down;
    p.ratio = none.ratio;
    p.risk_aversion = none.risk_aversion;
    p.vol_scale = 1;
    p.zakamouline = none.zakamouline;
    p.power = none.power;
    p.least_fall = none.least_fall;
}

// Structures of one size, one after the other, with what a caller of an older header does not have as in `missing`.
template <class T, class Made, class Make>
std::vector<Made> rows_of(const T* first, std::size_t n, const char* name, const char* row, const T& missing, const Make& make) {
    std::vector<Made> rows;
    if (n == 0) return rows;
    const std::size_t stride = read(first, name).size;
    const auto* bytes = reinterpret_cast<const unsigned char*>(first);
    for (std::size_t j = 0; j < n; ++j) {
        const std::string place = std::string(row) + "[" + std::to_string(j) + "]";
        // copied, as the places of structures that are longer or shorter than ours are theirs alone
        T one = missing;
        std::memcpy(&one.size, bytes + j * stride, sizeof one.size);
        if (one.size != stride) {
            throw std::invalid_argument(place + ".size = " + std::to_string(one.size) + " must be that of the first, " + std::to_string(stride));
        }
        std::memcpy(&one, bytes + j * stride, std::min(sizeof one, stride));
        try {
            rows.push_back(make(one));
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument(place + ": " + error.what());
        }
    }
    return rows;
}

std::vector<HedgePolicy> policies_of(const hc_hedge_policy* first, std::size_t n) {
    if (n == 0) throw std::invalid_argument("policies = 0 must be positive");
    hc_hedge_policy missing{};
    defaults(missing);
    return rows_of<hc_hedge_policy, HedgePolicy>(first, n, "hc_hedge_policy", "policy", missing, policy_of);
}

HedgeInstrument instrument_of(const hc_hedge_instrument* given, std::size_t levels) {
    HedgeInstrument instrument;
    if (!given) return instrument;
    const hc_hedge_instrument i = read(given, "hc_hedge_instrument");
    instrument.kind = chosen<HedgeKind>(i.kind, HC_DATED_FUTURE, "hc_hedge_instrument.kind");
    instrument.funding = i.funding;
    instrument.funding_level = level_of(flag(i.has_funding_level, "has_funding_level"), i.funding_level, levels, "funding_level");
    instrument.basis = i.basis;
    instrument.maturity = i.maturity;
    return instrument;
}

HedgeCosts costs_of(const hc_hedge_costs* given, std::size_t levels) {
    HedgeCosts costs;
    if (!given) return costs;
    const hc_hedge_costs c = read(given, "hc_hedge_costs");
    costs.fee = c.fee;
    costs.half_spread = c.half_spread;
    costs.fixed = c.fixed;
    costs.fixed_level = level_of(flag(c.has_fixed_level, "has_fixed_level"), c.fixed_level, levels, "fixed_level");
    costs.impact = c.impact;
    costs.root_impact = c.root_impact;
    costs.fee_per_coin = c.fee_per_coin;
    if (c.fee_cap != 0) costs.fee_cap = c.fee_cap;
    costs.least_fee = c.least_fee;
    costs.permanent = c.permanent;
    costs.close = !flag(c.keep_at_end, "keep_at_end");
    return costs;
}

// P(k or fewer), of probabilities that sum to one.
std::vector<double> below_of(const double* shares, std::size_t n, const char* name) {
    if (!shares) return {1.0};
    std::vector<double> below;
    double total = 0;
    std::size_t last = 0;
    for (std::size_t k = 0; k < n; ++k) {
        if (!(shares[k] >= 0)) {
            throw std::invalid_argument(std::string(name) + "[" + std::to_string(k) + "] = " + text(shares[k]) + " must be zero or positive");
        }
        total += shares[k];
        below.push_back(std::min(total, 1.0));
        if (shares[k] > 0) last = k;
    }
    if (!(std::abs(total - 1.0) < 1e-9)) {
        throw std::invalid_argument("the sum of " + std::string(name) + " = " + text(total) + " must be 1");
    }
    below.resize(last + 1);
    below.back() = 1.0;
    return below;
}

Outage outage_of(const hc_outage& o) {
    Outage outage;
    outage.kind = chosen<OutageKind>(o.kind, HC_OUTAGE_DEPEG, "kind");
    outage.rate = o.rate;
    outage.mean = o.mean;
    outage.move = o.move;
    required(o.window, "window", o.windows);
    if (o.windows > 0) outage.windows.assign(o.window, o.window + 2 * o.windows);
    if (!(o.rate != 0 || o.move != 0 || o.windows > 0)) throw std::invalid_argument("an outage needs a rate, a move or windows");
    outage.discount = o.discount;
    outage.cost = o.cost;
    return outage;
}

OrderExecution orders_of(const hc_order_execution* given) {
    OrderExecution orders;
    if (!given) {
        orders.below = orders.inclusion = {1.0};
        return orders;
    }
    const hc_order_execution o = read(given, "hc_order_execution");
    orders.below = below_of(o.latency, o.latencies, "latency");
    orders.failure = o.failure;
    orders.first_at_once = !flag(o.first_late, "first_late");
    if (o.poll != 0) orders.poll = o.poll;
    orders.poll_phase = o.poll_phase;
    orders.block = o.block;
    orders.block_phase = o.block_phase;
    orders.inclusion = below_of(o.inclusion, o.inclusions, "inclusion");
    orders.settle_every = o.settle_every;
    orders.settle_size = o.settle_size;
    orders.leakage = flag(o.leakage, "leakage");
    orders.outages = rows_of<hc_outage, Outage>(o.outage, o.outages, "hc_outage", "outages", hc_outage{}, outage_of);
    return orders;
}

static_assert(HC_LEDGERS == hedge_ledgers && HC_LINES == hedge_lines);

}  // namespace

extern "C" {

hc_status hc_hedge_policy_init(hc_hedge_policy* policy) {
    return guarded([&] {
        const std::size_t size = read(policy, "hc_hedge_policy").size;
        hc_hedge_policy p{};
        defaults(p);
        p.size = size;
        std::memcpy(policy, &p, std::min(sizeof p, size));
        return HC_OK;
    });
}

hc_status hc_hedge_simulate(const hc_path_model* given_model, const hc_hedge_run* given_run, const hc_hedged_options* given_options,
                            const hc_hedge_instrument* instrument, size_t policies, const hc_hedge_policy* policy,
                            const hc_hedge_costs* costs, const hc_order_execution* orders, const hc_hedge_outputs* given_outputs,
                            const hc_execution* execution) {
    return guarded([&] {
        const hc_hedge_run r = read(given_run, "hc_hedge_run");
        const PathModel model = paths_of(read(given_model, "hc_path_model"), r.steps);
        const std::size_t levels = model.given ? model.given->levels : 0;
        Held held = held_of(read(given_options, "hc_hedged_options"), r, model.assets[0]);
        const std::vector<HedgePolicy> laws = policies_of(policy, policies);
        const hc_hedge_outputs o = read(given_outputs, "hc_hedge_outputs");
        PathRun run;
        run.seed = r.seed;
        run.first_path = r.first_path;
        run.paths = r.paths;
        run.steps = r.steps;
        run.step = held.step;

        known(o.ledgers, hedge_ledgers, "ledgers");
        known(o.lines, hedge_lines, "lines");
        held.terms.attribution = o.line || o.price;
        // a ledger that the caller has no array for, and the position, are dropped
        std::vector<double> position(o.unhedged ? 0 : r.paths), sums(2 * hedge_ledgers * policies);
        HedgeOutputs outputs;
        outputs.option = o.unhedged ? o.unhedged : position.data();
        outputs.stride = r.paths;
        outputs.sums = sums.data();
        for (std::size_t k = 0; o.ledger && k < o.ledgers; ++k) outputs.ledger[k] = o.ledger[k];
        for (std::size_t k = 0; o.line && k < o.lines; ++k) outputs.line[k] = o.line[k];
        outputs.price = o.price;
        simulate_hedging(model, run, held.options, held.terms, instrument_of(instrument, levels), laws, costs_of(costs, levels),
                         orders_of(orders), outputs, execution_of(execution));
        for (std::size_t j = 0; o.sums && j < policies; ++j) {
            std::copy_n(sums.data() + 2 * hedge_ledgers * j, 2 * o.ledgers, o.sums + 2 * o.ledgers * j);
        }
        return HC_OK;
    });
}

}  // extern "C"
