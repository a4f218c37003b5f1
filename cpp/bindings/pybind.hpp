// The one header through which every binding file sees pybind11.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace hedgecore::bindings {

namespace py = pybind11;

void bind_hedging(py::module_& m);
void bind_math(py::module_& m);
void bind_paths(py::module_& m);
void bind_pricing(py::module_& m);
void bind_risk(py::module_& m);
void bind_surface(py::module_& m);

}  // namespace hedgecore::bindings
