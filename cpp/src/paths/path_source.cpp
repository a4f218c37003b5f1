#include "paths/path_source.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"

namespace hedgecore {
namespace {

constexpr double largest_count = 500;  // of jumps in a step, on average

std::string text(double value) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.17g", value);
    for (int digits = 1; digits < 17; ++digits) {  // the shortest that reads back
        char shorter[32];
        std::snprintf(shorter, sizeof shorter, "%.*g", digits, value);
        if (std::strtod(shorter, nullptr) == value) return shorter;
    }
    return buffer;
}

// Errors name the asset where there are several.
struct Checker {
    std::string where;

    void require(bool good, const char* name, double value, const char* demand) const {
        if (!good) throw std::invalid_argument(where + name + " = " + text(value) + " must be " + demand);
    }
    void positive(double value, const char* name) const { require(value > 0 && std::isfinite(value), name, value, "positive"); }
    void not_negative(double value, const char* name) const { require(value >= 0 && std::isfinite(value), name, value, "zero or positive"); }
    void finite(double value, const char* name) const { require(std::isfinite(value), name, value, "finite"); }
    void share(double value, const char* name) const { require(value >= 0 && value <= 1, name, value, "from 0 to 1"); }
    void correlation(double value, const char* name) const { require(std::abs(value) <= 1, name, value, "from -1 to 1"); }
};

double exponential_of(double x) {
    double y;
    kernels().exp(&x, &y, 1);
    return y;
}

// E[e^J] - 1 of a jump.
double mean_jump(const Jumps& j) {
    if (j.kind == JumpKind::normal) return exponential_of(j.mean + 0.5 * j.std * j.std) - 1.0;
    return j.up_share * j.up_rate / (j.up_rate - 1.0) + (1.0 - j.up_share) * j.down_rate / (j.down_rate + 1.0) - 1.0;
}

void check_jumps(const Jumps& j, double h, const Checker& check) {
    check.not_negative(j.intensity, "intensity");
    check.require(j.intensity * h <= largest_count, "intensity", j.intensity, "at most 500 jumps a step: take more steps");
    if (j.kind == JumpKind::normal) {
        check.finite(j.mean, "jump_mean");
        check.not_negative(j.std, "jump_std");
    } else {
        check.share(j.up_share, "up_share");
        check.require(j.up_rate > 1 && std::isfinite(j.up_rate), "up_rate", j.up_rate,
                      "above 1, or the price has no expectation");
        check.positive(j.down_rate, "down_rate");
    }
    check.finite(mean_jump(j), "the expectation of a jump");
}

// P(count <= k) of a Poisson law until nothing is left of 1 in double precision.
std::vector<double> count_distribution(double mean) {
    double probability = exponential_of(-mean), sum = probability;
    std::vector<double> below = {sum};
    for (double k = 1; sum < 1.0 && (probability > 1e-18 || k < mean); ++k) {
        probability *= mean / k;
        sum += probability;
        below.push_back(std::min(sum, 1.0));
    }
    below.back() = 1.0;
    return below;
}

// Andersen's constants (paths/diffusion.inl).
HestonStep heston_constants(const HestonVariance& v, double h, const Checker& check) {
    check.not_negative(v.v0, "v0");
    check.positive(v.kappa, "kappa");
    check.positive(v.theta, "theta");
    check.positive(v.xi, "xi");
    check.correlation(v.rho, "rho");
    HestonStep s;
    const double decay = exponential_of(-v.kappa * h), gone = 1.0 - decay, xi2 = v.xi * v.xi;
    check.require(gone > 0, "kappa", v.kappa, "large enough for the step: kappa x step is below the last digit");
    s.mean_slope = decay;
    s.mean_shift = v.theta * gone;
    s.square_slope = xi2 * decay * gone / v.kappa;
    s.square_shift = v.theta * xi2 * gone * gone / (2.0 * v.kappa);
    const double pull = 0.5 * h * (v.kappa * v.rho / v.xi - 0.5), lean = v.rho / v.xi;
    s.k1 = pull - lean;
    s.k2 = pull + lean;
    s.k3 = s.k4 = 0.5 * h * (1.0 - v.rho * v.rho);
    s.a = s.k2 + 0.5 * s.k4;
    s.k13 = s.k1 + 0.5 * s.k3;
    // The corrections need 2 A a < 1 and A < beta. With S = sup s^2 / m = xi^2 (1 - e^(-kappa h)) / kappa, a is at most S / 3 and beta at
    // least 1.2 / S for any v: both follow from A S < 1.2.
    check.require(s.a * xi2 * gone / v.kappa < 1.2, "rho", v.rho,
                  "smaller, or the steps shorter: E[S] over a step of this length does not exist in the scheme QE-M");
    return s;
}

// mixing mixing^T = correlation; zero pivots are allowed.
void factorise(const std::vector<double>& correlation, PathPlan& plan) {
    const std::size_t n = plan.assets;
    const auto at = [&](std::size_t i, std::size_t j) { return correlation[i * n + j]; };
    if (correlation.size() != n * n) throw std::invalid_argument("correlation must be a matrix with a row and a column for each asset");
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            const std::string name = "correlation[" + std::to_string(i) + "][" + std::to_string(j) + "] = " + text(at(i, j));
            if (!(std::abs(at(i, j)) <= 1)) throw std::invalid_argument(name + " must be from -1 to 1");
            if (i == j && at(i, j) != 1) throw std::invalid_argument(name + " must be 1");
            if (at(i, j) != at(j, i)) throw std::invalid_argument(name + " differs from [" + std::to_string(j) + "][" + std::to_string(i) + "]");
        }
    }
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j <= i; ++j) {
            double left = at(i, j);
            for (std::size_t k = 0; k < j; ++k) left -= plan.mixing[i][k] * plan.mixing[j][k];
            const bool flat = i == j ? left < 1e-12 : plan.mixing[j][j] == 0;
            if (flat && (i == j ? left < -1e-12 : std::abs(left) > 1e-8)) {
                throw std::invalid_argument("correlation is not positive semidefinite: asset " + std::to_string(i) +
                                            " cannot have these correlations with those before it");
            }
            plan.mixing[i][j] = flat ? 0.0 : (i == j ? std::sqrt(left) : left / plan.mixing[j][j]);
        }
    }
    plan.correlated = true;
}

