// Fits of raw SVI: the quasi-explicit inner problem, Gauss-Newton on the outer one, the butterfly constraint.
#include <limits>

#include "hedgecore/surface.hpp"
#include "parallel/check_stop.hpp"
#include "surface/least_squares.hpp"
#include "surface/quotes.hpp"
#include "surface/ssvi.hpp"

namespace hedgecore {
namespace {

using surface::cholesky_solve;
using surface::huber_root;

constexpr std::size_t butterfly_points = 257, even_points = 129;
// Largest slope of a wing, b (1 + |rho|). Lee's bound is 2; close to it the density is negative far out and prices there do not fall.
constexpr double steepest = 1.95;
constexpr double beyond = 3.0;  // standard deviations outside of the quotes where g is looked at, too
constexpr double butterfly_margin = 1e-3;  // of g at those points, so that it is not negative between them

struct Range {
    double low, high, width;     // of k, quoted
    double smallest, scale;      // smallest w; square root of the median w: the width of the smile
    double sigma_low, sigma_high, m_low, m_high;
};

Range range_of(const SmileQuotes& q) {
    Range r{};
    std::vector<double> w(q.w.begin(), q.w.end());
    std::nth_element(w.begin(), w.begin() + std::ptrdiff_t(w.size() / 2), w.end());
    r.scale = std::sqrt(w[w.size() / 2]);
    r.smallest = *std::min_element(q.w.begin(), q.w.end());
    r.low = *std::min_element(q.k.begin(), q.k.end());
    r.high = *std::max_element(q.k.begin(), q.k.end());
    r.width = std::max(r.high - r.low, 0.1 * r.scale);
    r.sigma_low = 0.02 * r.scale;
    r.sigma_high = std::max(10 * r.scale, 2 * r.width);
    r.m_low = r.low - 0.5 * r.width;
    r.m_high = r.high + 0.5 * r.width;
    return r;
}

// w = a + d y + c z with y = (k - m) / sigma, z = sqrt(y^2 + 1): c = b sigma, d = rho b sigma. The best (d, c) lies in the
// square |d| <= c, |d| + c <= steepest sigma: within, on an edge or at a corner; `ways` are the directions left free.
struct Inner {
    double a, d, c;
    bool free_a;
    std::size_t ways;
    std::array<std::array<double, 2>, 2> way;
};

struct Plane {  // the quadratic form in (d, c)
    double yy, yz, zz, yw, zw;
    double at(double d, double c) const { return yy * d * d + 2 * yz * d * c + zz * c * c - 2 * (yw * d + zw * c); }
};

Inner minimum_in_square(Plane p, double sigma) {
    Inner best{};
    p.yy += 1e-13 * (p.yy + p.zz) + 1e-300;
    p.zz += 1e-13 * (p.yy + p.zz) + 1e-300;
    const double det = p.yy * p.zz - p.yz * p.yz;
    const double d = (p.zz * p.yw - p.yz * p.zw) / det, c = (p.yy * p.zw - p.yz * p.yw) / det;
    const double side = 0.5 * steepest * sigma;
    if (std::abs(d) <= c && std::abs(d) + c <= 2 * side) return {0, d, c, true, 2, {{{1, 0}, {0, 1}}}};
    const double corner[5][2] = {{0, 0}, {side, side}, {0, 2 * side}, {-side, side}, {0, 0}};
    double lowest = std::numeric_limits<double>::infinity();
    for (int e = 0; e < 4; ++e) {
        const double *from = corner[e], *to = corner[e + 1], u = to[0] - from[0], v = to[1] - from[1];
        const double slope = (p.yw - p.yy * from[0] - p.yz * from[1]) * u + (p.zw - p.yz * from[0] - p.zz * from[1]) * v;
        const double t = std::clamp(slope / (p.yy * u * u + 2 * p.yz * u * v + p.zz * v * v), 0.0, 1.0);
        const double de = from[0] + t * u, ce = from[1] + t * v, value = p.at(de, ce);
        if (value < lowest) {
            lowest = value;
            best = {0, de, ce, true, t > 0 && t < 1 ? 1u : 0u, {{{u, v}, {0, 0}}}};
        }
    }
    return best;
}

class Smile {
public:
    Smile(const SmileQuotes& quotes, const Range& of)
        : q(quotes), range(of), robust(q.k.size()), y(q.k.size()), z(q.k.size()) {
        for (std::size_t i = 0; i < robust.size(); ++i) robust[i] = q.weight[i] * q.weight[i];
    }

