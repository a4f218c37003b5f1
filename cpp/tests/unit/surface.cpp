// Surfaces against their definitions, fits of smiles that have known parameters, and what no arbitrage demands.
#include "hedgecore/surface.hpp"

#include <limits>

#include "unit.hpp"

namespace {

using namespace unit;

const Svi near_slice{0.01, 0.08, -0.4, 0.02, 0.15}, far_slice{0.03, 0.15, -0.3, -0.01, 0.3};
const Numbers expiries{0.1, 0.5}, forwards{100, 104};
const Numbers parameters{0.01, 0.08, -0.4, 0.02, 0.15, 0.03, 0.15, -0.3, -0.01, 0.3};

double svi_variance(const Svi& s, double k) {
    return s.a + s.b * (s.rho * (k - s.m) + std::sqrt((k - s.m) * (k - s.m) + s.sigma * s.sigma));
}

// Gatheral's g by differences of the total variance.
double g_of(const Svi& s, double k) {
    const double h = 1e-4, w = svi_variance(s, k), up = svi_variance(s, k + h), down = svi_variance(s, k - h);
    const double slope = (up - down) / (2 * h), bend = (up - 2 * w + down) / (h * h);
    const double lead = 1 - k * slope / (2 * w);
    return lead * lead - slope * slope / 4 * (1 / w + 0.25) + bend / 2;
}

// Hagan, Kumar, Lesniewski and Woodward (2002), equation 2.17.
double hagan_vol(const Sabr& s, double forward, double strike, double expiry) {
    const double logarithm = std::log(forward / strike), c = 1 - s.beta, mean = std::pow(forward * strike, c / 2);
    const double z = s.nu / s.alpha * mean * logarithm;
    const double x = std::log((std::sqrt(1 - 2 * s.rho * z + z * z) + z - s.rho) / (1 - s.rho));
    const double l2 = logarithm * logarithm, c2 = c * c;
    const double below = mean * (1 + c2 / 24 * l2 + c2 * c2 / 1920 * l2 * l2);
    const double time = c2 / 24 * s.alpha * s.alpha / (mean * mean) + s.rho * s.beta * s.nu * s.alpha / (4 * mean) +
                        (2 - 3 * s.rho * s.rho) / 24 * s.nu * s.nu;
    return s.alpha / below * (z / x) * (1 + time * expiry);
}

struct Quotes {
    Numbers k, w, weight;
    SmileQuotes span() const { return {k, w, weight}; }
};

template <class Variance>
Quotes quotes_of(const Variance& variance, double wing = 0.6) {
    constexpr std::size_t n = 25;
    Quotes quotes;
    for (std::size_t i = 0; i < n; ++i) {
        const double k = wing * (2.0 * double(i) / double(n - 1) - 1);
        quotes.k.push_back(k);
        quotes.w.push_back(variance(k));
        quotes.weight.push_back(1000);
    }
    return quotes;
}

}  // namespace

TEST_CASE("a surface is its slices at their times and linear in total variance between them") {
    const Surface surface(SmileModel::svi, expiries, forwards, parameters);
    CHECK(surface.size() == 2);
    at_every_level([&] {
        for (const double k : {-1.0, -0.2, 0.0, 0.01, 0.7}) {
            for (const double t : {0.05, 0.1, 0.2, 0.35, 0.5, 2.0}) {
                SurfacePoints points;
                points.n = 1;
                points.k = {&k, 0};
                points.expiry = {&t, 0};
                double w = 0, slope = 0, curvature = 0, rise = 0;
                REQUIRE(surface.variance(points, {&w, &slope, &curvature, &rise}).count == 0);
                const auto expected = [&](double at, double time) {
                    const double first = svi_variance(near_slice, at), last = svi_variance(far_slice, at);
                    if (time <= 0.1) return first * time / 0.1;
                    if (time >= 0.5) return last * time / 0.5;
                    return first + (last - first) * (time - 0.1) / 0.4;
                };
                const double h = 1e-4;
                const double up = expected(k + h, t), down = expected(k - h, t);
                CHECK(w == doctest::Approx(expected(k, t)).epsilon(1e-13));
                CHECK(slope == doctest::Approx((up - down) / (2 * h)).epsilon(1e-6));
                CHECK(curvature == doctest::Approx((up - 2 * w + down) / (h * h)).epsilon(1e-4));
                if (t != 0.1 && t != 0.5) CHECK(rise == doctest::Approx((expected(k, t + h) - expected(k, t - h)) / (2 * h)).epsilon(1e-8));
                double vol = 0;
                CHECK(surface.vol(points, &vol).count == 0);
                CHECK(vol == doctest::Approx(std::sqrt(w / t)).epsilon(1e-14));
            }
        }
        // a strike is measured from the surface's forward, whose logarithm is linear in time, or from the one given
        const double strike = 90, t = 0.3, own = std::sqrt(100.0 * 104.0), k = std::log(strike / own);
        SurfacePoints by_strike, by_forward, by_k;
        by_strike.n = by_forward.n = by_k.n = 1;
        by_strike.expiry = by_forward.expiry = by_k.expiry = {&t, 0};
        by_strike.strike = by_forward.strike = {&strike, 0};
        by_forward.forward = {&own, 0};
        by_k.k = {&k, 0};
        double vols[3];
        surface.vol(by_strike, &vols[0]);
        surface.vol(by_forward, &vols[1]);
        surface.vol(by_k, &vols[2]);
        CHECK(vols[0] == doctest::Approx(vols[2]).epsilon(1e-14));
        CHECK(vols[1] == doctest::Approx(vols[2]).epsilon(1e-14));
    });
}

