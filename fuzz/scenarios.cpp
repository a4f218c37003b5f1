// Scenario grids of any book: a node is the sum of its options, priced one by one at its shocks; threads and levels agree.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "bytes.hpp"
#include "dispatch/kernels.hpp"
#include "hedgecore/build_info.hpp"
#include "hedgecore/risk.hpp"

namespace {

using namespace hedgecore;
using fuzz::broken;
using fuzz::Bytes;
using fuzz::text;

struct Row {
    std::int8_t kind;
    double strike, expiry, vol, forward, rate, weight, slope;
    std::int32_t bucket;
};

struct Grid {
    Settlement settlement;
    std::vector<Row> rows;
    bool rates = false, slopes = false, shapes = false, floors = false, smiles = false;
    std::size_t n = 0, buckets = 0;
    std::vector<double> spot, scale, shift, time, skew, curvature, floor, atm;
    std::vector<ScenarioSmile> smile;
    std::vector<Greek> greeks;
};

Row row_of(Bytes& bytes, std::size_t buckets) {
    Row r{};
    const std::uint8_t kind = bytes.byte();
    r.kind = kind < 240 ? (kind % 2 ? 1 : -1) : std::int8_t(bytes.byte());
    r.forward = bytes.number(50, 200), r.strike = bytes.number(50, 200), r.expiry = bytes.number(0, 3), r.vol = bytes.number(0, 3);
    r.rate = bytes.number(-0.2, 0.2), r.weight = bytes.number(-2, 2), r.slope = bytes.number(-0.5, 0.5);
    const std::uint8_t bucket = bytes.byte();
    r.bucket = bucket < 250 ? std::int32_t(bucket % buckets) : std::int32_t(bucket) - 253;
    return r;
}

Grid grid_of(Bytes& bytes) {
    Grid g;
    g.settlement = Settlement(bytes.below(2));
    g.rates = bytes.flag(), g.slopes = bytes.below(4) == 0, g.shapes = bytes.below(4) == 0, g.floors = bytes.below(4) == 0, g.smiles = bytes.below(4) == 0;
    g.buckets = 1 + bytes.below(3);
    const Greek known[] = {Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta, Greek::black_delta, Greek::black_gamma};
    const std::uint8_t wanted = bytes.byte();
    for (std::size_t j = 0; j < 7; ++j) {
        if (wanted >> j & 1 && (j < 5 || g.settlement == Settlement::inverse)) g.greeks.push_back(known[j]);
    }
    if (bytes.below(64) == 0) g.greeks.push_back(Greek(bytes.below(greek_count)));  // another, or once more
    const auto svi = [&] {
        Svi s{};
        s.a = bytes.number(0, 0.1), s.b = bytes.number(0, 0.5), s.rho = bytes.number(-1, 1), s.m = bytes.number(-0.5, 0.5), s.sigma = bytes.number(0.01, 1);
        return s;
    };
    for (std::size_t b = 0; b < g.buckets; ++b) {
        g.atm.push_back(bytes.number(0, 1));
        ScenarioSmile s{};
        s.near = svi(), s.far = svi();
        s.near_weight = bytes.number(0, 1), s.far_weight = bytes.number(0, 1), s.expiry = bytes.number(0, 1), s.ratio = bytes.number(-1, 2);
        g.smile.push_back(s);
    }
    g.n = 1 + bytes.below(12);
    for (std::size_t i = 0; i < g.n; ++i) g.time.push_back(i > 0 && bytes.flag() ? g.time.back() : bytes.number(0, 1));
    for (std::size_t i = 0; i < g.n * g.buckets; ++i) {
        const bool as_before = i > 0 && bytes.flag();  // what follows each other is shared
        g.spot.push_back(as_before ? g.spot.back() : bytes.number(0.5, 1.5));
        g.scale.push_back(as_before ? g.scale.back() : bytes.number(0, 2));
        g.shift.push_back(as_before ? g.shift.back() : bytes.number(-0.2, 0.2));
        g.skew.push_back(as_before ? g.skew.back() : bytes.number(-0.1, 0.1));
        g.curvature.push_back(as_before ? g.curvature.back() : bytes.number(-0.1, 0.1));
        g.floor.push_back(as_before ? g.floor.back() : bytes.number(0, 0.3));
    }
    const std::size_t most = bytes.below(16) == 0 ? 700 : 1 + bytes.below(40);  // several blocks now and then
    std::vector<Row> distinct;
    do distinct.push_back(row_of(bytes, g.buckets));
    while (!bytes.empty() && distinct.size() < most);
    for (std::size_t i = 0; i < most; ++i) g.rows.push_back(distinct[i % distinct.size()]);
    return g;
}

template <class Get>
auto column_of(const Grid& g, std::size_t row, const Get& get) {
    using T = std::remove_cvref_t<decltype(get(g.rows[row]))>;
    return Column<T>{&get(g.rows[row]), std::ptrdiff_t(sizeof(Row) / sizeof(T))};
}

struct Sums {
    std::vector<double> value;
    Faults faults;
    std::string refused;
};

// Of all rows, or of one alone.
Sums sums_of(const Grid& g, int threads, std::optional<std::size_t> row = {}) {
    const std::size_t first = row.value_or(0);
    ScenarioOptions o;
    o.n = row ? 1 : g.rows.size();
    o.settlement = g.settlement;
    o.kind = column_of(g, first, [](const Row& r) -> auto& { return r.kind; });
    o.strike = column_of(g, first, [](const Row& r) -> auto& { return r.strike; });
    o.expiry = column_of(g, first, [](const Row& r) -> auto& { return r.expiry; });
    o.vol = column_of(g, first, [](const Row& r) -> auto& { return r.vol; });
    o.forward = column_of(g, first, [](const Row& r) -> auto& { return r.forward; });
    o.weight = column_of(g, first, [](const Row& r) -> auto& { return r.weight; });
    o.bucket = column_of(g, first, [](const Row& r) -> auto& { return r.bucket; });
    if (g.rates) o.rate = column_of(g, first, [](const Row& r) -> auto& { return r.rate; });
    if (g.slopes) o.slope = column_of(g, first, [](const Row& r) -> auto& { return r.slope; });
    ScenarioNodes nodes{g.n, g.buckets, g.spot.data(), g.scale.data(), g.shift.data(), g.time.data()};
    if (g.shapes) nodes.vol_skew = g.skew.data(), nodes.vol_curvature = g.curvature.data(), nodes.atm_vol = g.atm.data();
    if (g.floors) nodes.vol_floor = g.floor.data();
    if (g.smiles) nodes.smiles = g.smile.data();
    Sums s;
    s.value.assign(g.greeks.size() * g.buckets * g.n, -7.0);
    try {
        s.faults = scenario_sums(o, nodes, g.greeks, s.value.data(), {threads, {}});
    } catch (const std::invalid_argument& error) {
        s.refused = error.what();
        if (s.refused.empty()) broken("an error without a text");
    }
    return s;
}

void check_equal(const Sums& a, const Sums& b, const std::string& what) {
    if (a.refused != b.refused) broken(what + ": refused: " + a.refused + b.refused);
    if (!a.refused.empty()) return;
    fuzz::check_same(a.value, b.value, what);
    if (a.faults.count != b.faults.count || a.faults.row != b.faults.row) broken(what + ": faults");
}

// --- an option at a node, as risk.hpp says -------------------------------------------------------------------------

double smile_vol(const ScenarioSmile& s, double k) {
    return std::sqrt(std::fmax(s.near_weight * total_variance(s.near, k) + s.far_weight * total_variance(s.far, k), 0.0) / s.expiry);
}

struct Shocked {
    double forward, expiry, vol, sensitivity;  // the last: by how much an error of a vol before the shock grows
    bool lost;
};

Shocked shocked(const Grid& g, const Row& r, std::size_t node) {
    const std::size_t b = std::size_t(r.bucket), at = b * g.n + node;
    const double k = std::log(r.strike / r.forward), move = std::log(g.spot[at]);
    double vol = r.vol, size = r.vol;
    if (g.slopes && !(g.smiles && g.smile[b].expiry > 0 && g.smile[b].ratio != 1)) vol += r.slope * move, size += std::fabs(r.slope * move);
    if (g.smiles && g.smile[b].expiry > 0 && g.smile[b].ratio != 1) {
        const double here = smile_vol(g.smile[b], k), there = smile_vol(g.smile[b], k - (1 - g.smile[b].ratio) * move);
        vol += there - here, size += there + here;
    }
    double free = vol * g.scale[at] + g.shift[at];
    double error = size * std::fabs(g.scale[at]) + std::fabs(g.shift[at]);
    if (g.shapes) {
        const double s = g.atm[b] * std::sqrt(r.expiry), z = s > 0 ? std::clamp(k / s, -largest_z, largest_z) : 0.0;
        free += g.skew[at] * z + g.curvature[at] * z * z;
        error += std::fabs(g.skew[at] * z) + std::fabs(g.curvature[at] * z * z);
    }
    const double shocked_vol = g.floors ? std::fmax(free, g.floor[at]) : free;
    return {r.forward * g.spot[at], std::fmax(r.expiry - g.time[node], 0.0), shocked_vol, error, !(shocked_vol > 0) && shocked_vol != r.vol};
}

bool is_moderate(const Grid& g) {
    const auto usual = [](double x) { return x == 0 || (std::fabs(x) > 1e-6 && std::fabs(x) < 1e6); };
    const auto all = [&](const std::vector<double>& values) { return std::all_of(values.begin(), values.end(), usual); };
    if (!all(g.spot) || !all(g.scale) || !all(g.shift) || !all(g.time) || !all(g.skew) || !all(g.curvature) || !all(g.atm)) return false;
    if (g.floors && !all(g.floor)) return false;
    for (const ScenarioSmile& s : g.smile) {
        if (!g.smiles) break;
        for (const Svi* p : {&s.near, &s.far}) {
            // a smile of almost no vol: the slide is the root of what rounding leaves
            if (!(p->a > 1e-3 && p->b >= 0 && std::fabs(p->rho) <= 1 && usual(p->b) && usual(p->m) && usual(p->sigma) && usual(p->a))) return false;
        }
        if (!(usual(s.near_weight) && usual(s.far_weight) && s.near_weight >= 0 && s.far_weight >= 0 && usual(s.expiry) && usual(s.ratio))) return false;
        if (!(s.near_weight + s.far_weight > 1e-3)) return false;
    }
    return true;
}

bool is_moderate(const Row& r) {
    for (const double x : {r.strike, r.expiry, r.vol, r.forward, r.rate, r.weight, r.slope}) {
        if (!(x == 0 || (std::fabs(x) > 1e-6 && std::fabs(x) < 1e6))) return false;
    }
    return std::fabs(r.rate * r.expiry) < 10;
}

// Sums of one option against its Greeks at each node. Rounding of what leads to a price moves it by its sensitivities.
void check_row(const Grid& g, std::size_t row, const Sums& alone) {
    const Row& r = g.rows[row];
    if (!is_moderate(r) || !(std::fabs(r.kind) == 1) || !(r.forward > 0 && r.strike > 0 && r.expiry >= 0 && r.vol >= 0)) return;
    for (std::size_t node = 0; node < g.n; ++node) {
        const Shocked s = shocked(g, r, node);
        const double reach = s.sensitivity * 1e-13, worst = s.vol * std::sqrt(s.expiry);
        if (std::fabs(s.vol) <= 4 * reach) continue;  // positive or not is a matter of rounding
        // the payoff at the strike, Greeks that grow without bound, and a vol whose sign rounding decides, are left out
        const double distance = std::fabs(std::log(s.forward / r.strike));
        if (!s.lost && s.vol > 0 && (worst < 1e-4 || worst > 30) && distance < 1e-3) continue;
        const std::int8_t kind = r.kind;
        const double discount = g.rates ? std::exp(-r.rate * s.expiry) : 1.0;
        Options o;
        o.n = 1;
        o.settlement = g.settlement;
        o.kind = {&kind, 0}, o.strike = {&r.strike, 0}, o.expiry = {&s.expiry, 0}, o.vol = {&s.vol, 0}, o.forward = {&s.forward, 0}, o.discount = {&discount, 0};
        std::array<double, greek_count> value{};
        GreekOutputs out{};
        for (const Greek w : {Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta, Greek::vanna, Greek::volga, Greek::speed}) out[std::size_t(w)] = &value[std::size_t(w)];
        if (g.settlement == Settlement::inverse) {
            for (const Greek w : {Greek::black_delta, Greek::black_gamma}) out[std::size_t(w)] = &value[std::size_t(w)];
        }
        if (!s.lost && greeks(o, out, {1, {}}).count > 0) continue;
        const auto of = [&](Greek w) { return s.lost ? 0.0 : value[std::size_t(w)]; };
        const bool moves = g.slopes || g.smiles;
        for (std::size_t j = 0; j < g.greeks.size(); ++j) {
            const Greek w = g.greeks[j];
            if (w != Greek::price && w != Greek::vega && (moves || w == Greek::theta)) continue;  // theta of a rate, deltas with the smile: defined otherwise
            const double got = alone.value[(j * g.buckets + std::size_t(r.bucket)) * g.n + node], wanted = r.weight * of(w);
            const double coin = g.settlement == Settlement::inverse ? s.forward : 1.0, most = (s.forward + r.strike) / coin;
            // by the vol's error, and by rounding of amounts as large as forward and strike
            double allowed = std::fabs(of(Greek::vega)) * reach + 1e-13 * discount * most + 1e-12 * std::fabs(of(w));
            if (w == Greek::vega) allowed = (std::fabs(of(Greek::volga)) * (reach + 1e-13 * s.vol) + 1e-11 * (std::fabs(of(w)) + discount * most * std::sqrt(s.expiry)));
            if (w == Greek::delta || w == Greek::black_delta) allowed = 1e-10 * discount * (1 + most / s.forward) + std::fabs(of(Greek::vanna)) * reach;
            if (w == Greek::gamma || w == Greek::black_gamma) {
                if (worst < 1e-2) continue;
                allowed = 1e-8 * (std::fabs(of(w)) + discount * most / s.forward / s.forward / worst);
            }
            if (!(std::fabs(got - wanted) <= std::fabs(r.weight) * allowed + 1e-290)) {
                broken(std::string(greek_names[std::size_t(w)]) + " of row " + std::to_string(row) + " at node " + std::to_string(node) + " is " + text(got) + ", alone " +
                       text(wanted) + ", allowed " + text(std::fabs(r.weight) * allowed) + " (kind " + std::to_string(r.kind) + ", strike " + text(r.strike) + ", forward " + text(s.forward) +
                       ", expiry " + text(s.expiry) + ", vol " + text(s.vol) + ", rate " + text(r.rate) + (s.lost ? ", lost" : "") + ")");
            }
        }
    }
}

// The whole is the sum of its rows, each alone; who is reported there is reported here.
void check_whole(const Grid& g, const Sums& whole) {
    std::vector<double> sum(whole.value.size()), size(whole.value.size());
    std::size_t faults = 0;
    const bool moderate = is_moderate(g);
    bool sums_hold = true;
    for (std::size_t i = 0; i < g.rows.size() && i < 40; ++i) {
        const Sums one = sums_of(g, 1, i);
        if (!one.refused.empty()) broken("row " + std::to_string(i) + " alone is refused: " + one.refused);
        if (one.faults.count > 0 && (!one.faults.argument || !one.faults.demand || one.faults.count != 1 || one.faults.row != 0)) broken("incomplete fault");
        if (one.faults.count && faults++ == 0 && whole.faults.row != i) broken("the first faulty row is " + std::to_string(i));
        for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += one.value[c], size[c] += std::fabs(one.value[c]);
        if (moderate && one.faults.count == 0) check_row(g, i, one);
    }
    sums_hold = g.rows.size() <= 40;
    if (!sums_hold) return;
    if (faults != whole.faults.count) broken("the number of faults");
    for (std::size_t c = 0; c < sum.size(); ++c) {
        if (std::isfinite(size[c]) && !(std::fabs(sum[c] - whole.value[c]) <= 1e-13 * size[c] + 1e-290)) {
            broken("sum " + std::to_string(c) + " is " + text(whole.value[c]) + ", of its rows " + text(sum[c]));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> levels = available_levels();
    Bytes bytes(data, size);
    const Grid g = grid_of(bytes);
    std::optional<Sums> fused;
    for (const std::string& level : levels) {
        use_level(level);
        const Sums all = sums_of(g, 1);
        check_equal(all, sums_of(g, 2), level + ", two threads");
        if (all.refused.empty()) check_whole(g, all);
        if (level == "v2") continue;
        if (fused) check_equal(*fused, all, "another level than " + level);
        else fused = all;
    }
    return 0;
}
