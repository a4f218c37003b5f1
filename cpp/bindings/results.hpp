// Where results go: columns of one fresh block of memory, or arrays of the caller (out=).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "arguments.hpp"

namespace hedgecore::bindings {

class Results {
public:
    // One float64 column of rows.n values for each name. `out` is None, or has an array for every name: a dict or another mapping;
    // for a single column the array itself. Throws for arrays that do not fit or that overlap an argument or each other.
    Results(const py::tuple& names, const Rows& rows, py::handle out, std::vector<Extent> arguments);

    std::size_t size() const { return count_; }
    double* column(std::size_t j) { return given_.empty() ? fresh_data_ + j * stride_ : given_data_[j]; }
    Results(const Results&) = delete;
    Results& operator=(const Results&) = delete;

    // The column as the caller gets it: a number where all arguments were numbers and no array was given.
    py::object object(std::size_t j) const;

private:
    void take(py::handle array, const std::string& name, std::vector<Extent>& taken);

    std::size_t count_, n_, stride_ = 0;
    bool scalar_;
    std::array<double, greek_count> numbers_;  // of one option, without an array
    py::object fresh_;
    double* fresh_data_ = nullptr;
    std::vector<py::array> given_;
    std::vector<double*> given_data_;
};

}  // namespace hedgecore::bindings