    // Weights by the residuals: least squares with them has the minimum of Huber's cost.
    void reweigh(const Svi& s) {
        for (std::size_t i = 0; i < robust.size(); ++i) {
            const double r = std::abs(total_variance(s, q.k[i]) - q.w[i]) * q.weight[i];
            robust[i] = q.weight[i] * q.weight[i] * (r > 1 ? 1 / r : 1);
        }
    }

    double cost(const Svi& s) const {
        double sum = 0;
        for (std::size_t i = 0; i < q.k.size(); ++i) {
            const double r = std::abs(total_variance(s, q.k[i]) - q.w[i]) * q.weight[i];
            sum += r <= 1 ? r * r : 2 * r - 1;
        }
        return sum;
    }

    Inner inner(double m, double sigma) {
        double n = 0, sy = 0, sz = 0, sw = 0, yy = 0, yz = 0, zz = 0, yw = 0, zw = 0;
        for (std::size_t i = 0; i < q.k.size(); ++i) {
            const double u = robust[i], v = q.w[i], p = y[i] = (q.k[i] - m) / sigma, r = z[i] = std::sqrt(p * p + 1);
            n += u, sy += u * p, sz += u * r, sw += u * v;
            yy += u * p * p, yz += u * p * r, zz += u * r * r, yw += u * p * v, zw += u * r * v;
        }
        Inner best = minimum_in_square(
            {yy - sy * sy / n, yz - sy * sz / n, zz - sz * sz / n, yw - sy * sw / n, zw - sz * sw / n}, sigma);
        best.a = (sw - best.d * sy - best.c * sz) / n;
        const double floor = 0.01 * range.smallest;
        if (best.a + std::sqrt(std::max(best.c * best.c - best.d * best.d, 0.0)) < floor) {
            best = minimum_in_square({yy, yz, zz, yw - floor * sy, zw - floor * sz}, sigma);
            best.a = floor;
            best.free_a = false;
        }
        return best;
    }

    // The Gauss-Newton step in (m, ln sigma) at what inner() left, with the free ones of (a, d, c) eliminated.
    bool outer_step(const Inner& in, double sigma, double damping, double& dm, double& ds) const {
        std::array<std::array<double, 5>, 5> normal{};
        std::array<double, 5> right{};
        const std::size_t n = (in.free_a ? 1 : 0) + in.ways + 2;
        for (std::size_t i = 0; i < q.k.size(); ++i) {
            std::array<double, 5> row{};
            std::size_t j = 0;
            if (in.free_a) row[j++] = 1;
            for (std::size_t l = 0; l < in.ways; ++l) row[j++] = in.way[l][0] * y[i] + in.way[l][1] * z[i];
            const double slope = in.d + in.c * y[i] / z[i];
            row[j++] = -slope / sigma;
            row[j++] = -slope * y[i];
            const double residual = q.w[i] - (in.a + in.d * y[i] + in.c * z[i]);
            for (std::size_t p = 0; p < n; ++p) {
                right[p] += robust[i] * row[p] * residual;
                for (std::size_t l = 0; l <= p; ++l) normal[p][l] += robust[i] * row[p] * row[l];
            }
        }
        for (std::size_t p = 0; p < n; ++p) normal[p][p] *= 1 + (p + 2 >= n ? damping : 1e-12);
        if (!cholesky_solve(normal, right, n)) return false;
        dm = right[n - 2], ds = right[n - 1];
        return true;
    }

    static Svi svi_of(const Inner& in, double m, double sigma) {
        return {in.a, in.c / sigma, in.c > 0 ? in.d / in.c : 0.0, m, sigma};
    }

