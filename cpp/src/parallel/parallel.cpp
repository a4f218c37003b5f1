#include "hedgecore/parallel.hpp"

#include "parallel/check_stop.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace hedgecore {
namespace {

constexpr int most_threads = 1024;
constexpr auto poll_interval = std::chrono::milliseconds(30);

// Ends a chunk of a call that has failed elsewhere, and the calls that the chunk makes itself.
struct Stopped : std::exception {
    const char* what() const noexcept override { return "the call that this call is part of has ended"; }
};

class AtWork;
thread_local AtWork* at_work = nullptr;  // the innermost call that this thread works on

// While it lives, this thread works on a call: `stopped` says whether that has failed, `poll` is given on the calling thread.
class AtWork {
public:
    AtWork(const std::atomic<bool>* stopped, const std::function<void()>* poll)
        : stopped_(stopped), poll_(poll && *poll ? poll : nullptr), outer_(std::exchange(at_work, this)) {}
    ~AtWork() { at_work = outer_; }
    AtWork(const AtWork&) = delete;
    AtWork& operator=(const AtWork&) = delete;

    void check() {
        if (stopped_ && stopped_->load(std::memory_order_relaxed)) throw Stopped{};
        if (!poll_) return;
        const auto now = std::chrono::steady_clock::now();
        if (polled_ == std::chrono::steady_clock::time_point{}) polled_ = now;
        if (now - polled_ < poll_interval) return;
        polled_ = now;
        const AtWork apart(nullptr, nullptr);  // calls out of the poll stay on this thread and end by themselves
        (*poll_)();
    }

    const std::atomic<bool>* stopped() const { return stopped_; }

private:
    const std::atomic<bool>* stopped_;
    const std::function<void()>* poll_;
    AtWork* outer_;
    std::chrono::steady_clock::time_point polled_{};
};

int usable_cpus() {
    int count = static_cast<int>(std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
    // The quotas of this process's control group (version 2) and of all above it.
    std::string group;
    std::ifstream membership("/proc/self/cgroup");
    for (std::string line; std::getline(membership, line);) {
        if (line.rfind("0::", 0) == 0) group = line.substr(3);
    }
    for (;;) {
        std::ifstream quota_file("/sys/fs/cgroup" + group + "/cpu.max");
        std::string quota;
        double period = 0.0;
        if (quota_file >> quota >> period && quota != "max" && period > 0.0) {
            const double share = std::strtod(quota.c_str(), nullptr) / period;
            if (share > 0.0) count = std::min(count, std::max(1, static_cast<int>(share)));
        }
        const std::size_t slash = group.rfind('/');
        if (group.empty() || slash == std::string::npos) break;
        group.resize(slash);
    }
#endif
    return std::clamp(count, 1, most_threads);
}

int default_threads() {
    const char* text = std::getenv("HEDGECORE_NUM_THREADS");
    static const int cpus = usable_cpus();
    if (!text || !*text) return cpus;
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (*end != '\0' || value < 1 || value > most_threads) {
        throw std::invalid_argument("HEDGECORE_NUM_THREADS must be a whole number from 1 to 1024, not '" + std::string(text) + "'");
    }
    return static_cast<int>(value);
}

std::atomic<int> chosen_threads{0};

// One call's work: chunks are handed out from a counter; whoever is free takes the next.
struct Job {
    const std::function<void(std::size_t, std::size_t)>& task;
    std::size_t n, chunk;
    const std::function<void()>& poll;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> stopped{false};
    std::mutex mutex;
    std::exception_ptr error;

    void fail() {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        stopped.store(true, std::memory_order_relaxed);
    }

    template <class Part>
    void guarded(const Part& part) {
        try {
            part();
        } catch (const Stopped&) {
        } catch (...) {
            fail();
        }
    }

    // A host's thread may come from within a task of another job.
    void run_all(bool by_caller) {
        AtWork here(&stopped, by_caller ? &poll : nullptr);
        while (!stopped.load(std::memory_order_relaxed)) {
            const std::size_t begin = next.fetch_add(chunk, std::memory_order_relaxed);
            if (begin >= n) break;
            guarded([&] {
                here.check();
                task(begin, std::min(n, begin + chunk));
            });
        }
    }

    // The calling thread waits for those who work on the job, whose number `lock` guards, and polls meanwhile.
    void wait(std::unique_lock<std::mutex>& lock, std::condition_variable& done, const int& running) {
        const AtWork apart(nullptr, nullptr);  // calls out of the poll stay on this thread and end by themselves
        const auto over = [&] { return running == 0; };
        while (poll && !stopped.load(std::memory_order_relaxed) && !done.wait_for(lock, poll_interval, over)) {
            lock.unlock();
            guarded(poll);
            lock.lock();
        }
        done.wait(lock, over);
    }
};

// A job in the hands of a host's executor. Work that comes after its end finds none.
class Lent {
public:
    explicit Lent(Job& job) : job_(&job) {}

    void work() {
        {
            const std::lock_guard lock(mutex_);
            if (!job_) return;
            ++running_;
        }
        job_->run_all(std::this_thread::get_id() == caller_);
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) done_.notify_all();
    }

    // Waits for those who have begun.
    void end() {
        std::unique_lock lock(mutex_);
        job_->wait(lock, done_, running_);
        job_ = nullptr;
    }

private:
    std::mutex mutex_;
    std::condition_variable done_;
    Job* job_;
    const std::thread::id caller_ = std::this_thread::get_id();
    int running_ = 0;
};

void run_by(const Executor& executor, Job& job, int workers) {
    const auto lent = std::make_shared<Lent>(job);
    try {
        for (int i = 0; i < workers; ++i) executor([lent] { lent->work(); });
    } catch (...) {
        job.fail();
    }
    job.run_all(true);
    lent->end();
}

// Workers wait for a job; one job at a time. The pool lives as long as the process: threads that wait are not joined at exit, so
// that neither interpreter shutdown nor static destruction can hang on them.
class Pool {
public:
    std::mutex one_job;

