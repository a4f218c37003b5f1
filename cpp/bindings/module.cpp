// The table of contents of hedgecore._core.
#include "hedgecore/build_info.hpp"
#include "hedgecore/parallel.hpp"
#include "pybind.hpp"

namespace hb = hedgecore::bindings;
namespace py = pybind11;

PYBIND11_MODULE(_core_of_main, m) {
    m.doc() = "The compiled core of hedgecore; the public names are in the package hedgecore.";
    m.attr("__version__") = hedgecore::version();

    m.def("compiler", &hedgecore::compiler);
    m.def("compiled_levels", &hedgecore::compiled_levels);
    m.def("available_levels", &hedgecore::available_levels);
    m.def("active_level", &hedgecore::active_level);
    m.def("num_threads", &hedgecore::num_threads);
    m.def("set_num_threads", &hedgecore::set_num_threads, py::arg("threads"));

    hb::bind_hedging(m);
    hb::bind_math(m);
    hb::bind_paths(m);
    hb::bind_pricing(m);
    hb::bind_risk(m);
    hb::bind_surface(m);
}

// What Python calls. Before pybind11 does anything: up to Python 3.11 it waits for ever for the GIL in a subinterpreter.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
    if (PyInterpreterState_Get() == PyInterpreterState_Main()) return PyInit__core_of_main();
    PyErr_SetString(PyExc_ImportError, "hedgecore works in the main interpreter only, not in a subinterpreter");
    return nullptr;
}