    // Moves to the minimum near (m, sigma); returns its cost.
    double descend(Svi& best, double m, double sigma, int iterations) {
        Inner in = inner(m, sigma);
        best = svi_of(in, m, sigma);
        double reached = cost(best), damping = 1e-2;
        for (int iteration = 0; iteration < iterations; ++iteration) {
            reweigh(best);
            in = inner(m, sigma);
            bool improved = false, done = false;
            for (int attempt = 0; attempt < 6 && !improved; ++attempt) {
                check_stop();
                double dm = 0, ds = 0;
                if (outer_step(in, sigma, damping, dm, ds)) {
                    const double m1 = std::clamp(m + dm, range.m_low, range.m_high);
                    const double factor = std::clamp(1 + ds, 0.3, 3.0);  // of sigma: its logarithm to first order
                    const double s1 = std::clamp(sigma * factor, range.sigma_low, range.sigma_high);
                    const Inner next = inner(m1, s1);
                    const Svi moved = svi_of(next, m1, s1);
                    const double value = cost(moved);
                    if (value < reached) {
                        done = reached - value <= 1e-5 * reached + 1e-12;
                        best = moved, reached = value, m = m1, sigma = s1;
                        damping = std::max(0.2 * damping, 1e-8);
                        improved = true;
                    } else {
                        in = inner(m, sigma);  // y and z again of where we are
                    }
                }
                if (!improved) damping *= 8;
            }
            if (!improved || done) break;
        }
        return reached;
    }

    const SmileQuotes& q;
    const Range& range;

private:
    std::vector<double> robust, y, z;
};

Svi cold(Smile& smile) {
    struct Start {
        double cost, m, sigma;
    };
    const Range& r = smile.range;
    std::vector<Start> starts;
    for (const double place : {0.15, 0.35, 0.5, 0.65, 0.85}) {
        for (const double sigma : {0.25, 0.7, 2.0}) {
            check_stop();
            const double m = r.low + place * (r.high - r.low), s = sigma * r.scale;
            starts.push_back({smile.cost(Smile::svi_of(smile.inner(m, s), m, s)), m, s});
        }
    }
    std::sort(starts.begin(), starts.end(), [](const Start& p, const Start& q) { return p.cost < q.cost; });
    Svi best{};
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < 3; ++i) {
        Smile fresh(smile.q, r);
        Svi svi{};
        const double value = fresh.descend(svi, starts[i].m, starts[i].sigma, 40);
        if (value < lowest) lowest = value, best = svi;
    }
    return best;
}

// Where g is looked at: evenly over the quoted range and some way beyond, and about m on the scale of sigma, where it bends.
double butterfly_place(const Svi& s, const Range& r, std::size_t j) {
    const double low = r.low - beyond * r.scale, high = r.high + beyond * r.scale;
    if (j < even_points) return low + (high - low) * double(j) / double(even_points - 1);
    const double u = 2 * (double(j - even_points) + 0.5) / double(butterfly_points - even_points) - 1;
    return std::clamp(s.m + 2 * s.sigma * u / (1 - u * u), low, high);
}

double smallest_butterfly(const Svi& s, const Range& r) {
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t j = 0; j < butterfly_points; ++j) {
        least = std::min(least, butterfly(s, butterfly_place(s, r, j)));
    }
    return least;
}

// (smallest w, b (1 + |rho|), rho, m, sigma): every bound but the butterfly is a box.
using Boxed = std::array<double, 5>;

Svi unboxed(const Boxed& x) {
    const double b = x[1] / (1 + std::abs(x[2]));
    return {x[0] - b * x[4] * std::sqrt(1 - x[2] * x[2]), b, x[2], x[3], x[4]};
}

