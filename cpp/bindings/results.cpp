#include "results.hpp"

namespace hedgecore::bindings {

Results::Results(const py::tuple& names, const Rows& rows, py::handle out, std::vector<Extent> arguments)
    : count_(names.size()), n_(rows.n), scalar_(!rows.any_array) {
    if (out.is_none() && scalar_ && count_ <= numbers_.size()) {
        stride_ = 1;
        fresh_data_ = numbers_.data();
        return;
    }
    if (out.is_none()) {
        // One allocation. The starts are staggered modulo 4 KiB: columns that begin at the same offset within a page evict each
        // other from the L1 cache while they are written together.
        stride_ = (n_ + 7) / 8 * 8;
        if (n_ >= 512) stride_ += (576 + 4096 - stride_ * 8 % 4096) % 4096 / 8;
        py::array_t<double> block(static_cast<py::ssize_t>(count_ * stride_));
        fresh_data_ = block.mutable_data();
        fresh_ = std::move(block);
        return;
    }
    given_.reserve(count_);
    if (py::isinstance<py::array>(out)) {
        if (count_ != 1) throw py::type_error("out must be a mapping of names to arrays, or an earlier result");
        take(out, "out", arguments);
        return;
    }
    for (const py::handle name : names) {
        const std::string text = "out['" + py::str(name).cast<std::string>() + "']";
        const auto column = py::reinterpret_steal<py::object>(PyObject_GetItem(out.ptr(), name.ptr()));
        if (!column) {
            if (!PyErr_ExceptionMatches(PyExc_KeyError)) throw py::error_already_set();
            PyErr_Clear();
            throw py::value_error(text + " is missing");
        }
        take(column, text, arguments);
    }
}

void Results::take(py::handle array, const std::string& name, std::vector<Extent>& taken) {
    const bool is_array = py::isinstance<py::array_t<double>>(array) && is_plain_array(array);
    const auto column = is_array ? py::reinterpret_borrow<py::array>(array) : py::array();
    constexpr int aligned = py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    if (!is_array || column.ndim() != 1 || static_cast<std::size_t>(column.size()) != n_ || !column.writeable() ||
        (column.flags() & aligned) == 0 || (n_ > 1 && column.strides(0) != sizeof(double))) {
        throw py::value_error(name + " must be a writeable contiguous float64 array of " + std::to_string(n_) + (n_ == 1 ? " row" : " rows"));
    }
    const Extent mine = Extent::of(nullptr, column);
    for (const Extent& other : taken) {
        if (mine.begin < other.end && other.begin < mine.end) {
            throw py::value_error(name + " overlaps " + (other.name ? other.name : "another array of out"));
        }
    }
    taken.push_back(mine);
    given_.push_back(column);
    given_data_.push_back(static_cast<double*>(given_.back().mutable_data()));
}

py::object Results::object(std::size_t j) const {
    if (!given_.empty()) return given_[j];
    if (scalar_) return py::reinterpret_steal<py::object>(PyFloat_FromDouble(fresh_data_[j * stride_]));
    return py::array_t<double>(static_cast<py::ssize_t>(n_), fresh_data_ + j * stride_, fresh_);
}

}  // namespace hedgecore::bindings
