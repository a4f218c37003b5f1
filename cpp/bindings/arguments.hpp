// Python arguments to columns of the core: scalars stay scalars, float64 arrays are used where they lie.
#pragma once

#include <optional>
#include <string>

#include "hedgecore/pricing.hpp"
#include "pybind.hpp"

namespace hedgecore::bindings {

// The common length of the arguments of a call: the arrays that are longer than one row (or empty) must agree.
struct Rows {
    std::size_t n = 1;
    bool any_array = false;  // else the results are plain numbers
    std::string namesake;    // the argument that set n

    void add(const py::array& array, const char* name);
};

// A column with what keeps it alive. The addresses stay valid only while the object is not moved.
template <class T>
class Argument {
public:
    Argument() = default;
    Argument(const Argument&) = delete;
    Argument& operator=(const Argument&) = delete;

    Column<T> column() const {
        if (!given_) return {};
        if (!array_) return {&scalar_, 0};
        return {static_cast<const T*>(array_->data()),
                array_->size() == 1 ? 0 : array_->strides(0) / static_cast<py::ssize_t>(sizeof(T))};
    }

protected:
    bool given_ = false;
    T scalar_{};
    std::optional<py::array> array_;
};

// float64 numbers. None is an argument that was not given.
class Numbers : public Argument<double> {
public:
    Numbers(py::handle value, const char* name, Rows& rows);
};

// Calls and puts: +1/-1, True/False, "call"/"put", "C"/"P", alone or in an array. In arrays of text a word that is neither
// is an error, or the invalid kind 0 where invalid_as_zero.
class Kinds : public Argument<std::int8_t> {
public:
    Kinds(py::handle value, bool invalid_as_zero, Rows& rows);
};

// The threads= argument: None is the default of the process.
Execution execution_of(py::handle threads);

bool raises(std::string_view errors);  // errors="raise" or "nan"; anything else is a ValueError

// Throws ValueError for the rows that could not be valued.
void raise_faults(const Faults& faults, bool scalar);

}  // namespace hedgecore::bindings
