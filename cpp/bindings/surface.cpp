#include "hedgecore/surface.hpp"

#include <functional>

#include "arguments.hpp"
#include "direct.hpp"
#include "gil.hpp"

namespace hedgecore::bindings {
namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

// --- values --------------------------------------------------------------------------------------------------------

std::span<const double> span_of(const Doubles& values) { return {values.data(), static_cast<std::size_t>(values.size())}; }

// What a Python surface holds: the slices, and what they were made of, for copies.
struct Slices {
    std::string model;
    Doubles expiry, forward, parameters;
    Surface surface;

    Slices(const std::string& model_, const Doubles& expiry_, const Doubles& forward_, const Doubles& parameters_)
        : model(model_),
          expiry(expiry_),
          forward(forward_),
          parameters(parameters_),
          surface(model_ == "sabr" ? SmileModel::sabr : SmileModel::svi, span_of(expiry), span_of(forward), span_of(parameters)) {}
};

const Surface& surface_of(py::handle slices) {
    // an object whose __init__ has not run holds nothing
    if (!py::isinstance<Slices>(slices) ||
        !reinterpret_cast<py::detail::instance*>(slices.ptr())->get_value_and_holder().holder_constructed()) {
        throw py::type_error("slices must be Slices");
    }
    return py::cast<const Slices&>(slices).surface;
}

struct PointArguments {
    Rows rows;
    Numbers k, strike, forward, expiry;

    PointArguments(py::handle k_, py::handle strike_, py::handle forward_, py::handle expiry_)
        : k(k_, "k", rows), strike(strike_, "strike", rows), forward(forward_, "forward", rows), expiry(expiry_, "expiry", rows) {}
    SurfacePoints points() const { return {rows.n, k.column(), strike.column(), forward.column(), expiry.column()}; }
};

py::object surface_vol_of(py::handle slices, py::handle k, py::handle strike, py::handle forward, py::handle expiry,
                          py::handle threads) {
    const Surface& surface = surface_of(slices);
    const PointArguments arguments(k, strike, forward, expiry);
    const Execution execution = execution_of(threads);
    if (!arguments.rows.any_array) {
        double vol = 0;
        raise_faults(surface.vol(arguments.points(), &vol, execution), true);
        return py::float_(vol);
    }
    py::array_t<double> out(static_cast<py::ssize_t>(arguments.rows.n));
    double* vol = out.mutable_data();
    Faults faults;
    {
        const ReleasedGil released;
        faults = surface.vol(arguments.points(), vol, execution);
    }
    raise_faults(faults, false);
    return out;
}

py::tuple surface_variance_of(py::handle slices, py::handle k, py::handle strike, py::handle forward, py::handle expiry,
                              py::handle threads) {
    const Surface& surface = surface_of(slices);
    const PointArguments arguments(k, strike, forward, expiry);
    const Execution execution = execution_of(threads);
    if (!arguments.rows.any_array) {
        double w = 0, slope = 0, curvature = 0, rise = 0;
        raise_faults(surface.variance(arguments.points(), {&w, &slope, &curvature, &rise}, execution), true);
        return py::make_tuple(w, slope, curvature, rise);
    }
    const auto n = static_cast<py::ssize_t>(arguments.rows.n);
    py::array_t<double> w(n), slope(n), curvature(n), rise(n);
    const VarianceOutputs outputs{w.mutable_data(), slope.mutable_data(), curvature.mutable_data(), rise.mutable_data()};
    Faults faults;
    {
        const ReleasedGil released;
        faults = surface.variance(arguments.points(), outputs, execution);
    }
    raise_faults(faults, false);
    return py::make_tuple(w, slope, curvature, rise);
}

// --- fits ----------------------------------------------------------------------------------------------------------

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

// The parameters to start from, a row of `width` for each of n expiries; None: none.
Doubles starts_of(const py::object& warm, std::size_t n, std::size_t width) {
    if (warm.is_none()) return {};
    const auto starts = py::cast<Doubles>(warm);
    if (starts.ndim() != 2 || std::size_t(starts.shape(0)) != n || std::size_t(starts.shape(1)) != width) {
        throw py::value_error("warm must have a row of " + std::to_string(width) + " parameters for each expiry");
    }
    return starts;
}

// fit(i) for each of n expiries.
void each_expiry(std::size_t n, py::handle threads, const std::function<void(std::size_t)>& fit) {
    const Execution execution = execution_of(threads);
    const ReleasedGil released;
    parallel_for(n, 1, execution, [&](std::size_t i, std::size_t) { fit(i); });
}

py::tuple fit_svi_of(const Doubles& k, const Doubles& w, const Doubles& weight, const std::vector<std::size_t>& first,
                     const py::object& warm, bool no_butterfly, py::handle threads) {
    const std::vector<SmileQuotes> expiries = expiries_of(k, w, weight, first);
    const std::size_t n = expiries.size();
    const Doubles starts = starts_of(warm, n, 5);
    py::array_t<double> parameters({n, std::size_t(5)}), quality({n, std::size_t(2)});
    double *p = parameters.mutable_data(), *out = quality.mutable_data();
    const double* from = warm.is_none() ? nullptr : starts.data();
    each_expiry(n, threads, [&](std::size_t i) {
        Svi start{};
        if (from) start = {from[5 * i], from[5 * i + 1], from[5 * i + 2], from[5 * i + 3], from[5 * i + 4]};
        const bool known = from && std::isfinite(start.m) && start.sigma > 0;
        const SviFit fit = fit_svi(expiries[i], known ? &start : nullptr, no_butterfly);
        const double values[] = {fit.svi.a, fit.svi.b, fit.svi.rho, fit.svi.m, fit.svi.sigma};
        for (std::size_t j = 0; j < 5; ++j) p[5 * i + j] = values[j];
        out[2 * i] = fit.cost, out[2 * i + 1] = fit.smallest_g;
    });
    return py::make_tuple(parameters, quality);
}

py::array_t<double> fit_essvi_of(const Doubles& k, const Doubles& w, const Doubles& weight,
                                 const std::vector<std::size_t>& first) {
    const std::vector<SmileQuotes> expiries = expiries_of(k, w, weight, first);
    py::array_t<double> parameters({expiries.size(), std::size_t(3)});
    double* p = parameters.mutable_data();
    // one piece of work, as every slice is bound by its neighbours
    each_expiry(1, py::none(), [&](std::size_t) {
        for (const Ssvi& slice : fit_essvi(expiries)) *p++ = slice.theta, *p++ = slice.rho, *p++ = slice.psi;
    });
    return parameters;
}

py::array_t<double> fit_sabr_of(const Doubles& k, const Doubles& w, const Doubles& weight,
                                const std::vector<std::size_t>& first, const Doubles& forward, const Doubles& expiry,
                                double beta, const py::object& warm, py::handle threads) {
    const std::vector<SmileQuotes> expiries = expiries_of(k, w, weight, first);
    const std::size_t n = expiries.size();
    if (std::size_t(forward.size()) != n || std::size_t(expiry.size()) != n) {
        throw py::value_error("forward and expiry must have a number for each expiry");
    }
    if (!(beta >= 0 && beta <= 1)) throw py::value_error("beta = " + std::to_string(beta) + " must be from 0 to 1");
    const Doubles starts = starts_of(warm, n, 4);
    py::array_t<double> parameters({n, std::size_t(4)});
    double* out = parameters.mutable_data();
    const double* from = warm.is_none() ? nullptr : starts.data();
    each_expiry(n, threads, [&](std::size_t i) {
        Sabr start{};
        if (from) start = {from[4 * i], from[4 * i + 1], from[4 * i + 2], from[4 * i + 3]};
        const bool known = from && start.alpha > 0 && std::isfinite(start.nu) && std::isfinite(start.rho);
        const Sabr fit = fit_sabr(expiries[i], forward.data()[i], expiry.data()[i], beta, known ? &start : nullptr);
        const double values[] = {fit.alpha, fit.beta, fit.nu, fit.rho};
        for (std::size_t j = 0; j < 4; ++j) out[4 * i + j] = values[j];
    });
    return parameters;
}

}  // namespace