TEST_CASE("SABR is Hagan's formula") {
    const Sabr smiles[] = {{0.6, 1, 1.5, -0.3}, {6, 0.5, 0.8, 0.4}, {40, 0, 0.5, 0}};
    at_every_level([&] {
        for (const Sabr& s : smiles) {
            const double expiry = 0.4, forward = 110;
            const Numbers numbers{s.alpha, s.beta, s.nu, s.rho};
            const Surface surface(SmileModel::sabr, std::span(&expiry, 1), std::span(&forward, 1), numbers);
            for (const double strike : {60.0, 90.0, 109.0, 111.0, 140.0, 250.0}) {
                SurfacePoints points;
                points.n = 1;
                points.strike = {&strike, 0};
                points.expiry = {&expiry, 0};
                double vol = 0;
                CHECK(surface.vol(points, &vol).count == 0);
                CHECK(vol == doctest::Approx(hagan_vol(s, forward, strike, expiry)).epsilon(1e-11));
            }
        }
    });
}

TEST_CASE("bad points and bad surfaces") {
    const Surface surface(SmileModel::svi, expiries, forwards, parameters);
    const Numbers k{0, 0.1, std::numeric_limits<double>::quiet_NaN(), 0.3}, t{0.2, -1, 0.2, 0.2};
    SurfacePoints points;
    points.n = 4;
    points.k = column(k);
    points.expiry = column(t);
    Numbers vol(4);
    const Faults found = surface.vol(points, vol.data());
    CHECK(found.count == 2);
    CHECK(found.row == 1);
    CHECK(std::string(found.argument) == "expiry");
    CHECK(found.value == -1);
    CHECK(std::isfinite(vol[0]));
    CHECK(std::isnan(vol[1]));
    CHECK(std::isnan(vol[2]));
    CHECK(std::isfinite(vol[3]));

    const auto refusal = [&](const Numbers& when, const Numbers& where, const Numbers& what) {
        return message_of([&] { Surface(SmileModel::svi, when, where, what); });
    };
    CHECK(contains(refusal({0.5, 0.1}, forwards, parameters), "1"));  // the slice
    CHECK(contains(refusal({0, 0.1}, forwards, parameters), "0"));
    CHECK(contains(refusal(expiries, {100, -104}, parameters), "-104"));
    CHECK(refusal(expiries, forwards, {0.01}) != "");
    Numbers wrong = parameters;
    wrong[7] = -1.5;  // rho of the second
    CHECK(contains(refusal(expiries, forwards, wrong), "slice 1: SVI needs"));
}

TEST_CASE("butterfly is Gatheral's g") {
    for (const double k : {-0.8, -0.1, 0.0, 0.3, 1.0}) {
        CHECK(total_variance(far_slice, k) == doctest::Approx(svi_variance(far_slice, k)).epsilon(1e-15));
        CHECK(butterfly(far_slice, k) == doctest::Approx(g_of(far_slice, k)).epsilon(1e-6));
    }
    const Ssvi s{0.04, -0.35, 0.3};
    const double phi = s.psi / s.theta;
    for (const double k : {-0.5, 0.0, 0.4}) {
        const double root = std::sqrt((phi * k + s.rho) * (phi * k + s.rho) + 1 - s.rho * s.rho);
        CHECK(svi_variance(as_svi(s), k) == doctest::Approx(s.theta / 2 * (1 + s.rho * phi * k + root)).epsilon(1e-14));
    }
}

