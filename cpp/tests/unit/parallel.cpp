// The pool: every row once, for any callers; exceptions, stops and nested calls; a forked child.
#include "hedgecore/parallel.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "parallel/check_stop.hpp"
#include "unit.hpp"

namespace {

using namespace unit;

// Whether every row of n is given to the task once, in whole chunks.
bool covers(std::size_t n, std::size_t chunk, int threads) {
    std::vector<std::atomic<int>> seen(n);
    std::atomic<bool> whole{true};
    parallel_for(n, chunk, on_threads(threads), [&](std::size_t begin, std::size_t end) {
        if (begin % chunk != 0 || end != std::min(n, begin + chunk)) whole = false;
        for (std::size_t i = begin; i < end; ++i) ++seen[i];
    });
    for (const std::atomic<int>& times : seen) {
        if (times != 1) return false;
    }
    return whole;
}

// Runs it in a child; whether it said so there.
template <class Call>
bool holds_in_child(const Call& call) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);  // what hangs is killed
        _exit(call() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("every row once, in chunks that do not depend on threads") {
    for (const int threads : {0, 1, 2, 7, 33}) {
        for (const std::size_t n : {0, 1, 7, 8, 9, 1000}) {
            for (const std::size_t chunk : {1, 8, 64, 2000}) {
                CAPTURE(threads);
                CAPTURE(n);
                CAPTURE(chunk);
                CHECK(covers(n, chunk, threads));
            }
        }
    }
}

TEST_CASE("numbers of threads outside their bounds") {
    const int usual = num_threads();
    for (const int threads : {-1, 1025}) {
        const std::string name = std::to_string(threads);
        CHECK(contains(message_of([&] { parallel_for(10, 1, on_threads(threads), [](std::size_t, std::size_t) {}); }), name));
        CHECK(contains(message_of([&] { set_num_threads(threads); }), name));
    }
    CHECK_THROWS_AS(set_num_threads(0), std::invalid_argument);
    CHECK(num_threads() == usual);
    set_num_threads(3);
    CHECK(num_threads() == 3);
    set_num_threads(usual);
}

TEST_CASE("a call from within a task runs on its thread") {
    std::atomic<int> inner{0}, elsewhere{0};
    parallel_for(32, 1, on_threads(4), [&](std::size_t, std::size_t) {
        const std::thread::id here = std::this_thread::get_id();
        parallel_for(10, 1, on_threads(4), [&](std::size_t, std::size_t) {
            ++inner;
            elsewhere += std::this_thread::get_id() != here;
        });
    });
    CHECK(inner == 320);
    CHECK(elsewhere == 0);
}

TEST_CASE("an exception stops the call and comes back, and the next call is sound") {
    for (const int threads : {1, 4}) {
        std::atomic<int> chunks{0};
        const std::string said = message_of([&] {
            parallel_for(100000, 1, on_threads(threads), [&](std::size_t begin, std::size_t) {
                ++chunks;
                if (begin == 50) throw std::runtime_error("row 50");
                while (begin > 50) check_stop();  // what others have begun lasts until then
            });
        });
        CHECK(said == "row 50");
        CHECK(chunks < 51 + threads);
        CHECK(covers(1000, 8, threads));
    }
    // of many that throw at once one comes back
    for (int i = 0; i < 20; ++i) {
        CHECK_THROWS_AS(parallel_for(64, 1, on_threads(8), [](std::size_t begin, std::size_t) { throw std::out_of_range(std::to_string(begin)); }),
                        std::out_of_range);
    }
}

TEST_CASE("poll is called on the calling thread and its exception stops the call") {
    for (const int threads : {1, 4}) {
        Execution polled = on_threads(threads);
        const std::thread::id caller = std::this_thread::get_id();
        std::atomic<std::size_t> chunks{0};
        int calls = 0;
        polled.poll = [&] {
            CHECK(std::this_thread::get_id() == caller);
            if (++calls == 2) throw std::runtime_error("stopped");
        };
        const std::string said = message_of([&] {
            parallel_for(100000, 1, polled, [&](std::size_t, std::size_t) {
                ++chunks;
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
            });
        });
        CHECK(said == "stopped");
        CHECK(calls == 2);
        CHECK(chunks < 100000);
    }
}

TEST_CASE("a caller that waits polls, and a worker in the midst of its chunk stops") {
    for (const bool of_host : {false, true}) {
        if (of_host) set_executor([](std::function<void()> work) { std::thread(std::move(work)).detach(); });
        Execution polled = on_threads(2);
        polled.poll = [] { throw std::runtime_error("polled"); };
        const std::thread::id caller = std::this_thread::get_id();
        std::atomic<bool> begun{false};
        const std::string said = message_of([&] {
            parallel_for(2, 1, polled, [&](std::size_t, std::size_t) {
                if (std::this_thread::get_id() == caller) {
                    begun.wait(false);
                    return;
                }
                begun = true;
                begun.notify_one();
                for (;;) check_stop();
            });
        });
        set_executor(nullptr);
        CHECK(said == "polled");
        CHECK(covers(1000, 8, 2));
    }
}

TEST_CASE("a call within a chunk stops with it, one out of the poll does not") {
    Execution polled = on_threads(2);
    bool whole = false;
    polled.poll = [&] {
        whole = covers(1000, 8, 2);
        throw std::runtime_error("polled");
    };
    const std::thread::id caller = std::this_thread::get_id();
    std::atomic<bool> begun{false};
    const std::string said = message_of([&] {
        parallel_for(2, 1, polled, [&](std::size_t, std::size_t) {
            if (std::this_thread::get_id() == caller) {
                begun.wait(false);
                return;
            }
            begun = true;
            begun.notify_one();
            parallel_for(2, 1, on_threads(2), [](std::size_t, std::size_t) {
                for (;;) check_stop();
            });
        });
    });
    CHECK(said == "polled");
    CHECK(whole);
    CHECK(covers(1000, 8, 2));
}

TEST_CASE("many callers at once") {
    std::atomic<int> wrong{0};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 6; ++caller) {
        callers.emplace_back([&, caller] {
            for (int i = 0; i < 20; ++i) {
                if (!covers(500 + std::size_t(caller), 16, 1 + (i + caller) % 4)) ++wrong;
            }
        });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(wrong == 0);
}

TEST_CASE("a forked child has a pool of its own") {
    CHECK(covers(1000, 8, 4));
    CHECK(holds_in_child([] { return covers(1000, 8, 4); }));
    CHECK(holds_in_child([] { return holds_in_child([] { return covers(1000, 8, 4); }); }));
    CHECK(covers(1000, 8, 4));
}

TEST_CASE("a child forked from within a task, and while others are in a call") {
    std::atomic<int> sound{0};
    parallel_for(4, 1, on_threads(4), [&](std::size_t, std::size_t) {
        sound += holds_in_child([] { return covers(200, 8, 4); });
    });
    CHECK(sound == 4);
    std::atomic<bool> over{false};
    std::thread busy([&] {
        while (!over) covers(2000, 8, 4);
    });
    for (int i = 0; i < 5; ++i) CHECK(holds_in_child([] { return covers(200, 8, 4); }));
    over = true;
    busy.join();
}
