// The C interface: a status for everything, no exception across it, the numbers of C++ to the bit.
#include "hedgecore/hedgecore.h"

#include <thread>

#include "hedgecore/surface.hpp"
#include "options.hpp"

namespace {

using namespace unit;

const hc_greek price_and_vega[] = {HC_PRICE, HC_VEGA};

// Some rows as C has them.
struct Given {
    explicit Given(std::size_t n) : rows(some_rows(contracts[0], n)) {
        const std::ptrdiff_t stride = sizeof(Row) / sizeof(double);
        options.size = sizeof options;
        options.n = n;
        options.kind = &rows[0].kind;
        options.kind_stride = sizeof(Row);
        options.strike = {&rows[0].strike, stride};
        options.expiry = {&rows[0].expiry, stride};
        options.vol = {&rows[0].vol, stride};
        options.spot = {&rows[0].spot, stride};
        options.rate = {&rows[0].rate, stride};
        options.carry = {&rows[0].carry, stride};
    }
    std::vector<Row> rows;
    hc_options options{};
};

std::string last_error() { return hc_last_error(); }

// An enumeration as C may pass it.
template <class Enum>
Enum any_number(int number) {
    return static_cast<Enum>(number);
}

}  // namespace

TEST_CASE("versions and errors") {
    CHECK(hc_api_version() == HC_API_VERSION);
    CHECK(std::string(hc_version()) == HEDGECORE_VERSION);
    CHECK(hc_set_num_threads(0) == HC_INVALID_ARGUMENT);
    CHECK(contains(last_error(), "0"));
    std::thread([] { CHECK(last_error() == ""); }).join();  // of each thread its own
    int threads = 0;
    CHECK(hc_num_threads(&threads) == HC_OK);
    CHECK(threads == num_threads());
    CHECK(last_error() == "");
    CHECK(hc_num_threads(nullptr) == HC_INVALID_ARGUMENT);
}

TEST_CASE("Greeks, implied vols and sums are those of C++") {
    Given given(500);
    Numbers price(500), vega(500), vol(500);
    double* const out[] = {price.data(), vega.data()};
    hc_faults faults{};
    faults.size = sizeof faults;
    REQUIRE(hc_greeks(&given.options, 2, price_and_vega, out, nullptr, &faults) == HC_OK);
    CHECK(faults.count == 0);
    CHECK(same_bits(price, values(contracts[0], Greek::price, given.rows)));
    CHECK(same_bits(vega, values(contracts[0], Greek::vega, given.rows)));
    const hc_column prices{price.data(), 1};
    std::vector<std::int8_t> status(500, 77);
    REQUIRE(hc_implied_vol(&given.options, &prices, vol.data(), status.data(), nullptr, nullptr) == HC_OK);
    for (std::size_t i = 0; i < 500; ++i) CHECK(status[i] == HC_VOL_OK);
    const double one = 1;
    const hc_column weights[] = {{&one, 0}, {&one, 0}};
    double sums[2] = {}, expected = 0;
    REQUIRE(hc_greek_sums(&given.options, 2, price_and_vega, weights, nullptr, 1, sums, nullptr, nullptr) == HC_OK);
    for (const double p : price) expected += p;
    CHECK(sums[0] == doctest::Approx(expected).epsilon(1e-12));
}

TEST_CASE("bad rows are a status of their own") {
    Given given(10);
    given.rows[4].vol = -0.5;
    Numbers price(10);
    double* const out[] = {price.data()};
    hc_faults faults{};
    faults.size = sizeof faults;
    CHECK(hc_greeks(&given.options, 1, price_and_vega, out, nullptr, &faults) == HC_BAD_ROWS);
    CHECK(faults.count == 1);
    CHECK(faults.row == 4);
    CHECK(std::string(faults.argument) == "vol");
    CHECK(faults.value == -0.5);
    CHECK(std::isnan(price[4]));
    CHECK(std::isfinite(price[5]));
    CHECK(contains(last_error(), "vol[4] = -0.5"));
}

