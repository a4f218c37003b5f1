// Surfaces of any slices at any points, and fits of any quotes.
//
// Evaluation: levels and threads agree, rows know nothing of their neighbours, what is reported is NaN, w lies between those of the slices.
// Fits: a smile that keeps what surface.hpp promises of it, or an error with a text.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "bytes.hpp"
#include "dispatch/kernels.hpp"
#include "hedgecore/build_info.hpp"
#include "hedgecore/surface.hpp"

namespace {

using namespace hedgecore;
using fuzz::broken;
using fuzz::Bytes;
using fuzz::text;

std::string show(const Svi& s) {
    return "a " + text(s.a) + ", b " + text(s.b) + ", rho " + text(s.rho) + ", m " + text(s.m) + ", sigma " + text(s.sigma);
}

Svi svi_of(Bytes& bytes) {
    Svi s{};
    s.a = bytes.number(0, 0.1), s.b = bytes.number(0, 0.5), s.rho = bytes.number(-1, 1);
    s.m = bytes.number(-0.5, 0.5), s.sigma = bytes.number(0, 1);
    return s;
}

// --- evaluation ----------------------------------------------------------------------------------------------------

struct Points {
    std::array<std::vector<double>, 3> column;  // k or strike, expiry, forward
    bool strikes = false, forwards = false;
    std::ptrdiff_t stride = 1;

