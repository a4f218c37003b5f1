// Prices against the formulas in extended precision, Greeks as the derivatives that they are, limits and bad rows.
#include "hedgecore/pricing.hpp"

#include <limits>
#include <stdexcept>

#include "options.hpp"

namespace {

using namespace unit;

constexpr double infinity = std::numeric_limits<double>::infinity();

// A Greek as the derivative of another by an input: the price by the spot, the delta by the spot, ...
struct Derivative {
    Greek greek, of;
    double Row::* by;
    double sign = 1;
};
constexpr Derivative derivatives[] = {
    {Greek::delta, Greek::price, &Row::spot},       {Greek::gamma, Greek::delta, &Row::spot},
    {Greek::vega, Greek::price, &Row::vol},         {Greek::theta, Greek::price, &Row::expiry, -1},
    {Greek::rho, Greek::price, &Row::rate},         {Greek::phi, Greek::price, &Row::carry},
    {Greek::vanna, Greek::delta, &Row::vol},        {Greek::volga, Greek::vega, &Row::vol},
    {Greek::charm, Greek::delta, &Row::expiry, -1}, {Greek::veta, Greek::vega, &Row::expiry, -1},
    {Greek::speed, Greek::gamma, &Row::spot},       {Greek::zomma, Greek::gamma, &Row::vol},
    {Greek::color, Greek::gamma, &Row::expiry, -1}, {Greek::ultima, Greek::volga, &Row::vol},
    {Greek::dual_delta, Greek::price, &Row::strike}, {Greek::dual_gamma, Greek::dual_delta, &Row::strike},
};

std::vector<Row> moved(std::vector<Row> rows, double Row::* by, double step) {
    for (Row& row : rows) row.*by += step * (by == &Row::rate || by == &Row::carry ? 1.0 : row.*by);
    return rows;
}

// Its derivative by an input, by central differences of fourth order.
Numbers difference(const Contract& contract, Greek greek, const std::vector<Row>& rows, double Row::* by) {
    constexpr double step = 1e-3;
    const auto at = [&](double steps) { return values(contract, greek, moved(rows, by, steps * step)); };
    const Numbers a = at(-2), b = at(-1), c = at(1), d = at(2);
    Numbers slope(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double scale = by == &Row::rate || by == &Row::carry ? 1.0 : rows[i].*by;
        slope[i] = (8 * (c[i] - b[i]) - (d[i] - a[i])) / (12 * step * scale);
    }
    return slope;
}

double largest(const Numbers& x) {
    double most = 0;
    for (const double value : x) most = std::max(most, std::abs(value));
    return most;
}

}  // namespace

TEST_CASE("prices are those of the formulas in extended precision") {
    at_every_level([] {
        for (const Contract& contract : contracts) {
            CAPTURE(contract.name);
            const std::vector<Row> rows = some_rows(contract, 300);
            const Numbers price = values(contract, Greek::price, rows);
            double most = 0;
            for (std::size_t i = 0; i < rows.size(); ++i) {
                most = std::max(most, double(std::abs(price[i] - value_of(contract, rows[i])) / size_of(contract, rows[i])));
            }
            CHECK(most < 4e-15);
        }
    });
}

TEST_CASE("Greeks are the derivatives that they are named after") {
    at_every_level([] {
        for (const Contract& contract : contracts) {
            const std::vector<Row> rows = some_rows(contract, 40);
            for (const Derivative& d : derivatives) {
                CAPTURE(contract.name);
                CAPTURE(greek_names[std::size_t(d.greek)]);
                const Numbers got = values(contract, d.greek, rows), slope = difference(contract, d.of, rows, d.by);
                // a coin's delta is the units of the underlying to trade: X dv/dX
                const bool traded = d.greek == Greek::delta && contract.settlement == Settlement::inverse;
                const double size = largest(got);
                for (std::size_t i = 0; i < rows.size(); ++i) {
                    const double expected = d.sign * slope[i] * (traded ? rows[i].spot : 1.0);
                    CHECK(std::abs(got[i] - expected) <= 2e-6 * std::abs(expected) + 1e-8 * size);
                }
            }
        }
    });
}

TEST_CASE("black_delta and black_gamma of a coin-settled option are those of its value in the quote currency") {
    for (const Contract& contract : contracts) {
        if (contract.settlement == Settlement::linear) continue;
        Contract linear = contract;
        linear.settlement = Settlement::linear;
        const std::vector<Row> rows = some_rows(contract, 200);
        for (const auto& [coin, quote] : {std::pair{Greek::black_delta, Greek::delta}, {Greek::black_gamma, Greek::gamma}}) {
            CHECK(same_bits(values(contract, coin, rows), values(linear, quote, rows)));
            CHECK_THROWS_AS(values(linear, coin, rows), std::invalid_argument);
        }
    }
}

