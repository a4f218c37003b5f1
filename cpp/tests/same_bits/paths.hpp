// Random numbers and paths.
#pragma once

#include <string>
#include <vector>

#include "hedgecore/paths.hpp"
#include "lines.hpp"

namespace same_bits {

// A layout does not apply to paths: what is cut, strided or shifted are shards and outputs.
inline void print_numbers() {
    PathRun run;
    run.seed = 0x0123456789abcdefULL;
    run.first_path = 0xfffffff0;  // across the words of the counter
    run.paths = 1003;
    run.antithetic = true;
    std::vector<double> numbers(run.paths * 21);
    for (const bool normal : {false, true}) {
        path_numbers(run, 77, 3, 21, normal, numbers.data(), execution);
        print(normal ? "paths.normals" : "paths.uniforms", numbers.data(), numbers.size());
    }
}

inline void print_paths(const std::string& name, const PathModel& model) {
    PathRun run;
    run.seed = 42;
    run.first_path = 5;
    run.paths = 1003;
    run.steps = 24;
    run.step = 0.03125;
    PathOutputs outputs;
    outputs.times = {0, 1, 7, 24};
    outputs.path_stride = 4;
    outputs.column_stride = 4 * run.paths;
    const std::size_t assets = model.assets.size();
    const std::size_t levels = model.processes.size() + (model.bootstrap ? model.bootstrap->history.levels : 0);
    std::vector<double> spot(assets * outputs.column_stride), variance(spot.size()), level(levels * outputs.column_stride);
    outputs.spot = spot.data();
    outputs.variance = variance.data();
    outputs.level = levels ? level.data() : nullptr;
    simulate_paths(model, run, outputs, execution);
    print("paths." + name + ".spot", spot.data(), spot.size());
    print("paths." + name + ".variance", variance.data(), variance.size());
    if (levels) print("paths." + name + ".level", level.data(), level.size());
}

inline void print_every_model() {
    PathAsset gbm, merton, kou, heston, bates;
    gbm.vol = merton.vol = kou.vol = 0.625;
    gbm.drift = 0.25;
    merton.jumps = {JumpKind::normal, 8.0, -0.0625, 0.125};
    kou.jumps = {JumpKind::double_exponential, 8.0, 0.0, 0.0, 0.375, 12.0, 8.0};
    heston.heston = bates.heston = HestonVariance{0.25, 1.0, 0.25, 2.0, -0.5};
    bates.jumps = merton.jumps;
    const auto one = [](const PathAsset& asset) {
        PathModel model;
        model.assets = {asset};
        return model;
    };
    print_paths("gbm", one(gbm));
    print_paths("merton", one(merton));
    print_paths("kou", one(kou));
    print_paths("heston", one(heston));
    print_paths("bates", one(bates));
    PathModel three;
    three.assets = {bates, kou, heston};
    three.correlation = {1.0, 0.75, 0.25, 0.75, 1.0, 0.5, 0.25, 0.5, 1.0};
    three.processes.resize(2);
    three.processes[0] = {0.0, 0.0, 16.0, 0.5, -0.5, false, 0, 0, 0, 0.125, 0.0625, -0.5, 0.5};
    three.processes[1] = {1.0, 1.0, 16.0, 0.5, 0.0, true, 4.0, 0.5, 32.0, 0, 0, 0.0, 64.0};
    print_paths("correlated", three);
    inputs::Source source(12);
    std::vector<double> history(500 * 2);
    for (double& x : history) x = source.uniform(-0.25, 0.25);
    PathModel resampled = one(gbm);
    resampled.bootstrap = Bootstrap{{500, 1, history.data()}, 6.0};
    resampled.replays = Replays{{40, 1, history.data() + 40}, {10, 30}, 2.0, 1.5};
    print_paths("bootstrap", resampled);
}

}  // namespace same_bits
