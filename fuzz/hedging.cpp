// Hedging simulations of any position, policies, costs and execution: the same bits for any threads, levels and shards, and ledgers that add up.
#include <optional>
#include <stdexcept>

#include "bytes.hpp"
#include "dispatch/kernels.hpp"
#include "hedgecore/build_info.hpp"
#include "hedgecore/hedging.hpp"
#include "path_models.hpp"

namespace {

using namespace hedgecore;
using fuzz::broken;
using fuzz::Bytes;
using fuzz::some;
using fuzz::text;

struct Setting {
    PathModel model;
    PathRun run;
    std::vector<double> given;
    std::vector<HedgedOption> position;
    HedgeRun terms;
    HedgeInstrument instrument;
    std::vector<HedgePolicy> policies;
    HedgeCosts costs;
    OrderExecution orders;
    bool loose = false;  // what does not go together may be asked for
};

int level_of(Bytes& bytes, const Setting& s) {
    if (bytes.below(4) > 0) return -1;
    return s.loose ? int(bytes.below(3)) : int(s.model.processes.size()) - 1;
}

void paths_of(Bytes& bytes, Setting& s) {
    s.model.assets = {fuzz::asset_of(bytes)};
    if (bytes.below(4) == 0) s.model.processes = {fuzz::level_of(bytes)};
    s.run.seed = bytes.word(2);
    s.run.first_path = bytes.below(4) == 0 ? bytes.word(8) : 0;
    const std::size_t most = bytes.below(32) == 0 ? 4000 : 300;  // several chunks now and then
    s.run.paths = 1 + bytes.word(2) % most;
    s.run.steps = 1 + bytes.below(12);
    s.run.step = bytes.number(0.001, 0.1);
    s.run.antithetic = bytes.flag();
}

void position_of(Bytes& bytes, Setting& s) {
    const std::size_t n = 1 + bytes.below(3);
    const bool model_vol = bytes.below(4) == 0;
    for (std::size_t j = 0; j < n; ++j) {
        HedgedOption option;
        option.kind = bytes.flag() ? 1 : -1;
        option.strike = bytes.number(50, 150);
        option.quantity = bytes.number(-3, 3);
        option.vol = bytes.number(0.05, 2);
        option.expiry_step = 1 + bytes.below(s.run.steps);
        if (!model_vol && bytes.below(4) == 0) {
            const auto svi = [&] { return Svi{bytes.number(0, 0.1), bytes.number(0, 0.5), bytes.number(-1, 1), bytes.number(-0.5, 0.5), bytes.number(0.01, 1)}; };
            const Svi near = svi(), far = svi();
            option.smile = ScenarioSmile{near, far, bytes.number(0, 1), bytes.number(0, 1), bytes.number(0.01, 1), bytes.number(-1, 2)};
        }
        s.position.push_back(option);
    }
    s.terms.numeraire = bytes.flag() ? Numeraire::coin : Numeraire::quote;
    if (s.loose || s.terms.numeraire == Numeraire::quote) some(bytes, s.terms.rate, -0.2, 0.2);
    s.terms.model_vol = model_vol;
    some(bytes, s.terms.initial_value, -50, 50);
    some(bytes, s.terms.holding, -2, 2);
    s.terms.spot = s.model.assets[0].spot;
    s.terms.attribution = bytes.flag();
    s.instrument.kind = HedgeKind(bytes.below(4));
    const bool perpetual = s.instrument.kind == HedgeKind::linear_perpetual || s.instrument.kind == HedgeKind::inverse_perpetual;
    if (s.loose || perpetual) some(bytes, s.instrument.funding, -0.5, 0.5);
    if (s.loose || perpetual) s.instrument.funding_level = level_of(bytes, s);
    some(bytes, s.instrument.basis, -0.2, 0.2);
    s.instrument.maturity = double(s.run.steps) * s.run.step + bytes.share();
}

HedgePolicy policy_of(Bytes& bytes, const Setting& s, int depth) {
    HedgePolicy p;
    p.trigger = Trigger(bytes.below(3));
    p.width = Width(bytes.below(6));
    if (!s.loose && p.trigger == Trigger::interval && p.width != Width::realised_vol) p.width = Width::fixed;
    if (p.width == Width::zakamouline || bytes.below(8) == 0) p.centre = Centre::zakamouline;
    p.every = 1 + (bytes.below(4) == 0 ? bytes.below(5) : 0);
    p.size = bytes.number(0, p.width == Width::fixed ? 0.3 : 2);
    some(bytes, p.up, 0, 2), some(bytes, p.down, 0, 2), some(bytes, p.inner, 0, 1);
    const bool fixed = s.loose || p.width == Width::fixed;
    p.by_ratio = fixed && bytes.below(4) == 0;
    some(bytes, p.ratio, 0.1, 1.9), some(bytes, p.target, -1, 1), some(bytes, p.least_width, 0, 0.1);
    p.risk_aversion = bytes.number(0.1, 10);
    some(bytes, p.cost, 0, 0.01), some(bytes, p.fixed_cost, 0, 1);
    p.vol = bytes.number(0.05, 2);
    some(bytes, p.decay, 0, 0.99);
    p.forecast_level = level_of(bytes, s);
    if (p.width == Width::realised_vol && p.forecast_level < 0) p.decay = bytes.number(0.01, 0.99);
    some(bytes, p.power, -10, 10);
    p.impact = bytes.number(0.001, 1);
    p.in_money = fixed && bytes.below(4) == 0;
    some(bytes, p.least_trade, 0, 0.5), some(bytes, p.lot, 0, 0.5);
    some(bytes, p.cool_down, 4), some(bytes, p.blackout, 4);
    p.move_window = bytes.below(4) + (s.loose ? 0 : 1);
    some(bytes, p.least_move, 0, 0.1), some(bytes, p.least_fall, -1, 0.1);
    HedgeRatio& r = p.hedge_ratio;
    r.kind = bytes.below(4) == 0 ? RatioKind(bytes.below(5)) : RatioKind::black;
    if (!s.loose && !s.position[0].smile && r.kind == RatioKind::smile) r.kind = RatioKind::black;
    if (r.kind == RatioKind::scaled_vol) r.vol_scale = bytes.number(0.5, 2);
    if (r.kind == RatioKind::smile) r.stickiness = bytes.number(-1, 2);
    if (r.kind == RatioKind::hull_white) {
        for (double* x : {r.call, r.put}) x[0] = bytes.number(-0.5, 0.5), x[1] = bytes.number(-0.5, 0.5), x[2] = bytes.number(-0.5, 0.5);
    }
    if (r.kind == RatioKind::stochastic_vol) r.covariance = bytes.number(-1, 1), r.reversion = bytes.number(0, 5);
    if (depth < 3 && bytes.below(8) == 0) {
        p.combination = bytes.flag() ? Combination::any_of : Combination::all_of;
        for (std::size_t n = 1 + bytes.below(2); n > 0; --n) p.members.push_back(policy_of(bytes, s, depth + 1));
    }
    return p;
}

void costs_of(Bytes& bytes, Setting& s) {
    HedgeCosts& c = s.costs;
    some(bytes, c.half_spread, 0, 0.01), some(bytes, c.fee, -c.half_spread, 0.01), some(bytes, c.fee_per_coin, 0, 1), some(bytes, c.fee_cap, 0, 1);
    some(bytes, c.least_fee, 0, 1), some(bytes, c.fixed, 0, 1), some(bytes, c.impact, 0, 1), some(bytes, c.root_impact, 0, 0.1);
    const bool movable = s.instrument.kind == HedgeKind::spot || s.instrument.kind == HedgeKind::linear_perpetual;
    const bool own_price = movable && s.terms.numeraire == Numeraire::quote && !s.terms.attribution && s.terms.holding == 0;
    if (s.loose || own_price) some(bytes, c.permanent, 0, 1);
    c.fixed_level = level_of(bytes, s);
    c.close = bytes.flag();
}

// P(no more than 0, 1, 2, ...), of up to four.
std::vector<double> below_of(Bytes& bytes) {
    std::vector<double> below;
    for (std::size_t n = bytes.below(4); n > 0; --n) below.push_back((below.empty() ? 0.0 : below.back()) + bytes.number(0, 0.3));
    if (!below.empty()) below.push_back(1.0);
    return below;
}

void execution_of(Bytes& bytes, Setting& s) {
    OrderExecution& o = s.orders;
    if (bytes.below(2) == 0) return;
    o.below = below_of(bytes);
    some(bytes, o.failure, 0, 0.9);
    o.first_at_once = bytes.flag();
    if (bytes.below(4) == 0) o.poll = 1 + bytes.below(4), o.poll_phase = bytes.below(s.loose ? 4 : o.poll);
    if (bytes.below(4) == 0) o.block = 1 + bytes.below(4), o.block_phase = bytes.below(s.loose ? 4 : o.block), o.inclusion = below_of(bytes);
    some(bytes, o.settle_every, 5), some(bytes, o.settle_size, 0, 1);
    o.leakage = bytes.flag();
    for (std::size_t n = bytes.below(3); n > 0; --n) {
        Outage outage;
        outage.kind = OutageKind(bytes.below(s.loose ? 3 : 2));
        some(bytes, outage.rate, 0, 50), some(bytes, outage.move, 0, 0.2);
        outage.mean = bytes.number(0.001, 0.2);
        std::size_t at = 0;
        for (std::size_t w = 2 * bytes.below(3) + (s.loose ? bytes.below(2) : 0); w > 0; --w) outage.windows.push_back(at += 1 + bytes.below(4));
        some(bytes, outage.discount, 0, 0.5), some(bytes, outage.cost, 0, 0.1);
        o.outages.push_back(outage);
    }
}

struct Results {
    std::vector<double> ledger[hedge_ledgers], line[hedge_lines], price, option, sums, outage[outage_kinds];
    std::string refused;  // what the simulation said instead
};

Results simulate(const Setting& s, int threads) {
    Results r;
    const std::size_t paths = s.run.paths, policies = s.policies.size();
    const auto sized = [](std::vector<double>& values, std::size_t n) {
        values.assign(n, -7.0);
        return values.data();
    };
    HedgeOutputs out;
    out.stride = paths;
    out.option = sized(r.option, paths);
    out.sums = sized(r.sums, 2 * policies * hedge_ledgers);
    for (std::size_t k = 0; k < hedge_ledgers; ++k) out.ledger[k] = sized(r.ledger[k], policies * paths);
    for (std::size_t k = 0; k < outage_kinds; ++k) out.outage[k] = sized(r.outage[k], paths);
    if (s.terms.attribution) {
        for (std::size_t k = 0; k < hedge_lines; ++k) out.line[k] = sized(r.line[k], paths);
        out.price = sized(r.price, policies * paths);
    }
    try {
        simulate_hedging(s.model, s.run, s.position, s.terms, s.instrument, s.policies, s.costs, s.orders, out, {threads, {}});
    } catch (const std::invalid_argument& error) {
        r.refused = error.what();
        if (r.refused.empty()) broken("an error without a text");
    }
    return r;
}

void check_equal(const Results& a, const Results& b, const std::string& what) {
    if (a.refused.empty() != b.refused.empty()) broken(what + ": refused: " + a.refused + b.refused);
    if (!a.refused.empty()) return;
    for (std::size_t k = 0; k < hedge_ledgers; ++k) fuzz::check_same(a.ledger[k], b.ledger[k], what + ": " + hedge_ledger_names[k]);
    for (std::size_t k = 0; k < hedge_lines; ++k) fuzz::check_same(a.line[k], b.line[k], what + ": " + hedge_line_names[k]);
    for (std::size_t k = 0; k < outage_kinds; ++k) fuzz::check_same(a.outage[k], b.outage[k], what + ": " + outage_names[k]);
    fuzz::check_same(a.price, b.price, what + ": price");
    fuzz::check_same(a.option, b.option, what + ": position");
    fuzz::check_same(a.sums, b.sums, what + ": sums");
}

// How far ln(price / strike), discounts included, goes on each path: values of options are in units of the price, and K / S is e^600 at most.
std::vector<double> furthest_of(const Setting& s) {
    PathOutputs out;
    for (std::size_t t = 0; t <= s.run.steps; ++t) out.times.push_back(t);
    out.path_stride = out.times.size(), out.column_stride = out.path_stride * s.run.paths;
    std::vector<double> spot(out.column_stride), furthest(s.run.paths);
    out.spot = spot.data();
    simulate_paths(s.model, s.run, out, {1, {}});
    const double carried = std::fabs(s.terms.rate) * double(s.run.steps) * s.run.step;
    for (std::size_t i = 0; i < spot.size(); ++i) {
        double& most = furthest[i / out.path_stride];
        for (const HedgedOption& option : s.position) most = std::fmax(most, std::fabs(std::log(spot[i]) - std::log(option.strike)) + carried);
    }
    return furthest;
}

// Ledgers of costs are the cost; the lines are the position; counts are counts. Absurd vols take prices to 0 or beyond all
// numbers: such paths are left out.
void check_ledgers(const Setting& s, const Results& r) {
    const auto of = [&](HedgeLedger ledger, std::size_t i) { return r.ledger[std::size_t(ledger)][i]; };
    for (std::size_t i = 0; i < s.policies.size() * s.run.paths; ++i) {
        if (!std::isfinite(of(HedgeLedger::turnover, i))) continue;
        const double parts[] = {of(HedgeLedger::fee, i), of(HedgeLedger::spread, i), of(HedgeLedger::fixed, i), of(HedgeLedger::impact, i), of(HedgeLedger::outage, i)};
        double sum = 0, size = 0;
        for (const double x : parts) sum += x, size += std::fabs(x);
        const double cost = of(HedgeLedger::cost, i);
        if (std::isfinite(size) && !(std::fabs(cost - sum) <= 1e-12 * size + 1e-290)) broken("cost " + text(cost) + ", its parts " + text(sum));
        for (const HedgeLedger ledger : {HedgeLedger::trades, HedgeLedger::failures}) {
            const double count = of(ledger, i);
            if (!(count >= 0 && count == std::nearbyint(count))) broken(std::string(hedge_ledger_names[std::size_t(ledger)]) + " " + text(count));
        }
        if (of(HedgeLedger::trades, i) == 0 && of(HedgeLedger::turnover, i) != 0) broken("turnover without a trade");
        if (of(HedgeLedger::turnover, i) < 0) broken("turnover " + text(of(HedgeLedger::turnover, i)));
    }
    const std::vector<double> furthest = s.terms.attribution ? furthest_of(s) : std::vector<double>{};
    for (std::size_t i = 0; i < furthest.size(); ++i) {
        if (!(furthest[i] < 550)) continue;
        double sum = 0, size = 0;
        for (const auto& line : r.line) sum += line[i], size += std::fabs(line[i]);
        if (std::isfinite(size) && !(std::fabs(sum - r.option[i]) <= 1e-9 * (size + std::fabs(r.option[i]) + std::fabs(s.terms.initial_value)) + 1e-290)) {
            std::string lines;
            for (std::size_t k = 0; k < hedge_lines; ++k) lines += std::string(k ? ", " : "") + hedge_line_names[k] + " " + text(r.line[k][i]);
            broken("the lines of path " + std::to_string(i) + " make " + text(sum) + " (" + lines + "), the position " + text(r.option[i]));
        }
    }
}

// The second half of the paths, run alone; where prices are beyond all numbers the neighbours in a block may show.
void check_shard(Setting s, const Results& whole) {
    const std::size_t paths = s.run.paths, skipped = paths / 2 / 2 * 2;  // antithetic pairs stay together
    s.run.first_path += skipped;
    s.run.paths -= skipped;
    const Results part = simulate(s, 1);
    if (!part.refused.empty()) broken("a shard is refused: " + part.refused);
    for (std::size_t k = 0; k < hedge_ledgers; ++k) {
        for (std::size_t i = 0; i < part.ledger[k].size(); ++i) {
            const double there = whole.ledger[k][i / s.run.paths * paths + skipped + i % s.run.paths];
            const double pnl = whole.ledger[0][i / s.run.paths * paths + skipped + i % s.run.paths];
            if (std::isfinite(pnl) && !fuzz::same(part.ledger[k][i], there)) {
                broken(std::string("a shard has another ") + hedge_ledger_names[k] + ": " + text(part.ledger[k][i]) + ", not " + text(there));
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> levels = available_levels();
    Bytes bytes(data, size);
    Setting s;
    s.loose = bytes.below(8) == 0;
    paths_of(bytes, s);
    position_of(bytes, s);
    costs_of(bytes, s);
    execution_of(bytes, s);
    do s.policies.push_back(policy_of(bytes, s, 0));
    while (!bytes.empty() && s.policies.size() < 4);

    std::optional<Results> fused;
    for (const std::string& level : levels) {
        use_level(level);
        const Results one = simulate(s, 1);
        check_equal(one, simulate(s, 2), level + ", two threads");
        if (!one.refused.empty()) continue;
        check_ledgers(s, one);
        check_shard(s, one);
        if (level == "v2") continue;
        if (fused) check_equal(*fused, one, "another level than " + level);
        else fused = one;
    }
    return 0;
}
