// Fits of SABR at a given beta: three parameters in a box, Hagan's formula by the kernel of the level in use.
#include <limits>

#include "dispatch/kernels.hpp"
#include "hedgecore/surface.hpp"
#include "surface/least_squares.hpp"
#include "surface/quotes.hpp"

namespace hedgecore {
namespace {

using Point = std::array<double, 3>;  // alpha F^(beta - 1), nu, rho

constexpr double largest_rho = 0.999;

// Hagan's factor 1 + T (c2 A^2 + c1 A + c0) must be positive at every level A = alpha (F K)^((beta - 1) / 2) of the quotes.
bool is_positive(const Point& x, double beta, double expiry, double k_low, double k_high) {
    const double rest = 1 - beta, c2 = rest * rest / 24, c1 = 0.25 * x[2] * beta * x[1];
    const double c0 = (2 - 3 * x[2] * x[2]) / 24 * x[1] * x[1];
    const double low = x[0] * std::exp(-0.5 * rest * k_high), high = x[0] * std::exp(-0.5 * rest * k_low);
    const auto factor = [&](double a) { return 1 + expiry * ((c2 * a + c1) * a + c0); };
    const double lowest = c2 > 0 ? std::clamp(-0.5 * c1 / c2, low, high) : low;
    return factor(low) > 0 && factor(high) > 0 && factor(lowest) > 0;
}

// The smile's level, slope and curvature at the forward by a weighted parabola in vol, and from them the parameters by the formula's
// expansion there: vol' = (rho nu - (1 - beta) alpha) / 2, vol'' = ((2 - 3 rho^2) nu^2) / (6 alpha) at beta = 1.
Point from_parabola(const SmileQuotes& q, double expiry, double beta) {
    std::array<std::array<double, 3>, 3> normal{};
    std::array<double, 3> c{};
    for (std::size_t i = 0; i < q.k.size(); ++i) {
        const double vol = std::sqrt(q.w[i] / expiry), u = q.weight[i] * 2 * vol * expiry, row[] = {1, q.k[i], q.k[i] * q.k[i]};
        for (std::size_t j = 0; j < 3; ++j) {
            c[j] += u * u * row[j] * vol;
            for (std::size_t l = 0; l <= j; ++l) normal[j][l] += u * u * row[j] * row[l];
        }
    }
    if (!surface::cholesky_solve(normal, c, 3) || !(c[0] > 0)) {
        const std::size_t middle = q.k.size() / 2;
        return {std::sqrt(q.w[middle] / expiry), 0.5 / std::sqrt(expiry), 0};
    }
    const double rho_nu = 2 * c[1] + (1 - beta) * c[0];
    const double nu = std::sqrt(std::max(12 * c[0] * c[2] + 1.5 * rho_nu * rho_nu, rho_nu * rho_nu * 1.05 + 1e-4));
    return {c[0], nu, rho_nu / nu};
}

}  // namespace

Sabr fit_sabr(const SmileQuotes& q, double forward, double expiry, double beta, const Sabr* warm) {
    surface::check_quotes(q);
    surface::check_number(forward, "forward", 1e-100, 1e100);
    surface::check_number(expiry, "expiry", 1e-10, 1e4);
    surface::check_number(beta, "beta", 0, 1);
    const std::size_t n = q.k.size();
    const auto [low_k, high_k] = std::minmax_element(q.k.begin(), q.k.end());
    const double k_low = std::min(*low_k, 0.0), k_high = std::max(*high_k, 0.0);
    const double largest = std::sqrt(*std::max_element(q.w.begin(), q.w.end()) / expiry);
    const double at_forward = beta == 1 ? 1 : std::pow(forward, beta - 1);
    const Point lower{1e-3 * largest, 0, -largest_rho}, upper{4 * largest, 40 / std::sqrt(expiry), largest_rho};
    const auto variance = kernels().sabr_variance;
    const auto fill = [&](const Point& x, double* out) {
        if (!is_positive(x, beta, expiry, k_low, k_high)) return false;
        variance(x[0], beta, x[1], x[2], expiry, q.k.data(), out, n);
        for (std::size_t i = 0; i < n; ++i) out[i] = surface::huber_root((out[i] - q.w[i]) * q.weight[i]);
        return true;
    };
    Point best{};
    double lowest = std::numeric_limits<double>::infinity();
    const auto descend = [&](Point x) {
        for (std::size_t j = 0; j < 3; ++j) x[j] = std::clamp(x[j], lower[j], upper[j]);
        // at nu = 0 the formula has no negative factor
        while (x[1] > 0 && !is_positive(x, beta, expiry, k_low, k_high)) x[1] = x[1] > 1e-3 ? 0.5 * x[1] : 0;
        const double cost = surface::least_squares(x, lower, upper, n, fill, 40);
        if (cost < lowest) lowest = cost, best = x;
    };
    if (warm) descend({warm->alpha * at_forward, warm->nu, warm->rho});
    if (!warm || lowest > double(n)) descend(from_parabola(q, expiry, beta));
    if (lowest > double(n)) {  // residuals of a half-spread on average: perhaps another valley
        const double level = best[0], root = std::sqrt(expiry);
        for (const double rho : {-0.6, 0.0, 0.6}) {
            for (const double nu : {0.3, 1.2}) descend({level, nu / root, rho});
        }
    }
    return {best[0] / at_forward, beta, best[1], best[2]};
}

}  // namespace hedgecore
