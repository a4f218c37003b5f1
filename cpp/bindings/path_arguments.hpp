// A path model out of what the Python package makes of it.
#pragma once

#include <string>
#include <vector>

#include "hedgecore/paths.hpp"
#include "pybind.hpp"

namespace hedgecore::bindings {

using Table = py::array_t<double, py::array::c_style | py::array::forcecast>;

inline std::size_t size_of(py::ssize_t n) { return static_cast<std::size_t>(n); }

template <class T>
T entry(const py::dict& values, const char* name) {
    try {
        return values[name].cast<T>();
    } catch (const py::cast_error&) {
        throw py::type_error(std::string(name) + " must be a number, not " + std::string(py::repr(values[name])));
    }
}

inline PathAsset asset_of(const py::dict& values) {
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

inline LevelProcess process_of(const py::dict& values) {
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
inline PathHistory history_of(const Table& table, std::size_t assets) {
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

}  // namespace hedgecore::bindings
