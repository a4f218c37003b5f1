// Random numbers by their published words, paths by the moments of their models, the same for any threads and shards.
#include "hedgecore/paths.hpp"

#include <array>
#include <functional>
#include <stdexcept>

#include "unit.hpp"

namespace {

using namespace unit;

PathRun run_of(std::size_t paths, std::size_t steps, double step) {
    PathRun run;
    run.seed = 7;
    run.paths = paths;
    run.steps = steps;
    run.step = step;
    return run;
}

PathModel model_of(const PathAsset& asset) {
    PathModel model;
    model.assets = {asset};
    return model;
}

// Spots of every asset at the end, asset by asset.
Numbers last_spots(const PathModel& model, const PathRun& run, int threads = 2) {
    Numbers spot(model.assets.size() * run.paths);
    PathOutputs outputs;
    outputs.times = {run.steps};
    outputs.spot = spot.data();
    outputs.path_stride = 1;
    outputs.column_stride = run.paths;
    simulate_paths(model, run, outputs, on_threads(threads));
    return spot;
}

struct Moments {
    double mean, variance, error;  // of the mean
};

template <class Function>
Moments moments_of(const Numbers& x, const Function& f) {
    double mean = 0, square = 0;
    for (const double value : x) mean += f(value);
    mean /= double(x.size());
    for (const double value : x) square += (f(value) - mean) * (f(value) - mean);
    square /= double(x.size() - 1);
    return {mean, square, std::sqrt(square / double(x.size()))};
}

PathAsset bates() {
    PathAsset asset;
    asset.drift = 0.1;
    asset.heston = HestonVariance{0.25, 2.0, 0.36, 0.8, -0.6};
    asset.jumps = {JumpKind::normal, 4.0, -0.05, 0.1};
    return asset;
}

}  // namespace

