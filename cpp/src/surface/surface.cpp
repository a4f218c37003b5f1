// Values of a surface: from points to blocks between slices.
#include "hedgecore/surface.hpp"

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "pricing/stream.hpp"

namespace hedgecore {
namespace {

void check(bool good, std::size_t slice, const std::string& what) {
    if (!good) throw std::invalid_argument("slice " + std::to_string(slice) + ": " + what);
}

std::string text(double value) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.6g", value);
    return digits;
}

constexpr const char* parameter_names[][5] = {{"a", "b", "rho", "m", "sigma"}, {"alpha", "beta", "nu", "rho", ""}};
constexpr double largest = 1e100;  // of a parameter: its square is a number

Faults fault_of(const SurfacePoints& p, std::size_t row) {
    const auto is_positive = [](double x) { return x > 0 && std::isfinite(x); };
    if (p.strike && !is_positive(p.strike[row])) return {1, row, "strike", p.strike[row], "positive and finite"};
    if (p.forward && !is_positive(p.forward[row])) return {1, row, "forward", p.forward[row], "positive and finite"};
    if (p.k && !std::isfinite(p.k[row])) return {1, row, "k", p.k[row], "finite"};
    if (!(p.expiry[row] >= 0 && std::isfinite(p.expiry[row]))) {
        return {1, row, "expiry", p.expiry[row], "finite and not negative"};
    }
    return {};
}

// The columns of one thread, cut into blocks.
struct Cuts {
    Cut k, strike, forward, expiry;

    explicit Cuts(const SurfacePoints& p) {
        if (p.k) k.start(p.k, p.n);
        if (p.strike) strike.start(p.strike, p.n);
        if (p.forward) forward.start(p.forward, p.n);
        expiry.start(p.expiry, p.n);
    }
};

}  // namespace

Surface::Surface(SmileModel model, std::span<const double> expiry, std::span<const double> forward,
                 std::span<const double> parameters)
    : model_(model), expiry_(expiry.begin(), expiry.end()) {
    const std::size_t n = expiry.size(), width = model == SmileModel::svi ? 5 : 4;
    if (n == 0) throw std::invalid_argument("a surface needs at least one slice");
    if (forward.size() != n || parameters.size() != n * width) {
        throw std::invalid_argument(std::to_string(n) + " expiries need " + std::to_string(n) + " forwards and " +
                                    std::to_string(width) + " parameters each");
    }
    for (std::size_t i = 0; i < n; ++i) {
        const double* p = parameters.data() + i * width;
        check(expiry[i] > (i ? expiry[i - 1] : 0.0) && std::isfinite(expiry[i]), i,
              "expiry must be positive and increase: " + text(expiry[i]));
        check(forward[i] > 0 && std::isfinite(forward[i]), i, "forward must be positive: " + text(forward[i]));
        for (std::size_t j = 0; j < width; ++j) {
            check(std::abs(p[j]) <= largest, i, parameter_names[std::size_t(model)][j] + (" must be from -1e100 to 1e100, not " + text(p[j])));
        }
        double log_forward = 0;
        kernels().log(&forward[i], &log_forward, 1);  // its bits do not depend on the mathematics library
        log_forward_.push_back(log_forward);
        if (model == SmileModel::svi) {
            check(p[1] >= 0 && std::abs(p[2]) <= 1 && p[4] >= 0, i, "SVI needs b >= 0, |rho| <= 1 and sigma >= 0, not b " + text(p[1]) + ", rho " + text(p[2]) + ", sigma " + text(p[4]));
            const double lowest = p[0] + p[1] * p[4] * std::sqrt(1 - p[2] * p[2]);
            check(lowest >= 0, i, "total variance is negative at its lowest: " + text(lowest));
            parameters_.insert(parameters_.end(), p, p + 5);
        } else {
            check(p[0] > 0 && p[1] >= 0 && p[1] <= 1 && p[2] >= 0 && std::abs(p[3]) < 1, i,
                  "SABR needs alpha > 0, beta from 0 to 1, nu >= 0 and |rho| < 1, not alpha " + text(p[0]) + ", beta " + text(p[1]) +
                      ", nu " + text(p[2]) + ", rho " + text(p[3]));
            double scale = (p[1] - 1) * log_forward;
            kernels().exp(&scale, &scale, 1);
            parameters_.insert(parameters_.end(), {p[0] * scale, p[1], p[2], p[3], expiry[i]});
        }
    }
}

