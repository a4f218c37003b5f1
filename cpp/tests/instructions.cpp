// Runs every listed kernel once inside `measured`, on one thread and over the same options, for a tool that counts
// instructions (tests/instructions.py). Prints `name options`, one line for each call of `measured`, in order.
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "hedgecore/hedging.hpp"
#include "hedgecore/math.hpp"
#include "hedgecore/paths.hpp"
#include "hedgecore/pricing.hpp"
#include "hedgecore/risk.hpp"
#include "hedgecore/surface.hpp"
#include "inputs.hpp"

using namespace hedgecore;

// The tool toggles at this name; what follows the call keeps it from becoming a jump.
extern "C" __attribute__((noinline)) void measured(const std::function<void()>& kernel) {
    kernel();
    __asm__ volatile("" ::: "memory");
}

namespace {

constexpr std::size_t rows = 4096;  // one chunk: on the calling thread, whatever the setting
using Values = std::vector<double>;

void count(const std::string& name, const std::function<void()>& kernel) {
    kernel();  // what happens once in a process is not counted
    measured(kernel);
    std::printf("%s %zu\n", name.c_str(), rows);
}

Values values(std::uint64_t seed, double (*next)(inputs::Source&)) {
    inputs::Source source(seed);
    Values column(rows);
    for (double& x : column) x = next(source);
    return column;
}

template <class T>
Column<T> column(const std::vector<T>& values) {
    return {values.data(), 1};
}

void count_vector_functions() {
    Values out(rows);
    const auto map = [&](const char* name, void (*function)(const double*, double*, std::size_t), const Values& x) {
        count(name, [&] { function(x.data(), out.data(), rows); });
    };
    const Values real = values(1, [](inputs::Source& s) { return s.uniform(-6.0, 6.0); });
    const Values positive = values(2, [](inputs::Source& s) { return s.spread(-20, 20); });
    const Values share = values(3, [](inputs::Source& s) { return s.spread(-20, -1); });
    map("math.exp", math::exp, real);
    map("math.log", math::log, positive);
    map("math.normal_pdf", math::normal_pdf, real);
    map("math.normal_cdf", math::normal_cdf, real);
    map("math.normal_quantile", math::normal_quantile, share);
    count("math.log_ratio", [&] { math::log_ratio(positive.data(), share.data(), out.data(), rows); });
}

// A day to two years, 25 to 200 % vol, strikes from half to twice the forward.
struct Chain {
    Values forward = values(4, [](inputs::Source& s) { return s.uniform(5e4, 9e4); });
    Values ratio = values(5, [](inputs::Source& s) { return s.spread(-1, 0); });
    Values expiry = values(6, [](inputs::Source& s) { return s.spread(-8, 0); });
    Values vol = values(7, [](inputs::Source& s) { return s.spread(-2, 0); });
    Values discount = values(8, [](inputs::Source& s) { return s.uniform(0.75, 1.0); });
    Values rate = values(9, [](inputs::Source& s) { return s.uniform(0.0, 0.125); });
    Values weight = values(10, [](inputs::Source& s) { return s.uniform(-50.0, 50.0); });
    Values normal_vol = Values(rows);
    Values strike = Values(rows);
    std::vector<std::int8_t> kind = std::vector<std::int8_t>(rows);
    std::vector<std::int32_t> one_bucket = std::vector<std::int32_t>(rows);
    std::vector<std::int32_t> scattered = std::vector<std::int32_t>(rows);

