// A host's executor in place of the pool, in the manners that hosts have: prints what holds (tests/test_executor.py).
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "hedgecore/pricing.hpp"
#include "parallel/check_stop.hpp"

namespace {

using namespace hedgecore;
using Work = std::function<void()>;

int failures = 0;

void expect(bool holds, const char* what) {
    std::printf("%s: %s\n", what, holds ? "yes" : "NO");
    failures += !holds;
}

// Prices of a book of many chunks.
std::vector<double> prices(int threads) {
    constexpr std::size_t n = 60000;
    static const std::vector<double> strikes = [] {
        std::vector<double> made(n);
        for (std::size_t i = 0; i < n; ++i) made[i] = 20 + double(i) / 256;
        return made;
    }();
    const double expiry = 0.5, vol = 0.625, forward = 100;
    const std::int8_t call = 1;
    Options options;
    options.n = n;
    options.kind = {&call, 0};
    options.strike = {strikes.data(), 1};
    options.expiry = {&expiry, 0};
    options.vol = {&vol, 0};
    options.forward = {&forward, 0};
    std::vector<double> price(n);
    GreekOutputs outputs{};
    outputs[std::size_t(Greek::price)] = price.data();
    Execution execution;
    execution.threads = threads;
    greeks(options, outputs, execution);
    return price;
}

bool same(const std::vector<double>& a, const std::vector<double>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(double)) == 0;
}

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

template <class Call>
std::string message_of(const Call& call) {
    try {
        call();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

// Whether a poll that throws stops a worker in the midst of its chunk, while the calling thread waits for it.
bool stops_waiting() {
    Execution polled;
    polled.threads = 2;
    polled.poll = [] { throw std::runtime_error("polled"); };
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> begun{false};
    return message_of([&] {
               parallel_for(2, 1, polled, [&](std::size_t, std::size_t) {
                   if (std::this_thread::get_id() == caller) {
                       begun.wait(false);
                       return;
                   }
                   begun = true;
                   begun.notify_one();
                   for (;;) check_stop();
               });
           }) == "polled";
}

}  // namespace

int main() {
    const std::vector<double> expected = prices(1);
    Execution eight;
    eight.threads = 8;
    expect(stops_waiting() && same(prices(8), expected), "a caller that waits for the pool polls");

    {
        HostPool pool(3);
        std::atomic<int> handed{0};
        set_executor([&](Work work) {
            ++handed;
            pool.post(std::move(work));
        });
        expect(same(prices(8), expected) && handed == 7, "threads of the host");
        std::vector<std::thread> callers;
        std::atomic<int> equal{0};
        for (int i = 0; i < 4; ++i) callers.emplace_back([&] { equal += same(prices(8), expected); });
        for (std::thread& caller : callers) caller.join();
        expect(equal == 4, "calls from many threads");

        handed = 0;
        std::atomic<int> inner{0};
        parallel_for(64, 1, eight, [&](std::size_t, std::size_t) {
            parallel_for(10, 1, eight, [&](std::size_t, std::size_t) { ++inner; });
        });
        expect(inner == 640 && handed == 7, "a call from within a task stays on its thread");

        const std::string said = message_of([&] {
            parallel_for(1000, 1, eight, [](std::size_t begin, std::size_t) {
                if (begin == 5) throw std::runtime_error("chunk 5");
            });
        });
        expect(said == "chunk 5" && same(prices(8), expected), "an exception of a task comes back, and the next call is sound");
        expect(stops_waiting() && same(prices(8), expected), "a caller that waits for the host's threads polls");
        set_executor(nullptr);
    }
    {
        HostPool pool(1);  // its only thread makes the call: what is handed over cannot begin before the call is over
        set_executor([&](Work work) { pool.post(std::move(work)); });
        std::atomic<bool> equal{false}, over{false};
        pool.post([&] {
            equal = same(prices(8), expected);
            over = true;
            over.notify_one();
        });
        over.wait(false);
        expect(equal, "a call from the only thread of a host's pool");
        set_executor(nullptr);
    }
    {
        set_executor([](Work work) { work(); });
        expect(same(prices(8), expected), "a serial executor");
        Execution polled = eight;
        polled.poll = [] { throw std::runtime_error("polled"); };
        const std::string said = message_of([&] {
            parallel_for(100000, 1, polled, [](std::size_t, std::size_t) {
                const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
                while (std::chrono::steady_clock::now() < until) {}
            });
        });
        expect(said == "polled", "poll on the calling thread, whoever runs the work there");
    }
    {
        std::vector<Work> kept;
        set_executor([&](Work work) {
            kept.push_back(std::move(work));
            if (kept.size() % 3 != 0) return;
            std::thread reversed([&] {
                for (std::size_t i = kept.size(); i-- > kept.size() - 3;) kept[i]();
            });
            reversed.join();
        });
        expect(same(prices(8), expected) && kept.size() == 7, "odd order, and fewer than asked");
        std::atomic<int> chunks{0};
        parallel_for(50, 1, eight, [&](std::size_t, std::size_t) { ++chunks; });
        for (const Work& work : kept) work();
        expect(chunks == 50, "work that comes after its call does nothing");
        set_executor([](Work) {});
        expect(same(prices(8), expected), "an executor that drops everything");
    }
    {
        HostPool pool(2);
        int handed = 0;
        set_executor([&](Work work) {
            if (++handed == 3) throw std::runtime_error("the host is full");
            pool.post(std::move(work));
        });
        std::atomic<int> chunks{0};
        const std::string said = message_of([&] {
            parallel_for(1000, 1, eight, [&](std::size_t, std::size_t) { ++chunks; });
        });
        const int until_then = chunks;
        expect(said == "the host is full", "an exception of the executor comes back");
        expect(same(prices(3), expected) && chunks == until_then, "nothing of the stopped call goes on");
        set_executor(nullptr);
    }
    {
        const auto held = std::make_shared<int>(0);
        set_executor([held](Work work) { work(); });
        const bool kept = held.use_count() == 2;
        set_executor(nullptr);
        expect(kept && held.use_count() == 1, "what an executor holds goes with it");
        expect(same(prices(8), expected), "the pool again");
    }
    {
        HostPool pool(2);
        set_executor([&](Work work) { pool.post(std::move(work)); });
        std::fflush(stdout);
        const pid_t child = fork();
        if (child == 0) _exit(same(prices(8), expected) ? 0 : 1);
        int status = -1;
        waitpid(child, &status, 0);
        expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a forked child has a pool of its own");
        set_executor(nullptr);
    }
    return failures == 0 ? 0 : 1;
}
