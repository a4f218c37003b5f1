#include "hedgecore/risk.hpp"

#include <memory>
#include <vector>

#include "arguments.hpp"

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
        const py::gil_scoped_release release;
        faults = greek_sums(options, terms, where, buckets, out, execution);
    }
    if (arguments.raise) raise_faults(faults, false);
    return py::make_tuple(sums, faults.count);
}

}  // namespace

void bind_risk(py::module_& m) {
    m.def("greek_sums", &greek_sums_of, py::arg("kind"), py::arg("strike"), py::arg("expiry"), py::arg("vol"),
          py::arg("forward"), py::arg("spot"), py::arg("discount"), py::arg("rate"), py::arg("carry"),
          py::arg("settlement"), py::arg("greeks"), py::arg("weights"), py::arg("bucket"), py::arg("buckets"),
          py::arg("errors"), py::arg("threads"),
          "Sums of weight x Greek by bucket, one row for each Greek named by its number, and how many rows were bad.");
}

}  // namespace hedgecore::bindings
