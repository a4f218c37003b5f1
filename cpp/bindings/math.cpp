#include "hedgecore/math.hpp"

#include "gil.hpp"

namespace hedgecore::bindings {
namespace {

using Values = py::array_t<double, py::array::c_style | py::array::forcecast>;

template <void (*function)(const double*, double*, std::size_t)>
py::array_t<double> map(const Values& x) {
    py::array_t<double> y(x.size());
    const double* in = x.data();
    double* out = y.mutable_data();
    const auto n = static_cast<std::size_t>(x.size());
    {
        const ReleasedGil released;
        function(in, out, n);
    }
    return y;
}

py::array_t<double> log_ratio(const Values& a, const Values& b) {
    if (a.size() != b.size()) throw std::invalid_argument("a and b must have the same length");
    py::array_t<double> y(a.size());
    const double *upper = a.data(), *lower = b.data();
    double* out = y.mutable_data();
    const auto n = static_cast<std::size_t>(a.size());
    {
        const ReleasedGil released;
        math::log_ratio(upper, lower, out, n);
    }
    return y;
}

}  // namespace

void bind_math(py::module_& m) {
    m.def("exp", &map<math::exp>, py::arg("x"));
    m.def("log", &map<math::log>, py::arg("x"));
    m.def("log_ratio", &log_ratio, py::arg("a"), py::arg("b"));
    m.def("normal_pdf", &map<math::normal_pdf>, py::arg("x"));
    m.def("normal_cdf", &map<math::normal_cdf>, py::arg("x"));
    m.def("normal_quantile", &map<math::normal_quantile>, py::arg("p"));
}

}  // namespace hedgecore::bindings