    void run(Job& job, int workers) {
        {
            const std::lock_guard lock(mutex_);
            while (started_ < workers) {
                try {
                    std::thread([this, index = started_] { work(index); }).detach();
                } catch (const std::system_error&) {
                    break;  // no more threads to be had: go on with fewer
                }
                ++started_;
            }
            job_ = &job;
            taking_part_ = std::min(workers, started_);
            ++generation_;
        }
        wake_.notify_all();
    }

    // Withdraws the job and waits for those who took it up; a worker that wakes later finds none.
    void finish(Job& job) {
        std::unique_lock lock(mutex_);
        job_ = nullptr;
        job.wait(lock, done_, running_);
    }

private:
    [[noreturn]] void work(int index) {
        std::size_t seen = 0;
        for (;;) {
            Job* job = nullptr;
            {
                std::unique_lock lock(mutex_);
                wake_.wait(lock, [&] { return generation_ != seen && index < taking_part_ && job_; });
                seen = generation_;
                job = job_;
                ++running_;
            }
            job->run_all(false);
            {
                const std::lock_guard lock(mutex_);
                if (--running_ == 0) done_.notify_all();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_, done_;
    Job* job_ = nullptr;
    std::size_t generation_ = 0;
    int started_ = 0, taking_part_ = 0, running_ = 0;
};

// Whose threads do the work.
struct Threads {
    Pool pool;
    std::atomic<bool> has_executor{false};
    std::mutex mutex;
    std::shared_ptr<const Executor> executor;
};

// Leaked on purpose (see Pool). After fork the child has none of the threads and starts afresh with a pool of its own; the old one, whose
// locks may be held by threads that no longer exist, is left alone, and so is the host's executor.
Threads* the_threads = nullptr;
std::once_flag threads_once;

Threads& threads_in_use() {
    std::call_once(threads_once, [] {
        the_threads = new Threads;
#if defined(__linux__) || defined(__APPLE__)
        pthread_atfork(nullptr, nullptr, [] {
            the_threads = new Threads;
            at_work = nullptr;
        });
#endif
    });
    return *the_threads;
}

std::shared_ptr<const Executor> executor_of(Threads& threads) {
    if (!threads.has_executor.load(std::memory_order_acquire)) return nullptr;
    const std::lock_guard lock(threads.mutex);
    return threads.executor;
}

}  // namespace

void check_stop() {
    if (at_work) at_work->check();
}

int num_threads() {
    const int chosen = chosen_threads.load(std::memory_order_relaxed);
    return chosen > 0 ? chosen : default_threads();
}

void set_num_threads(int threads) {
    if (threads < 1 || threads > most_threads) {
        throw std::invalid_argument("threads must be from 1 to 1024, not " + std::to_string(threads));
    }
    chosen_threads.store(threads, std::memory_order_relaxed);
}

void set_executor(Executor executor) {
    auto made = executor ? std::make_shared<const Executor>(std::move(executor)) : nullptr;
    Threads& threads = threads_in_use();
    const std::lock_guard lock(threads.mutex);
    threads.has_executor.store(made != nullptr, std::memory_order_release);
    threads.executor.swap(made);  // the old one goes after the lock, with what it holds
}

void parallel_for(std::size_t n, std::size_t chunk, const Execution& execution,
                  const std::function<void(std::size_t, std::size_t)>& task) {
    if (n == 0) return;
    if (execution.threads < 0 || execution.threads > most_threads) {
        throw std::invalid_argument("threads must be from 1 to 1024, not " + std::to_string(execution.threads));
    }
    if (n <= chunk || at_work) {
        AtWork here(at_work ? at_work->stopped() : nullptr, &execution.poll);
        for (std::size_t begin = 0; begin < n; begin += chunk) {
            if (begin > 0) here.check();
            task(begin, std::min(n, begin + chunk));
        }
        return;
    }
    Job job{task, n, chunk, execution.poll, {}, {}, {}, {}};
    const std::size_t chunks = (n + chunk - 1) / chunk;
    const int threads = execution.threads > 0 ? execution.threads : num_threads();
    const int workers = static_cast<int>(std::min<std::size_t>(chunks, static_cast<std::size_t>(threads))) - 1;
    if (workers > 0) {
        Threads& in_use = threads_in_use();
        const std::shared_ptr<const Executor> executor = executor_of(in_use);
        std::unique_lock turn(in_use.pool.one_job, std::defer_lock);
        if (executor) {
            run_by(*executor, job, workers);
        } else if (turn.try_lock()) {
            in_use.pool.run(job, workers);
            job.run_all(true);
            in_use.pool.finish(job);
        } else {  // another call has the workers: the results are the same
            job.run_all(true);
        }
    } else {
        job.run_all(true);
    }
    if (job.error) std::rethrow_exception(job.error);
}

}  // namespace hedgecore
