// The C interface as any caller may call it: null pointers, structures of any size, enumerators and flags that are none, any numbers. Each
// call returns a status with a text, never more; what is computed are the bits of the C++ interface. Arrays are as long as said.
#include <cmath>
#include <deque>
#include <functional>
#include <optional>
#include <stdexcept>

#include "bytes.hpp"
#include "hedgecore/hedgecore.h"
#include "hedgecore/risk.hpp"

namespace {

using namespace hedgecore;
using fuzz::broken;
using fuzz::Bytes;
using fuzz::text;

// What a caller gives, kept until his calls are over; `odd` is what no caller should do.
class Caller {
public:
    explicit Caller(Bytes& given) : bytes(given) {}

    bool odd() {
        if (bytes.below(48) != 47) return false;
        is_odd_ = true;
        return true;
    }
    bool is_odd() const { return is_odd_; }
    // A flag is any number but 0.
    int flag() { return bytes.below(8) == 0 ? any_int() : int(bytes.flag()); }
    int any_int() { return int(std::uint32_t(bytes.word(4))); }

    template <class Enum>
    void choose(Enum& field, int last) {
        static_assert(sizeof(Enum) == sizeof(int));
        const int code = odd() ? any_int() : int(bytes.below(std::size_t(last) + 1));
        std::memcpy(&field, &code, sizeof code);
    }

    double* numbers(std::size_t n, double low, double high) {
        if (odd()) return nullptr;
        auto& values = numbers_.emplace_back(n + (n == 0));
        for (std::size_t i = 0; i < n; ++i) values[i] = bytes.number(low, high);
        return values.data();
    }
    double* room(std::size_t n) { return odd() ? nullptr : numbers_.emplace_back(n + (n == 0), -7.0).data(); }
    template <class T>
    T* whole_numbers(std::size_t n, int first, int count) {
        if (odd()) return nullptr;
        auto& values = raw_.emplace_back((n + 1) * sizeof(T));
        T* to = reinterpret_cast<T*>(values.data());
        for (std::size_t i = 0; i < n; ++i) {
            const int value = bytes.below(32) == 31 ? any_int() : first + int(bytes.below(std::size_t(count)));
            to[i] = T(value);
        }
        return to;
    }
    std::int8_t* kinds(std::size_t n) {
        std::int8_t* kind = whole_numbers<std::int8_t>(n, 0, 2);
        for (std::size_t i = 0; kind && i < n; ++i) kind[i] = kind[i] == 0 ? std::int8_t(-1) : kind[i];
        return kind;
    }

    // A structure of a size that this caller takes it to have, in as many bytes; what the library sees of it stays in `seen`.
    template <class T>
    T* give(T& seen) {
        std::size_t size = sizeof(T);
        if (bytes.below(16) == 0) {
            const std::size_t sizes[] = {0, 4, sizeof(std::size_t), sizeof(T) - 8, sizeof(T) / 16 * 8, sizeof(T) + 64, 1 << 16, (1 << 16) + 1, std::size_t(-1)};
            size = sizes[bytes.below(std::size(sizes))];
            is_odd_ = is_odd_ || size != sizeof(T) + 64;
        }
        if (odd()) return nullptr;
        auto& at = raw_.emplace_back(std::clamp(size, sizeof size, std::size_t(1) << 16));
        seen.size = size;
        std::memcpy(at.data(), &seen, std::min(at.size(), sizeof(T)));
        T cut{};
        std::memcpy(&cut, at.data(), std::min(at.size(), sizeof(T)));
        seen = cut;
        return reinterpret_cast<T*>(at.data());
    }

    const hc_execution* execution() {
        hc_execution e{};
        e.threads = bytes.below(8) == 0 ? any_int() : int(bytes.below(3));
        is_odd_ = is_odd_ || e.threads < 0 || e.threads > 1024;
        polls_ = bytes.below(8) == 0 ? bytes.below(3) : std::size_t(-1);
        if (bytes.flag()) e.poll = poll, e.user = this;
        return bytes.below(4) == 0 ? nullptr : give(e);
    }
    hc_faults* faults() {
        hc_faults f{};
        return bytes.flag() ? nullptr : give(f);
    }

