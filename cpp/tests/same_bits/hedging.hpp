// Hedging simulations.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hedgecore/hedging.hpp"
#include "lines.hpp"

namespace same_bits {

// Hedge ratios, vols from a smile, and what the P&L is made of.
inline void print_attribution() {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.seed = 42;
    run.paths = 259;
    run.steps = 24;
    run.step = 0.015625;
    const ScenarioSmile smile = {{0.03125, 0.125, -0.5, 0.0625, 0.25}, {0.0625, 0.25, -0.25, 0.125, 0.5}, 0.5, 0.5, 0.375, 0.5};
    const std::vector<HedgedOption> position = {{1, 104, -1.0, 0.0, 24, smile}, {-1, 92, 2.0, 0.0, 8, smile}};
    std::vector<HedgePolicy> policies(3);
    policies[0].hedge_ratio.kind = RatioKind::smile;
    policies[0].hedge_ratio.stickiness = 1.75;
    policies[1].hedge_ratio.kind = RatioKind::hull_white;
    for (int k = 0; k < 3; ++k) policies[1].hedge_ratio.call[k] = policies[1].hedge_ratio.put[k] = 0.125 * (k + 1);
    policies[2].hedge_ratio.kind = RatioKind::stochastic_vol;
    policies[2].hedge_ratio.covariance = -0.75;
    policies[2].hedge_ratio.reversion = 2.0;
    for (HedgePolicy& p : policies) p.size = 0.0625;
    for (const bool coin : {false, true}) {
        HedgeRun terms;
        terms.rate = coin ? 0.0 : 0.0625;
        terms.numeraire = coin ? Numeraire::coin : Numeraire::quote;
        terms.spot = 100;
        terms.holding = 0.25;
        terms.attribution = true;
        HedgeOutputs outputs;
        outputs.stride = run.paths;
        std::vector<double> lines(hedge_lines * run.paths), price(policies.size() * run.paths), pnl(policies.size() * run.paths);
        for (std::size_t k = 0; k < hedge_lines; ++k) outputs.line[k] = lines.data() + k * run.paths;
        outputs.price = price.data();
        outputs.ledger[0] = pnl.data();
        simulate_hedging(model, run, position, terms, {}, policies, {}, {}, outputs, execution);
        const std::string name = std::string("hedging.") + (coin ? "coin." : "quote.") + "attribution.";
        for (std::size_t k = 0; k < hedge_lines; ++k) print(name + hedge_line_names[k], outputs.line[k], run.paths);
        print(name + "price", price.data(), price.size());
        print(name + "pnl", pnl.data(), pnl.size());
    }
}

// Each policy at a price of its own: Greeks, ratios and vols of a smile there, fills late, funding, an expiry on the way.
inline void print_permanent() {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.seed = 42;
    run.paths = 259;
    run.steps = 24;
    run.step = 0.015625;
    const ScenarioSmile smile = {{0.03125, 0.125, -0.5, 0.0625, 0.25}, {0.0625, 0.25, -0.25, 0.125, 0.5}, 0.5, 0.5, 0.375, 0.5};
    const std::vector<HedgedOption> position = {{1, 104, -1.0, 0.0, 24, smile}, {-1, 92, 2.0, 0.0, 8, smile}};
    std::vector<HedgePolicy> policies(3);
    policies[1].hedge_ratio.kind = RatioKind::smile;
    policies[1].hedge_ratio.stickiness = 1.75;
    policies[2].trigger = Trigger::move;
    for (HedgePolicy& p : policies) p.size = 0.0625;
    HedgeRun terms;
    terms.rate = 0.0625;
    terms.spot = 100;
    HedgeCosts costs;
    costs.fee = 0.001;
    costs.permanent = 0.25;
    for (const bool late : {false, true}) {
        HedgeInstrument instrument;
        instrument.kind = late ? HedgeKind::linear_perpetual : HedgeKind::spot;
        instrument.funding = late ? 0.125 : 0.0;
        costs.close = late;
        OrderExecution orders;
        if (late) orders.below = {0.25, 0.5, 1.0};
        orders.leakage = late;
        HedgeOutputs outputs;
        outputs.stride = run.paths;
        std::vector<double> ledger(policies.size() * run.paths), pnl(policies.size() * run.paths);
        outputs.ledger[0] = pnl.data();
        outputs.ledger[std::size_t(HedgeLedger::permanent)] = ledger.data();
        simulate_hedging(model, run, position, terms, instrument, policies, costs, orders, outputs, execution);
        const std::string name = std::string("hedging.permanent.") + (late ? "late." : "now.");
        print(name + "pnl", pnl.data(), pnl.size());
        print(name + "ledger", ledger.data(), ledger.size());
    }
}

// A policy of every law, at once and with latency, in both numeraires; decisions at a bound hang on every bit.
inline void print_hedging() {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.seed = 42;
    run.paths = 1003;
    run.steps = 24;
    run.step = 0.015625;
    const std::vector<HedgedOption> position = {{1, 104, -1.0, 0.5, 24}, {-1, 92, 2.0, 0.75, 8}};
    std::vector<HedgePolicy> policies(11);
    policies[1].size = 0.0625;
    policies[2].trigger = Trigger::move;
    policies[2].size = 0.0625;
    policies[3].width = Width::whalley_wilmott;
    policies[4].width = Width::zakamouline;
    policies[4].centre = Centre::zakamouline;
    policies[5].width = Width::fixed_and_proportional;
    policies[6].width = policies[7].width = Width::realised_vol;
    policies[7].trigger = Trigger::interval;
    policies[8].width = Width::whalley_wilmott;
    policies[9].width = Width::smooth;
    policies[10].by_ratio = policies[10].in_money = true;
    policies[10].ratio = 1.25;
    policies[10].up = policies[10].down = 4.0;
    policies[10].target = -8.0;
    for (HedgePolicy& p : policies) {
        p.cost = 0.001;
        p.fixed_cost = 0.01;
        p.vol = 0.5;
        p.impact = 0.125;
        if (p.width != Width::fixed || p.in_money) p.size = 1.0;
    }
    for (const std::size_t j : {6, 7, 8}) policies[j].decay = 0.875;
    policies[6].size = 0.0625;
    policies[7].size = 4.0;
    policies[7].power = -2.0;
    HedgePolicy any, all;
    any.combination = Combination::any_of;
    any.members = {policies[10], policies[2]};
    all.combination = Combination::all_of;
    all.members = {policies[1], any};
    all.cool_down = 1;
    all.least_move = 0.015625;
    all.move_window = 2;
    policies.push_back(any);
    policies.push_back(all);
    policies[0].hedge_ratio.kind = RatioKind::scaled_vol;
    policies[0].hedge_ratio.vol_scale = 1.25;
    for (const bool coin : {false, true}) {
        HedgeRun terms;
        terms.rate = coin ? 0.0 : 0.0625;
        terms.numeraire = coin ? Numeraire::coin : Numeraire::quote;
        HedgeInstrument instrument;
        instrument.kind = coin ? HedgeKind::inverse_perpetual : HedgeKind::spot;
        instrument.funding = coin ? 0.125 : 0.0;
        OrderExecution orders;
        if (coin) {
            orders.below = {0.25, 0.5, 1.0};
            orders.failure = 0.25;
            orders.block = 2;
            orders.inclusion = {0.75, 1.0};
            orders.settle_every = 3;
            orders.settle_size = 0.25;
            orders.leakage = true;
            orders.outages.resize(2);
            orders.outages[0].rate = 4.0;
            orders.outages[0].mean = 0.0625;
            orders.outages[1].kind = OutageKind::chain;
            orders.outages[1].move = 0.125;
            orders.outages[1].mean = 0.03125;
        }
        HedgeCosts costs;
        costs.fee = 0.001;
        costs.fee_per_coin = 0.0625;
        costs.least_fee = 0.015625;
        costs.fixed = 0.01;
        costs.impact = 0.001;
        costs.root_impact = 0.0009765625;
        HedgeOutputs outputs;
        outputs.stride = run.paths;
        std::vector<std::vector<double>> ledgers(hedge_ledgers, std::vector<double>(policies.size() * run.paths));
        for (std::size_t k = 0; k < hedge_ledgers; ++k) outputs.ledger[k] = ledgers[k].data();
        simulate_hedging(model, run, position, terms, instrument, policies, costs, orders, outputs, execution);
        for (std::size_t k = 0; k < hedge_ledgers; ++k) {
            print(std::string("hedging.") + (coin ? "coin." : "quote.") + hedge_ledger_names[k], ledgers[k].data(), ledgers[k].size());
        }
    }
}

}  // namespace same_bits
