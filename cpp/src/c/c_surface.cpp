// The plain C face of surfaces: converts and calls.
#include "c_interface.hpp"
#include "hedgecore/surface.hpp"

struct hc_surface {
    hedgecore::Surface surface;
};

using namespace hedgecore;
using namespace hedgecore::c_interface;

extern "C" {

hc_status hc_surface_new(hc_smile_model model, size_t slices, const double* expiry, const double* forward,
                         const double* parameters, hc_surface** surface) {
    return guarded([&] {
        if (!surface) throw std::invalid_argument("surface must not be null");
        *surface = nullptr;
        const auto smile = chosen<SmileModel>(model, HC_SABR, "model");
        const std::size_t width = smile == SmileModel::svi ? 5 : 4;
        *surface = new hc_surface{Surface(smile,
                                          {required(expiry, "expiry", slices), slices},
                                          {required(forward, "forward", slices), slices},
                                          {required(parameters, "parameters", slices), cells(slices, width)})};
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

}  // extern "C"
