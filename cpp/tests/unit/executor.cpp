// A host's executor in place of the pool, in the manners that hosts have.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "hedgecore/parallel.hpp"
#include "unit.hpp"

namespace {

using namespace unit;
using Work = std::function<void()>;

constexpr std::size_t chunks = 500;

// How often the chunks were run, by chunk.
std::vector<int> run_on(int threads) {
    std::vector<int> times(chunks);
    parallel_for(chunks, 1, on_threads(threads), [&](std::size_t begin, std::size_t) { ++times[begin]; });
    return times;
}

const std::vector<int> once(chunks, 1);

struct Installed {
    explicit Installed(Executor executor) { set_executor(std::move(executor)); }
    ~Installed() { set_executor(nullptr); }
};

// A pool as hosts have it: a queue and threads that serve it.
class HostPool {
public:
    explicit HostPool(int threads) {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
    }
    ~HostPool() {
        {
            const std::lock_guard lock(mutex_);
            over_ = true;
        }
        wake_.notify_all();
        for (std::thread& thread : threads_) thread.join();
    }
    void post(Work work) {
        {
            const std::lock_guard lock(mutex_);
            queue_.push_back(std::move(work));
        }
        wake_.notify_one();
    }

private:
    void serve() {
        for (;;) {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return over_ || !queue_.empty(); });
            if (queue_.empty()) return;
            const Work work = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            work();
        }
    }
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Work> queue_;
    std::vector<std::thread> threads_;
    bool over_ = false;
};

}  // namespace

TEST_CASE("threads of the host, from many callers") {
    HostPool pool(3);
    std::atomic<int> handed{0};
    const Installed installed([&](Work work) {
        ++handed;
        pool.post(std::move(work));
    });
    CHECK(run_on(8) == once);
    CHECK(handed == 7);
    std::atomic<int> right{0};
    std::vector<std::thread> callers;
    for (int i = 0; i < 4; ++i) callers.emplace_back([&] { right += run_on(8) == once; });
    for (std::thread& caller : callers) caller.join();
    CHECK(right == 4);

    handed = 0;
    std::atomic<int> inner{0};
    parallel_for(64, 1, on_threads(8), [&](std::size_t, std::size_t) {
        parallel_for(10, 1, on_threads(8), [&](std::size_t, std::size_t) { ++inner; });
    });
    CHECK(inner == 640);
    CHECK(handed == 7);  // a call from within a task stays on its thread
}

TEST_CASE("an exception of a task comes back from the host's threads") {
    HostPool pool(3);
    const Installed installed([&](Work work) { pool.post(std::move(work)); });
    const std::string said = message_of([&] {
        parallel_for(1000, 1, on_threads(8), [](std::size_t begin, std::size_t) {
            if (begin == 5) throw std::runtime_error("chunk 5");
        });
    });
    CHECK(said == "chunk 5");
    CHECK(run_on(8) == once);
}

TEST_CASE("a call from the only thread of a host's pool") {
    HostPool pool(1);  // what is handed over cannot begin before the call is over
    const Installed installed([&](Work work) { pool.post(std::move(work)); });
    std::atomic<bool> right{false}, over{false};
    pool.post([&] {
        right = run_on(8) == once;
        over = true;
        over.notify_one();
    });
    over.wait(false);
    CHECK(right);
}

TEST_CASE("a serial executor polls on the calling thread") {
    const Installed installed([](Work work) { work(); });
    CHECK(run_on(8) == once);
    Execution polled = on_threads(8);
    polled.poll = [] { throw std::runtime_error("polled"); };
    const std::string said = message_of([&] {
        parallel_for(100000, 1, polled, [](std::size_t, std::size_t) { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
    });
    CHECK(said == "polled");
}

TEST_CASE("odd order, fewer than asked, too late, never") {
    std::vector<Work> kept;
    const Installed installed([&](Work work) {
        kept.push_back(std::move(work));
        if (kept.size() % 3 != 0) return;
        std::thread reversed([&] {
            for (std::size_t i = kept.size(); i-- > kept.size() - 3;) kept[i]();
        });
        reversed.join();
    });
    CHECK(run_on(8) == once);
    CHECK(kept.size() == 7);
    std::atomic<int> run{0};
    parallel_for(50, 1, on_threads(8), [&](std::size_t, std::size_t) { ++run; });
    for (const Work& work : kept) work();
    CHECK(run == 50);  // work that comes after its call does nothing
    set_executor([](Work) {});
    CHECK(run_on(8) == once);
}

TEST_CASE("an exception of the executor comes back, and nothing of the call goes on") {
    HostPool pool(2);
    int handed = 0;
    const Installed installed([&](Work work) {
        if (++handed == 3) throw std::runtime_error("the host is full");
        pool.post(std::move(work));
    });
    std::atomic<int> run{0};
    const std::string said = message_of([&] { parallel_for(1000, 1, on_threads(8), [&](std::size_t, std::size_t) { ++run; }); });
    const int until_then = run;
    CHECK(said == "the host is full");
    CHECK(run_on(3) == once);
    CHECK(run == until_then);
}

TEST_CASE("what an executor holds goes with it") {
    const auto held = std::make_shared<int>(0);
    set_executor([held](Work work) { work(); });
    CHECK(held.use_count() == 2);
    set_executor(nullptr);
    CHECK(held.use_count() == 1);
    CHECK(run_on(8) == once);
}

TEST_CASE("a forked child has the pool, not the host's threads") {
    HostPool pool(2);
    const Installed installed([&](Work work) { pool.post(std::move(work)); });
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        _exit(run_on(8) == once ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