    Chain() {
        for (std::size_t i = 0; i < rows; ++i) {
            strike[i] = forward[i] * ratio[i];
            normal_vol[i] = forward[i] * vol[i];
            kind[i] = ratio[i] > 1.0 ? 1 : -1;
            scattered[i] = std::int32_t(i * i % 29);
        }
    }
    Options options(Settlement settlement) const {
        Options o;
        o.n = rows;
        o.kind = column(kind);
        o.strike = column(strike);
        o.expiry = column(expiry);
        o.vol = column(vol);
        o.settlement = settlement;
        return o;
    }
    Options with_forward(Settlement settlement = Settlement::linear) const {
        Options o = options(settlement);
        o.forward = column(forward);
        return o;
    }
    Options with_normal_vol() const {
        Options o = with_forward();
        o.model = Model::bachelier;
        o.vol = column(normal_vol);
        return o;
    }
    Options with_discount() const {
        Options o = with_forward();
        o.discount = column(discount);
        return o;
    }
    Options with_spot() const {
        Options o = options(Settlement::linear);
        o.spot = column(forward);
        o.rate = o.carry = column(rate);
        return o;
    }
};

using Set = std::vector<Greek>;
const Execution one_thread{1, {}};

void count_greeks(const std::string& name, const Options& options, const Set& set) {
    std::vector<Values> results(set.size(), Values(rows));
    GreekOutputs outputs{};
    for (std::size_t i = 0; i < set.size(); ++i) outputs[std::size_t(set[i])] = results[i].data();
    count(name, [&] { greeks(options, outputs, one_thread); });
}

void count_implied_vol(const std::string& name, const Options& options) {
    Values price(rows), vol(rows);
    GreekOutputs outputs{};
    outputs[std::size_t(Greek::price)] = price.data();
    greeks(options, outputs, one_thread);
    std::vector<Status> status(rows);
    count(name, [&] { implied_vol(options, column(price), vol.data(), status.data(), one_thread); });
}

void count_greek_sums(const std::string& name, const Options& options, const Chain& chain,
                      const std::vector<std::int32_t>& bucket) {
    Values sums(4 * 29);
    const RiskTerm terms[] = {{Greek::price, column(chain.weight)}, {Greek::delta, column(chain.weight)},
                              {Greek::gamma, column(chain.weight)}, {Greek::vega, column(chain.weight)}};
    count(name, [&] { greek_sums(options, terms, column(bucket), 29, sums.data(), one_thread); });
}

// Sixteen spots of one vol, which stays or goes with the forward as a smile does. The count is per option, not per node.
void count_scenarios(const std::string& name, const Chain& chain, Settlement settlement, bool sliding = false) {
    ScenarioOptions options;
    options.n = rows;
    options.kind = column(chain.kind);
    options.strike = column(chain.strike);
    options.expiry = column(chain.expiry);
    options.vol = column(chain.vol);
    options.forward = column(chain.forward);
    options.weight = column(chain.weight);
    options.bucket = column(chain.one_bucket);
    options.settlement = settlement;
    constexpr std::size_t nodes = 16;
    Values factor(nodes), ones(nodes, 1.0), zeros(nodes), sums(4 * nodes);
    for (std::size_t j = 0; j < nodes; ++j) factor[j] = 0.75 + 0.03125 * double(j);
    ScenarioNodes grid = {nodes, 1, factor.data(), ones.data(), zeros.data(), zeros.data()};
    const Svi slice = {0.01, 0.125, -0.25, 0.0, 0.125};
    const ScenarioSmile smile = {slice, slice, 0.5, 0.5, 0.5, 0.0};
    if (sliding) grid.smiles = &smile;
    const Set set = {Greek::price, Greek::delta, Greek::gamma, Greek::vega};
    count(name, [&] { scenario_sums(options, grid, set, sums.data(), one_thread); });
}

// Expiries about five slices, one after the other or all alike.
void count_surface(const std::string& name, SmileModel model, const Values& parameters, const Chain& chain) {
    const Values expiry = {0.0078125, 0.03125, 0.125, 0.5, 1.0}, forward(5, 65000.0);
    const Surface surface(model, expiry, forward, parameters);
    const double month = 0.0859375;
    SurfacePoints points;
    points.n = rows;
    points.strike = column(chain.strike);
    points.forward = column(chain.forward);
    points.expiry = column(chain.expiry);
    Values w(rows), slope(rows), curvature(rows), rise(rows);
    count(name + ".vol", [&] { surface.vol(points, w.data(), one_thread); });
    const VarianceOutputs outputs{w.data(), slope.data(), curvature.data(), rise.data()};
    count(name + ".variance", [&] { surface.variance(points, outputs, one_thread); });
    points.expiry = {&month, 0};
    count(name + ".vol.one_expiry", [&] { surface.vol(points, w.data(), one_thread); });
}

// Per step of a path: 64 paths of 64 steps.
void count_paths(const std::string& name, const PathAsset& asset) {
    PathModel model;
    model.assets = {asset};
    PathRun run;
    run.seed = 1;
    run.paths = run.steps = 64;
    run.step = 0.001;
    static_assert(64 * 64 == rows);
    Values spot(run.paths);
    PathOutputs outputs;
    outputs.times = {run.steps};
    outputs.spot = spot.data();
    outputs.path_stride = 1;
    count(name, [&] { simulate_paths(model, run, outputs, one_thread); });
}

void count_path_models() {
    PathRun run;
    run.paths = 64;
    Values numbers(rows);
    count("paths.uniforms", [&] { path_numbers(run, 0, 0, 64, false, numbers.data(), one_thread); });
    count("paths.normals", [&] { path_numbers(run, 0, 0, 64, true, numbers.data(), one_thread); });
    PathAsset gbm, kou, bates;
    gbm.vol = kou.vol = 0.625;
    kou.jumps = {JumpKind::double_exponential, 8.0, 0.0, 0.0, 0.375, 12.0, 8.0};
    bates.heston = HestonVariance{0.25, 1.0, 0.25, 2.0, -0.5};
    bates.jumps = {JumpKind::normal, 8.0, -0.0625, 0.125};
    count_paths("paths.gbm", gbm);
    count_paths("paths.kou", kou);
    count_paths("paths.bates", bates);
}

// The work of the first policy has the paths and the Greeks in it.
void count_hedging(const std::string& name, const std::vector<HedgePolicy>& policies, std::size_t options = 1) {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.paths = 64;
    run.steps = rows / run.paths;
    run.step = 1.0 / 1024;
    std::vector<HedgedOption> position;
    for (std::size_t j = 0; j < options; ++j) position.push_back({1, 90.0 + double(j), -1.0, 0.625, run.steps});
    HedgeCosts costs;
    costs.fee = 0.0005;
    Values pnl(policies.size() * run.paths);
    HedgeOutputs outputs;
    outputs.stride = run.paths;
    outputs.ledger[0] = pnl.data();
    count(name, [&] { simulate_hedging(model, run, position, {}, {}, policies, costs, {}, outputs, one_thread); });
}

void count_policies() {
    HedgePolicy band, law, own, impulse, view, interval, smooth, any;
    band.size = 0.0625;
    law.width = Width::whalley_wilmott;
    own.width = Width::zakamouline;
    own.centre = Centre::zakamouline;
    impulse.width = Width::fixed_and_proportional;
    view.width = Width::whalley_wilmott;
    interval.trigger = Trigger::interval;
    interval.width = Width::realised_vol;
    interval.power = -2.0;
    smooth.width = Width::smooth;
    view.decay = interval.decay = 0.96875;
    for (HedgePolicy* p : {&law, &own, &impulse, &view, &interval, &smooth}) {
        p->size = 1.0;
        p->cost = 0.0005;
        p->fixed_cost = 0.01;
        p->vol = 0.625;
        p->impact = 0.0625;
    }
    interval.size = 16.0;
    any.combination = Combination::any_of;
    any.members = {band, interval};
    count_hedging("hedging.band", {band});
    count_hedging("hedging.eight_bands", std::vector<HedgePolicy>(8, band));
    count_hedging("hedging.whalley_wilmott", {law});
    count_hedging("hedging.zakamouline", {own});
    count_hedging("hedging.fixed_and_proportional", {impulse});
    count_hedging("hedging.forecast_whalley_wilmott", {view});
    count_hedging("hedging.vol_interval", {interval});
    count_hedging("hedging.smooth", {smooth});
    count_hedging("hedging.any_of", {any});
    count_hedging("hedging.band.twenty_options", {band}, 20);
}

}  // namespace