TEST_CASE("fits find the parameters that quotes were made of") {
    const Quotes quotes = quotes_of([](double k) { return svi_variance(far_slice, k); });
    for (const Svi* warm : {static_cast<const Svi*>(nullptr), &near_slice}) {
        const SviFit fit = fit_svi(quotes.span(), warm, true);
        CHECK(fit.svi.a == doctest::Approx(far_slice.a).epsilon(0.01));
        CHECK(fit.svi.b == doctest::Approx(far_slice.b).epsilon(0.002));
        CHECK(fit.svi.rho == doctest::Approx(far_slice.rho).epsilon(0.005));
        CHECK(fit.svi.sigma == doctest::Approx(far_slice.sigma).epsilon(0.01));
        CHECK(fit.smallest_g > 0);
        for (std::size_t i = 0; i < quotes.k.size(); ++i) CHECK(svi_variance(fit.svi, quotes.k[i]) == doctest::Approx(quotes.w[i]).epsilon(1e-4));
    }
    // a bad quote does not pull: its pull is bounded
    Quotes torn = quotes;
    torn.w[4] *= 3;
    const SviFit robust = fit_svi(torn.span(), nullptr, true);
    CHECK(svi_variance(robust.svi, 0) == doctest::Approx(svi_variance(far_slice, 0)).epsilon(0.01));

    const double forward = 110, expiry = 0.4;
    const Sabr sabr{6, 0.5, 0.8, -0.4};
    const Quotes smile = quotes_of([&](double k) {
        const double vol = hagan_vol(sabr, forward, forward * std::exp(k + 1e-9), expiry);  // off the money, where the formula is 0 / 0
        return vol * vol * expiry;
    });
    const Sabr found = fit_sabr(smile.span(), forward, expiry, 0.5, nullptr);
    CHECK(found.alpha == doctest::Approx(sabr.alpha).epsilon(1e-4));
    CHECK(found.nu == doctest::Approx(sabr.nu).epsilon(1e-3));
    CHECK(found.rho == doctest::Approx(sabr.rho).epsilon(1e-3));
}

TEST_CASE("no butterfly arbitrage where it is asked for: the smile of Axel Vogt") {
    const Svi vogt{-0.0410, 0.1331, 0.3060, 0.3586, 0.4153};
    const Quotes quotes = quotes_of([&](double k) { return svi_variance(vogt, k); }, 1.5);
    const SviFit free = fit_svi(quotes.span(), nullptr, false), fair = fit_svi(quotes.span(), nullptr, true);
    CHECK(free.smallest_g < -0.01);  // as published
    CHECK(fair.smallest_g >= -1e-9);
    for (double k = -1.5; k <= 1.5; k += 0.01) CHECK(g_of(fair.svi, k) >= -1e-5);
}

TEST_CASE("eSSVI: known slices come back, and no fit has calendar or butterfly arbitrage") {
    const Ssvi slices[] = {{0.02, -0.5, 0.15}, {0.05, -0.45, 0.25}, {0.12, -0.4, 0.4}};
    std::vector<Quotes> made, crossed;
    for (const Ssvi& s : slices) {
        made.push_back(quotes_of([&](double k) { return svi_variance(as_svi(s), k); }));
        crossed.push_back(quotes_of([&](double k) { return svi_variance(as_svi(s), k) * (&s == &slices[1] ? 0.3 : 1); }));
    }
    for (const auto* set : {&made, &crossed}) {
        std::vector<SmileQuotes> quotes;
        for (const Quotes& q : *set) quotes.push_back(q.span());
        const std::vector<Ssvi> fit = fit_essvi(quotes);
        REQUIRE(fit.size() == 3);
        for (std::size_t j = 0; j < 3; ++j) {
            if (set == &made) {
                CHECK(fit[j].theta == doctest::Approx(slices[j].theta).epsilon(1e-3));
                CHECK(fit[j].rho == doctest::Approx(slices[j].rho).epsilon(5e-3));
                CHECK(fit[j].psi == doctest::Approx(slices[j].psi).epsilon(5e-3));
            }
            for (double k = -2; k <= 2; k += 0.02) {
                CHECK(g_of(as_svi(fit[j]), k) >= -1e-5);
                if (j > 0) CHECK(svi_variance(as_svi(fit[j]), k) >= svi_variance(as_svi(fit[j - 1]), k) * (1 - 1e-9));
            }
        }
    }
}
