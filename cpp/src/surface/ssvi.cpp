// Fits of eSSVI: each slice in the box that its neighbours and the butterfly conditions leave.
#include "surface/ssvi.hpp"

#include <limits>

#include "surface/least_squares.hpp"
#include "surface/quotes.hpp"

namespace hedgecore {
namespace surface {
namespace {

constexpr double largest_rho = 0.995;

struct Bounds {
    double low, high;
};

// The psi allowed for (theta, rho). Butterfly: psi (1 + |rho|) <= 4 and psi^2 (1 + |rho|) <= 4 theta (Gatheral and Jacquier).
// Calendar: psi (1 +- rho) must not fall, psi / theta must not rise (Hendriks and Martini).
Bounds psi_bounds(double theta, double rho, const Ssvi* before, const Ssvi* after) {
    const double lean = 1 + std::abs(rho);
    Bounds b{1e-6 * std::sqrt(theta), std::min(4 / lean, 2 * std::sqrt(theta / lean))};
    if (before) {
        b.low = std::max({b.low, before->psi * (1 + before->rho) / (1 + rho), before->psi * (1 - before->rho) / (1 - rho)});
        b.high = std::min(b.high, before->psi * (theta / before->theta));
    }
    if (after) {
        b.low = std::max(b.low, after->psi * (theta / after->theta));
        b.high = std::min({b.high, after->psi * (1 + after->rho) / (1 + rho), after->psi * (1 - after->rho) / (1 - rho)});
    }
    return b;
}

}  // namespace

Ssvi fit_ssvi(const SmileQuotes& q, const Ssvi* before, const Ssvi* after, const Ssvi* start) {
    const std::size_t n = q.k.size();
    const double largest = *std::max_element(q.w.begin(), q.w.end());
    using Point = std::array<double, 3>;  // theta, rho, place of psi between its bounds
    const Point lower{before ? before->theta : 1e-3 * *std::min_element(q.w.begin(), q.w.end()), -largest_rho, 0};
    const Point upper{after ? after->theta : std::max(2 * lower[0], 4 * largest), largest_rho, 1};
    const auto slice_of = [&](const Point& x, Ssvi& out) {
        const Bounds b = psi_bounds(x[0], x[1], before, after);
        // bounds that meet (a neighbour's own rho) may cross by a rounding error
        if (!(b.low <= b.high * (1 + 1e-14))) return false;
        out = {x[0], x[1], std::min(b.low + x[2] * (b.high - b.low), b.high)};
        return true;
    };
    const auto fill = [&](const Point& x, double* out) {
        Ssvi slice{};
        if (!slice_of(x, slice)) return false;
        const Svi svi = as_svi(slice);
        for (std::size_t i = 0; i < n; ++i) out[i] = huber_root((total_variance(svi, q.k[i]) - q.w[i]) * q.weight[i]);
        return true;
    };
    std::vector<Point> starts;
    const auto add = [&](double theta, double rho, double place) {
        const Point x{std::clamp(theta, lower[0], upper[0]), std::clamp(rho, lower[1], upper[1]), place};
        Ssvi slice{};
        if (slice_of(x, slice)) starts.push_back(x);
    };
    if (start) {
        const Bounds b = psi_bounds(start->theta, start->rho, before, after);
        add(start->theta, start->rho,
            b.high > b.low ? std::clamp((start->psi - b.low) / (b.high - b.low), 0.0, 1.0) : 0.0);
    } else {
        const auto nearest = std::min_element(q.k.begin(), q.k.end(),
                                              [](double p, double r) { return std::abs(p) < std::abs(r); });
        const double theta = q.w[std::size_t(nearest - q.k.begin())];
        for (const double rho : {-0.4, 0.0, 0.4, before ? before->rho : 0.0}) {
            for (const double place : {0.1, 0.5}) add(theta, rho, place);
        }
        if (before) add(before->theta, before->rho, 0.0);  // always allowed
    }
    Ssvi best = start ? *start : before ? *before : Ssvi{};
    double lowest = std::numeric_limits<double>::infinity();
    for (Point x : starts) {
        const double cost = least_squares(x, lower, upper, n, fill, 30);
        if (cost < lowest) {
            lowest = cost;
            slice_of(x, best);
        }
    }
    return best;
}

}  // namespace surface

Svi as_svi(const Ssvi& s) {
    const double phi = s.psi / s.theta, rest = 1 - s.rho * s.rho;
    return {0.5 * s.theta * rest, 0.5 * s.psi, s.rho, -s.rho / phi, std::sqrt(rest) / phi};
}

std::vector<Ssvi> fit_essvi(std::span<const SmileQuotes> expiries) {
    const std::size_t n = expiries.size();
    std::vector<Ssvi> slices;
    for (std::size_t i = 0; i < n; ++i) {
        try {
            surface::check_quotes(expiries[i]);
        } catch (const std::invalid_argument& error) {
            throw std::invalid_argument("expiry " + std::to_string(i) + ": " + error.what());
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        slices.push_back(surface::fit_ssvi(expiries[i], i ? &slices[i - 1] : nullptr, nullptr, nullptr));
    }
    for (int sweep = 0; sweep < 12 && n > 1; ++sweep) {
        for (std::size_t step = 0; step < n; ++step) {
            const std::size_t i = sweep % 2 ? step : n - 1 - step;
            slices[i] = surface::fit_ssvi(expiries[i], i ? &slices[i - 1] : nullptr,
                                          i + 1 < n ? &slices[i + 1] : nullptr, &slices[i]);
        }
    }
    return slices;
}

}  // namespace hedgecore
