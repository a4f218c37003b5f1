#include "hedgecore/paths.hpp"

#include "arguments.hpp"

namespace hedgecore::bindings {
namespace {

using Table = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Words = py::array_t<std::uint32_t, py::array::c_style | py::array::forcecast>;

std::size_t size_of(py::ssize_t n) { return static_cast<std::size_t>(n); }

template <class T>
T entry(const py::dict& values, const char* name) {
    try {
        return values[name].cast<T>();
    } catch (const py::cast_error&) {
        throw py::type_error(std::string(name) + " must be a number, not " + std::string(py::repr(values[name])));
    }
}

PathAsset asset_of(const py::dict& values) {
    PathAsset asset;
    asset.spot = entry<double>(values, "spot");
    asset.drift = entry<double>(values, "drift");
    asset.vol = entry<double>(values, "vol");
    if (values.contains("kappa")) {
        asset.heston = HestonVariance{entry<double>(values, "v0"), entry<double>(values, "kappa"), entry<double>(values, "theta"),
                                      entry<double>(values, "xi"), entry<double>(values, "rho")};
    }
    if (values.contains("jump_mean")) {
        asset.jumps.kind = JumpKind::normal;
        asset.jumps.intensity = entry<double>(values, "intensity");
        asset.jumps.mean = entry<double>(values, "jump_mean");
        asset.jumps.std = entry<double>(values, "jump_std");
    } else if (values.contains("up_share")) {
        asset.jumps.kind = JumpKind::double_exponential;
        asset.jumps.intensity = entry<double>(values, "intensity");
        asset.jumps.up_share = entry<double>(values, "up_share");
        asset.jumps.up_rate = entry<double>(values, "up_rate");
        asset.jumps.down_rate = entry<double>(values, "down_rate");
    }
    return asset;
}

LevelProcess process_of(const py::dict& values) {
    LevelProcess p;
    p.start = entry<double>(values, "start");
    p.mean = entry<double>(values, "mean");
    p.reversion = entry<double>(values, "reversion");
    p.vol = entry<double>(values, "vol");
    p.correlation = entry<double>(values, "correlation");
    p.logarithmic = entry<bool>(values, "logarithmic");
    p.spike_rate = entry<double>(values, "spike_rate");
    p.spike_size = entry<double>(values, "spike_size");
    p.spike_decay = entry<double>(values, "spike_decay");
    p.anchor = entry<double>(values, "anchor");
    p.band = entry<double>(values, "band");
    p.low = entry<double>(values, "low");
    p.high = entry<double>(values, "high");
    return p;
}

// Rows of the assets' log returns, then levels.
PathHistory history_of(const Table& table, std::size_t assets) {
    if (table.ndim() != 2 || size_of(table.shape(1)) < assets) throw py::value_error("a history must have a column for each asset");
    return {size_of(table.shape(0)), size_of(table.shape(1)) - assets, table.data()};
}

// The model, and the arrays that keep its histories alive.
struct ModelArgument {
    PathModel model;
    std::vector<Table> kept;
    std::size_t levels = 0;