Svi without_butterfly(const Smile& smile, const Svi& start) {
    const SmileQuotes& q = smile.q;
    const Range& r = smile.range;
    const Boxed lower{0.01 * r.smallest, 1e-9, -0.9999, r.m_low, r.sigma_low};
    const Boxed upper{r.smallest + 4 * r.scale * r.scale, steepest, 0.9999, r.m_high, r.sigma_high};
    const double rho = std::clamp(start.rho, lower[2], upper[2]);
    Boxed x{start.a + start.b * start.sigma * std::sqrt(1 - rho * rho), start.b * (1 + std::abs(rho)), rho, start.m,
            start.sigma};
    for (std::size_t j = 0; j < 5; ++j) x[j] = std::clamp(x[j], lower[j], upper[j]);
    const std::size_t n = q.k.size();
    for (double penalty = 30; penalty < 1e6; penalty *= 10) {
        const auto fill = [&](const Boxed& at, double* out) {
            const Svi s = unboxed(at);
            for (std::size_t i = 0; i < n; ++i) {
                out[i] = huber_root((total_variance(s, q.k[i]) - q.w[i]) * q.weight[i]);
            }
            for (std::size_t j = 0; j < butterfly_points; ++j) {
                out[n + j] = penalty * std::min(butterfly(s, butterfly_place(s, r, j)) - 2 * butterfly_margin, 0.0);
            }
            return true;
        };
        surface::least_squares(x, lower, upper, n + butterfly_points, fill, 40);
        if (smallest_butterfly(unboxed(x), r) >= butterfly_margin) break;
    }
    // An SSVI slice is free by its parameters: taken where it fits better than what the penalty led to, and where that is not free the
    // nearest point on the way to it that is.
    const Svi from = unboxed(x), to = as_svi(surface::fit_ssvi(q, nullptr, nullptr, nullptr));
    const auto better = [&](const Svi& s) { return smile.cost(s) <= smile.cost(to) ? s : to; };
    if (smallest_butterfly(from, r) >= butterfly_margin) return better(from);
    double low = 0, high = 1;
    const auto mixed = [&](double t) {
        return Svi{from.a + t * (to.a - from.a), from.b + t * (to.b - from.b), from.rho + t * (to.rho - from.rho),
                   from.m + t * (to.m - from.m), from.sigma + t * (to.sigma - from.sigma)};
    };
    for (int i = 0; i < 20; ++i) {
        const double t = 0.5 * (low + high);
        (smallest_butterfly(mixed(t), r) >= butterfly_margin ? high : low) = t;
    }
    return better(mixed(high));
}

}  // namespace

double total_variance(const Svi& s, double k) {
    const double x = k - s.m;
    return s.a + s.b * (s.rho * x + std::sqrt(x * x + s.sigma * s.sigma));
}

double butterfly(const Svi& s, double k) {
    const double x = k - s.m, root = std::sqrt(x * x + s.sigma * s.sigma);
    const double w = s.a + s.b * (s.rho * x + root), w1 = s.b * (s.rho + x / root);
    const double w2 = s.b * s.sigma * s.sigma / (root * root * root), slant = 1 - 0.5 * k * w1 / w;
    return slant * slant - 0.25 * w1 * w1 * (1 / w + 0.25) + 0.5 * w2;
}

SviFit fit_svi(const SmileQuotes& quotes, const Svi* warm, bool no_butterfly) {
    surface::check_quotes(quotes);
    const Range range = range_of(quotes);
    Smile smile(quotes, range);
    Svi svi{};
    if (warm) {
        smile.reweigh(*warm);
        smile.descend(svi, std::clamp(warm->m, range.m_low, range.m_high),
                      std::clamp(warm->sigma, range.sigma_low, range.sigma_high), 40);
        // a smile that the last one does not lead to: residuals of a half-spread on average, or no number
        if (!(smile.cost(svi) <= double(quotes.k.size()))) {
            const Svi other = cold(smile);
            if (!(smile.cost(svi) <= smile.cost(other))) svi = other;
        }
    } else {
        svi = cold(smile);
    }
    double least = smallest_butterfly(svi, range);
    if (no_butterfly && !(least >= butterfly_margin)) {
        svi = without_butterfly(smile, svi);
        least = smallest_butterfly(svi, range);
    }
    return {svi, smile.cost(svi) / double(quotes.k.size()), least};
}

}  // namespace hedgecore
