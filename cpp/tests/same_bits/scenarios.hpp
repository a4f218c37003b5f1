// Books on scenarios.
#pragma once

#include <string>
#include <vector>

#include "hedgecore/risk.hpp"
#include "options.hpp"

namespace same_bits {

// In forward form, without and with a rate; `shaped` with smiles and slopes that go with the forward, and shocks of skew, curvature
// and floor. Rows and weights outside the domain are faults here; never cut, as the sums above.
inline void print_scenario_sums(const std::string& name, Settlement settlement, const Columns& columns, bool discounted, bool shaped) {
    const Stored<double> weight = store(table.weight);
    std::vector<std::int32_t> bucket(rows);
    for (std::size_t i = 0; i < rows; ++i) bucket[i] = std::int32_t(i * i % 1009 % 5);
    const Stored<std::int32_t> where = store(bucket);
    ScenarioOptions options;
    options.n = rows;
    options.kind = columns.kind.column();
    options.strike = columns.strike.column();
    options.expiry = columns.expiry.column();
    options.vol = columns.vol.column();
    options.forward = columns.underlying.column();
    if (discounted) options.rate = columns.rate.column();
    options.weight = weight.column();
    options.bucket = where.column();
    options.settlement = settlement;
    std::vector<Greek> set = {Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta};
    if (settlement == Settlement::inverse) set.insert(set.end(), {Greek::black_delta, Greek::black_gamma});

    constexpr std::size_t buckets = 5, nodes = 12;
    inputs::Source source(11);
    std::vector<double> factor(buckets * nodes), scale(buckets * nodes), shift(buckets * nodes), time(nodes);
    for (std::size_t j = 0; j < nodes; ++j) time[j] = double(j / 4) * 0.125;
    for (std::size_t j = 0; j < buckets * nodes; ++j) {
        factor[j] = source.uniform(0.25, 2.0);
        scale[j] = j % nodes / 2 % 2 == 0 ? 1.0 : 1.5;
        shift[j] = j % nodes / 6 == 0 ? 0.0 : -0.0625;
    }
    ScenarioNodes grid = {nodes, buckets, factor.data(), scale.data(), shift.data(), time.data()};
    std::vector<double> skew(buckets * nodes), curvature(buckets * nodes), floor(buckets * nodes), slope(rows);
    std::vector<double> atm(buckets, 0.5);
    std::vector<ScenarioSmile> smiles(buckets);
    for (std::size_t b = 0; b < buckets; ++b) {
        const Svi near = {0.01, source.uniform(0.05, 0.2), source.uniform(-0.5, 0.5), 0.02, 0.1}, far = {0.02, 0.1, -0.25, 0.0, 0.2};
        smiles[b] = {near, far, 0.75, 0.25, b == 3 ? 0.0 : 0.5, double(b) - 1.0};
    }
    for (std::size_t j = 0; j < buckets * nodes; ++j) {
        skew[j] = j % 3 == 0 ? 0.0 : 0.0078125;
        curvature[j] = j % 4 == 0 ? 0.0 : 0.00390625;
        floor[j] = j % 5 == 0 ? 0.25 : -1.0;
    }
    for (double& x : slope) x = source.uniform(-0.0625, 0.0625);
    if (shaped) {
        options.slope = {slope.data(), 1};
        grid.vol_skew = skew.data();
        grid.vol_curvature = curvature.data();
        grid.vol_floor = floor.data();
        grid.atm_vol = atm.data();
        grid.smiles = smiles.data();
    }
    std::vector<double> sums(set.size() * buckets * nodes);
    FaultCount faults;
    faults.add(scenario_sums(options, grid, set, sums.data(), execution), 0);
    print(name, sums.data(), sums.size());
    faults.print(name);
}

}  // namespace same_bits
