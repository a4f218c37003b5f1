#include "hedgecore/paths.hpp"

#include "arguments.hpp"
#include "gil.hpp"
#include "path_arguments.hpp"

namespace hedgecore::bindings {
namespace {

using Words = py::array_t<std::uint32_t, py::array::c_style | py::array::forcecast>;

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
    const ReleasedGil released;
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
            const TakenGil taken;
            call_python(progress, py::make_tuple(done.load(), paths));
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
        const ReleasedGil released;
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