ProcessStep process_constants(const LevelProcess& p, double h, bool diffusion, const Checker& check) {
    check.finite(p.start, "start");
    check.finite(p.mean, "mean");
    check.not_negative(p.reversion, "reversion");
    check.not_negative(p.vol, "vol");
    check.correlation(p.correlation, "correlation");
    check.require(diffusion || p.correlation == 0, "correlation", p.correlation, "0: only prices of a diffusion have a normal to share");
    check.not_negative(p.spike_rate, "spike_rate");
    check.not_negative(p.spike_size, "spike_size");
    check.not_negative(p.spike_decay, "spike_decay");
    check.finite(p.anchor, "anchor");
    check.not_negative(p.band, "band");
    check.require(p.low <= p.high, "low", p.low, "at most high");
    ProcessStep s;
    s.start = p.start;
    s.mean = p.mean;
    s.keep = exponential_of(-p.reversion * h);
    const double spread = p.reversion > 0 ? (1.0 - exponential_of(-2.0 * p.reversion * h)) / (2.0 * p.reversion) : h;
    s.noise = p.vol * std::sqrt(spread);
    s.correlation = p.correlation;
    s.rest = std::sqrt(1.0 - p.correlation * p.correlation);
    s.logarithmic = p.logarithmic;
    s.spike_share = 1.0 - exponential_of(-p.spike_rate * h);
    s.spike_scale = p.spike_size;
    s.spike_keep = exponential_of(-p.spike_decay * h);
    s.anchor = p.anchor;
    s.band = p.band;
    s.low = p.low;
    s.high = p.high;
    return s;
}