TEST_CASE("parity, and vanilla options made of digitals") {
    at_every_level([] {
        for (const Settlement settlement : {Settlement::linear, Settlement::inverse}) {
            const Contract vanilla{"", settlement}, cash{"", settlement, Model::black, Payoff::cash_or_nothing},
                asset{"", settlement, Model::black, Payoff::asset_or_nothing}, normal{"", settlement, Model::bachelier};
            std::vector<Row> calls = some_rows(vanilla, 200), puts = calls;
            for (std::size_t i = 0; i < calls.size(); ++i) calls[i].kind = 1, puts[i].kind = -1;
            const auto price = [](const Contract& c, const std::vector<Row>& rows) { return values(c, Greek::price, rows); };
            const Numbers call = price(vanilla, calls), put = price(vanilla, puts);
            const Numbers call_cash = price(cash, calls), put_cash = price(cash, puts);
            const Numbers call_asset = price(asset, calls), put_asset = price(asset, puts), slope = values(vanilla, Greek::dual_delta, calls);
            const Numbers normal_call = price(normal, calls), normal_put = price(normal, puts);
            for (std::size_t i = 0; i < calls.size(); ++i) {
                const Row& row = calls[i];
                const double in = settlement == Settlement::inverse ? row.spot : 1.0;
                const double u = row.spot * std::exp(-row.carry * row.expiry) / in, bond = std::exp(-row.rate * row.expiry) / in;
                const double size = 1e-14 * (u + row.strike * bond);
                CHECK(std::abs(call[i] - put[i] - (u - row.strike * bond)) <= size);
                CHECK(std::abs(normal_call[i] - normal_put[i] - (u - row.strike * bond)) <= size);
                CHECK(std::abs(call_cash[i] + put_cash[i] - bond) <= 1e-14 * bond);
                CHECK(std::abs(call_asset[i] + put_asset[i] - u) <= 1e-14 * u);
                CHECK(std::abs(call_asset[i] - row.strike * call_cash[i] - call[i]) <= size);
                CHECK(std::abs(call_cash[i] + slope[i]) <= 1e-14 * bond);
            }
        }
    });
}

TEST_CASE("the forward form is the spot form with carry as the rate, but for rho") {
    for (const Contract& contract : contracts) {
        CAPTURE(contract.name);
        std::vector<Row> rows = some_rows(contract, 100);
        for (Row& row : rows) row.carry = row.rate;
        const Numbers price = values(contract, Greek::price, rows);
        for (const Greek greek : {Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta, Greek::charm, Greek::color, Greek::rho}) {
            const Numbers expected = values(contract, greek, rows), got = values(contract, greek, rows, true);
            const double size = largest(expected);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const double exact = greek == Greek::rho ? -rows[i].expiry * price[i] : expected[i];
                CHECK(std::abs(got[i] - exact) <= 1e-11 * std::abs(exact) + 1e-13 * size);
            }
        }
        CHECK_THROWS_AS(values(contract, Greek::phi, rows, true), std::invalid_argument);
    }
}

TEST_CASE("limits at expiry, without vol, strike or underlying") {
    const Contract vanilla{"", Settlement::linear}, coin{"", Settlement::inverse};
    const Row in{1, 120, 100, 0, 0.5, 0, 0}, out{-1, 120, 100, 0, 0.5, 0, 0}, at{1, 100, 100, 0, 0.5, 0, 0};
    const Row certain{1, 120, 100, 1, 0, 0.05, 0.02}, no_strike{1, 120, 0, 1, 0.5, 0.05, 0.02}, worthless{1, 0, 100, 1, 0.5, 0, 0};
    at_every_level([&] {
        const std::vector<Row> rows = {in, out, at, certain, no_strike, worthless};
        const Numbers price = values(vanilla, Greek::price, rows), delta = values(vanilla, Greek::delta, rows);
        const double u = 120 * std::exp(-0.02), b = 100 * std::exp(-0.05);
        const double prices[] = {20, 0, 0, u - b, u, 0}, deltas[] = {1, 0, 0.5, std::exp(-0.02), std::exp(-0.02), 0};
        for (std::size_t i = 0; i < rows.size(); ++i) {
            CAPTURE(i);
            CHECK(price[i] == doctest::Approx(prices[i]).epsilon(1e-14));
            CHECK(delta[i] == doctest::Approx(deltas[i]).epsilon(1e-14));
        }
        CHECK(values(vanilla, Greek::gamma, rows)[2] == infinity);
        CHECK(values(vanilla, Greek::gamma, rows)[0] == 0);
        CHECK(values(coin, Greek::price, {in})[0] == doctest::Approx(20.0 / 120).epsilon(1e-15));
        CHECK(values(coin, Greek::delta, {in})[0] == doctest::Approx(100.0 / 120).epsilon(1e-15));  // of a price 1 - K / X in coins
    });
}

