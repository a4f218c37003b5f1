// The GIL: let go of while the core works, taken again by what calls back into Python on any of its threads.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <thread>

#include "pybind.hpp"

namespace hedgecore::bindings {

// Calls a function of Python's C interface that may take the GIL. A daemon thread may do so while the interpreter ends. Up to Python 3.13 the
// thread ends there by an exception of the system (glibc), which would take the process down at the first destructor or worker that it
// meets: here the thread waits for the end of the process, as from Python 3.14 on.
template <class Call>
void call_or_wait(const Call& call) noexcept {
    try {
        call();
    } catch (const std::exception&) {
        throw;  // a state of the thread cannot be made: ends the process, with its text
    } catch (...) {
        for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
    }
}

class ReleasedGil {
public:
    ReleasedGil() {
        py::detail::get_internals();  // made while the GIL is held
        state_ = PyEval_SaveThread();
    }
    ~ReleasedGil() {
        call_or_wait([this] { PyEval_RestoreThread(state_); });
    }
    ReleasedGil(const ReleasedGil&) = delete;
    ReleasedGil& operator=(const ReleasedGil&) = delete;

private:
    PyThreadState* state_;
};

class TakenGil {
public:
    TakenGil() {
        call_or_wait([this] { gil_.emplace(); });
    }

private:
    std::optional<py::gil_scoped_acquire> gil_;
};

// Calls a function of the user. No object of C++ lies between the interpreter and the wait for its end.
inline py::object call_python(py::handle function, const py::tuple& arguments) {
    PyObject* result = nullptr;
    call_or_wait([&] { result = PyObject_CallObject(function.ptr(), arguments.ptr()); });
    if (!result) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(result);
}

}  // namespace hedgecore::bindings
