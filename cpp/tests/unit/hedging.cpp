// Hedging simulations: a path by hand in both numeraires, ledgers that add up, laws, threads and shards, decisions of the caller.
#include "hedgecore/hedging.hpp"

#include <stdexcept>

#include "unit.hpp"

namespace {

using namespace unit;

constexpr double step = 0.02, rate = 0.05, vol = 0.6, share = 0.001, strike = 100;

struct Simulation {
    PathModel model;
    PathRun run;
    std::vector<HedgedOption> position;
    HedgeRun terms;
    HedgeInstrument instrument;
    std::vector<HedgePolicy> policies{1};
    HedgeCosts costs;
    OrderExecution orders;
    std::vector<HedgeDecision> decisions;
};

struct Ledgers {
    Numbers all, sums;
    std::size_t cells = 0;
    double operator()(HedgeLedger ledger, std::size_t cell = 0) const { return all[std::size_t(ledger) * cells + cell]; }
};

Ledgers simulate(const Simulation& s, int threads = 1) {
    Ledgers ledgers;
    ledgers.cells = s.policies.size() * s.run.paths;
    ledgers.all.resize(hedge_ledgers * ledgers.cells);
    ledgers.sums.resize(s.policies.size() * hedge_ledgers * 2);
    HedgeOutputs outputs;
    outputs.stride = s.run.paths;
    outputs.sums = ledgers.sums.data();
    for (std::size_t k = 0; k < hedge_ledgers; ++k) outputs.ledger[k] = ledgers.all.data() + k * ledgers.cells;
    simulate_hedging(s.model, s.run, s.position, s.terms, s.instrument, s.policies, s.costs, s.orders, outputs, on_threads(threads), s.decisions);
    return ledgers;
}

const Numbers path{100, 104, 97, 101};

// A sold call on a given path.
Simulation by_hand() {
    Simulation s;
    s.model.assets.resize(1);
    s.model.assets[0].vol = vol;
    s.model.given = GivenPaths{path.data(), 0, 1, path.size(), 0, std::ptrdiff_t(path.size()), std::ptrdiff_t(path.size()), 1};
    s.run.paths = 1;
    s.run.steps = path.size() - 1;
    s.run.step = step;
    s.position = {{1, strike, -1, vol, s.run.steps}};
    s.terms.rate = rate;
    s.costs.fee = share;
    return s;
}

// Black's value and delta of the call at a step of the path.
struct Call {
    double value, delta;
};
Call call_at(std::size_t t, double r) {
    const double left = double(path.size() - 1 - t) * step, s = vol * std::sqrt(left), bond = strike * std::exp(-r * left);
    const double d1 = std::log(path[t] / bond) / s + s / 2;
    return {path[t] * double(cdf(d1)) - bond * double(cdf(d1 - s)), double(cdf(d1))};
}

// Random paths, policies of several laws, costs, orders that come late.
Simulation random_paths() {
    Simulation s;
    s.model.assets.resize(1);
    s.model.assets[0].vol = vol;
    s.run = {11, 0, 700, 12, step, false, nullptr};
    s.position = {{1, 105, -1, vol, 12}, {-1, 95, -2, vol, 6}};
    s.terms.rate = rate;
    s.terms.initial_value = -9;
    s.policies.resize(4);
    s.policies[1].size = 0.1;
    s.policies[2].trigger = Trigger::move;
    s.policies[2].size = 0.05;
    s.policies[3].width = Width::whalley_wilmott;
    s.policies[3].size = 1;
    s.policies[3].cost = share;
    s.policies[3].vol = vol;
    s.costs.fee = share;
    s.costs.half_spread = 0.0005;
    s.costs.fixed = 0.01;
    s.costs.impact = 0.002;
    s.orders.below = {0.5, 1};
    s.orders.failure = 0.2;
    return s;
}

}  // namespace

