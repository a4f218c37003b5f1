#include "hedgecore/surface.hpp"

#include "pybind.hpp"

namespace hedgecore::bindings {
namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

// Quotes of all expiries one after the other; expiry i has those from first[i] to first[i + 1].
std::vector<SmileQuotes> expiries_of(const Doubles& k, const Doubles& w, const Doubles& weight,
                                     const std::vector<std::size_t>& first) {
    const auto n = static_cast<std::size_t>(k.size());
    if (w.size() != k.size() || weight.size() != k.size()) throw py::value_error("k, w and weight must have one length");
    if (first.empty() || first.front() != 0 || first.back() != n) throw py::value_error("first must go from 0 to the end");
    for (std::size_t i = 0; i < n; ++i) {
        const double wi = w.data()[i], ui = weight.data()[i];
        if (!(std::isfinite(k.data()[i]) && std::isfinite(wi) && wi > 0 && std::isfinite(ui) && ui > 0)) {
            throw py::value_error("quote " + std::to_string(i) +
                                  ": k must be finite, w and weight finite and positive");
        }
    }
    std::vector<SmileQuotes> out;
    for (std::size_t i = 0; i + 1 < first.size(); ++i) {
        if (first[i + 1] < first[i] + 3) throw py::value_error("expiry " + std::to_string(i) + " has under 3 quotes");
        const std::size_t count = first[i + 1] - first[i];
        out.push_back({{k.data() + first[i], count}, {w.data() + first[i], count}, {weight.data() + first[i], count}});
    }
    return out;
}

py::tuple fit_svi_of(const Doubles& k, const Doubles& w, const Doubles& weight, const std::vector<std::size_t>& first,
                     const py::object& warm, bool no_butterfly) {
    const std::vector<SmileQuotes> expiries = expiries_of(k, w, weight, first);
    const std::size_t n = expiries.size();
    Doubles starts;
    if (!warm.is_none()) {
        starts = py::cast<Doubles>(warm);
        if (starts.ndim() != 2 || std::size_t(starts.shape(0)) != n || starts.shape(1) != 5) {
            throw py::value_error("warm must have a row of 5 parameters for each expiry");
        }
    }
    py::array_t<double> parameters({n, std::size_t(5)}), quality({n, std::size_t(2)});
    double *p = parameters.mutable_data(), *out = quality.mutable_data();
    const double* from = warm.is_none() ? nullptr : starts.data();
    {
        const py::gil_scoped_release release;
        for (std::size_t i = 0; i < n; ++i) {
            Svi start{};
            if (from) start = {from[5 * i], from[5 * i + 1], from[5 * i + 2], from[5 * i + 3], from[5 * i + 4]};
            const bool known = from && std::isfinite(start.m) && start.sigma > 0;
            const SviFit fit = fit_svi(expiries[i], known ? &start : nullptr, no_butterfly);
            const double values[] = {fit.svi.a, fit.svi.b, fit.svi.rho, fit.svi.m, fit.svi.sigma};
            for (std::size_t j = 0; j < 5; ++j) p[5 * i + j] = values[j];
            out[2 * i] = fit.cost, out[2 * i + 1] = fit.smallest_g;
        }
    }
    return py::make_tuple(parameters, quality);
}

py::array_t<double> fit_essvi_of(const Doubles& k, const Doubles& w, const Doubles& weight,
                                 const std::vector<std::size_t>& first) {
    const std::vector<SmileQuotes> expiries = expiries_of(k, w, weight, first);
    py::array_t<double> parameters({expiries.size(), std::size_t(3)});
    double* p = parameters.mutable_data();
    {
        const py::gil_scoped_release release;
        for (const Ssvi& slice : fit_essvi(expiries)) *p++ = slice.theta, *p++ = slice.rho, *p++ = slice.psi;
    }
    return parameters;
}

}  // namespace

void bind_surface(py::module_& m) {
    m.def("fit_svi", &fit_svi_of, py::arg("k"), py::arg("w"), py::arg("weight"), py::arg("first"), py::arg("warm"),
          py::arg("no_butterfly"), "Raw SVI of each expiry (a, b, rho, m, sigma); its cost per quote and smallest g.");
    m.def("fit_essvi", &fit_essvi_of, py::arg("k"), py::arg("w"), py::arg("weight"), py::arg("first"),
          "eSSVI (theta, rho, psi) of expiries in order of time.");
}

}  // namespace hedgecore::bindings