TEST_CASE("null pointers, wrong sizes and numbers that name nothing") {
    Given given(3);
    Numbers price(3);
    double* const out[] = {price.data(), price.data()};
    double* const none[] = {nullptr};
    const auto refused = [&](const char* says, hc_status status) { return status == HC_INVALID_ARGUMENT && contains(last_error(), says); };
    const auto greeks_of = [&](const hc_options* o) { return hc_greeks(o, 1, price_and_vega, out, nullptr, nullptr); };
    CHECK(refused("hc_options", greeks_of(nullptr)));
    CHECK(refused("greek", hc_greeks(&given.options, 1, nullptr, out, nullptr, nullptr)));
    CHECK(refused("out", hc_greeks(&given.options, 1, price_and_vega, nullptr, nullptr, nullptr)));
    CHECK(refused("out[0]", hc_greeks(&given.options, 1, price_and_vega, none, nullptr, nullptr)));
    const hc_greek twice[] = {HC_PRICE, HC_PRICE}, wrong[] = {any_number<hc_greek>(99)}, negative[] = {any_number<hc_greek>(-1)};
    CHECK(refused("twice", hc_greeks(&given.options, 2, twice, out, nullptr, nullptr)));
    CHECK(refused("99", hc_greeks(&given.options, 1, wrong, out, nullptr, nullptr)));
    CHECK(refused("-1", hc_greeks(&given.options, 1, negative, out, nullptr, nullptr)));
    struct Change {
        const char* says;
        void (*make)(hc_options&);
    };
    const Change changes[] = {
        {"size", [](hc_options& o) { o.size = 0; }},
        {"size", [](hc_options& o) { o.size = std::size_t(1) << 40; }},
        {"kind", [](hc_options& o) { o.kind = nullptr; }},
        {"strike", [](hc_options& o) { o.strike = {}; }},
        {"expiry", [](hc_options& o) { o.expiry = {}; }},
        {"vol", [](hc_options& o) { o.vol = {}; }},
        {"model", [](hc_options& o) { o.model = any_number<hc_model>(7); }},
        {"payoff", [](hc_options& o) { o.payoff = any_number<hc_payoff>(3); }},
        {"spot", [](hc_options& o) { o.spot = {}; }},
    };
    for (const Change& change : changes) {
        hc_options changed = given.options;
        change.make(changed);
        CAPTURE(change.says);
        CHECK(refused(change.says, greeks_of(&changed)));
    }
    hc_execution how{};
    how.size = sizeof how;
    how.threads = 5000;
    CHECK(refused("5000", hc_greeks(&given.options, 1, price_and_vega, out, &how, nullptr)));
    CHECK(refused("price", hc_implied_vol(&given.options, nullptr, price.data(), nullptr, nullptr, nullptr)));
    hc_options empty{};
    empty.size = sizeof empty;
    CHECK(refused("spot", hc_greeks(&empty, 1, price_and_vega, none, nullptr, nullptr)));
    const double hundred = 100;
    empty.spot = {&hundred, 0};
    CHECK(hc_greeks(&empty, 1, price_and_vega, none, nullptr, nullptr) == HC_OK);  // no rows need no arrays
    // an older caller, whose structure ends earlier: what it has not is not given
    struct Older {
        std::size_t size;
    } older{sizeof(Older)};
    CHECK(refused("n", hc_greek_sums(reinterpret_cast<const hc_options*>(&older), 0, nullptr, nullptr, nullptr, 0, nullptr, nullptr, nullptr)) == false);
}

TEST_CASE("surfaces") {
    const double expiry[] = {0.1, 0.5}, forward[] = {100, 104}, parameters[] = {0.01, 0.08, -0.4, 0.02, 0.15, 0.03, 0.15, -0.3, -0.01, 0.3};
    hc_surface* surface = nullptr;
    REQUIRE(hc_surface_new(HC_SVI, 2, expiry, forward, parameters, &surface) == HC_OK);
    const Numbers strike{80, 100, -1}, when{0.3, 0.3, 0.3};
    Numbers vol(3), expected(3);
    hc_faults faults{};
    faults.size = sizeof faults;
    CHECK(hc_surface_vol(surface, 3, strike.data(), when.data(), nullptr, vol.data(), nullptr, &faults) == HC_BAD_ROWS);
    CHECK(faults.row == 2);
    const Surface own(SmileModel::svi, expiry, forward, parameters);
    SurfacePoints points;
    points.n = 3;
    points.strike = column(strike);
    points.expiry = column(when);
    own.vol(points, expected.data());
    CHECK(vol[0] == expected[0]);
    CHECK(vol[1] == expected[1]);
    CHECK(std::isnan(vol[2]));
    CHECK(hc_surface_vol(nullptr, 3, strike.data(), when.data(), nullptr, vol.data(), nullptr, nullptr) == HC_INVALID_ARGUMENT);
    CHECK(hc_surface_vol(surface, 3, nullptr, when.data(), nullptr, vol.data(), nullptr, nullptr) == HC_INVALID_ARGUMENT);
    hc_surface_free(surface);
    hc_surface_free(nullptr);
    const double reversed[] = {0.5, 0.1};
    hc_surface* no_surface = nullptr;
    CHECK(hc_surface_new(HC_SVI, 2, reversed, forward, parameters, &no_surface) == HC_INVALID_ARGUMENT);
    CHECK(hc_surface_new(HC_SVI, 2, expiry, forward, parameters, nullptr) == HC_INVALID_ARGUMENT);
    CHECK(no_surface == nullptr);
}

