// Surfaces.
#pragma once

#include <string>
#include <vector>

#include "hedgecore/surface.hpp"
#include "lines.hpp"

namespace same_bits {

// Points about the slices, at them, before the first and after the last; edges.
inline void print_surface(const std::string& name, SmileModel model, const std::vector<double>& parameters) {
    const double expiry[] = {0.03125, 0.125, 0.5, 1.5}, forward[] = {64000.0, 65000.0, 66500.0, 70000.0};
    const Surface surface(model, expiry, forward, parameters);
    inputs::Source source(17);
    std::vector<double> k(rows), strike(rows), underlying(rows), time(rows);
    for (std::size_t i = 0; i < rows; ++i) {
        const bool wing = source.integer(0, 7) == 0;
        k[i] = wing ? source.uniform(-30.0, 30.0) : source.uniform(-1.0, 1.0);
        strike[i] = source.uniform(20000.0, 200000.0);
        underlying[i] = source.uniform(50000.0, 90000.0);
        time[i] = source.integer(0, 7) == 0 ? expiry[source.integer(0, 3)] : source.uniform(0.0, 2.0);
        if (source.integer(0, 15) == 0) {
            double* const columns[] = {&k[i], &strike[i], &underlying[i], &time[i]};
            *columns[source.word() % std::size(columns)] = edge(source);
        }
    }
    const Stored<double> ks = store(k), strikes = store(strike), forwards = store(underlying), times = store(time);
    Stored<double> w(rows), slope(rows), curvature(rows), rise(rows), vol(rows);
    FaultCount faults;
    for (const auto& [begin, end] : calls()) {
        SurfacePoints points;
        points.n = end - begin;
        points.k = from(ks.column(), begin);
        points.expiry = from(times.column(), begin);
        const VarianceOutputs outputs{w.data() + begin, slope.data() + begin, curvature.data() + begin, rise.data() + begin};
        faults.add(surface.variance(points, outputs, execution), begin);
    }
    print(name + ".variance", w.data(), rows);
    print(name + ".slope", slope.data(), rows);
    print(name + ".curvature", curvature.data(), rows);
    print(name + ".rise", rise.data(), rows);
    faults.print(name + ".variance");
    for (const bool own : {true, false}) {
        FaultCount bad;
        for (const auto& [begin, end] : calls()) {
            SurfacePoints points;
            points.n = end - begin;
            points.strike = from(strikes.column(), begin);
            points.expiry = from(times.column(), begin);
            if (!own) points.forward = from(forwards.column(), begin);
            bad.add(surface.vol(points, vol.data() + begin, execution), begin);
        }
        const std::string title = name + (own ? ".vol" : ".vol.forward");
        print(title, vol.data(), rows);
        bad.print(title);
    }
}

}  // namespace same_bits
