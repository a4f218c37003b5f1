// Threads: one pool for the process, started at the first call large enough to pay, or those of the host.
#pragma once

#include <cstddef>
#include <functional>

#include "hedgecore/version.hpp"

namespace hedgecore {

// How a call may run. threads = 0 means the default of the process.
struct Execution {
    int threads = 0;
    // Called now and then on the calling thread during long work; an exception from it stops the work and is rethrown.
    std::function<void()> poll;
};

// The number of threads used by default: that set here, else HEDGECORE_NUM_THREADS, else the CPUs that this
// process may use (affinity, cgroup quota). The usable CPUs are counted once. Throws std::invalid_argument for a number outside [1, 1024].
int num_threads();
void set_num_threads(int threads);

// A host's threads in place of the pool. A call hands over its work once for each further thread that it could use, to be run once, at any
// time, on any thread; the calling thread works too and waits only for what has begun. So an executor may run it at once, later or never,
// and on fewer threads than asked: the results are the same bits. What throws here stops the call and is rethrown.
//     set_executor([&](std::function<void()> work) { boost::asio::post(pool, std::move(work)); });
using Executor = std::function<void(std::function<void()> work)>;

// For calls that begin from now on; null: the pool. Those that run go on with what they had. A forked child has its own pool, no executor.
void set_executor(Executor executor);

// Runs task(begin, end) over [0, n) in chunks, on the caller and on workers. The first exception stops the rest and is
// rethrown. Chunks do not depend on the number of threads. A call from within a task runs on the calling thread.
void parallel_for(std::size_t n, std::size_t chunk, const Execution& execution,
                  const std::function<void(std::size_t begin, std::size_t end)>& task);

}  // namespace hedgecore