int main() {
    count_vector_functions();
    const Chain chain;
    const Options forward = chain.with_forward(), inverse = chain.with_forward(Settlement::inverse);
    const Options discounted = chain.with_discount(), spot = chain.with_spot();
    const Set price = {Greek::price};
    const Set six = {Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta, Greek::rho};
    Set every;
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (Greek(g) != Greek::phi) every.push_back(Greek(g));  // phi needs the spot form
    }
    count_greeks("black.linear.forward.price", forward, price);
    count_greeks("black.linear.discounted.price", discounted, price);
    count_greeks("black.linear.spot.price", spot, price);
    count_greeks("black.linear.forward.six_greeks", forward, six);
    count_greeks("black.linear.discounted.six_greeks", discounted, six);
    count_greeks("black.linear.spot.six_greeks", spot, six);
    count_greeks("black.inverse.forward.six_greeks", inverse, six);
    count_greeks("black.inverse.forward.every_greek", inverse, every);
    count_implied_vol("black.linear.forward.implied_vol", forward);
    count_implied_vol("black.linear.discounted.implied_vol", discounted);
    count_implied_vol("black.linear.spot.implied_vol", spot);
    count_implied_vol("black.inverse.forward.implied_vol", inverse);
    Options cash = forward, asset = forward;
    cash.payoff = Payoff::cash_or_nothing;
    asset.payoff = Payoff::asset_or_nothing;
    count_greeks("cash_or_nothing.linear.forward.six_greeks", cash, six);
    count_greeks("asset_or_nothing.linear.forward.six_greeks", asset, six);
    const Options normal = chain.with_normal_vol();
    count_greeks("bachelier.linear.forward.six_greeks", normal, six);
    count_implied_vol("bachelier.linear.forward.implied_vol", normal);
    count_greek_sums("black.inverse.forward.greek_sums.one_bucket", inverse, chain, chain.one_bucket);
    count_greek_sums("black.inverse.forward.greek_sums.scattered", inverse, chain, chain.scattered);
    count_scenarios("black.linear.forward.scenario_sums", chain, Settlement::linear);
    count_scenarios("black.inverse.forward.scenario_sums", chain, Settlement::inverse);
    Values svi, sabr;
    for (int i = 0; i < 5; ++i) {
        svi.insert(svi.end(), {0.0078125, 0.125, -0.25, 0.0, 0.125});
        sabr.insert(sabr.end(), {0.625, 1.0, 2.0, -0.25});
    }
    count_surface("surface.svi", SmileModel::svi, svi, chain);
    count_surface("surface.sabr", SmileModel::sabr, sabr, chain);
    count_scenarios("black.linear.forward.scenario_sums.smile", chain, Settlement::linear, true);
    count_scenarios("black.inverse.forward.scenario_sums.smile", chain, Settlement::inverse, true);
    count_path_models();
    count_policies();
}