    explicit ModelArgument(const py::dict& values) {
        for (const py::handle asset : values["assets"]) model.assets.push_back(asset_of(asset.cast<py::dict>()));
        model.correlation = values["correlation"].cast<std::vector<double>>();
        model.common_jumps = values["common_jumps"].cast<bool>();
        for (const py::handle process : values["processes"]) model.processes.push_back(process_of(process.cast<py::dict>()));
        const std::size_t assets = model.assets.size();
        if (values.contains("history")) {
            kept.push_back(values["history"].cast<Table>());
            model.bootstrap = Bootstrap{history_of(kept.back(), assets), entry<double>(values, "block")};
            levels = model.bootstrap->history.levels;
        }
        if (values.contains("given")) {
            const Table& given = kept.emplace_back(values["given"].cast<Table>());  // column, path, time
            if (given.ndim() != 3 || size_of(given.shape(0)) < assets) throw py::value_error("given paths must have a column for each asset");
            const std::ptrdiff_t paths = given.shape(1), times = given.shape(2);
            levels = size_of(given.shape(0)) - assets;
            model.given = GivenPaths{given.data(), levels, size_of(paths), size_of(times), entry<std::uint64_t>(values, "given_first"),
                                     paths * times, times, 1};
        }
        if (values.contains("windows")) {
            kept.push_back(values["windows"].cast<Table>());
            model.replays = Replays{history_of(kept.back(), assets), values["lengths"].cast<std::vector<std::size_t>>(),
                                    entry<double>(values, "rate"), entry<double>(values, "factor")};
        }
        levels += model.processes.size();
    }
};

py::array_t<std::uint32_t> philox(std::uint64_t seed, const Words& counters) {
    if (counters.ndim() != 2 || counters.shape(1) != 4) throw py::value_error("counters must have rows of four words");
    py::array_t<std::uint32_t> words({counters.shape(0), py::ssize_t(4)});
    philox4x32(seed, counters.data(), words.mutable_data(), size_of(counters.shape(0)));
    return words;
}

py::array_t<double> numbers(std::uint64_t seed, std::uint64_t first_path, std::size_t paths, std::uint32_t stream,
                            std::uint64_t first_number, std::size_t count, bool normal, bool antithetic, py::handle threads) {
    PathRun run;
    run.seed = seed;
    run.first_path = first_path;
    run.paths = paths;
    run.antithetic = antithetic;
    const Execution execution = execution_of(threads);
    py::array_t<double> result({paths, count});
    double* out = result.mutable_data();
    const py::gil_scoped_release release;
    path_numbers(run, stream, first_number, count, normal, out, execution);
    return result;
}

py::tuple simulate(const py::dict& values, std::uint64_t seed, std::uint64_t first_path, std::size_t paths, std::size_t steps,
                   double step, bool antithetic, const std::vector<std::size_t>& times, const std::tuple<bool, bool, bool>& wants,
                   py::handle threads, const py::object& progress) {
    const ModelArgument argument(values);
    std::atomic<std::size_t> done{0};
    PathRun run;
    run.seed = seed;
    run.first_path = first_path;
    run.paths = paths;
    run.steps = steps;
    run.step = step;
    run.antithetic = antithetic;
    run.done = &done;
    Execution execution = execution_of(threads);
    if (!progress.is_none()) {
        execution.poll = [&, signals = execution.poll] {
            signals();
            const py::gil_scoped_acquire acquire;
            progress(done.load(), paths);
        };
    }
    PathOutputs outputs;
    outputs.times = times;
    outputs.column_stride = paths * times.size();
    outputs.path_stride = times.size();
    const auto column = [&](bool wanted, std::size_t count, double*& data) -> py::object {
        if (!wanted) return py::none();
        py::array_t<double> array({count, paths, times.size()});
        data = array.mutable_data();
        return array;
    };
    py::object spot = column(std::get<0>(wants), argument.model.assets.size(), outputs.spot);
    py::object variance = column(std::get<1>(wants), argument.model.assets.size(), outputs.variance);
    py::object level = column(std::get<2>(wants), argument.levels, outputs.level);
    {
        const py::gil_scoped_release release;
        simulate_paths(argument.model, run, outputs, execution);
    }
    if (!progress.is_none()) progress(paths, paths);
    return py::make_tuple(spot, variance, level);
}

}  // namespace

void bind_paths(py::module_& m) {
    m.def("philox4x32", &philox, py::arg("seed"), py::arg("counters"), "The words of Philox4x32-10, four for each row of four.");
    m.def("path_numbers", &numbers, py::arg("seed"), py::arg("first_path"), py::arg("paths"), py::arg("stream"),
          py::arg("first_number"), py::arg("count"), py::arg("normal"), py::arg("antithetic"), py::arg("threads"),
          "Uniforms or normals of a stream, a row for each path.");
    m.def("simulate_paths", &simulate, py::arg("model"), py::arg("seed"), py::arg("first_path"), py::arg("paths"), py::arg("steps"),
          py::arg("step"), py::arg("antithetic"), py::arg("times"), py::arg("wants"), py::arg("threads"), py::arg("progress"),
          "Spot, variance and levels by column, path and time; None where not wanted.");
}

}  // namespace hedgecore::bindings
