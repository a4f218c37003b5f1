// The policies of a plan: checked, with the constants of their laws.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "hedging/checker.hpp"
#include "hedging/hedge_plan.hpp"

namespace hedgecore {
namespace {

bool has_view(const HedgePolicy& p) { return p.decay > 0 || p.forecast_level >= 0; }

void check_policy(const HedgePolicy& p, const Checker& check, std::size_t levels) {
    check.require((p.combination == Combination::none) == p.members.empty(), "members", double(p.members.size()), "those of a combination");
    check.require(p.every >= 1, "every", double(p.every), "1 step or more");
    check.require(p.size >= 0, "size", p.size, "zero or positive");
    check.require(p.up >= 0, "up", p.up, "zero or positive");
    check.require(p.down >= 0, "down", p.down, "zero or positive");
    check.require(p.inner >= 0 && p.inner <= 1, "inner", p.inner, "from 0 (the middle) to 1 (the edge)");
    check.require(p.ratio > 0 && p.ratio < 2, "ratio", p.ratio, "above 0 and below 2, beyond which deviations grow");
    check.finite(p.target, "target");
    check.not_negative(p.least_width, "least_width");
    check.not_negative(p.least_trade, "least_trade");
    check.not_negative(p.lot, "lot");
    check.not_negative(p.least_move, "least_move");
    check.require(!std::isnan(p.least_fall) && p.least_fall < HUGE_VAL, "least_fall", p.least_fall, "finite");
    check.require((p.least_move == 0 && p.least_fall <= 0) || p.move_window >= 1, "move_window", double(p.move_window), "1 step or more");
    const HedgeRatio& r = p.hedge_ratio;
    check.positive(r.vol_scale, "vol_scale");
    check.finite(r.stickiness, "stickiness");
    for (int k = 0; k < 3; ++k) {
        check.finite(r.call[k], "call");
        check.finite(r.put[k], "put");
    }
    check.finite(r.covariance, "covariance of price and variance");
    check.not_negative(r.reversion, "reversion");
    const bool law = p.width == Width::whalley_wilmott || p.width == Width::zakamouline || p.width == Width::fixed_and_proportional;
    if (law || p.centre == Centre::zakamouline) {
        check.positive(p.risk_aversion, "risk_aversion");
        check.not_negative(p.cost, "cost");
        check.not_negative(p.fixed_cost, "fixed_cost");
    }
    if (p.centre == Centre::zakamouline || p.width == Width::zakamouline || p.width == Width::realised_vol) check.positive(p.vol, "vol");
    if (p.width == Width::zakamouline) check.require(p.centre == Centre::zakamouline, "centre", double(p.centre), "Zakamouline's with his width");
    check.require(!p.by_ratio || p.trigger != Trigger::deviation || p.width == Width::fixed, "by_ratio", 1, "false but for fixed thresholds");
    check.require(p.trigger != Trigger::interval || p.width == Width::fixed || p.width == Width::realised_vol, "width", double(p.width),
                  "fixed or of a realised vol where it is an interval");
    check.require(!p.in_money || p.width == Width::fixed, "in_money", 1, "false but for fixed thresholds");
    check.require(p.decay >= 0 && p.decay < 1, "decay", p.decay, "from 0 to below 1");
    check.level(p.forecast_level, levels, "forecast_level");
    if (has_view(p) || p.width == Width::smooth) check.positive(p.vol, "vol");
    if (p.width == Width::realised_vol) {
        check.require(has_view(p), "decay", p.decay, "above 0 where there is no forecast_level");
        check.require(p.power >= -10 && p.power <= 10, "power", p.power, "from -10 to 10");
    }
    if (p.width == Width::smooth) {
        check.positive(p.risk_aversion, "risk_aversion");
        check.positive(p.impact, "impact");
    }
}

PolicyPlan policy_plan(PreparedHedge& to, const HedgePolicy& policy, const Checker& check, double total, std::size_t levels, std::size_t depth);

void prepare_members(PreparedHedge& to, PolicyPlan& p, const Checker& check, double total, std::size_t levels, std::size_t depth) {
    std::vector<PolicyPlan> members;
    for (std::size_t k = 0; k < p.members.size(); ++k) {
        const Checker inner{check.where + "members[" + std::to_string(k) + "]: "};
        members.push_back(policy_plan(to, p.members[k], inner, total, levels, depth + 1));
        p.keeps_price |= members[k].keeps_price;
        p.keeps_time |= members[k].keeps_time;
    }
    to.members.push_back(std::move(members));
    p.member = to.members.back().data();
    p.member_count = p.members.size();
    p.members.clear();
    p.depth = depth;
    p.target = p.member->target;
    p.in_money = p.member->in_money;
    to.plan.depth = std::max(to.plan.depth, depth + 1);
}

PolicyPlan policy_plan(PreparedHedge& to, const HedgePolicy& policy, const Checker& check, double total, std::size_t levels, std::size_t depth) {
    check_policy(policy, check, levels);
    PolicyPlan p;
    static_cast<HedgePolicy&>(p) = policy;
    p.tolerance = 1e-12 * total;
    if (p.least_fall < 0) p.least_fall = p.least_move;
    if (p.hedge_ratio.kind == RatioKind::smile) {
        for (std::size_t k = 0; k < to.options.size(); ++k) {
            if (to.options[k].smile >= 0) continue;
            throw std::invalid_argument(check.where + "the delta of a smile needs options with one; position[" + std::to_string(k) + "] has none");
        }
        to.plan.slopes = true;
    }
    const auto ratio = std::find(to.ratios.begin(), to.ratios.end(), p.hedge_ratio);
    p.delta = std::size_t(ratio - to.ratios.begin());
    if (ratio == to.ratios.end()) to.ratios.push_back(p.hedge_ratio);
    p.filtered = to.plan.has[std::size_t(OutageKind::keeper)] || p.lot > 0 || p.least_trade > 0 || p.cool_down > 0 || p.least_move > 0 || p.least_fall > 0;
    p.keeps_price = p.trigger == Trigger::move;
    p.keeps_time = p.trigger == Trigger::interval || p.cool_down > 0;
    p.exposes = p.trigger == Trigger::deviation && p.centre == Centre::shared && p.delta == 0 && !p.by_ratio && !p.in_money && p.width != Width::smooth &&
                !p.filtered && depth == 0 && p.members.empty();
    if (p.forecast_level >= 0) p.decay = 0;
    if (p.width == Width::fixed_and_proportional && p.fixed_cost == 0) p.width = Width::whalley_wilmott;  // its limit
    const double gamma = p.risk_aversion;
    if (p.width == Width::whalley_wilmott) {
        p.scale = p.cost > 0 ? power(1.5 * p.cost / gamma, 1.0 / 3.0) : 0.0;
        if (!has_view(p)) to.plan.needs |= hedge_gamma | hedge_cube;
    } else if (p.width == Width::fixed_and_proportional) {
        p.impulse = power(12.0 * p.fixed_cost / gamma, 0.25);
        p.load = 2.0 * p.cost * power(6.0 / gamma, 0.25) / power(2.0 * p.fixed_cost, 0.75);
        p.load_root = p.load > 0 ? power(p.load, 1.0 / 9.0) : 0.0;
        p.per_load_root = p.load > 0 ? power(p.load, -1.0 / 9.0) : 1e300;
        to.plan.needs |= hedge_gamma | hedge_impulse;
    } else if (p.width == Width::smooth) {
        p.scale = std::sqrt(gamma * (double(p.every) * to.plan.step) / (2.0 * p.impact));
    }
    if (p.decay > 0) {
        const double start = p.vol * p.vol;
        while (p.variance < to.decays.size() && (to.decays[p.variance] != p.decay || to.starts[p.variance] != start)) ++p.variance;
        if (p.variance == to.decays.size()) {
            to.decays.push_back(p.decay);
            to.starts.push_back(start);
        }
    }
    if (p.centre == Centre::zakamouline) {
        const double per_vol = power(p.vol, -0.25);
        p.scale_root = p.cost > 0 ? 1.12 * power(p.cost, 0.31) * per_vol * power(gamma, -0.5) : 0.0;
        p.scale_shift = p.cost > 0 ? p.zakamouline * power(p.cost, 0.78) * per_vol * power(gamma, 0.15) : 0.0;
        p.scale_pole = p.cost / (gamma * p.vol * p.vol);
        to.plan.needs |= hedge_gamma | hedge_root | hedge_shift;
    }
    if (p.in_money) to.plan.needs |= hedge_inverse;
    if (p.least_move > 0 || p.least_fall > 0) {
        to.plan.needs |= hedge_moves;
        to.plan.history = std::max(to.plan.history, p.move_window + 1);
    }
    if (!p.members.empty()) prepare_members(to, p, check, total, levels, depth);
    return p;
}

}  // namespace

void prepare_policies(PreparedHedge& to, const std::vector<HedgePolicy>& policies, std::size_t levels) {
    double total = 0;
    for (const OptionPlan& o : to.options) total += std::abs(o.quantity);
    if (policies.empty()) throw std::invalid_argument("there are no policies");
    for (std::size_t j = 0; j < policies.size(); ++j) {
        to.policies.push_back(policy_plan(to, policies[j], {"policies[" + std::to_string(j) + "]: "}, total, levels, 0));
    }
}

}  // namespace hedgecore
