// Vector functions against the mathematics library in extended precision, and the sums that weigh with weights.
#include "hedgecore/math.hpp"

#include <algorithm>
#include <limits>

#include "unit.hpp"

namespace {

using namespace unit;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t rows = 1003;  // whole vectors and a rest

// The distance of a result from the exact number, in units of the last place there.
double ulps(double got, long double exact) {
    const int exponent = std::max(std::ilogb(exact), -1022);
    return double(std::abs(got - exact) / std::ldexp(1.0L, exponent - 52));
}

template <class Argument>
Numbers arguments(const Argument& argument) {
    inputs::Source source(1);
    Numbers x(rows);
    for (double& value : x) value = argument(source);
    return x;
}

using Map = void (*)(const double*, double*, std::size_t);

// The largest error of a function over arguments.
template <class Exact>
double error_of(Map map, const Numbers& x, const Exact& exact) {
    Numbers y(x.size());
    map(x.data(), y.data(), x.size());
    double most = 0;
    for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, ulps(y[i], exact(x[i])));
    return most;
}

}  // namespace

TEST_CASE("functions keep the errors that they state") {
    using L = long double;
    const Numbers exponents = arguments([](auto& s) { return s.uniform(-708, 709); });
    const Numbers positive = arguments([](auto& s) { return s.spread(-1022, 1023); });
    const Numbers near_one = arguments([](auto& s) { return 1 + s.sign() * s.spread(-50, -3); });
    const Numbers normal = arguments([](auto& s) { return s.uniform(-37, 37); });
    const Numbers central = arguments([](auto& s) { return s.uniform(-2, 2); });
    const auto log = [](double x) { return std::log(L(x)); };
    const auto pdf = [](double x) { return density(x); };
    const auto distribution = [](double x) { return cdf(x); };
    at_every_level([&] {
        CHECK(error_of(math::exp, exponents, [](double x) { return std::exp(L(x)); }) < 0.7);
        CHECK(error_of(math::log, positive, log) < 0.8);
        CHECK(error_of(math::log, near_one, log) < 0.8);
        CHECK(error_of(math::normal_pdf, normal, pdf) < 2.3);
        CHECK(error_of(math::normal_cdf, normal, distribution) < 8.5);
        CHECK(error_of(math::normal_cdf, central, distribution) < 8.5);
    });
}

TEST_CASE("the quantile is where the distribution is p") {
    const Numbers tails = arguments([](auto& s) { return s.spread(-1022, -2); });
    const Numbers all = arguments([](auto& s) { return s.uniform(0.001, 0.999); });
    at_every_level([&] {
        for (const Numbers& p : {tails, all}) {
            Numbers x(p.size());
            math::normal_quantile(p.data(), x.data(), x.size());
            double most = 0;
            for (std::size_t i = 0; i < p.size(); ++i) {
                // one step of Newton's from what came back; about the centre from p - 1/2, which keeps the digits
                const long double half = 0.5L * std::erf(x[i] / std::numbers::sqrt2_v<long double>) - (p[i] - 0.5L);
                const long double gap = p[i] < 0.25 ? cdf(x[i]) - p[i] : (p[i] > 0.75 ? (1 - p[i]) - cdf(-x[i]) : half);
                most = std::max(most, ulps(x[i], x[i] - gap / density(x[i])));
            }
            CHECK(most < 2.7);
        }
    });
}

TEST_CASE("logarithms of ratios do not overflow and know close arguments") {
    const Numbers a = arguments([](auto& s) { return s.spread(-1022, 1023); });
    at_every_level([&] {
        Numbers b(rows), y(rows);
        for (std::size_t i = 0; i < rows; ++i) b[i] = i % 2 ? a[rows - 1 - i] : std::nextafter(a[i], infinity);
        math::log_ratio(a.data(), b.data(), y.data(), rows);
        double most = 0;
        for (std::size_t i = 0; i < rows; ++i) {
            // extended precision has the exponents, and of close arguments the digits
            const long double gap = static_cast<long double>(a[i]) - b[i], ratio = static_cast<long double>(a[i]) / b[i];
            most = std::max(most, ulps(y[i], i % 2 ? std::log(ratio) : std::log1p(gap / b[i])));
        }
        CHECK(most < 0.8);
    });
}

TEST_CASE("edges of functions") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    struct Edge {
        Map map;
        double x, y;
    };
    const Edge edges[] = {
        {math::exp, -infinity, 0}, {math::exp, infinity, infinity}, {math::exp, 0, 1}, {math::exp, nan, nan},
        {math::exp, 710, infinity}, {math::exp, -746, 0}, {math::log, 0, -infinity}, {math::log, infinity, infinity},
        {math::log, 1, 0}, {math::log, -1, nan}, {math::log, nan, nan}, {math::normal_cdf, -infinity, 0},
        {math::normal_cdf, infinity, 1}, {math::normal_cdf, nan, nan},
        {math::normal_pdf, infinity, 0}, {math::normal_pdf, nan, nan}, {math::normal_quantile, 0, -infinity},
        {math::normal_quantile, 1, infinity}, {math::normal_quantile, 0.5, 0}, {math::normal_quantile, -0.1, nan},
        {math::normal_quantile, 1.1, nan}, {math::normal_quantile, nan, nan},
    };
    at_every_level([&] {
        for (const Edge& edge : edges) {
            double y = -1;
            edge.map(&edge.x, &y, 1);
            CAPTURE(&edge - edges);
            CHECK((std::isnan(edge.y) ? std::isnan(y) : y == edge.y));
        }
    });
}

TEST_CASE("weighted sums") {
    inputs::Source source(2);
    at_every_level([&] {
        for (std::size_t n = 0; n < 40; ++n) {
            Numbers w(n), x(n);
            long double sum = 0, size = 0;
            for (std::size_t i = 0; i < n; ++i) {
                w[i] = source.uniform(-8, 8);
                x[i] = source.spread(-8, 8);
                sum += static_cast<long double>(w[i]) * x[i];
                size += std::abs(static_cast<long double>(w[i]) * x[i]);
            }
            CHECK(std::abs(kernels().dot(w.data(), x.data(), n) - sum) <= 2e-15 * size);
            if (n == 0) continue;
            x[n / 2] = infinity;
            w[n / 2] = 1;
            CHECK_FALSE(std::isfinite(kernels().dot(w.data(), x.data(), n)));
        }
    });
}