TEST_CASE("one path by hand in the quote currency") {
    Simulation s = by_hand();
    const double value = call_at(0, rate).value;
    s.terms.initial_value = -value;
    double cash = value, held = 0, costs = 0, turnover = 0;
    for (std::size_t t = 0; t < s.run.steps; ++t) {
        const double grown = std::exp(rate * step * double(s.run.steps - t)), trade = call_at(t, rate).delta - held;
        if (t > 0) cash *= std::exp(rate * step);
        cash -= trade * path[t] + share * std::abs(trade) * path[t];
        costs += share * std::abs(trade) * path[t] * grown;
        turnover += std::abs(trade) * path[t] * grown;
        held += trade;
    }
    cash *= std::exp(rate * step);
    const double end = path.back();
    cash += held * end - share * held * end - std::max(end - strike, 0.0);
    costs += share * held * end;
    turnover += held * end;
    at_every_level([&] {
        const Ledgers got = simulate(s);
        CHECK(got(HedgeLedger::pnl) == doctest::Approx(cash).epsilon(1e-11));
        CHECK(got(HedgeLedger::cost) == doctest::Approx(costs).epsilon(1e-11));
        CHECK(got(HedgeLedger::fee) == doctest::Approx(costs).epsilon(1e-11));
        CHECK(got(HedgeLedger::turnover) == doctest::Approx(turnover).epsilon(1e-11));
        CHECK(got(HedgeLedger::trades) == 4);
    });
}

TEST_CASE("one path by hand in coins, hedged with inverse perpetuals") {
    Simulation s = by_hand();
    s.terms.numeraire = Numeraire::coin;
    s.terms.rate = 0;
    s.instrument.kind = HedgeKind::inverse_perpetual;
    s.costs.fee = 0;
    const double premium = call_at(0, 0).value / path[0];
    s.terms.initial_value = -premium;
    double coins = premium;
    for (std::size_t t = 0; t < s.run.steps; ++t) {
        const Call call = call_at(t, 0);
        const double dollars = (call.delta - call.value / path[t]) * path[t];  // net of the premium
        coins += dollars * (1 / path[t] - 1 / path[t + 1]);
    }
    coins -= std::max(path.back() - strike, 0.0) / path.back();
    CHECK(simulate(s)(HedgeLedger::pnl) == doctest::Approx(coins).epsilon(1e-11));
}

TEST_CASE("latency fills a decision at the price of a later step") {
    Simulation s = by_hand();
    s.terms.rate = 0;
    s.costs.fee = 0;
    s.orders.below = {0, 1};  // one step late, but for the first trade
    const double decided = call_at(1, 0).delta - call_at(0, 0).delta, later = call_at(2, 0).delta - call_at(1, 0).delta;
    double pnl = call_at(0, 0).delta * (path[3] - path[0]) - std::max(path[3] - strike, 0.0);
    pnl += decided * (path[3] - path[2]);  // decided at 104, filled at 97; what is decided then comes with the close
    const Ledgers got = simulate(s);
    CHECK(got(HedgeLedger::pnl) == doctest::Approx(pnl).epsilon(1e-11));
    CHECK(std::abs(later) > 0.1);
    CHECK(got(HedgeLedger::latency) != 0);
}

TEST_CASE("a band trades to its edge, and not within") {
    Simulation s = by_hand();
    s.terms.rate = 0;
    s.costs.fee = 0;
    s.policies[0].size = 0.15;
    double held = 0, pnl = -std::max(path.back() - strike, 0.0);
    int trades = 0;
    for (std::size_t t = 0; t < s.run.steps; ++t) {
        const double deviation = held - call_at(t, 0).delta;
        if (std::abs(deviation) > 0.15) {
            held -= deviation - std::copysign(0.15, deviation);
            ++trades;
        }
        pnl += held * (path[t + 1] - path[t]);
    }
    const Ledgers got = simulate(s);
    CHECK(got(HedgeLedger::pnl) == doctest::Approx(pnl).epsilon(1e-11));
    CHECK(got(HedgeLedger::trades) == trades + 1);  // the close
}

TEST_CASE("ledgers add up, and sums are theirs") {
    const Simulation s = random_paths();
    const Ledgers got = simulate(s, 2);
    using enum HedgeLedger;
    for (std::size_t cell = 0; cell < got.cells; ++cell) {
        const double parts = got(fee, cell) + got(spread, cell) + got(fixed, cell) + got(impact, cell) + got(outage, cell);
        CHECK(got(cost, cell) == doctest::Approx(parts).epsilon(1e-12));
        CHECK(got(turnover, cell) * share == doctest::Approx(got(fee, cell)).epsilon(1e-12));
    }
    for (std::size_t policy = 0; policy < s.policies.size(); ++policy) {
        for (std::size_t k = 0; k < hedge_ledgers; ++k) {
            double sum = 0, square = 0;
            for (std::size_t i = 0; i < s.run.paths; ++i) {
                const double x = got(HedgeLedger(k), policy * s.run.paths + i);
                sum += x, square += x * x;
            }
            CHECK(got.sums[2 * (policy * hedge_ledgers + k)] == doctest::Approx(sum).epsilon(1e-10));
            CHECK(got.sums[2 * (policy * hedge_ledgers + k) + 1] == doctest::Approx(square).epsilon(1e-10));
        }
    }
}