    // The status that came back, looked at; true where there are results.
    bool judge(hc_status status, const char* call) {
        const std::string said = hc_last_error();
        if (status == HC_OK ? !said.empty() : said.empty()) broken(std::string(call) + " says '" + said + "' with status " + std::to_string(int(status)));
        if (status == HC_STOPPED && !stopped_) broken(std::string(call) + " was stopped by nobody");
        if (status < HC_OK || status == HC_OUT_OF_MEMORY || status == HC_FAILED || status > HC_FAILED) broken(std::string(call) + ": status " + std::to_string(int(status)) + ", " + said);
        return status == HC_OK || status == HC_BAD_ROWS;
    }
    // What C++ returns, which refuses what C refuses and nothing more.
    template <class Call>
    std::optional<Faults> twin(hc_status status, const char* name, const Call& call) {
        if (status == HC_STOPPED) return {};
        const std::string said = hc_last_error();
        try {
            const Faults faults = call();
            if (status == HC_INVALID_ARGUMENT) {
                if (!is_odd_) broken(std::string(name) + " refuses what C++ takes: " + said);
                return {};
            }
            if ((faults.count > 0) != (status == HC_BAD_ROWS)) broken(std::string(name) + ": status and faults");
            return faults;
        } catch (const std::invalid_argument& error) {
            if (status != HC_INVALID_ARGUMENT) broken(std::string(name) + " takes what C++ refuses: " + error.what());
            return {};
        }
    }

    Bytes& bytes;

private:
    static int poll(void* user) {
        Caller& self = *static_cast<Caller*>(user);
        if (self.polls_ == std::size_t(-1) || self.polls_-- > 0) return 0;
        self.stopped_ = true;
        return 1;
    }

