// Paths of any model: the same bits for any threads, levels of instruction sets and shards, at any choice of times.
#include <cmath>
#include <optional>
#include <stdexcept>

#include "bytes.hpp"
#include "dispatch/kernels.hpp"
#include "hedgecore/build_info.hpp"
#include "path_models.hpp"

namespace {

using namespace hedgecore;
using fuzz::broken;
using fuzz::Bytes;
using fuzz::some;
using fuzz::text;

struct Setting {
    PathModel model;
    PathRun run;
    std::vector<double> history, windows, given;
};

void history_of(Bytes& bytes, Setting& s, std::size_t assets, std::size_t levels) {
    const auto table = [&](std::vector<double>& values, std::size_t rows) {
        for (std::size_t i = 0; i < rows * (assets + levels); ++i) values.push_back(bytes.number(-0.1, 0.1));
        return PathHistory{rows, levels, values.data()};
    };
    s.model.bootstrap = Bootstrap{table(s.history, 1 + bytes.below(8)), 1};
    some(bytes, s.model.bootstrap->block, 1, 10);
    if (bytes.below(4) > 0) return;
    Replays replays;
    std::size_t rows = 0;
    for (std::size_t n = 1 + bytes.below(3); n > 0; --n) rows += replays.lengths.emplace_back(1 + bytes.below(3));
    replays.history = table(s.windows, rows);
    replays.rate = bytes.number(0, 50), replays.factor = bytes.number(0.5, 2);
    s.model.replays = replays;
}

void given_of(Bytes& bytes, Setting& s, std::size_t assets, std::size_t levels) {
    GivenPaths g;
    g.levels = levels, g.paths = s.run.paths, g.times = s.run.steps + 1 + bytes.below(2), g.first = s.run.first_path;
    const std::size_t columns = assets + levels;
    for (std::size_t i = 0; i < 16; ++i) s.given.push_back(bytes.number(50, 150));
    while (s.given.size() < columns * g.paths * g.times) s.given.push_back(s.given[s.given.size() % 13]);
    g.values = s.given.data();
    const bool time_first = bytes.flag();
    g.time_stride = time_first ? std::ptrdiff_t(columns * g.paths) : 1;
    g.path_stride = time_first ? 1 : std::ptrdiff_t(g.times);
    g.column_stride = time_first ? std::ptrdiff_t(g.paths) : std::ptrdiff_t(g.times * g.paths);
    s.model.given = g;
}

void read(Bytes& bytes, Setting& s) {
    const std::size_t assets = 1 + bytes.below(3);
    s.run.seed = bytes.word(8);
    s.run.first_path = bytes.below(4) == 0 ? bytes.word(8) : 0;
    const std::size_t most = bytes.below(32) == 0 ? 4000 : 300;  // several chunks now and then
    s.run.paths = bytes.word(2) % most;
    s.run.steps = bytes.below(12);
    s.run.step = bytes.number(0.001, 0.1);
    s.run.antithetic = bytes.flag();
    s.model.common_jumps = bytes.below(4) == 0;
    for (std::size_t a = 0; a < assets; ++a) s.model.assets.push_back(fuzz::asset_of(bytes));
    if (s.model.common_jumps) {
        for (PathAsset& asset : s.model.assets) asset.jumps.intensity = s.model.assets[0].jumps.intensity;
    }
    if (assets > 1 && bytes.flag()) {
        s.model.correlation.assign(assets * assets, 1.0);
        for (std::size_t i = 0; i < assets; ++i) {
            for (std::size_t j = 0; j < i; ++j) s.model.correlation[i * assets + j] = s.model.correlation[j * assets + i] = bytes.number(-0.5, 1);
        }
    }
    const std::size_t levels = bytes.below(3), kind = bytes.below(8);
    if (kind == 0) history_of(bytes, s, assets, levels);
    if (kind == 1) given_of(bytes, s, assets, levels);
    for (std::size_t n = bytes.below(3); n > 0; --n) {
        LevelProcess p = fuzz::level_of(bytes);
        if (kind > 1) some(bytes, p.correlation, -1, 1);
        some(bytes, p.spike_rate, 0, 50), some(bytes, p.spike_size, 0, 1), some(bytes, p.spike_decay, 0, 50);
        if (!p.logarithmic) some(bytes, p.anchor, -1, 1), some(bytes, p.band, 0, 0.1);
        s.model.processes.push_back(p);
    }
}

struct Results {
    std::vector<double> spot, variance, level;
    std::string refused;
};

Results simulate(const Setting& s, const std::vector<std::size_t>& times, int threads) {
    const std::size_t columns = s.model.assets.size() + 16, paths = s.run.paths;
    PathOutputs out;
    out.times = times;
    out.path_stride = times.size(), out.column_stride = paths * times.size();
    Results r;
    for (auto* values : {&r.spot, &r.variance, &r.level}) values->assign(columns * paths * times.size() + 1, -7.0);
    out.spot = r.spot.data(), out.variance = r.variance.data(), out.level = r.level.data();
    try {
        simulate_paths(s.model, s.run, out, {threads, {}});
    } catch (const std::invalid_argument& error) {
        r.refused = error.what();
        if (r.refused.empty()) broken("an error without a text");
    }
    return r;
}

void check_equal(const Results& a, const Results& b, const std::string& what) {
    if (a.refused != b.refused) broken(what + ": refused: " + a.refused + b.refused);
    if (!a.refused.empty()) return;
    fuzz::check_same(a.spot, b.spot, what + ": spot");
    fuzz::check_same(a.variance, b.variance, what + ": variance");
    fuzz::check_same(a.level, b.level, what + ": level");
}

// A part of the whole: from a path on, at every second time. Where prices are beyond all numbers neighbours in a block may show.
void check_part(Setting s, const Results& whole, const std::vector<std::size_t>& times) {
    const std::size_t paths = s.run.paths, skipped = paths / 2 / 2 * 2;  // antithetic pairs stay together
    s.run.first_path += skipped;
    s.run.paths -= skipped;
    std::vector<std::size_t> some_times;
    for (std::size_t k = 0; k < times.size(); k += 2) some_times.push_back(times[k]);
    const Results part = simulate(s, some_times, 1);
    if (!part.refused.empty()) broken("a shard is refused: " + part.refused);
    const auto compare = [&](const std::vector<double>& all, const std::vector<double>& few, const char* what) {
        const std::size_t cells = s.run.paths * some_times.size();
        for (std::size_t i = 0; cells > 0 && i + 1 < few.size(); ++i) {
            const std::size_t column = i / cells, path = i % cells / some_times.size(), k = i % some_times.size();
            const double there = all[(column * paths + skipped + path) * times.size() + 2 * k];
            if (std::isfinite(there) && !fuzz::same(few[i], there)) broken(std::string("a shard has another ") + what + ": " + text(few[i]) + ", not " + text(there));
        }
    };
    compare(whole.spot, part.spot, "spot"), compare(whole.variance, part.variance, "variance"), compare(whole.level, part.level, "level");
}

// What models promise of any path: no price is negative, no variance either, levels are within their bounds.
void check_values(const Setting& s, const Results& r, std::size_t times) {
    const std::size_t cells = s.run.paths * times;
    for (std::size_t i = 0; i < s.model.assets.size() * cells; ++i) {
        if (r.spot[i] < 0) broken("spot " + text(r.spot[i]));
        if (r.variance[i] < 0) broken("variance " + text(r.variance[i]));
    }
    const std::size_t first = s.model.given ? s.model.given->levels : s.model.bootstrap ? s.model.bootstrap->history.levels : 0;
    for (std::size_t p = 0; p < s.model.processes.size(); ++p) {
        const LevelProcess& process = s.model.processes[p];
        for (std::size_t i = 0; i < cells; ++i) {
            const double x = r.level[(first + p) * cells + i];
            if (x < process.low || x > process.high) broken("level " + text(x) + " is not from " + text(process.low) + " to " + text(process.high));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> levels = available_levels();
    Bytes bytes(data, size);
    Setting s;
    read(bytes, s);
    std::vector<std::size_t> times;
    for (std::size_t t = 0; t <= s.run.steps; ++t) {
        if (t == 0 || bytes.below(4) > 0) times.push_back(t);
    }
    std::optional<Results> fused;
    for (const std::string& level : levels) {
        use_level(level);
        const Results one = simulate(s, times, 1);
        check_equal(one, simulate(s, times, 2), level + ", two threads");
        if (one.refused.empty()) {
            check_part(s, one, times);
            check_values(s, one, times.size());
        }
        if (level == "v2") continue;
        if (fused) check_equal(*fused, one, "another level than " + level);
        else fused = one;
    }
    return 0;
}
