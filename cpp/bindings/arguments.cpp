#include "arguments.hpp"

#include <algorithm>
#include <limits>

#include "gil.hpp"

namespace hedgecore::bindings {
namespace {

std::string shape_text(const py::array& array) {
    return py::str(array.attr("shape")).cast<std::string>();
}

// Arrays that the core can read where they lie: this dtype, aligned, whole strides.
bool direct(const py::array& array, py::ssize_t item) {
    constexpr int aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    return (array.flags() & aligned) != 0 && array.ndim() == 1 && array.strides(0) % item == 0;
}

void check_dimensions(const py::array& array, const char* name) {
    if (array.ndim() > 1) {
        throw py::value_error(std::string(name) + " must be a number or one-dimensional, not of shape " + shape_text(array));
    }
}

}  // namespace

bool is_plain_array(py::handle value) {
    return Py_TYPE(value.ptr()) == py::detail::npy_api::get().PyArray_Type_;
}

void Rows::add(const py::array& array, const char* name) {
    const auto size = static_cast<std::size_t>(array.size());
    any_array = true;
    if (size == 1) return;
    if (!namesake.empty() && n != size) {
        throw py::value_error(std::string(name) + " has " + std::to_string(size) + " rows, but " + namesake + " has " +
                              std::to_string(n));
    }
    n = size;
    namesake = name;
}

Extent Extent::of(const char* name, const py::array& array) {
    const auto* first = static_cast<const char*>(array.data());
    const auto* last = first + (array.size() - 1) * (array.ndim() == 0 ? 0 : array.strides(0));
    if (array.size() == 0) return {name, first, first};
    return {name, std::min(first, last), std::max(first, last) + array.itemsize()};
}

Numbers::Numbers(py::handle value, const char* name, Rows& rows) {
    if (value.is_none()) return;
    given_ = true;
    if (PyFloat_CheckExact(value.ptr())) {
        scalar_ = PyFloat_AS_DOUBLE(value.ptr());
        return;
    }
    if (PyLong_CheckExact(value.ptr())) {
        scalar_ = PyLong_AsDouble(value.ptr());
        if (scalar_ != -1.0 || !PyErr_Occurred()) return;
        PyErr_Clear();
        throw py::value_error(std::string(name) + " is a whole number too large for float64");
    }
    py::array array;
    if (py::isinstance<py::array>(value)) {
        array = py::reinterpret_borrow<py::array>(value);
        // of masked arrays (numpy.ma) what is masked is missing: NaN
        if (!is_plain_array(value) && py::hasattr(value, "filled")) {
            array = value.attr("astype")("float64").attr("filled")(std::numeric_limits<double>::quiet_NaN()).cast<py::array>();
        }
    } else {
        array = py::array::ensure(value);
        if (!array) {
            PyErr_Clear();
            throw py::type_error(std::string(name) + " must be a number or an array of numbers, not " +
                                 std::string(py::str(py::type::handle_of(value).attr("__name__"))));
        }
    }
    const char type = array.dtype().kind();
    if (type == 'O') {
        // mixed Python numbers, None as NaN
        try {
            array = array.attr("astype")("float64").cast<py::array>();
        } catch (const py::error_already_set&) {
            throw py::type_error(std::string(name) + " must be numbers; it holds an object that does not convert to float64");
        }
    } else if (type != 'f' && type != 'i' && type != 'u') {
        throw py::type_error(std::string(name) + " must be numbers, not of dtype " +
                             std::string(py::str(array.dtype())));
    }
    check_dimensions(array, name);
    if (!py::isinstance<py::array_t<double>>(array) || !(array.ndim() == 0 || direct(array, sizeof(double)))) {
        array = py::array_t<double, py::array::c_style | py::array::forcecast>(array);
    }
    if (array.ndim() == 0) {
        scalar_ = *static_cast<const double*>(array.data());
        return;
    }
    rows.add(array, name);
    array_ = std::move(array);
}

namespace {

// The usual ways to say one kind, without the detour over Python: +1, -1, True, False, "call", "put", "C", "P". 0 for others.
std::int8_t plain_kind(PyObject* value) {
    if (value == Py_True) return 1;
    if (value == Py_False) return -1;
    if (PyLong_CheckExact(value)) {
        int overflow = 0;
        const long number = PyLong_AsLongAndOverflow(value, &overflow);
        return number == 1 ? 1 : (number == -1 ? -1 : 0);
    }
    if (PyUnicode_CheckExact(value)) {
        Py_ssize_t length = 0;
        const char* text = PyUnicode_AsUTF8AndSize(value, &length);
        if (!text) {
            PyErr_Clear();
            return 0;
        }
        const std::string_view word(text, static_cast<std::size_t>(length));
        if (word == "call" || word == "C" || word == "c") return 1;
        if (word == "put" || word == "P" || word == "p") return -1;
    }
    return 0;
}

}  // namespace

Kinds::Kinds(py::handle value, bool invalid_as_zero, Rows& rows) {
    given_ = true;
    scalar_ = plain_kind(value.ptr());
    if (scalar_ != 0) return;
    py::object converted = py::reinterpret_borrow<py::object>(value);
    if (!(py::isinstance<py::array_t<std::int8_t>>(value) && is_plain_array(value))) {
        converted = py::module_::import("hedgecore._inputs").attr("kinds")(value, invalid_as_zero);
        if (PyLong_Check(converted.ptr())) {
            scalar_ = static_cast<std::int8_t>(PyLong_AsLong(converted.ptr()));
            return;
        }
    }
    auto array = py::reinterpret_borrow<py::array>(converted);
    check_dimensions(array, "kind");
    if (array.ndim() == 0) {
        scalar_ = *static_cast<const std::int8_t*>(array.data());
        return;
    }
    rows.add(array, "kind");
    array_ = std::move(array);
}

Execution execution_of(py::handle threads) {
    Execution execution;
    if (!threads.is_none()) {
        if (PyBool_Check(threads.ptr()) || !PyIndex_Check(threads.ptr())) {
            throw py::type_error("threads must be a whole number or None, not " + std::string(py::repr(threads)));
        }
        const Py_ssize_t count = PyNumber_AsSsize_t(threads.ptr(), nullptr);  // clipped where too large
        if (count < 1 || count > 1024) {
            throw py::value_error("threads must be from 1 to 1024, not " + std::string(py::repr(threads)));
        }
        execution.threads = static_cast<int>(count);
    }
    execution.poll = [] {
        const TakenGil taken;
        int signals = 0;
        call_or_wait([&] { signals = PyErr_CheckSignals(); });
        if (signals != 0) throw py::error_already_set();
    };
    return execution;
}

Model model_of(std::string_view name) {
    if (name == "black") return Model::black;
    if (name == "bachelier") return Model::bachelier;
    throw py::value_error("model must be 'black' or 'bachelier', not '" + std::string(name) + "'");
}

Payoff payoff_of(std::string_view name) {
    if (name == "vanilla") return Payoff::vanilla;
    if (name == "cash_or_nothing") return Payoff::cash_or_nothing;
    if (name == "asset_or_nothing") return Payoff::asset_or_nothing;
    throw py::value_error("payoff must be 'vanilla', 'cash_or_nothing' or 'asset_or_nothing', not '" +
                          std::string(name) + "'");
}

bool raises(std::string_view errors) {
    if (errors == "raise") return true;
    if (errors == "nan") return false;
    throw py::value_error("errors must be 'raise' or 'nan', not '" + std::string(errors) + "'");
}

void raise_faults(const Faults& faults, bool scalar) {
    if (faults.count == 0) return;
    std::string text = faults.argument;
    if (!scalar) text += "[" + std::to_string(faults.row) + "]";
    text += " = " + std::string(py::repr(py::float_(faults.value))) + " must be " + faults.demand;
    if (!scalar) {
        text += faults.count == 1 ? " (the only bad row)" : " (" + std::to_string(faults.count) + " bad rows in all)";
    }
    throw py::value_error(text);
}

}  // namespace hedgecore::bindings