    std::deque<std::vector<double>> numbers_;
    std::deque<std::vector<unsigned char>> raw_;
    bool is_odd_ = false, stopped_ = false;
    std::size_t polls_ = std::size_t(-1);
};

template <class T>
Column<T> column(const T* values, std::ptrdiff_t stride = 1) {
    return {values, values ? stride : 0};
}

void check_array(const double* got, const std::vector<double>& wanted, const std::string& what) {
    fuzz::check_same({got, got + wanted.size()}, wanted, what);
}

// --- options -------------------------------------------------------------------------------------------------------

hc_column column_of(Caller& c, std::size_t n, double low, double high) {
    const std::ptrdiff_t stride = std::ptrdiff_t(c.bytes.below(3));
    return {c.numbers(n == 0 ? 1 : (n - 1) * std::size_t(stride) + 1, low, high), stride};
}

hc_options options_of(Caller& c) {
    hc_options o{};
    o.n = c.bytes.below(12);
    o.coin_settled = c.flag();
    c.choose(o.model, c.bytes.below(4) == 0 ? 1 : 0);
    c.choose(o.payoff, c.bytes.below(4) == 0 ? 2 : 0);
    o.kind_stride = std::ptrdiff_t(c.bytes.below(2));
    o.kind = c.kinds(o.n == 0 ? 1 : (o.n - 1) * std::size_t(o.kind_stride) + 1);
    o.strike = column_of(c, o.n, 50, 200), o.expiry = column_of(c, o.n, 0, 2), o.vol = column_of(c, o.n, 0, 2);
    const std::size_t form = c.bytes.below(4);
    (form < 2 ? o.forward : o.spot) = column_of(c, o.n, 50, 200);
    if (form == 1) o.discount = column_of(c, o.n, 0.5, 1);
    if (form == 3) o.rate = column_of(c, o.n, -0.2, 0.2), o.carry = column_of(c, o.n, -0.2, 0.2);
    if (c.odd()) (form < 2 ? o.rate : o.discount) = column_of(c, o.n, 0.5, 1);
    return o;
}

template <class To, class From>
To named(const From& field) {
    int code;
    std::memcpy(&code, &field, sizeof code);
    return To(code);
}

Options twin_of(const hc_options& o) {
    Options t;
    t.n = o.n;
    t.settlement = o.coin_settled ? Settlement::inverse : Settlement::linear;
    t.model = named<Model>(o.model), t.payoff = named<Payoff>(o.payoff);
    t.kind = {o.kind, o.kind_stride};
    const auto of = [](const hc_column& x) { return Column<double>{x.data, x.stride}; };
    t.strike = of(o.strike), t.expiry = of(o.expiry), t.vol = of(o.vol), t.forward = of(o.forward);
    t.discount = of(o.discount), t.spot = of(o.spot), t.rate = of(o.rate), t.carry = of(o.carry);
    return t;
}

std::vector<hc_greek> greeks_of(Caller& c, std::size_t n, int last) {
    std::vector<hc_greek> wanted(n + (n == 0));
    for (std::size_t j = 0; j < n; ++j) c.choose(wanted[j], last);
    return wanted;
}

void prices(Caller& c) {
    hc_options seen = options_of(c);
    const hc_options* options = c.give(seen);
    const std::size_t greeks = c.bytes.below(5);
    const std::vector<hc_greek> wanted = greeks_of(c, greeks, HC_BLACK_GAMMA);
    std::vector<double*> out(greeks + (greeks == 0));
    for (std::size_t j = 0; j < greeks; ++j) out[j] = c.room(seen.n);
    const hc_greek* greek = c.odd() ? nullptr : wanted.data();
    double* const* outputs = c.odd() ? nullptr : out.data();
    const hc_execution* execution = c.execution();
    hc_faults* faults = c.faults();
    const hc_status status = hc_greeks(options, greeks, greek, outputs, execution, faults);
    if (!c.judge(status, "hc_greeks") && (c.is_odd() || status == HC_STOPPED)) return;
    std::vector<std::vector<double>> values(greeks, std::vector<double>(seen.n, -7.0));
    GreekOutputs to{};
    double none = 0;
    for (std::size_t j = 0; j < greeks; ++j) {
        double*& at = to[named<std::size_t>(wanted[j])];
        if (at) return;  // asked for twice: C alone can
        at = seen.n ? values[j].data() : &none;
    }
    if (c.twin(status, "hc_greeks", [&] { return hedgecore::greeks(twin_of(seen), to, {1, {}}); })) {
        for (std::size_t j = 0; j < greeks; ++j) check_array(out[j], values[j], "hc_greeks");
    }
}

void vols(Caller& c) {
    hc_options seen = options_of(c);
    const hc_options* options = c.give(seen);
    hc_column price = column_of(c, seen.n, 0, 100);
    double* vol = c.room(seen.n);
    std::vector<std::int8_t> how(seen.n + 1, 9), twin(seen.n + 1, 9);
    std::int8_t* statuses = c.bytes.flag() ? how.data() : nullptr;
    const hc_column* given = c.odd() ? nullptr : &price;
    const hc_execution* execution = c.execution();
    hc_faults* faults = c.faults();
    const hc_status status = hc_implied_vol(options, given, vol, statuses, execution, faults);
    if (!c.judge(status, "hc_implied_vol") && (c.is_odd() || status == HC_STOPPED)) return;
    std::vector<double> values(seen.n, -7.0);
    const auto call = [&] {
        return implied_vol(twin_of(seen), {price.data, price.stride}, values.data(), reinterpret_cast<Status*>(twin.data()), {1, {}});
    };
    if (c.twin(status, "hc_implied_vol", call)) {
        check_array(vol, values, "hc_implied_vol");
        if (statuses && how != twin) broken("hc_implied_vol: statuses of rows");
    }
}

void book(Caller& c) {
    hc_options seen = options_of(c);
    const hc_options* options = c.give(seen);
    const std::size_t terms = c.bytes.below(4), buckets = c.odd() ? 0 : 1 + c.bytes.below(3);
    const std::vector<hc_greek> wanted = greeks_of(c, terms, HC_BLACK_GAMMA);
    std::vector<hc_column> weights(terms + (terms == 0));
    for (std::size_t t = 0; t < terms; ++t) weights[t] = column_of(c, seen.n, -2, 2);
    const std::int32_t* bucket = c.bytes.flag() ? nullptr : c.whole_numbers<std::int32_t>(seen.n, 0, int(std::max<std::size_t>(buckets, 1)));
    double* sums = c.room(terms * buckets);
    const hc_greek* greek = c.odd() ? nullptr : wanted.data();
    const hc_column* weight = c.odd() ? nullptr : weights.data();
    const hc_execution* execution = c.execution();
    hc_faults* faults = c.faults();
    const hc_status status = hc_greek_sums(options, terms, greek, weight, bucket, buckets, sums, execution, faults);
    if (!c.judge(status, "hc_greek_sums") && (c.is_odd() || status == HC_STOPPED)) return;
    std::vector<RiskTerm> of;
    for (std::size_t t = 0; t < terms; ++t) of.push_back({named<Greek>(wanted[t]), {weights[t].data, weights[t].stride}});
    std::vector<double> values(terms * buckets, -7.0);
    const std::int32_t first = 0;
    const auto call = [&] { return greek_sums(twin_of(seen), of, bucket ? column(bucket) : Column<std::int32_t>{&first, 0}, buckets, values.data(), {1, {}}); };
    if (c.twin(status, "hc_greek_sums", call)) check_array(sums, values, "hc_greek_sums");
}

// --- surfaces ------------------------------------------------------------------------------------------------------

// A caller in C passes any number for a name.
__attribute__((no_sanitize("undefined"))) hc_status new_surface(const hc_smile_model& model, std::size_t slices, const double* expiry, const double* forward, const double* parameters, hc_surface** surface) {
    return hc_surface_new(model, slices, expiry, forward, parameters, surface);
}

void surfaces(Caller& c) {
    hc_smile_model model{};
    c.choose(model, 1);
    const bool svi = named<int>(model) == HC_SVI;
    const std::size_t slices = c.odd() ? 0 : 1 + c.bytes.below(3), n = c.bytes.below(12), width = svi ? 5 : 4;
    double *expiry = c.numbers(slices, 0.1, 0.2), *forward = c.numbers(slices, 80, 120), *parameters = c.numbers(slices * width, 0, 0.5);
    if (expiry) {
        for (std::size_t i = 1; i < slices; ++i) expiry[i] += expiry[i - 1];
    }
    hc_surface* surface = nullptr;
    const bool has_place = !c.odd();
    const hc_status made = new_surface(model, slices, expiry, forward, parameters, has_place ? &surface : nullptr);
    c.judge(made, "hc_surface_new");
    std::optional<Surface> own;
    if (expiry && forward && parameters && has_place && (svi || named<int>(model) == HC_SABR)) {
        c.twin(made, "hc_surface_new", [&] {
            own.emplace(svi ? SmileModel::svi : SmileModel::sabr, std::span{expiry, slices}, std::span{forward, slices}, std::span{parameters, slices * width});
            return Faults{};
        });
    }
    if ((made == HC_OK) != (surface != nullptr)) broken("a surface without HC_OK, or none with it");
    const bool by_strike = c.bytes.flag();
    double *x = by_strike ? c.numbers(n, 50, 200) : c.numbers(n, -1, 1), *time = c.numbers(n, 0, 1), *own_forward = c.bytes.flag() ? nullptr : c.numbers(n, 80, 120);
    double* out[4] = {c.room(n), c.room(n), c.room(n), c.room(n)};
    const hc_execution* execution = c.execution();
    hc_faults* faults = c.faults();
    const char* name = by_strike ? "hc_surface_vol" : "hc_surface_variance";
    const hc_status status = by_strike ? hc_surface_vol(surface, n, x, time, own_forward, out[0], execution, faults)
                                       : hc_surface_variance(surface, n, x, time, out[0], out[1], out[2], out[3], execution, faults);
    if ((c.judge(status, name) || !c.is_odd()) && own) {
        std::vector<double> values[4];
        for (auto& to : values) to.assign(n, -7.0);
        SurfacePoints points;
        points.n = n;
        (by_strike ? points.strike : points.k) = column(x), points.expiry = column(time);
        if (by_strike) points.forward = column(own_forward);
        const auto call = [&] {
            return by_strike ? own->vol(points, values[0].data(), {1, {}}) : own->variance(points, {values[0].data(), values[1].data(), values[2].data(), values[3].data()}, {1, {}});
        };
        if (c.twin(status, name, call)) {
            for (std::size_t k = 0; k < (by_strike ? 1u : 4u); ++k) check_array(out[k], values[k], name);
        }
    }
    hc_surface_free(surface);
}

// --- scenarios -----------------------------------------------------------------------------------------------------

void scenarios(Caller& c) {
    hc_scenario_options o{};
    hc_nodes m{};
    o.n = c.bytes.below(12), m.n = c.bytes.below(6), m.buckets = c.bytes.below(4);
    o.coin_settled = c.flag();
    o.kind = c.kinds(o.n);
    o.strike = c.numbers(o.n, 50, 200), o.expiry = c.numbers(o.n, 0, 2), o.vol = c.numbers(o.n, 0, 2), o.forward = c.numbers(o.n, 50, 200), o.weight = c.numbers(o.n, -2, 2);
    o.bucket = c.whole_numbers<std::int32_t>(o.n, 0, 4);
    if (c.bytes.flag()) o.rate = c.numbers(o.n, -0.2, 0.2);
    if (c.bytes.flag()) o.slope = c.numbers(o.n, -0.5, 0.5);
    const bool wraps = c.odd();  // n x buckets is 0 again
    if (wraps) m.buckets = std::size_t(1) << 63, m.n *= 2;
    const std::size_t all = wraps ? 0 : m.n * m.buckets, buckets = wraps ? 0 : m.buckets;
    m.spot_factor = c.numbers(all, 0.5, 1.5), m.vol_scale = c.numbers(all, 0, 2), m.vol_shift = c.numbers(all, -0.2, 0.2), m.time_shift = c.numbers(m.n, 0, 1);
    if (c.bytes.flag()) m.vol_skew = c.numbers(all, -0.1, 0.1), m.vol_curvature = c.numbers(all, -0.1, 0.1), m.atm_vol = c.numbers(buckets, 0, 1);
    if (c.bytes.flag()) m.vol_floor = c.numbers(all, 0, 0.3);
    std::vector<hc_smile> smiles(buckets + 1);
    std::vector<ScenarioSmile> own;
    for (std::size_t b = 0; b < buckets; ++b) {
        hc_smile& s = smiles[b];
        for (double* svi : {s.near_svi, s.far_svi}) svi[0] = c.bytes.number(0, 0.1), svi[1] = c.bytes.number(0, 0.5), svi[2] = c.bytes.number(-1, 1), svi[3] = c.bytes.number(-0.5, 0.5), svi[4] = c.bytes.number(0.01, 1);
        s.near_weight = c.bytes.number(0, 1), s.far_weight = c.bytes.number(0, 1), s.expiry = c.bytes.number(0, 1), s.stickiness = c.bytes.number(-1, 2);
        const auto svi = [](const double* x) { return Svi{x[0], x[1], x[2], x[3], x[4]}; };
        own.push_back({svi(s.near_svi), svi(s.far_svi), s.near_weight, s.far_weight, s.expiry, s.stickiness});
    }
    if (c.bytes.flag() && !wraps) m.smiles = smiles.data();
    const std::size_t greeks = c.bytes.below(4);
    const std::vector<hc_greek> wanted = greeks_of(c, greeks, HC_THETA);
    double* sums = c.room(greeks * all);
    const hc_scenario_options* options = c.give(o);
    const hc_nodes* nodes = c.give(m);
    const hc_greek* greek = c.odd() ? nullptr : wanted.data();
    const hc_execution* execution = c.execution();
    hc_faults* faults = c.faults();
    const hc_status status = hc_scenario_sums(options, nodes, greeks, greek, sums, execution, faults);
    if (!c.judge(status, "hc_scenario_sums") && (c.is_odd() || status == HC_STOPPED)) return;
    const ScenarioOptions of{o.n, column(o.kind), column(o.strike), column(o.expiry), column(o.vol), column(o.forward), column(o.rate), column(o.weight), column(o.slope),
                             column(o.bucket), o.coin_settled ? Settlement::inverse : Settlement::linear};
    const ScenarioNodes at{m.n, m.buckets, m.spot_factor, m.vol_scale, m.vol_shift, m.time_shift, m.vol_skew, m.vol_curvature, m.vol_floor, m.atm_vol, m.smiles ? own.data() : nullptr};
    std::vector<Greek> names;
    for (std::size_t j = 0; j < greeks; ++j) names.push_back(named<Greek>(wanted[j]));
    std::vector<double> values(greeks * all, -7.0);
    if (c.twin(status, "hc_scenario_sums", [&] { return scenario_sums(of, at, names, values.data(), {1, {}}); })) check_array(sums, values, "hc_scenario_sums");
}

// --- hedging simulations -------------------------------------------------------------------------------------------

hc_path_model paths_of(Caller& c, std::size_t steps) {
    hc_path_model m{};
    c.choose(m.kind, c.bytes.below(4) == 0 ? HC_PATHS_GIVEN : HC_PATHS_BATES);
    m.spot = c.bytes.number(50, 150), m.drift = c.bytes.number(-0.5, 0.5), m.vol = c.bytes.number(0, 2);
    m.v0 = c.bytes.number(0, 1), m.kappa = c.bytes.number(0.1, 5), m.theta = c.bytes.number(0.01, 1), m.xi = c.bytes.number(0.1, 2), m.rho = c.bytes.number(-1, 1);
    m.intensity = c.bytes.number(0, 50), m.jump_mean = c.bytes.number(-0.2, 0.2), m.jump_std = c.bytes.number(0, 0.2);
    m.up_share = c.bytes.number(0, 1), m.up_rate = c.bytes.number(2, 20), m.down_rate = c.bytes.number(2, 20);
    m.given_paths = 1 + c.bytes.below(4), m.given_levels = c.bytes.below(3), m.given_first = c.bytes.below(4) == 0 ? c.bytes.word(8) : 0;
    double* given = c.numbers((1 + m.given_levels) * m.given_paths * (steps + 1), 50, 150);
    for (std::size_t i = 1; given && i < m.given_paths && !c.odd(); ++i) given[i * (steps + 1)] = given[0];
    m.given = given;
    return m;
}

void policy_into(Caller& c, hc_hedge_policy& p) {
    p.size = sizeof p;
    if (hc_hedge_policy_init(&p) != HC_OK) broken("hc_hedge_policy_init");
    Bytes& b = c.bytes;
    c.choose(p.trigger, HC_TRIGGER_INTERVAL), c.choose(p.centre, HC_CENTRE_ZAKAMOULINE), c.choose(p.width, HC_WIDTH_SMOOTH);
    p.every = b.below(8) == 0 ? b.word(8) : 1 + b.below(3);
    p.half_width = b.number(0, 1);
    for (double* x : {&p.up, &p.down, &p.inner, &p.ratio, &p.target, &p.least_width, &p.cost, &p.fixed_cost, &p.decay, &p.power, &p.impact, &p.least_trade, &p.lot, &p.least_move, &p.least_fall}) {
        if (b.below(4) == 0) *x = b.number(0, 1);
    }
    p.risk_aversion = b.number(0.1, 10), p.vol = b.number(0.05, 2), p.vol_scale = b.below(4) == 0 ? b.number(0.5, 2) : 1;
    p.by_ratio = c.flag(), p.in_money = c.flag();
    if (b.below(4) == 0) p.cool_down = b.below(4), p.blackout = b.below(4), p.move_window = b.below(4);
}

// Structures one after the other, of one size but where that is odd.
template <class T>
const T* rows(Caller& c, std::vector<T> all, std::vector<unsigned char>& store) {
    const std::size_t sizes[] = {sizeof(T), sizeof(T) + 8, sizeof(T) + 12, sizeof(T) - 8, 8}, stride = sizes[c.bytes.below(8) == 0 ? c.bytes.below(std::size(sizes)) : 0];
    store.assign(all.size() * stride + 1, 0);
    for (std::size_t j = 0; j < all.size(); ++j) {
        all[j].size = c.odd() ? c.bytes.word(2) : stride;
        if (j == 0 && all[j].size > stride) all[j].size = stride;
        std::memcpy(store.data() + j * stride, &all[j], std::min(stride, sizeof(T)));
    }
    return c.odd() ? nullptr : reinterpret_cast<const T*>(store.data());
}

void hedging(Caller& c) {
    Bytes& b = c.bytes;
    hc_hedge_run run{};
    run.seed = b.word(2), run.first_path = b.below(4) == 0 ? b.word(8) : 0, run.paths = b.below(40), run.steps = b.below(8), run.rate = b.number(-0.1, 0.1), run.coin = c.flag();
    hc_path_model model = paths_of(c, run.steps);
    if (!model.given && c.odd()) run.steps = std::size_t(-1);
    hc_hedged_options options{};
    options.n = b.below(4);
    options.kind = c.kinds(options.n), options.strike = c.numbers(options.n, 50, 150), options.quantity = c.numbers(options.n, -3, 3);
    double* expiry = c.numbers(options.n, 0.01, 1);
    for (std::size_t j = 1; expiry && j < options.n && b.below(8) > 0; ++j) expiry[j] = expiry[0];
    options.expiry = expiry;
    if (b.flag()) options.vol = c.numbers(options.n, 0.05, 2);
    if (b.flag()) options.premium = c.numbers(options.n, 0, 20);
    hc_hedge_instrument instrument{};
    c.choose(instrument.kind, HC_DATED_FUTURE);
    instrument.funding = b.below(4) == 0 ? b.number(-0.5, 0.5) : 0, instrument.has_funding_level = b.below(8) == 0 ? c.flag() : 0, instrument.funding_level = b.below(3);
    instrument.basis = b.number(-0.1, 0.1), instrument.maturity = b.number(1, 2);
    hc_hedge_costs costs{};
    for (double* x : {&costs.fee, &costs.half_spread, &costs.fixed, &costs.impact, &costs.root_impact, &costs.fee_per_coin, &costs.fee_cap, &costs.least_fee, &costs.permanent}) {
        if (b.below(4) == 0) *x = b.number(0, 0.01);
    }
    costs.has_fixed_level = b.below(8) == 0 ? c.flag() : 0, costs.fixed_level = b.below(3), costs.keep_at_end = c.flag();
    hc_order_execution orders{};
    orders.latencies = b.below(3), orders.inclusions = b.below(3);
    double *latency = c.numbers(orders.latencies, 0, 1), *inclusion = c.numbers(orders.inclusions, 0, 1);
    if (latency && orders.latencies == 1) latency[0] = 1;
    if (inclusion && orders.inclusions == 1) inclusion[0] = 1;
    if (orders.latencies) orders.latency = latency;
    if (orders.inclusions) orders.inclusion = inclusion;
    orders.failure = b.below(4) == 0 ? b.number(0, 0.9) : 0, orders.first_late = c.flag(), orders.leakage = c.flag();
    if (b.below(4) == 0) orders.poll = b.below(4), orders.poll_phase = b.below(4), orders.block = b.below(4), orders.block_phase = b.below(4), orders.settle_every = b.below(4), orders.settle_size = b.number(0, 1);
    std::vector<hc_outage> outages(b.below(3));
    for (hc_outage& o : outages) {
        c.choose(o.kind, HC_OUTAGE_DEPEG);
        o.rate = b.number(0, 10), o.mean = b.number(0.01, 0.1), o.move = b.below(4) == 0 ? b.number(0, 0.1) : 0, o.discount = b.number(0, 0.5), o.cost = b.number(0, 0.01);
        o.windows = b.below(3);
        o.window = c.whole_numbers<std::uint64_t>(2 * o.windows, 0, 8);
    }
    std::vector<unsigned char> outage_store, policy_store;
    orders.outages = outages.size();
    orders.outage = rows(c, outages, outage_store);
    std::vector<hc_hedge_policy> policies(b.below(4));
    for (hc_hedge_policy& p : policies) policy_into(c, p);
    const hc_hedge_policy* policy = rows(c, policies, policy_store);

    hc_hedge_outputs outputs{};
    outputs.ledgers = c.odd() ? HC_LEDGERS + 1 : b.below(HC_LEDGERS + 1), outputs.lines = b.below(HC_LINES + 1);
    double *ledger[HC_LEDGERS + 1] = {}, *line[HC_LINES] = {};
    const std::size_t cells = policies.size() * run.paths;
    for (std::size_t k = 0; k < outputs.ledgers; ++k) ledger[k] = c.room(cells);
    for (std::size_t k = 0; k < outputs.lines; ++k) line[k] = c.room(run.paths);
    if (b.flag()) outputs.ledger = ledger;
    if (b.flag()) outputs.line = line;
    if (b.flag()) outputs.sums = c.room(2 * policies.size() * outputs.ledgers);
    if (b.flag()) outputs.unhedged = c.room(run.paths);
    if (b.flag()) outputs.price = c.room(cells);

    const hc_path_model* given_model = c.give(model);
    const hc_hedge_run* given_run = c.give(run);
    const hc_hedged_options* given_options = c.give(options);
    const hc_hedge_instrument* given_instrument = b.flag() ? nullptr : c.give(instrument);
    const hc_hedge_costs* given_costs = b.flag() ? nullptr : c.give(costs);
    const hc_order_execution* given_orders = b.flag() ? nullptr : c.give(orders);
    const hc_hedge_outputs* given_outputs = c.give(outputs);
    const auto simulate = [&](const hc_execution* execution) {
        return hc_hedge_simulate(given_model, given_run, given_options, given_instrument, policies.size(), policy, given_costs, given_orders, given_outputs, execution);
    };
    const auto results = [&] {
        std::vector<double> all;
        const auto add = [&](const double* x, std::size_t n) {
            if (x) all.insert(all.end(), x, x + n);
        };
        for (const double* x : ledger) add(x, cells);
        for (const double* x : line) add(x, run.paths);
        add(outputs.sums, 2 * policies.size() * outputs.ledgers), add(outputs.unhedged, run.paths), add(outputs.price, cells);
        return all;
    };
    const hc_status status = simulate(c.execution());
    if (!c.judge(status, "hc_hedge_simulate")) return;
    const std::vector<double> first = results();
    const hc_execution two{sizeof two, 2, nullptr, nullptr};
    if (simulate(&two) != status) broken("hc_hedge_simulate: two threads have another status");
    fuzz::check_same(first, results(), "hc_hedge_simulate: two threads");
}

// --- threads -------------------------------------------------------------------------------------------------------

struct Host {
    std::size_t mode;  // runs work at once, refuses it, keeps it
    std::vector<std::pair<hc_work, void*>> kept;
    static int submit(void* user, hc_work work, void* argument) {
        Host& host = *static_cast<Host*>(user);
        if (host.mode == 1) return 1;
        if (host.mode == 2) host.kept.emplace_back(work, argument);
        else work(argument);
        return 0;
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    Host host{bytes.below(4), {}};
    if (host.mode < 3) hc_set_executor(Host::submit, &host);
    while (!bytes.empty()) {
        Caller caller(bytes);
        constexpr void (*calls[])(Caller&) = {prices, vols, book, surfaces, scenarios, hedging};
        calls[bytes.below(std::size(calls))](caller);
        if (bytes.below(16) == 0) {
            Caller other(bytes);
            other.judge(hc_set_num_threads(other.any_int()), "hc_set_num_threads");
            int threads = 0;
            other.judge(hc_num_threads(other.odd() ? nullptr : &threads), "hc_num_threads");
            hc_hedge_policy policy{};
            other.judge(hc_hedge_policy_init(other.give(policy)), "hc_hedge_policy_init");
            hc_set_num_threads(2);
        }
    }
    hc_set_executor(nullptr, nullptr);
    for (const auto& [work, argument] : host.kept) work(argument);
    return 0;
}
