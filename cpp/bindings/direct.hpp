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
    if (!PyUnicode_Check(value)) throw py::type_error("expected text, not " + std::string(Py_TYPE(value)->tp_name));
    Py_ssize_t length = 0;
    const char* text = PyUnicode_AsUTF8AndSize(value, &length);
    if (!text) throw py::error_already_set();
    return {text, static_cast<std::size_t>(length)};
}
template <>
inline py::tuple argument<py::tuple>(PyObject* value) {
    if (!PyTuple_Check(value)) throw py::type_error("expected a tuple, not " + std::string(Py_TYPE(value)->tp_name));
    return py::reinterpret_borrow<py::tuple>(value);
}
template <>
inline py::bytes argument<py::bytes>(PyObject* value) {
    if (!PyBytes_Check(value)) throw py::type_error("expected bytes, not " + std::string(Py_TYPE(value)->tp_name));
    return py::reinterpret_borrow<py::bytes>(value);
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
        return function(argument<Parameters>(values[I])...).release().ptr();
    }
};

// Adds the function to the module. `text` begins with its signature ("name(a, b, /)") and a line of "--".
template <auto function>
void define_direct(py::module_& m, const char* name, const char* text) {
    static PyMethodDef definition{};
    auto* call = &Direct<function>::call;
    definition = {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(call)), METH_FASTCALL, text};
    const py::object module_name = m.attr("__name__");
    m.attr(name) = py::reinterpret_steal<py::object>(PyCFunction_NewEx(&definition, nullptr, module_name.ptr()));
}

}  // namespace hedgecore::bindings