TEST_CASE("Philox gives the words of Random123") {
    struct Published {
        std::uint64_t seed;
        std::array<std::uint32_t, 4> counter, words;
    };
    const std::uint32_t ones = 0xffffffff;
    const Published published[] = {
        {0, {0, 0, 0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {~std::uint64_t(0), {ones, ones, ones, ones}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    at_every_level([&] {
        for (const Published& one : published) {
            for (const std::size_t n : {1, 7, 16}) {
                std::vector<std::uint32_t> counters, words(4 * n);
                for (std::size_t i = 0; i < n; ++i) counters.insert(counters.end(), one.counter.begin(), one.counter.end());
                philox4x32(one.seed, counters.data(), words.data(), n);
                for (std::size_t i = 0; i < 4 * n; ++i) CHECK(words[i] == one.words[i % 4]);
            }
        }
    });
}

TEST_CASE("numbers of a path are its own: the documented layout, shards, antithetic pairs") {
    const std::size_t count = 5;
    PathRun run = run_of(300, 1, 1);
    run.first_path = 0xfffffff0;
    Numbers uniforms(run.paths * count), normals(run.paths * count);
    path_numbers(run, 200, 3, count, false, uniforms.data(), on_threads(2));
    path_numbers(run, 200, 3, count, true, normals.data(), on_threads(1));
    for (const std::size_t i : {0, 15, 16, 299}) {
        for (std::size_t m = 0; m < count; ++m) {
            const std::uint64_t path = run.first_path + i, number = m + 3;
            const std::array<std::uint32_t, 4> counter{std::uint32_t(number >> 1), 200, std::uint32_t(path), std::uint32_t(path >> 32)};
            std::array<std::uint32_t, 4> w{};
            philox4x32(run.seed, counter.data(), w.data(), 1);
            const std::size_t half = 2 * (number & 1);
            const std::uint64_t bits = std::uint64_t(w[half + 1]) << 32 | w[half];
            const double u = (double(bits >> 12) + 0.5) * 0x1p-52;
            CHECK(uniforms[i * count + m] == u);
            CHECK(double(cdf(normals[i * count + m])) == doctest::Approx(u).epsilon(1e-13));
        }
    }
    PathRun shard = run;
    shard.first_path += 100;
    shard.paths = 50;
    Numbers some(shard.paths * count);
    path_numbers(shard, 200, 3, count, true, some.data());
    CHECK(same_bits(some, Numbers(normals.begin() + 100 * count, normals.begin() + 150 * count)));
    run.antithetic = true;
    path_numbers(run, 200, 3, count, true, normals.data());
    for (std::size_t j = 0; j < run.paths; j += 2) CHECK(normals[j * count] == -normals[(j + 1) * count]);
}

TEST_CASE("GBM step by step is its formula") {
    PathAsset asset;
    asset.spot = 120;
    asset.drift = 0.3;
    asset.vol = 0.7;
    const PathRun run = run_of(37, 4, 0.25);
    const Numbers spot = last_spots(model_of(asset), run);
    Numbers z(run.paths * run.steps);
    path_numbers(run, std::uint32_t(PathStream::price), 0, run.steps, true, z.data());
    for (std::size_t i = 0; i < run.paths; ++i) {
        double sum = 0;
        for (std::size_t s = 0; s < run.steps; ++s) sum += z[i * run.steps + s];
        const double expected = 120 * std::exp((0.3 - 0.7 * 0.7 / 2) * 1.0 + 0.7 * std::sqrt(0.25) * sum);
        CHECK(spot[i] == doctest::Approx(expected).epsilon(1e-13));
    }
}

TEST_CASE("every model has the mean that its drift says, and the variance of its law") {
    PathAsset gbm, merton, kou, heston = bates();
    gbm.vol = merton.vol = kou.vol = 0.5;
    gbm.drift = merton.drift = kou.drift = 0.2;
    merton.jumps = {JumpKind::normal, 3.0, -0.1, 0.15};
    kou.jumps = {JumpKind::double_exponential, 5.0, 0, 0, 0.4, 12.0, 8.0};
    heston.jumps = {};
    // of ln S after a year: Brownian motion, and jumps: intensity times their second moment
    const double normal = 3 * (0.1 * 0.1 + 0.15 * 0.15), exponential = 5 * (0.4 * 2 / 144.0 + 0.6 * 2 / 64.0);
    struct Case {
        PathAsset asset;
        double variance;  // 0: not looked at
    };
    for (const Case& c : {Case{gbm, 0.25}, Case{merton, 0.25 + normal}, Case{kou, 0.25 + exponential}, Case{heston, 0}, Case{bates(), 0}}) {
        const std::size_t paths = 20000;
        const Numbers spot = last_spots(model_of(c.asset), run_of(paths, c.variance > 0 ? 4 : 32, c.variance > 0 ? 0.25 : 1 / 32.0));
        const Moments level = moments_of(spot, [](double s) { return s; }), log = moments_of(spot, [](double s) { return std::log(s); });
        CHECK(std::abs(level.mean - 100 * std::exp(c.asset.drift)) < 4 * level.error);
        if (c.variance > 0) CHECK(log.variance == doctest::Approx(c.variance).epsilon(0.06));
    }
}

TEST_CASE("Heston's variance has its mean, assets their correlation") {
    PathModel model;
    model.assets = {bates(), bates()};
    model.assets[0].jumps = model.assets[1].jumps = {};
    model.correlation = {1, 0.6, 0.6, 1};
    const PathRun run = run_of(10000, 16, 1 / 16.0);
    Numbers spot(2 * run.paths * 2), variance(spot.size());
    PathOutputs outputs;
    outputs.times = {0, 16};
    outputs.spot = spot.data();
    outputs.variance = variance.data();
    outputs.path_stride = 2;
    outputs.column_stride = 2 * run.paths;
    simulate_paths(model, run, outputs, on_threads(2));
    Numbers last;
    double xy = 0, xx = 0, yy = 0;
    for (std::size_t i = 0; i < run.paths; ++i) {
        CHECK(spot[2 * i] == doctest::Approx(100).epsilon(1e-14));
        CHECK(variance[2 * i] == doctest::Approx(0.25).epsilon(1e-15));
        last.push_back(variance[2 * i + 1]);
        const double x = std::log(spot[2 * i + 1] / 100), y = std::log(spot[outputs.column_stride + 2 * i + 1] / 100);
        xy += x * y, xx += x * x, yy += y * y;
    }
    const Moments v = moments_of(last, [](double x) { return x; });
    CHECK(std::abs(v.mean - (0.36 + (0.25 - 0.36) * std::exp(-2.0))) < 4 * v.error + 0.002);
    CHECK(xy / std::sqrt(xx * yy) == doctest::Approx(0.6).epsilon(0.06));
}

TEST_CASE("the same paths for any threads, and in any shard") {
    for (const bool antithetic : {false, true}) {
        PathRun run = run_of(1003, 6, 0.1);
        run.antithetic = antithetic;
        const Numbers all = last_spots(model_of(bates()), run, 1);
        CHECK(same_bits(last_spots(model_of(bates()), run, 2), all));
        CHECK(same_bits(last_spots(model_of(bates()), run, 5), all));
        PathRun shard = run;
        shard.first_path = 130;
        shard.paths = 400;
        CHECK(same_bits(last_spots(model_of(bates()), shard), Numbers(all.begin() + 130, all.begin() + 530)));
    }
}

TEST_CASE("resampled rows are rows of the history, given paths are what was given") {
    Numbers history(20);
    for (std::size_t i = 0; i < history.size(); ++i) history[i] = 0.01 * double(i) - 0.1;
    PathModel resampled = model_of({});
    resampled.bootstrap = Bootstrap{{20, 0, history.data()}, 3.0};
    for (const double s : last_spots(resampled, run_of(200, 1, 0.1))) {
        bool found = false;
        for (const double r : history) found = found || std::abs(std::log(s / 100) - r) < 1e-12;
        CHECK(found);
    }
    Numbers prices(7 * 3);
    for (std::size_t i = 0; i < prices.size(); ++i) prices[i] = 90 + double(i);
    PathModel given = model_of({});
    given.given = GivenPaths{prices.data(), 0, 7, 3, 0, 21, 3, 1};
    const Numbers spot = last_spots(given, run_of(7, 2, 0.1));
    for (std::size_t i = 0; i < 7; ++i) CHECK(spot[i] == doctest::Approx(prices[3 * i + 2]).epsilon(1e-14));
}

TEST_CASE("models outside their domain are refused by name") {
    struct Wrong {
        const char* says;
        std::function<void(PathModel&, PathRun&)> make;
    };
    const Wrong all[] = {
        {"vol", [](PathModel& m, PathRun&) { m.assets[0].vol = -0.5; }},
        {"spot", [](PathModel& m, PathRun&) { m.assets[0].spot = 0; }},
        {"rho", [](PathModel& m, PathRun&) { m.assets[0].heston = HestonVariance{0.2, 1, 0.2, 1, -1.5}; }},
        {"intensity", [](PathModel& m, PathRun&) { m.assets[0].jumps = {JumpKind::normal, -1, 0, 0.1}; }},
        {"correlation", [](PathModel& m, PathRun&) {
             m.assets.resize(2);
             m.correlation = {1, 2, 2, 1};
         }},
        {"step", [](PathModel&, PathRun& r) { r.step = 0; }},
    };
    for (const Wrong& wrong : all) {
        PathModel model = model_of({});
        PathRun run = run_of(10, 2, 0.1);
        wrong.make(model, run);
        CAPTURE(wrong.says);
        CHECK(contains(message_of([&] { last_spots(model, run); }), wrong.says));
    }
}