void check_table(const PathHistory& history, std::size_t assets, const char* name) {
    if (history.rows < 1) throw std::invalid_argument(std::string(name) + " has no rows");
    if (history.rows >= no_row) throw std::invalid_argument(std::string(name) + " has more than 4,294,967,294 rows");
    const std::size_t columns = assets + history.levels;
    for (std::size_t i = 0; i < history.rows * columns; ++i) {
        if (!std::isfinite(history.values[i])) {
            throw std::invalid_argument(std::string(name) + "[" + std::to_string(i / columns) + "], column " +
                                        std::to_string(i % columns) + " = " + text(history.values[i]) + " must be finite");
        }
    }
}

void check_given(const GivenPaths& given, const PathRun& run, std::size_t assets) {
    if (run.first_path < given.first || run.first_path - given.first > given.paths ||
        run.paths > given.paths - (run.first_path - given.first)) {
        throw std::invalid_argument("there are " + std::to_string(given.paths) + " given paths: not paths " +
                                    std::to_string(run.first_path) + " to " + std::to_string(run.first_path + run.paths));
    }
    if (given.times <= run.steps) {
        throw std::invalid_argument("steps = " + std::to_string(run.steps) + " needs " + std::to_string(run.steps + 1) +
                                    " times, but the given paths have " + std::to_string(given.times));
    }
    for (std::size_t c = 0; c < assets + given.levels; ++c) {
        for (std::size_t path = run.first_path - given.first; path < run.first_path - given.first + run.paths; ++path) {
            const double* x = given.values + std::ptrdiff_t(c) * given.column_stride + std::ptrdiff_t(path) * given.path_stride;
            for (std::size_t t = 0; t <= run.steps; ++t) {
                const double value = x[std::ptrdiff_t(t) * given.time_stride];
                if (std::isfinite(value) && (c >= assets || value > 0)) continue;
                const std::string column = c < assets ? (assets > 1 ? "spot of asset " + std::to_string(c) : "spot") : "level " + std::to_string(c - assets);
                throw std::invalid_argument(column + ", path " + std::to_string(path + given.first) + ", time " + std::to_string(t) +
                                            ": " + text(value) + " must be " + (c < assets ? "positive and finite" : "finite"));
            }
        }
    }
}

}  // namespace

