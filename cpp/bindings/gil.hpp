// The GIL: let go of while the core works, taken again by what calls back into Python on any of its threads.
#pragma once

#include <chrono>
#include <optional>
#include <thread>

#include "pybind.hpp"

namespace hedgecore::bindings {

// A daemon thread may ask for the GIL while the interpreter ends. Up to Python 3.13 the thread ends there by an exception of the system
// (glibc), which would take the process down at the first destructor or worker that it meets: here the thread waits for the end of the
// process, as from Python 3.14 on.
template <class Take>
void take_or_wait(const Take& take) noexcept {
    try {
        take();
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
        take_or_wait([this] { PyEval_RestoreThread(state_); });
    }
    ReleasedGil(const ReleasedGil&) = delete;
    ReleasedGil& operator=(const ReleasedGil&) = delete;

private:
    PyThreadState* state_;
};

class TakenGil {
public:
    TakenGil() {
        take_or_wait([this] { gil_.emplace(); });
    }

private:
    std::optional<py::gil_scoped_acquire> gil_;
};

}  // namespace hedgecore::bindings
