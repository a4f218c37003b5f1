// Prints a hash of what every kernel returns, one line for each: two builds that print the same lines compute the same
// bits. Usage: same_bits [--levels] [--threads N] [--layout plain|pieces|strided|reversed|shifted]
//        [--values NAME]
//
// A line is `name hash pattern`: the hash of the values (every NaN counts as one) and the hash of where they are NaN,
// infinite or vanish, which levels without fused multiply-add share too. Layouts differ in where the rows lie in memory
// and in how calls are cut, never in the rows. --values prints the values of one line instead, one to a row: to see
// where two builds part. Compile with -ffp-contract=off, as the library: the inputs are part of
// what is compared.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hedgecore/build_info.hpp"
#include "hedgecore/hedging.hpp"
#include "hedgecore/math.hpp"
#include "hedgecore/paths.hpp"
#include "hedgecore/pricing.hpp"
#include "hedgecore/risk.hpp"
#include "hedgecore/surface.hpp"
#include "inputs.hpp"

namespace {

using namespace hedgecore;

constexpr std::size_t rows = 20'011;  // several chunks, a ragged last block, a ragged last vector
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

enum class Layout { plain, pieces, strided, reversed, shifted };
constexpr const char* layout_names[] = {"plain", "pieces", "strided", "reversed", "shifted"};

Layout layout = Layout::plain;
Execution execution;
std::string wanted;  // the line whose values are printed

// --- hashes --------------------------------------------------------------------------------------------------------

class Hash {  // FNV-1a over the bytes, lowest first
public:
    void add(std::uint64_t word) {
        for (int byte = 0; byte < 8; ++byte) {
            value_ = (value_ ^ (word >> (8 * byte) & 0xff)) * 0x100000001b3ULL;
        }
    }
    unsigned long long value() const { return value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325ULL;
};

// What a value is, apart from its digits. Next to the underflow an ulp decides what is zero.
std::uint64_t pattern_of(double x) {
    if (x != x) return 1;
    if (x == infinity) return 2;
    if (x == -infinity) return 3;
    return x > -1e-290 && x < 1e-290 ? 4 : 5;
}

void print(const std::string& name, const double* values, std::size_t n) {
    if (!wanted.empty()) {
        for (std::size_t i = 0; i < n && name == wanted; ++i) std::printf("%zu %.17g %a\n", i, values[i], values[i]);
        return;
    }
    Hash hash, pattern;
    for (std::size_t i = 0; i < n; ++i) {
        hash.add(values[i] == values[i] ? inputs::bits_of(values[i]) : 0x7ff8000000000000ULL);
        pattern.add(pattern_of(values[i]));
    }
    std::printf("%s %016llx %016llx\n", name.c_str(), hash.value(), pattern.value());
}

// --- memory --------------------------------------------------------------------------------------------------------

// n values in memory as the layout asks: `stride` apart; for the layout `shifted` one place off a cache line.
template <class T>
class Stored {
public:
    explicit Stored(std::size_t n, std::ptrdiff_t stride = 1) : stride_(stride) {
        const std::size_t step = std::size_t(stride < 0 ? -stride : stride), line = 64 / sizeof(T);
        memory_.resize(n * step + 2 * line);
        first_ = memory_.data();
        while (reinterpret_cast<std::uintptr_t>(first_) % 64 != 0) ++first_;
        if (layout == Layout::shifted) ++first_;
        if (stride < 0) first_ += (n - 1) * step;
    }
    Stored(const std::vector<T>& values, std::ptrdiff_t stride) : Stored(values.size(), stride) {
        for (std::size_t i = 0; i < values.size(); ++i) first_[std::ptrdiff_t(i) * stride_] = values[i];
    }
    Stored(Stored&&) = default;
    T* data() { return first_; }
    Column<T> column() const { return {first_, stride_}; }

private:
    std::vector<T> memory_;
    T* first_;
    std::ptrdiff_t stride_;
};

template <class T>
Stored<T> store(const std::vector<T>& values) {
    return Stored<T>(values, layout == Layout::strided ? 3 : (layout == Layout::reversed ? -2 : 1));
}

// The calls that the rows are cut into.
std::vector<std::pair<std::size_t, std::size_t>> calls() {
    if (layout != Layout::pieces) return {{0, rows}};
    std::vector<std::pair<std::size_t, std::size_t>> all;
    std::size_t begin = 0;
    for (const std::size_t end : {1, 2, 5, 12, 139, 267, 396, 4'492, 4'493, 13'000, int(rows)}) {
        all.emplace_back(begin, end);
        begin = end;
    }
    return all;
}

template <class T>
Column<T> from(Column<T> column, std::size_t begin) {
    return column ? Column<T>{column.data + std::ptrdiff_t(begin) * column.stride, column.stride} : column;
}

Options part(const Options& all, std::size_t begin, std::size_t end) {
    Options some = all;
    some.n = end - begin;
    some.kind = from(all.kind, begin);
    for (const auto column : {&Options::strike, &Options::expiry, &Options::vol, &Options::forward, &Options::discount,
                              &Options::spot, &Options::rate, &Options::carry}) {
        some.*column = from(all.*column, begin);
    }
    return some;
}

// --- inputs --------------------------------------------------------------------------------------------------------

constexpr double edges[] = {
    0.0, -0.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1e-200, 1e-17, 0.5, 1.0, 2.0, 37.5, 1e17, 1e200,
    1.7976931348623157e308, -1.0, -1e-3, infinity, -infinity, not_a_number,
};

double edge(inputs::Source& source) { return edges[source.word() % std::size(edges)]; }

// Options of every sort: plain ones, wings, next to the money and at it, any exponents, edges.
struct Table {
    std::vector<std::int8_t> kind;
    std::vector<double> strike, expiry, vol, underlying, discount, rate, carry, price, coin_price, weight;

    explicit Table(std::uint64_t seed) {
        inputs::Source source(seed);
        for (std::size_t i = 0; i < rows; ++i) {
            double x = source.spread(0, 17), ratio = source.spread(-1, 0), t = source.spread(-13, 1);
            double s = source.spread(-3, 1), d = source.spread(-1, -1), r = source.uniform(-0.25, 0.25);
            double q = source.uniform(-0.25, 0.25);
            const std::int64_t sort = source.integer(0, 15);
            if (sort >= 4 && sort < 7) {  // wings
                ratio = source.spread(-8, 7);
                s = source.spread(-10, 3);
            } else if (sort == 7 || sort == 8) {  // next to the money, to the last bit
                ratio = inputs::from_bits(inputs::bits_of(1.0) + (source.word() >> source.integer(14, 62)));
            } else if (sort == 9) {  // at the money, no rates
                ratio = d = 1.0;
                r = q = 0.0;
            } else if (sort == 10 || sort == 11) {  // any exponents
                x = source.spread(-700, 700);
                ratio = source.spread(-300, 300);
                t = source.spread(-40, 6);
                s = source.spread(-60, 8);
                r = source.uniform(-8.0, 8.0);
                q = source.uniform(-8.0, 8.0);
                d = source.spread(-900, 100);
            }
            double k = x * ratio;
            const double side = source.integer(0, 3) == 0 ? source.sign() : (ratio > 1.0 ? 1.0 : -1.0);
            const double leg = x < k ? x : k, gap = x < k ? k - x : x - k;
            const double time_value = leg * source.spread(source.integer(0, 3) == 0 ? -900 : -30, -1);
            double p = (side > 0.0) == (x > k) ? gap + time_value : time_value;
            std::int8_t w = side > 0.0 ? 1 : -1;
            if (sort >= 13) {  // one edge, or two
                for (std::int64_t n = source.integer(1, 2); n > 0; --n) {
                    double* const columns[] = {&x, &k, &t, &s, &d, &r, &q, &p};
                    *columns[source.word() % std::size(columns)] = edge(source);
                }
                if (source.integer(0, 63) == 0) w = std::int8_t(source.integer(-3, 3));
            }
            kind.push_back(w);
            strike.push_back(k);
            expiry.push_back(t);
            vol.push_back(s);
            underlying.push_back(x);
            discount.push_back(d);
            rate.push_back(r);
            carry.push_back(q);
            price.push_back(p);
            coin_price.push_back(p / x);
            // in sums a large row would drown the others, and NaN all of them: weights of 0 leave such rows out
            const double amount = source.uniform(-64.0, 64.0);
            weight.push_back(source.integer(0, 30) == 0 ? not_a_number : (sort < 10 ? amount : 0.0));
        }
    }
};

const Table table(20261122);

// Contracts: what is set on the options. A new closed form is one line here.
struct Contract {
    const char* name;
    void (*set)(Options&);
};
const Contract contracts[] = {
    {"black.linear", [](Options& o) { o.settlement = Settlement::linear; }},
    {"black.inverse", [](Options& o) { o.settlement = Settlement::inverse; }},
    {"cash_or_nothing.linear", [](Options& o) { o.payoff = Payoff::cash_or_nothing; }},
    {"cash_or_nothing.inverse", [](Options& o) {
         o.payoff = Payoff::cash_or_nothing;
         o.settlement = Settlement::inverse;
     }},
    {"asset_or_nothing.linear", [](Options& o) { o.payoff = Payoff::asset_or_nothing; }},
    {"asset_or_nothing.inverse", [](Options& o) {
         o.payoff = Payoff::asset_or_nothing;
         o.settlement = Settlement::inverse;
     }},
    {"bachelier.linear", [](Options& o) { o.model = Model::bachelier; }},
    {"bachelier.inverse", [](Options& o) {
         o.model = Model::bachelier;
         o.settlement = Settlement::inverse;
     }},
};

// Forms: which columns describe the discounting.
struct Columns {
    Stored<std::int8_t> kind = store(table.kind);
    Stored<double> strike = store(table.strike), expiry = store(table.expiry), vol = store(table.vol),
                   underlying = store(table.underlying), discount = store(table.discount), rate = store(table.rate),
                   carry = store(table.carry), price = store(table.price), coin_price = store(table.coin_price);
};
struct Form {
    const char* name;
    void (*set)(Options&, const Columns&);
};
const Form forms[] = {
    {"forward", [](Options& o, const Columns& c) { o.forward = c.underlying.column(); }},
    {"discounted", [](Options& o, const Columns& c) {
         o.forward = c.underlying.column();
         o.discount = c.discount.column();
     }},
    {"spot", [](Options& o, const Columns& c) {
         o.spot = c.underlying.column();
         o.rate = c.rate.column();
         o.carry = c.carry.column();
     }},
};

// --- lines ---------------------------------------------------------------------------------------------------------

void print_vector_functions() {
    struct Function {
        const char* name;
        void (*map)(const double*, double*, std::size_t);
        int low, high;  // exponents of the arguments
        bool negative;
    };
    const Function functions[] = {
        {"math.exp", math::exp, -60, 10, true},
        {"math.log", math::log, -1022, 1023, false},
        {"math.normal_pdf", math::normal_pdf, -60, 6, true},
        {"math.normal_cdf", math::normal_cdf, -60, 6, true},
        {"math.normal_quantile", math::normal_quantile, -1022, -1, false},
    };
    const auto arguments = [](std::uint64_t seed, int low, int high, bool negative) {
        inputs::Source source(seed);
        std::vector<double> x(rows);
        for (double& value : x) {
            const int bend = high > 6 ? -2 : high - 4;
            value = source.word() >> 63 ? source.spread(low, high) : source.spread(bend, bend + 4);
            if (negative) value *= source.sign();
            if (source.integer(0, 31) == 0) value = edge(source);
        }
        return Stored<double>(x, 1);
    };
    Stored<double> out(rows);
    for (const Function& f : functions) {
        Stored<double> x = arguments(1, f.low, f.high, f.negative);
        for (const auto& [begin, end] : calls()) f.map(x.data() + begin, out.data() + begin, end - begin);
        print(f.name, out.data(), rows);
    }
    Stored<double> a = arguments(2, -1022, 1023, false), b = arguments(3, -1022, 1023, false);
    for (const auto& [begin, end] : calls()) {
        math::log_ratio(a.data() + begin, b.data() + begin, out.data() + begin, end - begin);
    }
    print("math.log_ratio", out.data(), rows);
}

// The faults of the calls that the rows were cut into.
struct FaultCount {
    double count = 0.0, first = -1.0;

    void add(const Faults& faults, std::size_t begin) {
        if (faults.count != 0 && count == 0.0) first = double(begin + faults.row);
        count += double(faults.count);
    }
    void print(const std::string& name) const {
        const double both[] = {count, first};
        ::print(name + ".faults", both, 2);
    }
};

bool is_defined(Options options, std::size_t greek) {
    double none = 0.0;
    GreekOutputs outputs{};
    outputs[greek] = &none;
    options.n = 0;
    try {
        greeks(options, outputs);
    } catch (const std::invalid_argument&) {
        return false;
    }
    return true;
}

// Cut into pieces, every Greek is also computed alone; otherwise all are in one pass.
void print_greeks(const std::string& name, const Options& options) {
    std::vector<std::size_t> defined;
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (is_defined(options, g)) defined.push_back(g);
    }
    std::array<std::optional<Stored<double>>, greek_count> results;
    for (const std::size_t g : defined) results[g].emplace(rows);
    FaultCount faults;
    for (const auto& [begin, end] : calls()) {
        const Options some = part(options, begin, end);
        GreekOutputs outputs{};
        Faults last;
        for (const std::size_t g : defined) {
            outputs[g] = results[g]->data() + begin;
            if (layout == Layout::pieces) {
                last = greeks(some, outputs, execution);
                outputs[g] = nullptr;
            }
        }
        if (layout != Layout::pieces) last = greeks(some, outputs, execution);
        faults.add(last, begin);
    }
    for (const std::size_t g : defined) print(name + "." + greek_names[g], results[g]->data(), rows);
    faults.print(name);
}

void print_implied_vol(const std::string& name, const Options& options, Column<double> price) {
    Stored<double> vol(rows);
    std::vector<Status> status(rows);
    FaultCount faults;
    for (const auto& [begin, end] : calls()) {
        faults.add(implied_vol(part(options, begin, end), from(price, begin), vol.data() + begin, status.data() + begin,
                               execution), begin);
    }
    print(name + ".implied_vol", vol.data(), rows);
    std::vector<double> codes(rows);
    std::transform(status.begin(), status.end(), codes.begin(), [](Status code) { return double(code); });
    print(name + ".implied_vol.status", codes.data(), rows);
    faults.print(name + ".implied_vol");
}

// Into one bucket, and scattered over many. Sums depend on the rows of a call: it is never cut.
void print_greek_sums(const std::string& name, const Options& options) {
    const Stored<double> weight = store(table.weight);
    const RiskTerm terms[] = {
        {Greek::price, weight.column()}, {Greek::delta, weight.column()}, {Greek::gamma, weight.column()},
        {Greek::vega, weight.column()},  {Greek::theta, weight.column()},
    };
    for (const std::size_t buckets : {1, 29}) {
        std::vector<std::int32_t> bucket(rows);
        for (std::size_t i = 0; i < rows; ++i) bucket[i] = std::int32_t(i * i % 1009 % buckets);
        const Stored<std::int32_t> where = store(bucket);
        std::vector<double> sums(std::size(terms) * buckets);
        FaultCount faults;
        faults.add(greek_sums(options, terms, where.column(), buckets, sums.data(), execution), 0);
        const std::string title = name + ".greek_sums." + std::to_string(buckets);
        print(title, sums.data(), sums.size());
        faults.print(title);
    }
}

// In forward form, without and with a rate; `shaped` with smiles and slopes that go with the forward, and shocks of skew, curvature
// and floor. Rows and weights outside the domain are faults here; never cut, as the sums above.
void print_scenario_sums(const std::string& name, Settlement settlement, const Columns& columns, bool discounted, bool shaped) {
    const Stored<double> weight = store(table.weight);
    std::vector<std::int32_t> bucket(rows);
    for (std::size_t i = 0; i < rows; ++i) bucket[i] = std::int32_t(i * i % 1009 % 5);
    const Stored<std::int32_t> where = store(bucket);
    ScenarioOptions options;
    options.n = rows;
    options.kind = columns.kind.column();
    options.strike = columns.strike.column();
    options.expiry = columns.expiry.column();
    options.vol = columns.vol.column();
    options.forward = columns.underlying.column();
    if (discounted) options.rate = columns.rate.column();
    options.weight = weight.column();
    options.bucket = where.column();
    options.settlement = settlement;
    std::vector<Greek> set = {Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta};
    if (settlement == Settlement::inverse) set.insert(set.end(), {Greek::black_delta, Greek::black_gamma});

    constexpr std::size_t buckets = 5, nodes = 12;
    inputs::Source source(11);
    std::vector<double> factor(buckets * nodes), scale(buckets * nodes), shift(buckets * nodes), time(nodes);
    for (std::size_t j = 0; j < nodes; ++j) time[j] = double(j / 4) * 0.125;
    for (std::size_t j = 0; j < buckets * nodes; ++j) {
        factor[j] = source.uniform(0.25, 2.0);
        scale[j] = j % nodes / 2 % 2 == 0 ? 1.0 : 1.5;
        shift[j] = j % nodes / 6 == 0 ? 0.0 : -0.0625;
    }
    ScenarioNodes grid = {nodes, buckets, factor.data(), scale.data(), shift.data(), time.data()};
    std::vector<double> skew(buckets * nodes), curvature(buckets * nodes), floor(buckets * nodes), slope(rows);
    std::vector<double> atm(buckets, 0.5);
    std::vector<ScenarioSmile> smiles(buckets);
    for (std::size_t b = 0; b < buckets; ++b) {
        const Svi near = {0.01, source.uniform(0.05, 0.2), source.uniform(-0.5, 0.5), 0.02, 0.1}, far = {0.02, 0.1, -0.25, 0.0, 0.2};
        smiles[b] = {near, far, 0.75, 0.25, b == 3 ? 0.0 : 0.5, double(b) - 1.0};
    }
    for (std::size_t j = 0; j < buckets * nodes; ++j) {
        skew[j] = j % 3 == 0 ? 0.0 : 0.0078125;
        curvature[j] = j % 4 == 0 ? 0.0 : 0.00390625;
        floor[j] = j % 5 == 0 ? 0.25 : -1.0;
    }
    for (double& x : slope) x = source.uniform(-0.0625, 0.0625);
    if (shaped) {
        options.slope = {slope.data(), 1};
        grid.vol_skew = skew.data();
        grid.vol_curvature = curvature.data();
        grid.vol_floor = floor.data();
        grid.atm_vol = atm.data();
        grid.smiles = smiles.data();
    }
    std::vector<double> sums(set.size() * buckets * nodes);
    FaultCount faults;
    faults.add(scenario_sums(options, grid, set, sums.data(), execution), 0);
    print(name, sums.data(), sums.size());
    faults.print(name);
}

// Points about the slices, at them, before the first and after the last; edges.
void print_surface(const std::string& name, SmileModel model, const std::vector<double>& parameters) {
    const double expiry[] = {0.03125, 0.125, 0.5, 1.5}, forward[] = {64000.0, 65000.0, 66500.0, 70000.0};
    const Surface surface(model, expiry, forward, parameters);
    inputs::Source source(17);
    std::vector<double> k(rows), strike(rows), underlying(rows), time(rows);
    for (std::size_t i = 0; i < rows; ++i) {
        const bool wing = source.integer(0, 7) == 0;
        k[i] = wing ? source.uniform(-30.0, 30.0) : source.uniform(-1.0, 1.0);
        strike[i] = source.uniform(20000.0, 200000.0);
        underlying[i] = source.uniform(50000.0, 90000.0);
        time[i] = source.integer(0, 7) == 0 ? expiry[source.integer(0, 3)] : source.uniform(0.0, 2.0);
        if (source.integer(0, 15) == 0) {
            double* const columns[] = {&k[i], &strike[i], &underlying[i], &time[i]};
            *columns[source.word() % std::size(columns)] = edge(source);
        }
    }
    const Stored<double> ks = store(k), strikes = store(strike), forwards = store(underlying), times = store(time);
    Stored<double> w(rows), slope(rows), curvature(rows), rise(rows), vol(rows);
    FaultCount faults;
    for (const auto& [begin, end] : calls()) {
        SurfacePoints points;
        points.n = end - begin;
        points.k = from(ks.column(), begin);
        points.expiry = from(times.column(), begin);
        const VarianceOutputs outputs{w.data() + begin, slope.data() + begin, curvature.data() + begin, rise.data() + begin};
        faults.add(surface.variance(points, outputs, execution), begin);
    }
    print(name + ".variance", w.data(), rows);
    print(name + ".slope", slope.data(), rows);
    print(name + ".curvature", curvature.data(), rows);
    print(name + ".rise", rise.data(), rows);
    faults.print(name + ".variance");
    for (const bool own : {true, false}) {
        FaultCount bad;
        for (const auto& [begin, end] : calls()) {
            SurfacePoints points;
            points.n = end - begin;
            points.strike = from(strikes.column(), begin);
            points.expiry = from(times.column(), begin);
            if (!own) points.forward = from(forwards.column(), begin);
            bad.add(surface.vol(points, vol.data() + begin, execution), begin);
        }
        const std::string title = name + (own ? ".vol" : ".vol.forward");
        print(title, vol.data(), rows);
        bad.print(title);
    }
}

// A layout does not apply to paths: what is cut, strided or shifted are shards and outputs.
void print_numbers() {
    PathRun run;
    run.seed = 0x0123456789abcdefULL;
    run.first_path = 0xfffffff0;  // across the words of the counter
    run.paths = 1003;
    run.antithetic = true;
    std::vector<double> numbers(run.paths * 21);
    for (const bool normal : {false, true}) {
        path_numbers(run, 77, 3, 21, normal, numbers.data(), execution);
        print(normal ? "paths.normals" : "paths.uniforms", numbers.data(), numbers.size());
    }
}

void print_paths(const std::string& name, const PathModel& model) {
    PathRun run;
    run.seed = 42;
    run.first_path = 5;
    run.paths = 1003;
    run.steps = 24;
    run.step = 0.03125;
    PathOutputs outputs;
    outputs.times = {0, 1, 7, 24};
    outputs.path_stride = 4;
    outputs.column_stride = 4 * run.paths;
    const std::size_t assets = model.assets.size();
    const std::size_t levels = model.processes.size() + (model.bootstrap ? model.bootstrap->history.levels : 0);
    std::vector<double> spot(assets * outputs.column_stride), variance(spot.size()), level(levels * outputs.column_stride);
    outputs.spot = spot.data();
    outputs.variance = variance.data();
    outputs.level = levels ? level.data() : nullptr;
    simulate_paths(model, run, outputs, execution);
    print("paths." + name + ".spot", spot.data(), spot.size());
    print("paths." + name + ".variance", variance.data(), variance.size());
    if (levels) print("paths." + name + ".level", level.data(), level.size());
}

void print_every_model() {
    PathAsset gbm, merton, kou, heston, bates;
    gbm.vol = merton.vol = kou.vol = 0.625;
    gbm.drift = 0.25;
    merton.jumps = {JumpKind::normal, 8.0, -0.0625, 0.125};
    kou.jumps = {JumpKind::double_exponential, 8.0, 0.0, 0.0, 0.375, 12.0, 8.0};
    heston.heston = bates.heston = HestonVariance{0.25, 1.0, 0.25, 2.0, -0.5};
    bates.jumps = merton.jumps;
    const auto one = [](const PathAsset& asset) {
        PathModel model;
        model.assets = {asset};
        return model;
    };
    print_paths("gbm", one(gbm));
    print_paths("merton", one(merton));
    print_paths("kou", one(kou));
    print_paths("heston", one(heston));
    print_paths("bates", one(bates));
    PathModel three;
    three.assets = {bates, kou, heston};
    three.correlation = {1.0, 0.75, 0.25, 0.75, 1.0, 0.5, 0.25, 0.5, 1.0};
    three.processes.resize(2);
    three.processes[0] = {0.0, 0.0, 16.0, 0.5, -0.5, false, 0, 0, 0, 0.125, 0.0625, -0.5, 0.5};
    three.processes[1] = {1.0, 1.0, 16.0, 0.5, 0.0, true, 4.0, 0.5, 32.0, 0, 0, 0.0, 64.0};
    print_paths("correlated", three);
    inputs::Source source(12);
    std::vector<double> history(500 * 2);
    for (double& x : history) x = source.uniform(-0.25, 0.25);
    PathModel resampled = one(gbm);
    resampled.bootstrap = Bootstrap{{500, 1, history.data()}, 6.0};
    resampled.replays = Replays{{40, 1, history.data() + 40}, {10, 30}, 2.0, 1.5};
    print_paths("bootstrap", resampled);
}

// Hedge ratios, vols from a smile, and what the P&L is made of.
void print_attribution() {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.seed = 42;
    run.paths = 259;
    run.steps = 24;
    run.step = 0.015625;
    const ScenarioSmile smile = {{0.03125, 0.125, -0.5, 0.0625, 0.25}, {0.0625, 0.25, -0.25, 0.125, 0.5}, 0.5, 0.5, 0.375, 0.5};
    const std::vector<HedgedOption> position = {{1, 104, -1.0, 0.0, 24, smile}, {-1, 92, 2.0, 0.0, 8, smile}};
    std::vector<HedgePolicy> policies(3);
    policies[0].hedge_ratio.kind = RatioKind::smile;
    policies[0].hedge_ratio.stickiness = 1.75;
    policies[1].hedge_ratio.kind = RatioKind::hull_white;
    for (int k = 0; k < 3; ++k) policies[1].hedge_ratio.call[k] = policies[1].hedge_ratio.put[k] = 0.125 * (k + 1);
    policies[2].hedge_ratio.kind = RatioKind::stochastic_vol;
    policies[2].hedge_ratio.covariance = -0.75;
    policies[2].hedge_ratio.reversion = 2.0;
    for (HedgePolicy& p : policies) p.size = 0.0625;
    for (const bool coin : {false, true}) {
        HedgeRun terms;
        terms.rate = coin ? 0.0 : 0.0625;
        terms.numeraire = coin ? Numeraire::coin : Numeraire::quote;
        terms.spot = 100;
        terms.holding = 0.25;
        terms.attribution = true;
        HedgeOutputs outputs;
        outputs.stride = run.paths;
        std::vector<double> lines(hedge_lines * run.paths), price(policies.size() * run.paths), pnl(policies.size() * run.paths);
        for (std::size_t k = 0; k < hedge_lines; ++k) outputs.line[k] = lines.data() + k * run.paths;
        outputs.price = price.data();
        outputs.ledger[0] = pnl.data();
        simulate_hedging(model, run, position, terms, {}, policies, {}, {}, outputs, execution);
        const std::string name = std::string("hedging.") + (coin ? "coin." : "quote.") + "attribution.";
        for (std::size_t k = 0; k < hedge_lines; ++k) print(name + hedge_line_names[k], outputs.line[k], run.paths);
        print(name + "price", price.data(), price.size());
        print(name + "pnl", pnl.data(), pnl.size());
    }
}

// Each policy at a price of its own: Greeks, ratios and vols of a smile there, fills late, funding, an expiry on the way.
void print_permanent() {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.seed = 42;
    run.paths = 259;
    run.steps = 24;
    run.step = 0.015625;
    const ScenarioSmile smile = {{0.03125, 0.125, -0.5, 0.0625, 0.25}, {0.0625, 0.25, -0.25, 0.125, 0.5}, 0.5, 0.5, 0.375, 0.5};
    const std::vector<HedgedOption> position = {{1, 104, -1.0, 0.0, 24, smile}, {-1, 92, 2.0, 0.0, 8, smile}};
    std::vector<HedgePolicy> policies(3);
    policies[1].hedge_ratio.kind = RatioKind::smile;
    policies[1].hedge_ratio.stickiness = 1.75;
    policies[2].trigger = Trigger::move;
    for (HedgePolicy& p : policies) p.size = 0.0625;
    HedgeRun terms;
    terms.rate = 0.0625;
    terms.spot = 100;
    HedgeCosts costs;
    costs.fee = 0.001;
    costs.permanent = 0.25;
    for (const bool late : {false, true}) {
        HedgeInstrument instrument;
        instrument.kind = late ? HedgeKind::linear_perpetual : HedgeKind::spot;
        instrument.funding = late ? 0.125 : 0.0;
        costs.close = late;
        OrderExecution orders;
        if (late) orders.below = {0.25, 0.5, 1.0};
        orders.leakage = late;
        HedgeOutputs outputs;
        outputs.stride = run.paths;
        std::vector<double> ledger(policies.size() * run.paths), pnl(policies.size() * run.paths);
        outputs.ledger[0] = pnl.data();
        outputs.ledger[std::size_t(HedgeLedger::permanent)] = ledger.data();
        simulate_hedging(model, run, position, terms, instrument, policies, costs, orders, outputs, execution);
        const std::string name = std::string("hedging.permanent.") + (late ? "late." : "now.");
        print(name + "pnl", pnl.data(), pnl.size());
        print(name + "ledger", ledger.data(), ledger.size());
    }
}

// A policy of every law, at once and with latency, in both numeraires; decisions at a bound hang on every bit.
void print_hedging() {
    PathModel model;
    model.assets.resize(1);
    model.assets[0].vol = 0.625;
    PathRun run;
    run.seed = 42;
    run.paths = 1003;
    run.steps = 24;
    run.step = 0.015625;
    const std::vector<HedgedOption> position = {{1, 104, -1.0, 0.5, 24}, {-1, 92, 2.0, 0.75, 8}};
    std::vector<HedgePolicy> policies(11);
    policies[1].size = 0.0625;
    policies[2].trigger = Trigger::move;
    policies[2].size = 0.0625;
    policies[3].width = Width::whalley_wilmott;
    policies[4].width = Width::zakamouline;
    policies[4].centre = Centre::zakamouline;
    policies[5].width = Width::fixed_and_proportional;
    policies[6].width = policies[7].width = Width::realised_vol;
    policies[7].trigger = Trigger::interval;
    policies[8].width = Width::whalley_wilmott;
    policies[9].width = Width::smooth;
    policies[10].by_ratio = policies[10].in_money = true;
    policies[10].ratio = 1.25;
    policies[10].up = policies[10].down = 4.0;
    policies[10].target = -8.0;
    for (HedgePolicy& p : policies) {
        p.cost = 0.001;
        p.fixed_cost = 0.01;
        p.vol = 0.5;
        p.impact = 0.125;
        if (p.width != Width::fixed || p.in_money) p.size = 1.0;
    }
    for (const std::size_t j : {6, 7, 8}) policies[j].decay = 0.875;
    policies[6].size = 0.0625;
    policies[7].size = 4.0;
    policies[7].power = -2.0;
    HedgePolicy any, all;
    any.combination = Combination::any_of;
    any.members = {policies[10], policies[2]};
    all.combination = Combination::all_of;
    all.members = {policies[1], any};
    all.cool_down = 1;
    all.least_move = 0.015625;
    all.move_window = 2;
    policies.push_back(any);
    policies.push_back(all);
    policies[0].hedge_ratio.kind = RatioKind::scaled_vol;
    policies[0].hedge_ratio.vol_scale = 1.25;
    for (const bool coin : {false, true}) {
        HedgeRun terms;
        terms.rate = coin ? 0.0 : 0.0625;
        terms.numeraire = coin ? Numeraire::coin : Numeraire::quote;
        HedgeInstrument instrument;
        instrument.kind = coin ? HedgeKind::inverse_perpetual : HedgeKind::spot;
        instrument.funding = coin ? 0.125 : 0.0;
        OrderExecution orders;
        if (coin) {
            orders.below = {0.25, 0.5, 1.0};
            orders.failure = 0.25;
            orders.block = 2;
            orders.inclusion = {0.75, 1.0};
            orders.settle_every = 3;
            orders.settle_size = 0.25;
            orders.leakage = true;
            orders.outages.resize(2);
            orders.outages[0].rate = 4.0;
            orders.outages[0].mean = 0.0625;
            orders.outages[1].kind = OutageKind::chain;
            orders.outages[1].move = 0.125;
            orders.outages[1].mean = 0.03125;
        }
        HedgeCosts costs;
        costs.fee = 0.001;
        costs.fee_per_coin = 0.0625;
        costs.least_fee = 0.015625;
        costs.fixed = 0.01;
        costs.impact = 0.001;
        costs.root_impact = 0.0009765625;
        HedgeOutputs outputs;
        outputs.stride = run.paths;
        std::vector<std::vector<double>> ledgers(hedge_ledgers, std::vector<double>(policies.size() * run.paths));
        for (std::size_t k = 0; k < hedge_ledgers; ++k) outputs.ledger[k] = ledgers[k].data();
        simulate_hedging(model, run, position, terms, instrument, policies, costs, orders, outputs, execution);
        for (std::size_t k = 0; k < hedge_ledgers; ++k) {
            print(std::string("hedging.") + (coin ? "coin." : "quote.") + hedge_ledger_names[k], ledgers[k].data(), ledgers[k].size());
        }
    }
}

void print_all() {
    print_vector_functions();
    print_numbers();
    print_every_model();
    print_hedging();
    print_attribution();
    print_permanent();
    const Columns columns;
    for (const Contract& contract : contracts) {
        for (const Form& form : forms) {
            const std::string name = std::string(contract.name) + "." + form.name;
            Options options;
            options.n = rows;
            options.kind = columns.kind.column();
            options.strike = columns.strike.column();
            options.expiry = columns.expiry.column();
            options.vol = columns.vol.column();
            contract.set(options);
            form.set(options, columns);
            print_greeks(name, options);
            const bool in_coin = options.settlement == Settlement::inverse;
            if (options.payoff == Payoff::vanilla) {  // a digital has none
                print_implied_vol(name, options, (in_coin ? columns.coin_price : columns.price).column());
            }
            print_greek_sums(name, options);
        }
    }
    for (const bool discounted : {false, true}) {
        const std::string form = discounted ? ".rate.scenario_sums" : ".forward.scenario_sums";
        for (const bool shaped : {false, true}) {
            const std::string rest = form + (shaped ? ".shaped" : "");
            print_scenario_sums("black.linear" + rest, Settlement::linear, columns, discounted, shaped);
            print_scenario_sums("black.inverse" + rest, Settlement::inverse, columns, discounted, shaped);
        }
    }
    print_surface("surface.svi", SmileModel::svi,
                  {0.0, 0.0625, -0.25, 0.0, 0.125, 0.03125, 0.125, -0.5, 0.0625, 0.125,
                   0.0625, 0.25, -0.25, -0.125, 0.25, 0.25, 0.375, 0.125, 0.25, 0.5});
    print_surface("surface.sabr", SmileModel::sabr,
                  {0.75, 1.0, 4.0, -0.25, 0.625, 1.0, 2.0, -0.375, 160.0, 0.5, 1.25, 0.25, 0.5, 1.0, 0.0, 0.0});
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    for (std::size_t i = 0; i < words.size(); i += 2) {
        if (words[i] == "--levels") {
            for (const std::string& level : available_levels()) std::puts(level.c_str());
            return 0;
        }
        const std::string value = i + 1 < words.size() ? words[i + 1] : "";
        const auto place = std::find(std::begin(layout_names), std::end(layout_names), value);
        if (words[i] == "--threads" && std::atoi(value.c_str()) > 0) {
            execution.threads = std::atoi(value.c_str());
        } else if (words[i] == "--layout" && place != std::end(layout_names)) {
            layout = Layout(place - std::begin(layout_names));
        } else if (words[i] == "--values" && !value.empty()) {
            wanted = value;
        } else {
            std::fputs("usage: same_bits [--levels] [--threads N] [--layout plain|pieces|strided|reversed|shifted] "
                       "[--values NAME]\n", stderr);
            return 2;
        }
    }
    try {
        print_all();
    } catch (const std::exception& error) {
        std::fprintf(stderr, "same_bits: %s\n", error.what());
        return 1;
    }
}
