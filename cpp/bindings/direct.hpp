// Functions of positional arguments called straight by the interpreter: a call of one option costs mostly its call, and pybind11's
// dispatch, made for overloads and keywords, would be a third of it.
#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "pybind.hpp"

namespace hedgecore::bindings {

// What a parameter may be.
template <class T>
T argument(PyObject* value);

[[noreturn]] inline void unfit(const char* expected, PyObject* value) {
    throw py::type_error(std::string("must be ") + expected + ", not " + Py_TYPE(value)->tp_name);
}

template <>
inline py::handle argument<py::handle>(PyObject* value) {
    return value;
}
template <>
inline bool argument<bool>(PyObject* value) {
    const int truth = PyObject_IsTrue(value);
    if (truth < 0) throw py::error_already_set();
    return truth != 0;
}
template <>
inline std::string_view argument<std::string_view>(PyObject* value) {
    if (!PyUnicode_Check(value)) unfit("text", value);
    Py_ssize_t length = 0;
    const char* text = PyUnicode_AsUTF8AndSize(value, &length);
    if (!text) throw py::error_already_set();
    return {text, static_cast<std::size_t>(length)};
}
template <>
inline py::tuple argument<py::tuple>(PyObject* value) {
    if (!PyTuple_Check(value)) unfit("a tuple", value);
    return py::reinterpret_borrow<py::tuple>(value);
}
template <>
inline py::bytes argument<py::bytes>(PyObject* value) {
    if (!PyBytes_Check(value)) unfit("bytes", value);
    return py::reinterpret_borrow<py::bytes>(value);
}

// The name of a parameter in "name(a, b, /)".
inline std::string parameter_name(std::string_view signature, std::size_t index) {
    std::size_t begin = signature.find('(') + 1;
    for (; index > 0; --index) begin = signature.find(", ", begin) + 2;
    return std::string(signature.substr(begin, signature.find_first_of(",)", begin) - begin));
}

template <auto function>
struct Direct;

template <class Result, class... Parameters, Result (*function)(Parameters...)>
struct Direct<function> {
    static PyObject* call(PyObject*, PyObject* const* values, Py_ssize_t count) {
        try {
            if (count != static_cast<Py_ssize_t>(sizeof...(Parameters))) {
                throw py::type_error("expected " + std::to_string(sizeof...(Parameters)) + " positional arguments, got " +
                                     std::to_string(count));
            }
            return apply(values, std::index_sequence_for<Parameters...>{});
        } catch (py::error_already_set& error) {
            error.restore();
        } catch (const py::builtin_exception& error) {
            error.set_error();
        } catch (const std::invalid_argument& error) {
            PyErr_SetString(PyExc_ValueError, error.what());
        } catch (const std::bad_alloc&) {
            PyErr_NoMemory();
        } catch (const std::exception& error) {
            PyErr_SetString(PyExc_RuntimeError, error.what());
        }
        return nullptr;
    }

private:
    template <std::size_t... I>
    static PyObject* apply(PyObject* const* values, std::index_sequence<I...>) {
        return function(named<Parameters, I>(values[I])...).release().ptr();
    }
    template <class T, std::size_t I>
    static T named(PyObject* value) {
        try {
            return argument<T>(value);
        } catch (const py::type_error& error) {
            throw py::type_error(parameter_name(signature, I) + " " + error.what());
        }
    }

public:
    static inline const char* signature = "";
};

// Adds the function to the module. `text` begins with its signature ("name(a, b, /)") and a line of "--".
template <auto function>
void define_direct(py::module_& m, const char* name, const char* text) {
    static PyMethodDef definition{};
    Direct<function>::signature = text;
    auto* call = &Direct<function>::call;
    definition = {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)), METH_FASTCALL, text};
    const py::object module_name = m.attr("__name__");
    m.attr(name) = py::reinterpret_steal<py::object>(PyCFunction_NewEx(&definition, nullptr, module_name.ptr()));
}

}  // namespace hedgecore::bindings