TEST_CASE("the same bits for any threads, and a shard is its part of the whole") {
    const Simulation s = random_paths();
    const Ledgers whole = simulate(s, 1);
    for (const int threads : {2, 5}) {
        const Ledgers other = simulate(s, threads);
        CHECK(same_bits(other.all, whole.all));
        CHECK(same_bits(other.sums, whole.sums));
    }
    Simulation shard = s;
    shard.run.first_path = 200;
    shard.run.paths = 300;
    const Ledgers part = simulate(shard, 2);
    bool same = true;
    for (std::size_t k = 0; k < hedge_ledgers; ++k) {
        for (std::size_t cell = 0; cell < part.cells; ++cell) {
            const std::size_t policy = cell / 300, i = cell % 300;
            same = same && part(HedgeLedger(k), cell) == whole(HedgeLedger(k), policy * 700 + 200 + i);
        }
    }
    CHECK(same);
}

TEST_CASE("hedging takes the variance away") {
    Simulation s = random_paths();
    s.policies.resize(1);
    s.costs = {};
    s.orders = {};
    s.position = {{1, 100, -1, vol, 12}};
    s.terms.initial_value = 0;
    const auto deviation = [&] {
        const Ledgers got = simulate(s, 2);
        const double n = double(s.run.paths), mean = got.sums[0] / n;
        return std::sqrt(got.sums[1] / n - mean * mean);
    };
    const double coarse = deviation();
    s.run.steps = s.position[0].expiry_step = 48;
    s.run.step = step / 4;
    CHECK(deviation() == doctest::Approx(coarse / 2).epsilon(0.2));  // as the root of the number of trades
}

TEST_CASE("decisions of the caller take the place of a law") {
    Simulation s = random_paths();
    s.policies.resize(2);
    s.policies[1] = s.policies[0];  // trades to a delta of zero at every step
    s.decisions = {{}, [](const HedgeView& view) {
                       for (std::size_t i = 0; i < view.n; ++i) view.order[i] = -(view.delta[i] + view.ordered[i]);
                   }};
    const Ledgers got = simulate(s, 2);
    for (std::size_t i = 0; i < s.run.paths; ++i) {
        CHECK(got(HedgeLedger::pnl, s.run.paths + i) == doctest::Approx(got(HedgeLedger::pnl, i)).epsilon(1e-9));
    }
    s.decisions[1] = [](const HedgeView& view) {
        if (view.step == 3) throw std::runtime_error("no decision at 3");
    };
    CHECK(message_of([&] { simulate(s, 4); }) == "no decision at 3");
    CHECK(message_of([&] { simulate(s, 1); }) == "no decision at 3");
    s.decisions.clear();
    Execution stopped = on_threads(2);
    stopped.poll = [] { throw std::runtime_error("stopped"); };
    s.run.paths = 50'000'000;  // many seconds
    s.policies.resize(1);
    HedgeOutputs outputs;
    outputs.stride = s.run.paths;
    Numbers sums(hedge_ledgers * 2);
    outputs.sums = sums.data();
    CHECK(message_of([&] {
              simulate_hedging(s.model, s.run, s.position, s.terms, s.instrument, s.policies, s.costs, s.orders, outputs, stopped);
          }) == "stopped");
}

TEST_CASE("what is outside of its domain is refused by name") {
    const auto refusal = [](const auto& make) {
        Simulation s = random_paths();
        make(s);
        return message_of([&] { simulate(s); });
    };
    CHECK(contains(refusal([](Simulation& s) { s.position.clear(); }), "position"));
    CHECK(contains(refusal([](Simulation& s) { s.position[1].strike = -95; }), "position[1]: strike"));
    CHECK(contains(refusal([](Simulation& s) { s.position[0].expiry_step = 13; }), "expiry_step"));
    CHECK(contains(refusal([](Simulation& s) { s.policies[1].size = -0.1; }), "-0.1"));
    CHECK(contains(refusal([](Simulation& s) { s.costs.fee = -share; }), "fee"));
    CHECK(contains(refusal([](Simulation& s) { s.orders.below = {0.5}; }), "latency"));
    CHECK(contains(refusal([](Simulation& s) { s.orders.failure = 1; }), "failure"));
}
