// Small dense least squares: Cholesky, and Levenberg-Marquardt within a box.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include "parallel/check_stop.hpp"

namespace hedgecore::surface {

// Solves A x = b in place for the leading n rows of a symmetric positive definite matrix; false if it is not.
template <std::size_t N>
bool cholesky_solve(std::array<std::array<double, N>, N>& a, std::array<double, N>& b, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            double sum = a[i][j];
            for (std::size_t l = 0; l < j; ++l) sum -= a[i][l] * a[j][l];
            if (i == j) {
                if (!(sum > 0)) return false;
                a[i][i] = std::sqrt(sum);
            } else {
                a[i][j] = sum / a[j][j];
            }
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t l = 0; l < i; ++l) b[i] -= a[i][l] * b[l];
        b[i] /= a[i][i];
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t l = i + 1; l < n; ++l) b[i] -= a[l][i] * b[l];
        b[i] /= a[i][i];
    }
    return true;
}

// Huber's loss with threshold 1, as a residual whose square it is.
inline double huber_root(double r) {
    const double size = std::abs(r);
    return size <= 1 ? r : std::copysign(std::sqrt(2 * size - 1), r);
}

// Minimises the sum of squares of fill(x, residuals), a function that returns false where x is not allowed, over
// lower <= x <= upper. Derivatives by differences. `x` must be allowed; it is moved to the minimum, whose cost is returned.
template <std::size_t N, class Fill>
double least_squares(std::array<double, N>& x, const std::array<double, N>& lower, const std::array<double, N>& upper,
                     std::size_t rows, const Fill& fill, int iterations) {
    std::vector<double> r(rows), trial(rows), jacobian(rows * N);
    const auto cost_of = [](const std::vector<double>& v) {
        double sum = 0;
        for (const double e : v) sum += e * e;
        return sum;
    };
    fill(x, r.data());
    double cost = cost_of(r), damping = 1e-3;
    for (int iteration = 0; iteration < iterations; ++iteration) {
        check_stop();
        std::array<double, N> gradient{};
        std::array<std::array<double, N>, N> normal{};
        for (std::size_t j = 0; j < N; ++j) {
            double step = 1e-6 * std::max(std::abs(x[j]), 1e-3 * (upper[j] - lower[j]));
            if (x[j] + step > upper[j]) step = -step;
            std::array<double, N> moved = x;
            moved[j] = x[j] + step;
            if (!fill(moved, trial.data())) {
                step = -step;
                moved[j] = x[j] + step;
                if (moved[j] < lower[j] || moved[j] > upper[j] || !fill(moved, trial.data())) trial = r;
            }
            for (std::size_t i = 0; i < rows; ++i) jacobian[i * N + j] = (trial[i] - r[i]) / step;
        }
        for (std::size_t i = 0; i < rows; ++i) {
            const double* row = &jacobian[i * N];
            for (std::size_t j = 0; j < N; ++j) {
                gradient[j] += row[j] * r[i];
                for (std::size_t l = 0; l <= j; ++l) normal[j][l] += row[j] * row[l];
            }
        }
        // a parameter at a bound that the descent would leave stays where it is
        std::array<std::size_t, N> free{};
        std::size_t count = 0;
        for (std::size_t j = 0; j < N; ++j) {
            const bool stuck = (x[j] <= lower[j] && gradient[j] > 0) || (x[j] >= upper[j] && gradient[j] < 0);
            if (!stuck && normal[j][j] > 0) free[count++] = j;
        }
        bool improved = false;
        for (int attempt = 0; attempt < 8 && count > 0 && !improved; ++attempt) {
            check_stop();
            std::array<std::array<double, N>, N> a{};
            std::array<double, N> step{};
            for (std::size_t p = 0; p < count; ++p) {
                step[p] = -gradient[free[p]];
                for (std::size_t q = 0; q <= p; ++q) a[p][q] = normal[free[p]][free[q]];
                a[p][p] *= 1 + damping;
            }
            std::array<double, N> moved = x;
            if (cholesky_solve(a, step, count)) {
                for (std::size_t p = 0; p < count; ++p) {
                    const std::size_t j = free[p];
                    moved[j] = std::clamp(x[j] + step[p], lower[j], upper[j]);
                }
                if (fill(moved, trial.data())) {
                    const double reached = cost_of(trial);
                    if (reached < cost) {
                        improved = true;
                        const bool done = cost - reached <= 1e-7 * cost;
                        x = moved;
                        r = trial;
                        cost = reached;
                        damping = std::max(damping * 0.2, 1e-9);
                        if (done) return cost;
                    }
                }
            }
            if (!improved) damping = std::min(damping * 6, 1e9);
        }
        if (!improved) break;
    }
    return cost;
}

}  // namespace hedgecore::surface
