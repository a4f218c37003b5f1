#include "hedging/hedge_plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"
#include "hedging/checker.hpp"
#include "parallel/check_stop.hpp"

namespace hedgecore {
namespace {

constexpr std::size_t steps_between_checks = 1024;

// Where both slices are positive the vol is, at any strike.
void check_smile(const ScenarioSmile& smile, const Checker& check) {
    check.positive(smile.expiry, "smile: expiry");
    check.finite(smile.ratio, "smile: stickiness");
    check.not_negative(smile.near_weight, "smile: weight");
    check.not_negative(smile.far_weight, "smile: weight");
    double least = 0;
    for (const auto& [slice, weight] : {std::pair{smile.near, smile.near_weight}, std::pair{smile.far, smile.far_weight}}) {
        if (weight == 0) continue;
        check.require(slice.b >= 0, "smile: b", slice.b, "zero or positive");
        check.require(std::abs(slice.rho) <= 1, "smile: rho", slice.rho, "from -1 to 1");
        check.not_negative(slice.sigma, "smile: sigma");
        check.finite(slice.m, "smile: m");
        least += weight * (slice.a + slice.b * slice.sigma * std::sqrt(1 - slice.rho * slice.rho));
    }
    check.positive(least, "smile: its least total variance");
}

double smile_vol(const ScenarioSmile& smile, double k) {
    double w = 0;
    for (const auto& [slice, weight] : {std::pair{smile.near, smile.near_weight}, std::pair{smile.far, smile.far_weight}}) {
        const double x = k - slice.m;
        w += weight * (slice.a + slice.b * (slice.rho * x + std::sqrt(x * x + slice.sigma * slice.sigma)));
    }
    return std::sqrt(w / smile.expiry);
}

// Its terms, checked; its quantity becomes the largest.
void prepare_schedule(PreparedHedge& to, OptionPlan& plan, const HedgedOption& o, const HedgeRun& terms, const Checker& check) {
    check.require(!terms.model_vol && !o.smile, "schedule", double(o.schedule.size()), "empty where vols are those of the model or of a smile");
    check.require(!terms.attribution, "attribution", 1, "off for options with a schedule: what they earn is kept elsewhere");
    check.require(o.first_step + o.schedule.size() <= o.expiry_step, "schedule", double(o.first_step + o.schedule.size()), "over before the step of expiry");
    auto& rows = to.schedules.emplace_back();
    plan.quantity = 0;
    for (std::size_t t = 0; t < o.schedule.size(); ++t) {
        const OptionTerms& now = o.schedule[t];
        const Checker at{check.where + "schedule[" + std::to_string(t) + "]: "};
        at.finite(now.quantity, "quantity");
        at.positive(now.strike, "strike");
        at.positive(now.vol, "vol");
        at.positive(now.left, "left");
        OptionPlanTerms row{now.quantity, 0, now.vol, now.left};
        kernels().log(&now.strike, &row.log_strike, 1);
        rows.push_back(row);
        if (std::abs(now.quantity) > std::abs(plan.quantity)) plan.quantity = now.quantity;
    }
    plan.schedule = rows.data();
    plan.first = o.first_step;
    plan.expiry = o.first_step + rows.size();
}

void prepare_options(PreparedHedge& to, const std::vector<HedgedOption>& position, const PathRun& run, const HedgeRun& terms) {
    if (position.empty()) throw std::invalid_argument("the position has no options");
    double sizes = 0, plain = 0, weighted = 0, plain_weighted = 0;
    for (std::size_t j = 0; j < position.size(); ++j) {
        const HedgedOption& o = position[j];
        const Checker check{"position[" + std::to_string(j) + "]: "};
        check.require(o.kind == 1 || o.kind == -1, "kind", o.kind, "+1 (call) or -1 (put)");
        check.positive(o.strike, "strike");
        check.finite(o.quantity, "quantity");
        check.require(!(terms.model_vol && o.smile), "model_vol", 1, "false for options with a smile");
        if (!terms.model_vol && !o.smile) check.positive(o.vol, "vol");
        check.require(o.expiry_step >= 1 && o.expiry_step <= run.steps, "expiry_step", double(o.expiry_step), "from 1 to the number of steps");
        OptionPlan plan;
        plan.kind = o.kind;
        plan.quantity = o.quantity;
        plan.strike = o.strike;
        kernels().log(&o.strike, &plan.log_strike, 1);
        plan.vol = terms.model_vol || o.smile ? 1.0 : o.vol;
        plan.expiry = o.expiry_step;
        double vol = o.vol;
        if (terms.model_vol) plan.vols = 0;
        if (o.smile) {
            check_smile(*o.smile, check);
            check.positive(terms.spot, "spot");
            plan.vols = plan.smile = int(to.smiles.size());
            to.smiles.push_back(*o.smile);
            kernels().log(&terms.spot, &to.plan.log_start, 1);
            plan.moneyness = plan.log_strike - to.plan.log_start - terms.rate * (double(plan.expiry) * run.step);
            vol = smile_vol(*o.smile, plan.moneyness);
        }
        check.require(!o.schedule.empty() || position[0].schedule.empty(), "schedule", 0, "that of every option or of none");
        check.require(o.schedule.empty() || !position[0].schedule.empty(), "schedule", double(o.schedule.size()), "that of every option or of none");
        if (!o.schedule.empty()) prepare_schedule(to, plan, o, terms, check);
        sizes += std::abs(o.quantity);
        weighted += std::abs(o.quantity) * vol;
        plain += 1.0;
        plain_weighted += vol;
        to.options.push_back(plan);
    }
    to.plan.mean_vol = sizes > 0 ? weighted / sizes : plain_weighted / plain;
    to.plan.vols = terms.model_vol ? 1 : to.smiles.size();
}

// Mean expiry of the options that live, weighted with the size of their quantities; steps to the next of them.
void prepare_steps(PreparedHedge& to, const PathRun& run, const HedgeRun& terms, const HedgeInstrument& instrument) {
    to.steps.resize(run.steps + 1);
    std::vector<double> starts(run.steps + 2), weights(run.steps + 2);
    for (const OptionPlan& o : to.options) {
        starts[o.expiry] += std::abs(o.quantity) * double(o.expiry);
        weights[o.expiry] += std::abs(o.quantity);
    }
    const bool scheduled = !to.schedules.empty();
    std::vector<double> held(scheduled ? run.steps + 1 : 0), times(scheduled ? run.steps + 1 : 0);
    std::vector<std::uint64_t> soonest(scheduled ? run.steps + 1 : 0, run.steps);  // of what is held: nothing later is known
    if (scheduled) {
        for (const OptionPlan& o : to.options) {
            check_stop();
            for (std::uint64_t t = o.first; t < o.expiry; ++t) {
                const OptionPlanTerms& now = o.schedule[t - o.first];
                held[t] += std::abs(now.quantity);
                times[t] += std::abs(now.quantity) * now.left;
                if (now.quantity != 0) soonest[t] = std::min(soonest[t], o.expiry);
            }
        }
    }
    double sum = 0, weight = 0;
    std::uint64_t next = run.steps;
    for (std::size_t t = run.steps + 1; t-- > 0;) {
        if (t % steps_between_checks == 0) check_stop();
        StepPlan& step = to.steps[t];
        const double time = double(t) * run.step;
        step.growth = terms.rate == 0 ? 1.0 : exponential_of(terms.rate * (double(run.steps - t) * run.step));
        step.to_expiry = (scheduled ? soonest[t] : next) - t;
        if (weight > 0 && t < run.steps) step.left = std::max((sum / weight - double(t)) * run.step, run.step * 0.5);
        else step.left = run.step;
        if (scheduled) step.left = t < run.steps && held[t] > 0 ? times[t] / held[t] : run.step;
        if (terms.rate != 0) {
            step.root3 = exponential_of(-terms.rate * step.left / 3.0);
            step.root4 = exponential_of(-terms.rate * step.left / 4.0);
        }
        step.left_power5 = power(step.left, 0.05);
        step.left_power2 = power(step.left, -0.02);
        if (instrument.kind == HedgeKind::dated_future) step.unit = exponential_of(instrument.basis * (instrument.maturity - time));
        if (weights[t] > 0) next = t;
        sum += starts[t];
        weight += weights[t];
    }
}

// Probabilities of no more than 0, 1, 2, ...; the longest, and whether it is the only one.
std::vector<double> probabilities(const std::vector<double>& given, const char* name) {
    const std::vector<double> below = given.empty() ? std::vector<double>{1.0} : given;
    for (std::size_t k = 0; k < below.size(); ++k) {
        if (!(below[k] >= (k ? below[k - 1] : 0.0) && below[k] <= 1.0)) {
            throw std::invalid_argument(std::string(name) + ": below[" + std::to_string(k) + "] = " + text(below[k]) + " must ascend from 0 to 1");
        }
    }
    if (below.back() != 1.0) throw std::invalid_argument(std::string(name) + ": the last probability must be 1");
    return below;
}

bool is_constant(const std::vector<double>& below) { return below.size() == 1 || below[below.size() - 2] == 0.0; }

void prepare_outages(PreparedHedge& to, const std::vector<Outage>& outages, const PathRun& run, const HedgeRun& terms,
                     const HedgeInstrument& instrument) {
    HedgePlan& plan = to.plan;
    if (outages.size() > most_outages) {
        throw std::invalid_argument("outages: there are " + std::to_string(outages.size()) + ", at most " + std::to_string(most_outages) + " can be");
    }
    to.events = outages;
    for (std::size_t e = 0; e < to.events.size(); ++e) {
        const Outage& o = to.events[e];
        const Checker check{"outages[" + std::to_string(e) + "]: "};
        check.not_negative(o.rate, "rate");
        check.not_negative(o.move, "move");
        check.not_negative(o.mean, "mean");
        if (o.rate > 0 || o.move > 0) check.positive(o.mean, "mean");
        check.require(o.discount >= 0 && o.discount < 1, "discount", o.discount, "from 0 to below 1");
        check.not_negative(o.cost, "cost");
        if (o.windows.size() % 2) throw std::invalid_argument(check.where + "windows must be pairs of steps");
        for (std::size_t w = 0; w + 1 < o.windows.size(); w += 2) {
            check.require(o.windows[w] < o.windows[w + 1], "the end of a window", double(o.windows[w + 1]), "after its first step");
        }
        if (o.kind == OutageKind::depeg) {
            const bool one = !plan.has[std::size_t(OutageKind::depeg)];
            check.require(one, "depeg", double(e), "the only one: a currency has one price");
            check.require(terms.numeraire == Numeraire::quote, "depeg", double(e), "counted in the quote currency");
            check.require(instrument.kind == HedgeKind::spot || instrument.kind == HedgeKind::linear_perpetual, "depeg", double(e),
                          "with spot or a linear perpetual");
            plan.peg = 1.0 / (1.0 - o.discount);
            plan.depeg_cost = o.cost;
        }
        plan.has[std::size_t(o.kind)] = true;
        OutagePlan p;
        p.kind = o.kind;
        p.start = o.rate > 0 ? 1.0 - exponential_of(-o.rate * run.step) : 0.0;
        p.mean = o.rate > 0 || o.move > 0 ? o.mean / run.step : 0.0;
        p.move = o.move > 0 ? o.move : HUGE_VAL;
        p.windows = o.windows.data();
        p.window_count = o.windows.size() / 2;
        check.require(p.start < 1, "rate", o.rate, "lower: it begins at every step");
        to.outages.push_back(p);
    }
    plan.outage = to.outages.data();
    plan.outages = to.outages.size();
}

void prepare_orders(PreparedHedge& to, const OrderExecution& orders, const PathRun& run) {
    HedgePlan& plan = to.plan;
    const Checker check{""};
    check.require(orders.failure >= 0 && orders.failure < 1, "failure", orders.failure, "from 0 to below 1");
    check.require(orders.poll >= 1, "poll", double(orders.poll), "1 step or more");
    check.require(orders.poll_phase < orders.poll, "poll_phase", double(orders.poll_phase), "below poll");
    check.require(orders.block_phase < std::max<std::size_t>(orders.block, 1), "block_phase", double(orders.block_phase), "below block");
    check.require(orders.settle_size >= 0, "settle_size", orders.settle_size, "zero or positive");
    to.below = probabilities(orders.below, "latency");
    to.inclusion = probabilities(orders.inclusion, "inclusion");
    plan.latency = to.below.size() - 1;
    plan.inclusion = to.inclusion.size() - 1;
    check.require(orders.block > 0 || plan.inclusion == 0, "inclusion", double(plan.inclusion), "none: there are no blocks");
    plan.constant_delay = is_constant(to.below) && is_constant(to.inclusion) && orders.failure == 0;
    plan.block = orders.block;
    plan.block_phase = orders.block_phase;
    plan.failure = orders.failure;
    plan.first_at_once = orders.first_at_once;
    plan.settles = orders.settle_every > 0 || orders.settle_size > 0;
    plan.settle_every = orders.settle_every;
    plan.settle_size = orders.settle_size > 0 ? orders.settle_size : HUGE_VAL;
    plan.parts = orders.leakage ? std::size_t(order_parts) : std::size_t(plain_parts);
    if (orders.leakage) plan.needs |= hedge_gamma;
    for (std::size_t t = 0; t < run.steps; ++t) {
        to.steps[t].polled = t % orders.poll == orders.poll_phase || (t == 0 && orders.first_at_once);
    }
    // beyond these attempts less than one order in a billion is left
    if (plan.failure > 0) {
        double left = plan.failure;
        while (left > 1e-9 && plan.most_attempts < 0x7fff) {
            left *= plan.failure;
            ++plan.most_attempts;
        }
        ++plan.most_attempts;
    }
    if (plan.latency > 0 || plan.failure > 0 || plan.block > 0 || plan.settles || plan.has[std::size_t(OutageKind::chain)]) {
        const std::size_t attempt = plan.latency + plan.block * (1 + plan.inclusion);  // the longest
        // beyond the horizon orders lapse
        plan.ring = std::min<std::size_t>(run.steps + 1, plan.most_attempts * std::clamp<std::size_t>(attempt, 1, run.steps) + 1);
    }
}

// What would need the own price of each policy where the market's is shared.
void check_permanent(double permanent, const HedgePlan& plan, const HedgeRun& terms, const HedgeInstrument& instrument) {
    const Checker check{""};
    const bool movable = instrument.kind == HedgeKind::spot || instrument.kind == HedgeKind::linear_perpetual;
    check.require(movable && terms.numeraire == Numeraire::quote, "permanent", permanent,
                  "0 but for instruments that are spot or linear perpetuals, in the quote currency as numeraire");
    check.require(!plan.has[std::size_t(OutageKind::depeg)], "permanent", permanent, "0 with outages that are a depeg");
    check.require(!terms.attribution, "permanent", permanent, "0 with attribution: the position's P&L is another under each policy");
    check.require(terms.holding == 0, "permanent", permanent, "0 where the position has a holding of the instrument at the start");
}

}  // namespace

PreparedHedge::PreparedHedge(const PathRun& run, std::size_t assets, std::size_t levels, const std::vector<HedgedOption>& position, const HedgeRun& terms,
                             const HedgeInstrument& instrument, const std::vector<HedgePolicy>& wanted, const HedgeCosts& costs,
                             const OrderExecution& orders) {
    const Checker check{""};
    if (run.steps < 1) throw std::invalid_argument("steps = 0 must be positive");
    check.positive(run.step, "step");
    check.finite(terms.rate, "rate");
    check.finite(terms.initial_value, "initial_value");
    check.finite(terms.holding, "holding");
    check.require(terms.asset < assets, "asset", double(terms.asset), "one of the assets of the paths");
    check.require(terms.numeraire == Numeraire::quote || terms.rate == 0, "rate", terms.rate, "0 where amounts are coins");
    check.finite(instrument.funding, "funding");
    check.level(instrument.funding_level, levels, "funding_level");
    const bool perpetual = instrument.kind == HedgeKind::linear_perpetual || instrument.kind == HedgeKind::inverse_perpetual;
    check.require(perpetual || (instrument.funding == 0 && instrument.funding_level < 0), "funding", instrument.funding,
                  "0: only perpetuals pay it");
    if (instrument.kind == HedgeKind::dated_future) {
        check.finite(instrument.basis, "basis");
        check.require(instrument.maturity >= double(run.steps) * run.step * (1 - 1e-12), "maturity", instrument.maturity,
                      "at the last expiry or later");
    }
    check.finite(costs.fee, "fee");
    check.require(costs.fee + costs.half_spread >= 0, "fee", costs.fee, "not a rebate above the half spread");
    for (const auto& [value, name] : {std::pair{costs.half_spread, "half_spread"}, {costs.fee_per_coin, "fee_per_coin"}, {costs.fee_cap, "fee_cap"},
                                      {costs.least_fee, "least_fee"}, {costs.fixed, "fixed"}, {costs.impact, "impact"}, {costs.root_impact, "root_impact"},
                                      {costs.permanent, "permanent"}}) {
        check.not_negative(value, name);
    }
    check.level(costs.fixed_level, levels, "fixed_level");

    prepare_options(*this, position, run, terms);
    prepare_steps(*this, run, terms, instrument);
    plan.step = run.step;
    prepare_outages(*this, orders.outages, run, terms, instrument);
    check.require(costs.permanent == 0 || schedules.empty(), "permanent", costs.permanent, "0 for options with a schedule: what they earn is kept elsewhere");
    if (costs.permanent > 0) check_permanent(costs.permanent, plan, terms, instrument);
    prepare_policies(*this, wanted, levels);
    prepare_orders(*this, orders, run);

    for (PolicyPlan& p : policies) p.exposes = p.exposes && plan.ring == 0;
    plan.smile = smiles.data();
    plan.ratio = ratios.data();
    plan.ratios = ratios.size();
    check.require(!terms.attribution || !plan.has[std::size_t(OutageKind::depeg)], "attribution", 1, "off where a currency leaves its peg");
    plan.asset = terms.asset;
    plan.holding = terms.holding;
    plan.attribution = terms.attribution;
    if (plan.attribution) plan.needs |= hedge_gamma;
    plan.options = options.size();
    plan.option = options.data();
    plan.policies = policies.size();
    plan.policy = policies.data();
    plan.steps = steps.data();
    plan.variances = decays.size();
    plan.variance_decay = decays.data();
    plan.variance_start = starts.data();
    plan.model_vol = terms.model_vol;
    plan.premium_adjusted = terms.numeraire == Numeraire::coin;
    plan.kind = instrument.kind;
    plan.rate = terms.rate;
    plan.funding = instrument.funding;
    plan.funding_level = instrument.funding_level;
    plan.initial_value = terms.initial_value;
    plan.last = run.steps;
    plan.fee = costs.fee;
    plan.half_spread = costs.half_spread;
    plan.fee_per_coin = costs.fee_per_coin;
    plan.fee_cap = costs.fee_cap;
    plan.least_fee = costs.least_fee;
    plan.root_impact = costs.root_impact;
    plan.fee_schedule = costs.fee_per_coin > 0 || costs.least_fee > 0;
    plan.fixed = costs.fixed;
    plan.fixed_level = costs.fixed_level;
    plan.impact = costs.impact;
    plan.permanent = costs.permanent;
    plan.close = costs.close;
    plan.small_costs = plan.fixed > 0 || plan.impact > 0 || plan.root_impact > 0 || plan.fee_schedule || plan.depeg_cost > 0;
    plan.below = below.data();
    plan.inclusion_below = inclusion.data();
}

std::size_t HedgeStorage::lanes_of(const HedgePlan& plan) {
    constexpr std::size_t own = 12;
    const std::size_t orders = plan.ring > 0 ? (plan.ring + 1) * plan.parts : 0;
    const std::size_t kept = (plan.fee_schedule ? 1 : 0) + (plan.depeg_cost > 0 ? 1 : 0) + (plan.permanent > 0 ? 1 : 0) +
                             (plan.parts == order_parts ? 2 : 0) + (plan.attribution ? 1 : 0);
    const std::size_t by_vol = 2 + (plan.slopes ? 1 : 0) + (plan.attribution ? 4 : 0), lines = plan.attribution ? hedge_lines : 0;
    return plan.policies * (own + orders + kept) + plan.history + plan.variances + plan.depth + plan.outages + plan.vols * by_vol + plan.ratios - 1 + lines;
}

HedgeStorage::HedgeStorage(const HedgePlan& plan)
    : lanes_(lanes_of(plan)), states_(plan.policies), vols_(plan.vols), ratio_steps_(plan.ratios), block_(std::make_unique<HedgeBlock>()) {
    const std::size_t orders = plan.ring > 0 ? (plan.ring + 1) * plan.parts : 0, lines = plan.attribution ? hedge_lines : 0;
    draws_.resize(plan.outages);
    AlignedLane* next = lanes_.data();
    const auto lane = [&] { return (next++)->lane; };
    const auto lanes = [&](std::size_t count) {
        Lane* first = &next->lane;
        next += count;
        return first;
    };
    static_assert(sizeof(AlignedLane) == sizeof(Lane));
    for (PolicyState& s : states_) {
        s.ordered = lane();
        s.held = plan.ring > 0 ? lane() : s.ordered;
        for (double** member : {&s.gain, &s.turnover, &s.trades, &s.fixed, &s.impact, &s.latency, &s.exposure, &s.failures, &s.last, &s.traded}) {
            *member = lane();
        }
        s.price = plan.attribution ? lane() : nullptr;
        s.fees = plan.fee_schedule ? lane() : nullptr;
        s.outage = plan.depeg_cost > 0 ? lane() : nullptr;
        s.permanent = plan.permanent > 0 ? lane() : nullptr;
        s.delta_drift = plan.parts == order_parts ? lane() : nullptr;
        s.gamma_leakage = plan.parts == order_parts ? lane() : nullptr;
        s.orders = lanes(orders);
    }
    block_->moved = lanes(plan.history);
    block_->variance = lanes(plan.variances);
    block_->kept = lanes(plan.depth);
    block_->until = lanes(plan.outages);
    block_->draws = draws_.data();
    for (VolLanes& v : vols_) {
        v = {};
        v.vol = lane();
        v.inverse = lane();
        if (plan.slopes) v.slope = lane();
        if (!plan.attribution) continue;
        for (double** member : {&v.before, &v.vega, &v.vanna, &v.volga}) *member = lane();
    }
    block_->vols = vols_.data();
    block_->ratio = lanes(plan.ratios - 1);
    block_->ratio_step = ratio_steps_.data();
    block_->line = lanes(lines);
    block_->policy = states_.data();
}

void HedgeStorage::reset() { std::memset(static_cast<void*>(lanes_.data()), 0, lanes_.size() * sizeof(AlignedLane)); }

}  // namespace hedgecore
