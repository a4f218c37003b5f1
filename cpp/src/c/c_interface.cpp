// The plain C face of surfaces and scenario grids: converts and calls.
#include "c_interface.hpp"

#include <vector>

#include "hedgecore/build_info.hpp"
#include "hedgecore/risk.hpp"
#include "hedgecore/surface.hpp"

struct hc_surface {
    hedgecore::Surface surface;
};

namespace {

using namespace hedgecore;
using namespace hedgecore::c_interface;

hc_status report(const Faults& found, hc_faults* faults) {
    if (faults) {
        const hc_faults filled{faults->size, found.count, found.row, found.argument, found.value, found.demand};
        std::memcpy(faults, &filled, std::min(sizeof filled, read(faults, "hc_faults").size));
    }
    if (found.count == 0) return HC_OK;
    last_error = std::string(found.argument) + "[" + std::to_string(found.row) + "] = " + std::to_string(found.value) +
                 " must be " + found.demand + " (" + std::to_string(found.count) + " bad rows in all)";
    return HC_BAD_ROWS;
}

}  // namespace

extern "C" {

int hc_api_version(void) { return HC_API_VERSION; }

const char* hc_version(void) {
    static const std::string text = version();
    return text.c_str();
}

const char* hc_last_error(void) { return last_error.c_str(); }

hc_status hc_surface_new(hc_smile_model model, size_t slices, const double* expiry, const double* forward,
                         const double* parameters, hc_surface** surface) {
    return guarded([&] {
        if (!surface) throw std::invalid_argument("surface must not be null");
        *surface = nullptr;
        if (model != HC_SVI && model != HC_SABR) {
            throw std::invalid_argument("model = " + std::to_string(int(model)) + " must be HC_SVI or HC_SABR");
        }
        const std::size_t width = model == HC_SVI ? 5 : 4;
        *surface = new hc_surface{Surface(model == HC_SVI ? SmileModel::svi : SmileModel::sabr,
                                          {required(expiry, "expiry", slices), slices},
                                          {required(forward, "forward", slices), slices},
                                          {required(parameters, "parameters", slices), slices * width})};
        return HC_OK;
    });
}

void hc_surface_free(hc_surface* surface) { delete surface; }

hc_status hc_surface_vol(const hc_surface* surface, size_t n, const double* strike, const double* expiry,
                         const double* forward, double* vol, const hc_execution* execution, hc_faults* faults) {
    return guarded([&] {
        if (!surface) throw std::invalid_argument("surface must not be null");
        SurfacePoints points;
        points.n = n;
        points.strike = column(required(strike, "strike", n));
        points.expiry = column(required(expiry, "expiry", n));
        points.forward = column(forward);
        required(vol, "vol", n);
        return report(surface->surface.vol(points, vol, execution_of(execution)), faults);
    });
}

hc_status hc_surface_variance(const hc_surface* surface, size_t n, const double* k, const double* expiry, double* variance,
                              double* slope, double* curvature, double* rise, const hc_execution* execution,
                              hc_faults* faults) {
    return guarded([&] {
        if (!surface) throw std::invalid_argument("surface must not be null");
        SurfacePoints points;
        points.n = n;
        points.k = column(required(k, "k", n));
        points.expiry = column(required(expiry, "expiry", n));
        const VarianceOutputs outputs{variance, slope, curvature, rise};
        required(variance, "variance", n), required(slope, "slope", n);
        required(curvature, "curvature", n), required(rise, "rise", n);
        return report(surface->surface.variance(points, outputs, execution_of(execution)), faults);
    });
}

hc_status hc_scenario_sums(const hc_options* given_options, const hc_nodes* given_nodes, size_t greeks,
                           const hc_greek* greek, double* sums, const hc_execution* execution, hc_faults* faults) {
    return guarded([&] {
        const hc_options o = read(given_options, "hc_options");
        const hc_nodes m = read(given_nodes, "hc_nodes");
        ScenarioOptions options;
        options.n = o.n;
        options.settlement = o.coin_settled ? Settlement::inverse : Settlement::linear;
        options.kind = column(required(o.kind, "kind", o.n));
        options.strike = column(required(o.strike, "strike", o.n));
        options.expiry = column(required(o.expiry, "expiry", o.n));
        options.vol = column(required(o.vol, "vol", o.n));
        options.forward = column(required(o.forward, "forward", o.n));
        options.weight = column(required(o.weight, "weight", o.n));
        options.bucket = column(required(o.bucket, "bucket", o.n));
        options.rate = column(o.rate);
        options.slope = column(o.slope);

        const std::size_t all = m.n * m.buckets;
        ScenarioNodes nodes;
        nodes.n = m.n;
        nodes.buckets = m.buckets;
        nodes.spot_factor = required(m.spot_factor, "spot_factor", all);
        nodes.vol_scale = required(m.vol_scale, "vol_scale", all);
        nodes.vol_shift = required(m.vol_shift, "vol_shift", all);
        nodes.time_shift = required(m.time_shift, "time_shift", m.n);
        nodes.vol_skew = m.vol_skew;
        nodes.vol_curvature = m.vol_curvature;
        nodes.vol_floor = m.vol_floor;
        nodes.atm_vol = m.atm_vol;
        std::vector<ScenarioSmile> smiles;
        if (m.smiles) {
            const auto svi = [](const double* x) { return Svi{x[0], x[1], x[2], x[3], x[4]}; };
            for (std::size_t b = 0; b < m.buckets; ++b) {
                const hc_smile& s = m.smiles[b];
                smiles.push_back({svi(s.near_svi), svi(s.far_svi), s.near_weight, s.far_weight, s.expiry, s.stickiness});
            }
            nodes.smiles = smiles.data();
        }
        std::vector<Greek> wanted;
        for (std::size_t g = 0; g < greeks; ++g) {
            const int code = int(required(greek, "greek", greeks)[g]);
            if (code < 0 || std::size_t(code) >= greek_count) {
                throw std::invalid_argument("greek[" + std::to_string(g) + "] = " + std::to_string(code) + " is none");
            }
            wanted.push_back(Greek(code));
        }
        required(sums, "sums", greeks * all);
        return report(scenario_sums(options, nodes, wanted, sums, execution_of(execution)), faults);
    });
}

}  // extern "C"
