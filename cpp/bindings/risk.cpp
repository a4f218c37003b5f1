#include "hedgecore/risk.hpp"

#include <memory>
#include <vector>

#include "arguments.hpp"
#include "gil.hpp"

namespace hedgecore::bindings {
namespace {

py::tuple greek_sums_of(py::handle kind, py::handle strike, py::handle expiry, py::handle vol, py::handle forward,
                        py::handle spot, py::handle discount, py::handle rate, py::handle carry,
                        std::string_view settlement, const std::vector<int>& greeks, const py::sequence& weights,
                        const py::array_t<std::int32_t, py::array::c_style>& bucket, std::size_t buckets,
                        std::string_view errors, py::handle threads) {
    OptionArguments arguments(kind, strike, expiry, forward, spot, discount, rate, carry, settlement, errors);
    const Numbers vols(vol, "vol", arguments.rows);
    OptionArguments::require(vols, "vol");
    arguments.rows.add(bucket, "bucket");
    std::vector<std::unique_ptr<Numbers>> columns;
    for (const py::handle weight : weights) {
        columns.push_back(std::make_unique<Numbers>(weight, "weight", arguments.rows));
        OptionArguments::require(*columns.back(), "weight");
    }
    if (columns.size() != greeks.size()) throw py::value_error("there must be one weight for each Greek");
    std::vector<RiskTerm> terms;
    for (std::size_t t = 0; t < greeks.size(); ++t) {
        if (greeks[t] < 0 || std::size_t(greeks[t]) >= greek_count) throw py::value_error("unknown Greek");
        terms.push_back({Greek(greeks[t]), columns[t]->column()});
    }
    Options options = arguments.options();
    options.vol = vols.column();
    const Execution execution = execution_of(threads);
    const Column<std::int32_t> where{bucket.data(), bucket.size() == 1 ? 0 : 1};

    py::array_t<double> sums({static_cast<py::ssize_t>(terms.size()), static_cast<py::ssize_t>(buckets)});
    double* out = sums.mutable_data();
    Faults faults;
    {
        const ReleasedGil released;
        faults = greek_sums(options, terms, where, buckets, out, execution);
    }
    if (arguments.raise) raise_faults(faults, false);
    return py::make_tuple(sums, faults.count);
}

using Matrix = py::array_t<double, py::array::c_style | py::array::forcecast>;

// An array of that shape; an empty one for None.
Matrix given(const py::object& values, const char* name, const std::vector<py::ssize_t>& shape) {
    if (values.is_none()) return {};
    const auto array = py::cast<Matrix>(values);
    if (std::vector<py::ssize_t>(array.shape(), array.shape() + array.ndim()) != shape) {
        throw py::value_error(std::string(name) + " must have a row for each bucket, and as many columns as it needs");
    }
    return array;
}

py::array_t<double> scenario_sums_of(py::handle kind, py::handle strike, py::handle expiry, py::handle vol,
                                     py::handle forward, py::handle rate, py::handle weight, std::string_view settlement,
                                     const std::vector<int>& greeks,
                                     const py::array_t<std::int32_t, py::array::c_style>& bucket,
                                     const Matrix& spot_factor, const Matrix& vol_scale, const Matrix& vol_shift,
                                     const Matrix& time_shift, py::handle threads, const py::object& vol_skew,
                                     const py::object& vol_curvature, const py::object& vol_floor,
                                     const py::object& atm_vol, py::handle slope, const py::object& smile) {
    OptionArguments arguments(kind, strike, expiry, forward, py::none(), py::none(), rate, py::none(), settlement, "raise");
    const Numbers vols(vol, "vol", arguments.rows), weights(weight, "weight", arguments.rows);
    OptionArguments::require(vols, "vol");
    OptionArguments::require(weights, "weight");
    OptionArguments::require(arguments.forward, "forward");
    const Numbers slopes(slope, "slope", arguments.rows);
    arguments.rows.add(bucket, "bucket");
    if (spot_factor.ndim() != 2 || time_shift.ndim() != 1 || time_shift.size() != spot_factor.shape(1)) {
        throw py::value_error("spot_factor must have a row for each bucket and a column for each node, time_shift a number for each node");
    }
    for (const Matrix* other : {&vol_scale, &vol_shift}) {
        if (other->ndim() != 2 || other->shape(0) != spot_factor.shape(0) || other->shape(1) != spot_factor.shape(1)) {
            throw py::value_error("vol_scale and vol_shift must have the shape of spot_factor");
        }
    }
    std::vector<Greek> wanted;
    for (const int greek : greeks) {
        if (greek < 0 || std::size_t(greek) >= greek_count) throw py::value_error("unknown Greek");
        wanted.push_back(Greek(greek));
    }
    ScenarioOptions options;
    options.n = arguments.rows.n;
    options.kind = arguments.kind.column();
    options.strike = arguments.strike.column();
    options.expiry = arguments.expiry.column();
    options.vol = vols.column();
    options.forward = arguments.forward.column();
    options.rate = arguments.rate.column();
    options.weight = weights.column();
    options.slope = slopes.column();
    options.bucket = {bucket.data(), bucket.size() == 1 ? 0 : 1};
    options.settlement = arguments.settlement;
    ScenarioNodes nodes;
    nodes.n = static_cast<std::size_t>(spot_factor.shape(1));
    nodes.buckets = static_cast<std::size_t>(spot_factor.shape(0));
    nodes.spot_factor = spot_factor.data();
    nodes.vol_scale = vol_scale.data();
    nodes.vol_shift = vol_shift.data();
    nodes.time_shift = time_shift.data();
    const auto shape = [&](py::ssize_t columns) { return std::vector<py::ssize_t>{spot_factor.shape(0), columns}; };
    const Matrix skews = given(vol_skew, "vol_skew", shape(spot_factor.shape(1)));
    const Matrix curvatures = given(vol_curvature, "vol_curvature", shape(spot_factor.shape(1)));
    const Matrix floors = given(vol_floor, "vol_floor", shape(spot_factor.shape(1)));
    const Matrix levels = given(atm_vol, "atm_vol", {spot_factor.shape(0)});
    const Matrix smiles = given(smile, "smile", shape(14));
    std::vector<ScenarioSmile> by_bucket;
    for (py::ssize_t b = 0; !smile.is_none() && b < smiles.shape(0); ++b) {
        const double* x = smiles.data() + 14 * b;
        by_bucket.push_back({{x[0], x[1], x[2], x[3], x[4]}, {x[5], x[6], x[7], x[8], x[9]}, x[10], x[11], x[12], x[13]});
    }
    if (!vol_skew.is_none()) nodes.vol_skew = skews.data();
    if (!vol_curvature.is_none()) nodes.vol_curvature = curvatures.data();
    if (!vol_floor.is_none()) nodes.vol_floor = floors.data();
    if (!atm_vol.is_none()) nodes.atm_vol = levels.data();
    if (!smile.is_none()) nodes.smiles = by_bucket.data();
    const Execution execution = execution_of(threads);

    py::array_t<double> sums({static_cast<py::ssize_t>(wanted.size()), spot_factor.shape(0), spot_factor.shape(1)});
    double* out = sums.mutable_data();
    Faults faults;
    {
        const ReleasedGil released;
        faults = scenario_sums(options, nodes, wanted, out, execution);
    }
    raise_faults(faults, false);
    return sums;
}

}  // namespace

void bind_risk(py::module_& m) {
    m.def("greek_sums", &greek_sums_of, py::arg("kind"), py::arg("strike"), py::arg("expiry"), py::arg("vol"),
          py::arg("forward"), py::arg("spot"), py::arg("discount"), py::arg("rate"), py::arg("carry"),
          py::arg("settlement"), py::arg("greeks"), py::arg("weights"), py::arg("bucket"), py::arg("buckets"),
          py::arg("errors"), py::arg("threads"),
          "Sums of weight x Greek by bucket, one row for each Greek named by its number, and how many rows were bad.");
    m.def("scenario_sums", &scenario_sums_of, py::arg("kind"), py::arg("strike"), py::arg("expiry"), py::arg("vol"),
          py::arg("forward"), py::arg("rate"), py::arg("weight"), py::arg("settlement"), py::arg("greeks"),
          py::arg("bucket"), py::arg("spot_factor"), py::arg("vol_scale"), py::arg("vol_shift"),
          py::arg("time_shift"), py::arg("threads"), py::arg("vol_skew") = py::none(),
          py::arg("vol_curvature") = py::none(), py::arg("vol_floor") = py::none(), py::arg("atm_vol") = py::none(),
          py::arg("slope") = py::none(), py::arg("smile") = py::none(),
          "Sums of weight x Greek by Greek, bucket and node; the shocks but that of time have a row for each bucket.");
}

}  // namespace hedgecore::bindings