PathSource::PathSource(const PathModel& model, const PathRun& run) : run_(run) {
    const std::size_t assets = model.assets.size();
    const double h = run.step;
    const Checker top{""};
    if (assets < 1 || assets > most_assets) throw std::invalid_argument("there must be 1 to 8 assets, not " + std::to_string(assets));
    top.positive(h, "step");
    if (run.steps >= (std::uint64_t(1) << 33)) throw std::invalid_argument("steps = " + std::to_string(run.steps) + " must be below 2^33");
    if (run.first_path > ~std::uint64_t(0) - run.paths) throw std::invalid_argument("first_path + paths must be below 2^64");
    plan_.assets = assets;
    const bool diffusion = !model.bootstrap && !model.given;
    for (std::size_t a = 0; a < assets; ++a) {
        const PathAsset& asset = model.assets[a];
        const Checker check{assets > 1 ? "asset " + std::to_string(a) + ": " : ""};
        check.positive(asset.spot, "spot");
        check.finite(asset.drift, "drift");
        check.not_negative(asset.vol, "vol");
        AssetStep& step = plan_.asset[a];
        kernels().log(&asset.spot, &step.log_spot, 1);
        step.variance = asset.vol * asset.vol;
        step.diffusion = asset.vol * std::sqrt(h);
        step.drift = (asset.drift - (asset.heston ? 0.0 : 0.5 * step.variance)) * h;
        if (asset.heston) {
            step.stochastic = plan_.stochastic = true;
            step.heston = heston_constants(*asset.heston, h, check);
            step.variance = asset.heston->v0;
        }
        if (asset.jumps.kind == JumpKind::none) continue;
        const Jumps& jumps = asset.jumps;
        check_jumps(jumps, h, check);
        step.drift -= jumps.intensity * mean_jump(jumps) * h;
        if (model.common_jumps) {
            check.require(jumps.intensity == model.assets[0].jumps.intensity, "intensity", jumps.intensity,
                          "that of the first asset where jumps are common");
        }
        counts_[a] = count_distribution(jumps.intensity * h);
        JumpStep& to = step.jumps;
        to.kind = jumps.kind;
        to.asset = model.common_jumps ? 0 : std::uint32_t(a);
        to.below = counts_[a].data();
        to.counts = std::uint32_t(counts_[a].size());
        to.mean = jumps.mean;
        to.std = jumps.std;
        to.down_share = 1.0 - jumps.up_share;
        if (jumps.kind == JumpKind::double_exponential) {
            to.up_scale = 1.0 / jumps.up_rate;
            to.down_scale = 1.0 / jumps.down_rate;
        }
    }
    if (!model.correlation.empty()) factorise(model.correlation, plan_);

    std::size_t table_levels = 0;
    if (model.bootstrap) {
        const PathHistory& history = model.bootstrap->history;
        check_table(history, assets, "history");
        top.require(model.bootstrap->block >= 1 && std::isfinite(model.bootstrap->block), "block", model.bootstrap->block, "1 step or longer");
        plan_.history = history.values;
        plan_.history_rows = std::uint32_t(history.rows);
        plan_.restart = 1.0 / model.bootstrap->block;
        table_levels = history.levels;
    }
    if (model.given) {
        if (model.bootstrap) throw std::invalid_argument("paths are either given or resampled");
        check_given(*model.given, run, assets);
        const GivenPaths& given = *model.given;
        plan_.given = given.values;
        plan_.given_first = given.first;
        plan_.given_column = given.column_stride;
        plan_.given_path = given.path_stride;
        plan_.given_time = given.time_stride;
        table_levels = given.levels;
    }
    if (model.replays) {
        if (model.given) throw std::invalid_argument("given paths have no replays");
        const Replays& replays = *model.replays;
        check_table(replays.history, assets, "windows");
        if (replays.history.levels != table_levels) throw std::invalid_argument("windows must have the levels of the history");
        top.not_negative(replays.rate, "rate");
        top.finite(replays.factor, "factor");
        windows_.push_back(0);
        for (const std::size_t length : replays.lengths) {
            if (length < 1) throw std::invalid_argument("a window has no rows");
            windows_.push_back(windows_.back() + std::uint32_t(length));
        }
        if (windows_.back() != replays.history.rows) throw std::invalid_argument("the lengths of the windows do not add up to their rows");
        plan_.windows = replays.history.values;
        plan_.window_first = windows_.data();
        plan_.window_count = std::uint32_t(replays.lengths.size());
        plan_.splice = 1.0 - exponential_of(-replays.rate * h);
        plan_.factor = replays.factor;
    }
    plan_.processes = model.processes.size();
    plan_.levels = table_levels + plan_.processes;
    if (plan_.levels > most_levels) throw std::invalid_argument("there may be 8 levels, not " + std::to_string(plan_.levels));
    for (std::size_t k = 0; k < plan_.processes; ++k) {
        plan_.process[k] = process_constants(model.processes[k], h, diffusion, {"process " + std::to_string(k) + ": "});
    }
}

void set_lanes(PathLanes& lanes, const PathRun& run, std::uint64_t first, std::size_t count) {
    lanes.n = (count + lane_multiple - 1) / lane_multiple * lane_multiple;
    lanes.seed = run.seed;
    for (std::size_t i = 0; i < lanes.n; ++i) {
        const std::uint64_t path = first + i;
        lanes.path[i] = run.antithetic ? path >> 1 : path;
        lanes.mirror[i] = run.antithetic ? double(path & 1) : 0.0;
    }
}

void PathSource::start(PathBlock& block, std::uint64_t first, std::size_t count) const {
    set_lanes(block, run_, first, count);
    block.first = first;
    block.last = first + count - 1;
    std::fill_n(block.row, block.n, 0u);
    std::fill_n(block.window, block.n, no_row);
    for (std::size_t k = 0; k < plan_.processes; ++k) std::fill_n(block.excess[k], block.n, 0.0);
    kernels().path_start(plan_, block);
}

void PathSource::advance(PathBlock& block, std::uint64_t step) const { kernels().path_advance(plan_, block, step); }

}  // namespace hedgecore