    std::size_t size() const { return column[0].size(); }
    SurfacePoints over(const std::array<std::vector<double>, 3>& c, std::ptrdiff_t step) const {
        SurfacePoints p;
        p.n = step == 0 ? size() : c[0].size();
        (strikes ? p.strike : p.k) = {c[0].data(), step};
        p.expiry = {c[1].data(), step};
        if (forwards) p.forward = {c[2].data(), step};
        return p;
    }
    SurfacePoints all() const { return over(column, stride); }
};

using Values = std::array<std::vector<double>, 5>;  // variance, slope, curvature, rise, vol
constexpr const char* value_names[] = {"variance", "slope", "curvature", "rise", "vol"};

struct Results {
    Values value;
    Faults faults;
};

Results evaluate(const Surface& surface, const SurfacePoints& points, int threads) {
    Results r;
    for (auto& values : r.value) values.assign(points.n, -7.0);
    const VarianceOutputs outputs{r.value[0].data(), r.value[1].data(), r.value[2].data(), r.value[3].data()};
    r.faults = surface.variance(points, outputs, {threads, {}});
    const Faults again = surface.vol(points, r.value[4].data(), {threads, {}});
    if (again.count != r.faults.count || again.row != r.faults.row) broken("vol and variance report other rows");
    return r;
}

void check_equal(const Results& a, const Results& b, const std::string& what) {
    for (std::size_t k = 0; k < a.value.size(); ++k) fuzz::check_same(a.value[k], b.value[k], what + ": " + value_names[k]);
    if (a.faults.count != b.faults.count || a.faults.row != b.faults.row) broken(what + ": faults");
}

struct Slices {
    SmileModel model;
    std::vector<double> expiry, forward, parameters;
};

Slices slices_of(Bytes& bytes) {
    Slices s;
    s.model = bytes.flag() ? SmileModel::sabr : SmileModel::svi;
    double time = 0;
    for (std::size_t n = 1 + bytes.below(4); n > 0; --n) {
        const double step = bytes.number(0.01, 0.5);
        s.expiry.push_back(time += step);
        s.forward.push_back(bytes.number(80, 120));
        if (s.model == SmileModel::svi) {
            const Svi svi = svi_of(bytes);
            s.parameters.insert(s.parameters.end(), {svi.a, svi.b, svi.rho, svi.m, svi.sigma});
        } else {
            const double alpha = bytes.number(0.1, 2), beta = bytes.number(0, 1), nu = bytes.number(0, 2), rho = bytes.number(-1, 1);
            s.parameters.insert(s.parameters.end(), {alpha, beta, nu, rho});
        }
    }
    return s;
}

Points points_of(Bytes& bytes, const Slices& slices) {
    Points p;
    p.strikes = bytes.flag();
    p.forwards = p.strikes && bytes.flag();
    p.stride = bytes.below(8) == 0 ? 0 : 1;
    const std::size_t most = 1 + bytes.byte();
    const bool on_slices = bytes.flag();
    std::array<std::vector<double>, 3> distinct;
    do {
        distinct[0].push_back(p.strikes ? bytes.number(50, 200) : bytes.number(-1, 1));
        distinct[1].push_back(on_slices ? slices.expiry[bytes.below(slices.expiry.size())] : bytes.number(0, 2));
        distinct[2].push_back(bytes.number(80, 120));
    } while (!bytes.empty() && distinct[0].size() < most);
    for (std::size_t k = 0; k < 3; ++k) {
        for (std::size_t i = 0; i < most; ++i) p.column[k].push_back(distinct[k][i % distinct[k].size()]);
    }
    return p;
}

// What is not reported lies between the slices, and the vol is that of w.
void check_values(const Slices& slices, const Points& points, const Results& r, std::size_t i) {
    if (slices.model != SmileModel::svi || points.strikes) return;
    const double k = points.column[0][points.stride ? i : 0], t = points.column[1][points.stride ? i : 0];
    const double w = r.value[0][i];
    if (!(std::fabs(k) < 1e6 && t > 1e-6 && t < 1e6)) return;
    const std::size_t n = slices.expiry.size(), after = std::size_t(std::lower_bound(slices.expiry.begin(), slices.expiry.end(), t) - slices.expiry.begin());
    double least = INFINITY, most = -INFINITY, size = 0;
    for (const std::size_t j : {after == 0 ? 0 : after - 1, std::min(after, n - 1)}) {
        const double* p = slices.parameters.data() + 5 * j;
        const double scale = after == 0 || after == n ? t / slices.expiry[j] : 1.0, at = scale * total_variance({p[0], p[1], p[2], p[3], p[4]}, k);
        least = std::min(least, at), most = std::max(most, at);
        size = std::max(size, scale * (std::fabs(p[0]) + p[1] * (2 * std::fabs(k) + 2 * std::fabs(p[3]) + p[4])));
    }
    if (!(size < 1e100)) return;
    const double slack = 1e-14 * size + 1e-300;
    if (!(w >= least - slack && w <= most + slack)) broken("w " + text(w) + " at k " + text(k) + ", expiry " + text(t) + " is not from " + text(least) + " to " + text(most));
    const double vol = r.value[4][i];
    if (w > slack && !(std::fabs(vol * vol * t - w) <= 4 * slack)) broken("vol " + text(vol) + " at expiry " + text(t) + " is not that of w " + text(w));
}

void evaluation(Bytes& bytes) {
    static const std::vector<std::string> levels = available_levels();
    const Slices slices = slices_of(bytes);
    std::optional<Points> points;
    std::optional<Results> fused;
    for (const std::string& level : levels) {
        use_level(level);
        std::optional<Surface> surface;
        try {
            surface.emplace(slices.model, slices.expiry, slices.forward, slices.parameters);
        } catch (const std::invalid_argument& error) {
            if (std::string(error.what()).empty()) broken("an error without a text");
            if (fused) broken("another level than " + level + " takes the slices");
            continue;
        }
        if (!points) points = points_of(bytes, slices);
        const Results all = evaluate(*surface, points->all(), 1);
        check_equal(all, evaluate(*surface, points->all(), 2), level + ", two threads");
        std::size_t faults = 0;
        for (std::size_t i = 0; i < points->size(); ++i) {
            const std::size_t row = points->stride ? i : 0;
            const Results one = evaluate(*surface, points->over({{{points->column[0][row]}, {points->column[1][row]}, {points->column[2][row]}}}, 1), 1);
            for (std::size_t k = 0; k < one.value.size(); ++k) {
                if (!fuzz::same(one.value[k][0], all.value[k][i])) broken(level + ": row " + std::to_string(i) + " alone has another " + value_names[k]);
                if (one.faults.count && !std::isnan(one.value[k][0])) broken(std::string(value_names[k]) + " of a faulty row");
            }
            if (one.faults.count && faults++ == 0 && all.faults.row != i) broken("the first faulty row is " + std::to_string(i));
            if (!one.faults.count) check_values(slices, *points, all, i);
        }
        if (faults != all.faults.count) broken("the number of faults");
        if (level == "v2") continue;
        if (fused) check_equal(*fused, all, "another level than " + level);
        else fused = all;
    }
}

// --- fits ----------------------------------------------------------------------------------------------------------

struct Quotes {
    std::vector<double> k, w, weight;
    SmileQuotes view() const { return {k, w, weight}; }
    double scale() const {
        std::vector<double> sorted = w;
        std::nth_element(sorted.begin(), sorted.begin() + std::ptrdiff_t(sorted.size() / 2), sorted.end());
        return std::sqrt(sorted[sorted.size() / 2]);
    }
};

Quotes quotes_of(Bytes& bytes, double level) {
    Quotes q;
    const std::size_t shape = bytes.below(3);  // a smile and noise; anything; points that coincide
    const double lean = bytes.number(-0.3, 0.3), bend = bytes.number(0, 1);
    for (std::size_t n = 3 + bytes.below(14); n > 0; --n) {
        const double k = shape == 2 && !q.k.empty() && bytes.flag() ? q.k.back() : bytes.number(-0.5, 0.5);
        const double smile = level * (1 + lean * k + bend * k * k), noise = shape == 1 ? bytes.number(0.01, 3) : 1 + 0.02 * bytes.share();
        const double w = smile * noise, allowed = bytes.number(0.001, 0.1) * w;
        q.k.push_back(k), q.w.push_back(w), q.weight.push_back(1 / allowed);
    }
    return q;
}

// The cost as surface.hpp has it, by quote.
double cost_of(const Quotes& q, const Svi& svi) {
    double sum = 0;
    for (std::size_t i = 0; i < q.k.size(); ++i) {
        const double r = std::fabs(total_variance(svi, q.k[i]) - q.w[i]) * q.weight[i];
        sum += r <= 1 ? r * r : 2 * r - 1;
    }
    return sum / double(q.k.size());
}

void check_svi(const Quotes& q, const SviFit& fit, bool no_butterfly) {
    const Svi& s = fit.svi;
    const auto fail = [&](const std::string& what) { broken("the fit of SVI has " + what + ": " + show(s)); };
    for (const double x : {s.a, s.b, s.rho, s.m, s.sigma, fit.cost}) {
        if (!std::isfinite(x)) fail("no finite numbers");
    }
    if (!(s.b >= 0 && std::fabs(s.rho) <= 1 && s.sigma > 0)) fail("parameters outside their domain");
    if (!(s.b * (1 + std::fabs(s.rho)) <= 1.95 * (1 + 1e-12))) fail("wings steeper than 1.95");
    if (!(s.a + s.b * s.sigma * std::sqrt(1 - s.rho * s.rho) > 0)) fail("a w that is not positive");
    if (!(std::fabs(fit.cost - cost_of(q, s)) <= 1e-12 * fit.cost)) fail("another cost than " + text(fit.cost));
    if (!no_butterfly) return;
    const double width = 3 * q.scale(), low = *std::min_element(q.k.begin(), q.k.end()) - width, high = *std::max_element(q.k.begin(), q.k.end()) + width;
    for (int j = 0; j <= 1000; ++j) {
        const double k = low + (high - low) * j / 1000, g = butterfly(s, k);
        if (!(g >= -1e-9)) fail("g " + text(g) + " at " + text(k));
    }
}

void check_essvi(const std::vector<Ssvi>& slices) {
    constexpr double slack = 1e-9;
    for (std::size_t i = 0; i < slices.size(); ++i) {
        const Ssvi& s = slices[i];
        const auto fail = [&](const std::string& what) {
            broken("slice " + std::to_string(i) + " of eSSVI " + what + ": theta " + text(s.theta) + ", rho " + text(s.rho) + ", psi " + text(s.psi));
        };
        if (!(std::isfinite(s.theta) && s.theta > 0 && std::fabs(s.rho) < 1 && std::isfinite(s.psi) && s.psi > 0)) fail("is outside its domain");
        const double lean = 1 + std::fabs(s.rho);
        if (!(s.psi * lean <= 4 * (1 + slack) && s.psi * s.psi * lean <= 4 * s.theta * (1 + slack))) fail("has butterfly arbitrage");
        if (i == 0) continue;
        const Ssvi& p = slices[i - 1];
        if (!(s.theta >= p.theta * (1 - slack) && s.psi * (1 + s.rho) >= p.psi * (1 + p.rho) * (1 - slack) &&
              s.psi * (1 - s.rho) >= p.psi * (1 - p.rho) * (1 - slack) && s.psi / s.theta <= p.psi / p.theta * (1 + slack))) {
            fail("has calendar arbitrage");
        }
    }
}

void check_sabr(const Quotes& q, const Sabr& s, double forward, double expiry, double beta) {
    const auto fail = [&](const std::string& what) {
        broken("the fit of SABR " + what + ": alpha " + text(s.alpha) + ", beta " + text(s.beta) + ", nu " + text(s.nu) + ", rho " + text(s.rho));
    };
    if (!(std::isfinite(s.alpha) && s.alpha > 0 && s.beta == beta && std::isfinite(s.nu) && s.nu >= 0 && std::fabs(s.rho) < 1)) fail("is outside its domain");
    const Surface surface(SmileModel::sabr, std::array{expiry}, std::array{forward}, std::array{s.alpha, s.beta, s.nu, s.rho});
    std::vector<double> vol(q.k.size());
    surface.vol({q.k.size(), {q.k.data(), 1}, {}, {}, {&expiry, 0}}, vol.data());
    for (const double x : vol) {
        if (!(x > 0 && std::isfinite(x))) fail("has the vol " + text(x));
    }
}

// What fit_* returns; nothing where it refuses, with a text.
template <class Fit>
auto fitted(const Fit& fit) -> std::optional<decltype(fit())> {
    try {
        return fit();
    } catch (const std::invalid_argument& error) {
        if (std::string(error.what()).empty()) broken("an error without a text");
        return {};
    }
}

void fits(Bytes& bytes) {
    use_level(available_levels().back());
    const std::size_t which = bytes.below(3);
    const bool flag = bytes.flag(), warm = bytes.flag();
    double level = bytes.number(0.001, 0.5);
    if (which == 0) {
        std::optional<Svi> start;
        if (warm) {
            start = svi_of(bytes);
            if (!(std::isfinite(start->m) && start->sigma > 0)) start.reset();  // as the bindings have it
        }
        const Quotes q = quotes_of(bytes, level);
        if (const auto fit = fitted([&] { return fit_svi(q.view(), start ? &*start : nullptr, flag); })) check_svi(q, *fit, flag);
    } else if (which == 1) {
        std::vector<Quotes> quotes;
        std::vector<SmileQuotes> views;
        for (std::size_t n = 1 + bytes.below(4); n > 0; --n) {
            quotes.push_back(quotes_of(bytes, level));
            level *= flag ? 1 + bytes.share() : 1 - 0.3 * bytes.share();  // the second cannot be met without calendar arbitrage
        }
        for (const Quotes& q : quotes) views.push_back(q.view());
        if (const auto slices = fitted([&] { return fit_essvi(views); })) check_essvi(*slices);
    } else {
        std::optional<Sabr> start;
        const double forward = bytes.number(50, 200), expiry = bytes.number(0.01, 2), beta = bytes.below(2) == 0 ? 1 : bytes.share();
        if (warm) {
            const double alpha = bytes.number(0.1, 2), nu = bytes.number(0, 2), rho = bytes.number(-1, 1);
            if (alpha > 0 && std::isfinite(nu) && std::isfinite(rho)) start = Sabr{alpha, beta, nu, rho};
        }
        const Quotes q = quotes_of(bytes, level);
        if (const auto fit = fitted([&] { return fit_sabr(q.view(), forward, expiry, beta, start ? &*start : nullptr); })) check_sabr(q, *fit, forward, expiry, beta);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    bytes.flag() ? fits(bytes) : evaluation(bytes);
    return 0;
}