TEST_CASE("bad rows are NaN, reported by the first, and touch no others") {
    const Contract contract = contracts[0];
    const std::vector<Row> sound = some_rows(contract, 600);
    const Numbers expected = values(contract, Greek::gamma, sound);
    struct Bad {
        std::size_t row;
        double Row::* member;
        double value;
        const char* argument;
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    const Bad faults[] = {{17, &Row::vol, -0.25, "vol"},   {250, &Row::expiry, nan, "expiry"}, {299, &Row::strike, -1, "strike"},
                          {300, &Row::spot, infinity, "spot"}, {301, &Row::rate, nan, "rate"},  {599, &Row::carry, -infinity, "carry"}};
    at_every_level([&] {
        for (const int threads : {1, 3}) {
            std::vector<Row> rows = sound;
            for (const Bad& bad : faults) rows[bad.row].*bad.member = bad.value;
            Faults found;
            const Numbers got = values(contract, Greek::gamma, rows, false, threads, &found);
            CHECK(found.count == std::size(faults));
            CHECK(found.row == 17);
            CHECK(std::string(found.argument) == "vol");
            CHECK(found.value == -0.25);
            CHECK(found.demand != nullptr);
            std::size_t next = 0;
            for (std::size_t i = 0; i < rows.size(); ++i) {
                const bool bad = next < std::size(faults) && faults[next].row == i;
                next += bad;
                CHECK((bad ? std::isnan(got[i]) : std::abs(got[i] - expected[i]) <= 1e-12 * std::abs(expected[i])));
            }
        }
        for (const Bad& bad : faults) {
            std::vector<Row> rows(sound.begin(), sound.begin() + 3);
            rows[1].*bad.member = bad.value;
            Faults found;
            values(contract, Greek::price, rows, false, 1, &found);
            CAPTURE(bad.argument);
            CHECK(found.count == 1);
            CHECK(found.row == 1);
            CHECK(std::string(found.argument) == bad.argument);
        }
    });
}

TEST_CASE("inputs that do not fit together") {
    const double one = 1;
    const std::int8_t call = 1;
    Options options;
    options.n = 1;
    options.kind = {&call, 0};
    options.strike = options.expiry = options.vol = {&one, 0};
    double price = 0;
    GreekOutputs outputs{};
    outputs[0] = &price;
    CHECK_THROWS_AS(greeks(options, outputs), std::invalid_argument);  // neither forward nor spot
    options.forward = options.spot = {&one, 0};
    CHECK_THROWS_AS(greeks(options, outputs), std::invalid_argument);  // both
    options.spot = {};
    options.rate = {&one, 0};
    CHECK_THROWS_AS(greeks(options, outputs), std::invalid_argument);  // the forward form has no rate
    options.rate = {};
    options.model = Model::bachelier;
    options.payoff = Payoff::cash_or_nothing;
    CHECK_THROWS_AS(greeks(options, outputs), std::invalid_argument);  // no digitals
    options.payoff = Payoff::vanilla;
    CHECK(greeks(options, outputs).count == 0);
    CHECK(price == doctest::Approx(double(density(0))).epsilon(1e-15));  // at the money: vol sqrt(T) n(0)
}

TEST_CASE("the same bits for any threads, stride and order of memory") {
    const Contract contract = contracts[1];
    const std::vector<Row> rows = some_rows(contract, 20011);  // several chunks, a ragged last one
    const Numbers expected = values(contract, Greek::vanna, rows, false, 1);
    CHECK(same_bits(values(contract, Greek::vanna, rows, false, 2), expected));
    CHECK(same_bits(values(contract, Greek::vanna, rows, false, 5), expected));
    const std::vector<Row> reversed(rows.rbegin(), rows.rend());
    const Numbers other = values(contract, Greek::vanna, reversed);
    CHECK(same_bits(Numbers(other.rbegin(), other.rend()), expected));
}