TEST_CASE("grids and simulations refuse, and run") {
    const std::int8_t kind[] = {1};
    const double strike[] = {100}, expiry[] = {0.06}, vol[] = {0.5}, forward[] = {100}, weight[] = {-1}, one[] = {1}, none[] = {0};
    const std::int32_t bucket[] = {0};
    hc_scenario_options book{};
    book.size = sizeof book;
    book.n = 1;
    book.kind = kind, book.strike = strike, book.expiry = expiry, book.vol = vol, book.forward = forward, book.weight = weight, book.bucket = bucket;
    hc_nodes nodes{};
    nodes.size = sizeof nodes;
    nodes.n = nodes.buckets = 1;
    nodes.spot_factor = nodes.vol_scale = one;
    nodes.vol_shift = nodes.time_shift = none;
    double sum = 0;
    REQUIRE(hc_scenario_sums(&book, &nodes, 1, price_and_vega, &sum, nullptr, nullptr) == HC_OK);
    const double single = values(contracts[0], Greek::price, {{1, 100, 100, 0.06, 0.5, 0, 0}})[0];
    CHECK(sum == doctest::Approx(-single).epsilon(1e-13));
    nodes.spot_factor = nullptr;
    CHECK(hc_scenario_sums(&book, &nodes, 1, price_and_vega, &sum, nullptr, nullptr) == HC_INVALID_ARGUMENT);

    hc_path_model model{};
    model.size = sizeof model;
    model.kind = HC_PATHS_GBM;
    model.spot = 100;
    model.vol = 0.5;
    hc_hedged_options sold{};
    sold.size = sizeof sold;
    sold.n = 1;
    sold.kind = kind, sold.strike = strike, sold.expiry = expiry, sold.quantity = weight, sold.vol = vol;
    hc_hedge_run run{};
    run.size = sizeof run;
    run.seed = 1;
    run.paths = 500;
    run.steps = 6;
    hc_hedge_policy policy{};
    policy.size = sizeof policy;
    REQUIRE(hc_hedge_policy_init(&policy) == HC_OK);
    Numbers pnl(500), sums(HC_LEDGERS * 2);
    double* ledgers[HC_LEDGERS] = {pnl.data()};
    hc_hedge_outputs outputs{};
    outputs.size = sizeof outputs;
    outputs.ledgers = HC_LEDGERS;
    outputs.ledger = ledgers;
    outputs.sums = sums.data();
    REQUIRE(hc_hedge_simulate(&model, &run, &sold, nullptr, 1, &policy, nullptr, nullptr, &outputs, nullptr) == HC_OK);
    double total = 0;
    for (const double x : pnl) total += x;
    CHECK(sums[0] == doctest::Approx(total).epsilon(1e-9));
    CHECK(std::abs(total / 500) < 4 * std::sqrt(sums[1]) / 500);  // the premium is fair
    int asked = 0;
    hc_execution how{};
    how.size = sizeof how;
    how.threads = 2;
    how.poll = [](void* count) { return int(++*static_cast<int*>(count) == 2); };
    how.user = &asked;
    outputs.ledger = nullptr;
    run.paths = 50'000'000;  // many seconds
    CHECK(hc_hedge_simulate(&model, &run, &sold, nullptr, 1, &policy, nullptr, nullptr, &outputs, &how) == HC_STOPPED);
    CHECK(contains(last_error(), "poll"));
    CHECK(asked == 2);
    policy.trigger = any_number<hc_trigger>(9);
    CHECK(hc_hedge_simulate(&model, &run, &sold, nullptr, 1, &policy, nullptr, nullptr, &outputs, nullptr) == HC_INVALID_ARGUMENT);
    CHECK(contains(last_error(), "9"));
    CHECK(hc_hedge_simulate(nullptr, &run, &sold, nullptr, 1, &policy, nullptr, nullptr, &outputs, nullptr) == HC_INVALID_ARGUMENT);
    CHECK(hc_hedge_policy_init(nullptr) == HC_INVALID_ARGUMENT);
}

TEST_CASE("a host's threads through the C interface") {
    Given given(60000);
    Numbers expected(60000), price(60000);
    double* const first[] = {expected.data()};
    double* const out[] = {price.data()};
    hc_execution eight{};
    eight.size = sizeof eight;
    eight.threads = 8;
    REQUIRE(hc_greeks(&given.options, 1, price_and_vega, first, nullptr, nullptr) == HC_OK);
    int refused = 0;
    REQUIRE(hc_set_executor([](void* count, hc_work, void*) { return ++*static_cast<int*>(count); }, &refused) == HC_OK);
    CHECK(hc_greeks(&given.options, 1, price_and_vega, out, &eight, nullptr) == HC_OK);
    CHECK(refused > 0);
    CHECK(same_bits(price, expected));
    std::vector<std::thread> threads;
    const hc_submit start = [](void* kept, hc_work work, void* argument) {
        static_cast<std::vector<std::thread>*>(kept)->emplace_back(work, argument);
        return 0;
    };
    REQUIRE(hc_set_executor(start, &threads) == HC_OK);
    CHECK(hc_greeks(&given.options, 1, price_and_vega, out, &eight, nullptr) == HC_OK);
    for (std::thread& thread : threads) thread.join();
    CHECK_FALSE(threads.empty());
    CHECK(same_bits(price, expected));
    CHECK(hc_set_executor(nullptr, nullptr) == HC_OK);
}
