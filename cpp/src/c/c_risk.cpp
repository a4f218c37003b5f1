// The plain C face of the risk of books: converts and calls.
#include "c_interface.hpp"

#include <limits>
#include <vector>

#include "hedgecore/risk.hpp"

using namespace hedgecore;
using namespace hedgecore::c_interface;

static constexpr std::size_t most_buckets = std::numeric_limits<std::int32_t>::max();

extern "C" {

hc_status hc_greek_sums(const hc_options* given_options, size_t terms, const hc_greek* greek, const hc_column* weight,
                        const int32_t* bucket, size_t buckets, double* sums, const hc_execution* execution, hc_faults* faults) {
    return guarded([&] {
        const Options options = valued_options_of(given_options);
        std::vector<RiskTerm> wanted;
        for (std::size_t t = 0; t < terms; ++t) {
            const std::string name = "weight[" + std::to_string(t) + "]";
            wanted.push_back({greek_of(greek, t, terms), column_of(required(weight, "weight", terms)[t], name, options.n)});
        }
        if (buckets == 0) throw std::invalid_argument("buckets = 0 must be positive");
        known(buckets, most_buckets, "buckets");
        static constexpr std::int32_t first = 0;
        const Column<std::int32_t> places = bucket ? column(bucket) : Column<std::int32_t>{&first, 0};
        required(sums, "sums", cells(terms, buckets));
        return report(greek_sums(options, wanted, places, buckets, sums, execution_of(execution)), faults);
    });
}

hc_status hc_scenario_sums(const hc_scenario_options* given_options, const hc_nodes* given_nodes, size_t greeks,
                           const hc_greek* greek, double* sums, const hc_execution* execution, hc_faults* faults) {
    return guarded([&] {
        const hc_scenario_options o = read(given_options, "hc_scenario_options");
        const hc_nodes m = read(given_nodes, "hc_nodes");
        ScenarioOptions options;
        options.n = o.n;
        options.settlement = flag(o.coin_settled, "hc_scenario_options.coin_settled") ? Settlement::inverse : Settlement::linear;
        options.kind = column(required(o.kind, "kind", o.n));
        options.strike = column(required(o.strike, "strike", o.n));
        options.expiry = column(required(o.expiry, "expiry", o.n));
        options.vol = column(required(o.vol, "vol", o.n));
        options.forward = column(required(o.forward, "forward", o.n));
        options.weight = column(required(o.weight, "weight", o.n));
        options.bucket = column(required(o.bucket, "bucket", o.n));
        options.rate = column(o.rate);
        options.slope = column(o.slope);

        known(m.buckets, most_buckets, "buckets");
        const std::size_t all = cells(m.n, m.buckets);
        ScenarioNodes nodes;
        nodes.n = m.n;
        nodes.buckets = m.buckets;
        nodes.spot_factor = required(m.spot_factor, "spot_factor", all);
        nodes.vol_scale = required(m.vol_scale, "vol_scale", all);
        nodes.vol_shift = required(m.vol_shift, "vol_shift", all);
        nodes.time_shift = required(m.time_shift, "time_shift", m.n);
        nodes.vol_skew = m.vol_skew;
        nodes.vol_curvature = m.vol_curvature;
        nodes.vol_floor = m.vol_floor;
        nodes.atm_vol = m.atm_vol;
        std::vector<ScenarioSmile> smiles;
        if (m.smiles) {
            const auto svi = [](const double* x) { return Svi{x[0], x[1], x[2], x[3], x[4]}; };
            for (std::size_t b = 0; b < m.buckets; ++b) {
                const hc_smile& s = m.smiles[b];
                smiles.push_back({svi(s.near_svi), svi(s.far_svi), s.near_weight, s.far_weight, s.expiry, s.stickiness});
            }
            nodes.smiles = smiles.data();
        }
        std::vector<Greek> wanted;
        for (std::size_t g = 0; g < greeks; ++g) wanted.push_back(greek_of(greek, g, greeks));
        required(sums, "sums", cells(greeks, all));
        return report(scenario_sums(options, nodes, wanted, sums, execution_of(execution)), faults);
    });
}

}  // extern "C"