Faults Surface::evaluate(const SurfacePoints& points, const VarianceOutputs* outputs, double* vol,
                         const Execution& execution) const {
    if (bool(points.k) == bool(points.strike)) throw std::invalid_argument("give exactly one of k and strike");
    if (points.forward && !points.strike) throw std::invalid_argument("forward goes with strike");
    if (!points.expiry) throw std::invalid_argument("expiry must be given");
    const Kernels& table = kernels();
    const auto model = std::size_t(model_);
    const std::size_t last = size() - 1;
    FaultLog log;
    parallel_for(points.n, rows_per_chunk, execution, [&](std::size_t begin, std::size_t end) {
        SurfaceBlock b;
        Cuts cuts(points);
        Faults faults;
        double held = -1;
        const auto set_slices = [&](std::size_t i, std::size_t after) {
            const std::size_t near = after == 0 ? 0 : after - 1, far = std::min(after, last);
            b.near_time[i] = expiry_[near], b.far_time[i] = expiry_[far];
            b.near_log_forward[i] = log_forward_[near], b.far_log_forward[i] = log_forward_[far];
            const double *p = &parameters_[near * slice_width], *q = &parameters_[far * slice_width];
            for (std::size_t j = 0; j < slice_width; ++j) b.near[j][i] = p[j], b.far[j][i] = q[j];
        };
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t n = b.n = std::min(block_size, end - first);
            b.expiry = cuts.expiry.block(points.expiry, first, n);
            b.k = points.k ? cuts.k.block(points.k, first, n) : nullptr;
            b.strike = points.strike ? cuts.strike.block(points.strike, first, n) : nullptr;
            b.forward = points.forward ? cuts.forward.block(points.forward, first, n) : nullptr;
            const bool same = table.surface_search(b, expiry_.data(), last);
            if (!same || b.after[0] != held) {
                for (std::size_t i = 0; i < n; ++i) set_slices(i, std::size_t(b.after[i]));
                for (std::size_t i = n; same && i < std::min(points.n, block_size); ++i) set_slices(i, std::size_t(b.after[0]));
                held = same ? b.after[0] : -1;  // of blocks of one expiry the slices are found there
            }
            const bool suspect = table.surface_place(b);
            if (outputs) {
                b.variance = outputs->variance + first, b.slope = outputs->slope + first;
                b.curvature = outputs->curvature + first, b.rise = outputs->rise + first;
                table.surface_derivatives[model](b);
            } else {
                b.vol = vol + first;
                table.surface_vol[model](b);
            }
            for (std::size_t i = 0; suspect && i < n; ++i) {
                const Faults fault = fault_of(points, first + i);
                if (fault.count == 0) continue;
                merge(faults, fault);
                for (double* out : {b.variance, b.slope, b.curvature, b.rise, b.vol}) {
                    if (out) out[i] = std::numeric_limits<double>::quiet_NaN();
                }
            }
        }
        log.add(faults);
    });
    return log.total();
}

Faults Surface::variance(const SurfacePoints& points, const VarianceOutputs& outputs, const Execution& execution) const {
    return evaluate(points, &outputs, nullptr, execution);
}

Faults Surface::vol(const SurfacePoints& points, double* vol, const Execution& execution) const {
    return evaluate(points, nullptr, vol, execution);
}

}  // namespace hedgecore