void bind_surface(py::module_& m) {
    // of the plain metaclass, as its stub says
    py::class_<Slices>(m, "Slices", py::metaclass(reinterpret_cast<PyObject*>(&PyType_Type)),
                       "The slices of a surface: model 'svi' (five parameters each) or 'sabr' (four).")
        .def(py::init<const std::string&, const Doubles&, const Doubles&, const Doubles&>(), py::arg("model"),
             py::arg("expiry"), py::arg("forward"), py::arg("parameters"))
        .def(py::pickle(
            [](const Slices& s) { return py::make_tuple(s.model, s.expiry, s.forward, s.parameters); },
            [](const py::tuple& t) {
                return Slices(t[0].cast<std::string>(), t[1].cast<Doubles>(), t[2].cast<Doubles>(), t[3].cast<Doubles>());
            }));
    define_direct<&surface_vol_of>(m, "surface_vol",
                                   "surface_vol(slices, k, strike, forward, expiry, threads, /)\n--\n\n"
                                   "Vols at k, or at strikes (of the surface's forward where None is given).");
    define_direct<&surface_variance_of>(m, "surface_variance",
                                        "surface_variance(slices, k, strike, forward, expiry, threads, /)\n--\n\n"
                                        "w, dw/dk, d2w/dk2 and dw/dT.");
    m.def("fit_sabr", &fit_sabr_of, py::arg("k"), py::arg("w"), py::arg("weight"), py::arg("first"), py::arg("forward"),
          py::arg("expiry"), py::arg("beta"), py::arg("warm"), py::arg("threads") = py::none(), "SABR (alpha, beta, nu, rho) of each expiry.");
    m.def("fit_svi", &fit_svi_of, py::arg("k"), py::arg("w"), py::arg("weight"), py::arg("first"), py::arg("warm"),
          py::arg("no_butterfly"), py::arg("threads") = py::none(), "Raw SVI of each expiry (a, b, rho, m, sigma); its cost per quote and smallest g.");
    m.def("fit_essvi", &fit_essvi_of, py::arg("k"), py::arg("w"), py::arg("weight"), py::arg("first"),
          "eSSVI (theta, rho, psi) of expiries in order of time.");
}

}  // namespace hedgecore::bindings
