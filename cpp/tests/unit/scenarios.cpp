// Scenario grids and sums of Greeks by bucket against single prices, added up one by one.
#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "hedgecore/risk.hpp"
#include "options.hpp"

namespace {

using namespace unit;

constexpr std::size_t buckets = 3;

struct Book {
    explicit Book(std::size_t n) : rows(some_rows(contracts[0], n)), weight(n), bucket(n), slope(n) {
        inputs::Source source(4);
        for (std::size_t i = 0; i < n; ++i) {
            rows[i].carry = rows[i].rate;  // in forward form
            weight[i] = source.uniform(-5, 5);
            bucket[i] = std::int32_t(source.integer(0, buckets - 1));
            slope[i] = source.uniform(-0.1, 0.1);
        }
    }
    ScenarioOptions options(Settlement settlement = Settlement::linear) const {
        const auto member = [&](double Row::* m) { return Column<double>{&(rows[0].*m), sizeof(Row) / sizeof(double)}; };
        ScenarioOptions o;
        o.n = rows.size();
        o.kind = {&rows[0].kind, sizeof(Row)};
        o.strike = member(&Row::strike);
        o.expiry = member(&Row::expiry);
        o.vol = member(&Row::vol);
        o.forward = member(&Row::spot);
        o.rate = member(&Row::rate);
        o.weight = column(weight);
        o.bucket = {bucket.data(), 1};
        o.settlement = settlement;
        return o;
    }

    std::vector<Row> rows;
    Numbers weight;
    std::vector<std::int32_t> bucket;
    Numbers slope;
};

// Shocks of spot, vol and time by node; those of a bucket differ by a little.
struct Grid {
    Grid() {
        for (std::size_t b = 0; b < buckets; ++b) {
            for (const double days : {0.0, 0.05}) {
                for (const double move : {-0.05, 0.1}) {
                    for (const double spot : {0.8, 1.0, 1.3}) {
                        factor.push_back(spot + 0.01 * double(b));
                        scale.push_back(1 + 0.1 * double(b));
                        shift.push_back(move);
                        if (b == 0) time.push_back(days);
                    }
                }
            }
        }
    }
    ScenarioNodes nodes() const { return {time.size(), buckets, factor.data(), scale.data(), shift.data(), time.data()}; }

    Numbers factor, scale, shift, time;
};

Numbers sums_of(const ScenarioOptions& options, const ScenarioNodes& nodes, const std::vector<Greek>& set, int threads = 1, Faults* faults = nullptr) {
    Numbers sums(set.size() * nodes.buckets * nodes.n);
    const Faults found = scenario_sums(options, nodes, set, sums.data(), on_threads(threads));
    if (faults) *faults = found;
    else REQUIRE(found.count == 0);
    return sums;
}

const std::vector<Greek> usual{Greek::price, Greek::delta, Greek::gamma, Greek::vega, Greek::theta};

}  // namespace

TEST_CASE("a grid is its options, shocked one by one and added up") {
    const Book book(400);
    const Grid grid;
    const std::size_t nodes = grid.time.size();
    at_every_level([&] {
        for (const Settlement settlement : {Settlement::linear, Settlement::inverse}) {
            std::vector<Greek> set = usual;
            if (settlement == Settlement::inverse) set.insert(set.end(), {Greek::black_delta, Greek::black_gamma});
            const Numbers sums = sums_of(book.options(settlement), grid.nodes(), set);
            const Contract contract{"", settlement};
            for (std::size_t node = 0; node < nodes; ++node) {
                std::vector<Row> moved = book.rows;
                for (std::size_t i = 0; i < moved.size(); ++i) {
                    const std::size_t at = std::size_t(book.bucket[i]) * nodes + node;
                    moved[i].spot *= grid.factor[at];
                    moved[i].vol = moved[i].vol * grid.scale[at] + grid.shift[at];
                    moved[i].expiry -= grid.time[node];
                }
                for (std::size_t g = 0; g < set.size(); ++g) {
                    const Numbers single = values(contract, set[g], moved, true);
                    std::array<long double, buckets> sum{}, size{};
                    for (std::size_t i = 0; i < moved.size(); ++i) {
                        sum[std::size_t(book.bucket[i])] += book.weight[i] * single[i];
                        size[std::size_t(book.bucket[i])] += std::abs(book.weight[i] * single[i]);
                    }
                    for (std::size_t b = 0; b < buckets; ++b) {
                        CHECK(std::abs(sums[(g * buckets + b) * nodes + node] - sum[b]) <= 1e-12 * size[b]);
                    }
                }
            }
        }
    });
}

TEST_CASE("vols that go with the forward: slopes, skew, curvature, floor") {
    const Book book(60);
    ScenarioOptions options = book.options();
    options.slope = column(book.slope);
    const Numbers factor(buckets, 1.2), scale(buckets, 1.1), shift(buckets, -0.02), skew(buckets, 0.03), curvature(buckets, 0.01), floor(buckets, 0.3),
        atm(buckets, 0.6);
    const double now = 0;
    ScenarioNodes node = {1, buckets, factor.data(), scale.data(), shift.data(), &now};
    node.vol_skew = skew.data();
    node.vol_curvature = curvature.data();
    node.vol_floor = floor.data();
    node.atm_vol = atm.data();
    const Numbers sums = sums_of(options, node, {Greek::price});
    std::vector<Row> moved = book.rows;
    Numbers expected(buckets);
    for (std::size_t i = 0; i < moved.size(); ++i) {
        Row& row = moved[i];
        const double z = std::clamp(std::log(row.strike / row.spot) / (0.6 * std::sqrt(row.expiry)), -largest_z, largest_z);
        row.vol = std::max((row.vol + book.slope[i] * std::log(1.2)) * 1.1 - 0.02 + 0.03 * z + 0.01 * z * z, 0.3);
        row.spot *= 1.2;
    }
    const Numbers price = values(contracts[0], Greek::price, moved, true);
    for (std::size_t i = 0; i < moved.size(); ++i) expected[std::size_t(book.bucket[i])] += book.weight[i] * price[i];
    for (std::size_t b = 0; b < buckets; ++b) CHECK(sums[b] == doctest::Approx(expected[b]).epsilon(1e-11));
}

TEST_CASE("options whose time is up are their payoff") {
    const std::vector<Row> rows = {{1, 100, 90, 0.1, 0.5, 0, 0}, {-1, 100, 110, 0.1, 0.5, 0, 0}, {1, 100, 120, 0.1, 0.5, 0, 0}};
    Book book(3);
    book.rows = rows;
    book.weight = {1, 10, 100};
    book.bucket = {0, 0, 0};
    const Numbers one(1, 1.05), zero(1, 0), time(1, 0.1), scale(1, 1);
    const ScenarioNodes node = {1, 1, one.data(), scale.data(), zero.data(), time.data()};
    const Numbers sums = sums_of(book.options(), node, usual);
    CHECK(sums[0] == doctest::Approx(15 + 10 * 5).epsilon(1e-12));
    CHECK(sums[1] == doctest::Approx(1 - 10).epsilon(1e-12));
    for (int g = 2; g < 5; ++g) CHECK(sums[std::size_t(g)] == 0);
}

TEST_CASE("the same bits of sums for any threads") {
    const Book book(30011);
    const Grid grid;
    const Numbers one = sums_of(book.options(), grid.nodes(), {Greek::price, Greek::vega});
    for (const int threads : {2, 5}) CHECK(same_bits(sums_of(book.options(), grid.nodes(), {Greek::price, Greek::vega}, threads), one));
    const Columns columns(contracts[0], book.rows, true);
    const RiskTerm terms[] = {{Greek::delta, column(book.weight)}, {Greek::vega, column(book.weight)}};
    Numbers first(2 * buckets), other(2 * buckets);
    CHECK(greek_sums(columns.options, terms, {book.bucket.data(), 1}, buckets, first.data(), on_threads(1)).count == 0);
    CHECK(greek_sums(columns.options, terms, {book.bucket.data(), 1}, buckets, other.data(), on_threads(4)).count == 0);
    CHECK(same_bits(first, other));
    Numbers delta = values(contracts[0], Greek::delta, book.rows, true), expected(buckets);
    for (std::size_t i = 0; i < delta.size(); ++i) expected[std::size_t(book.bucket[i])] += book.weight[i] * delta[i];
    for (std::size_t b = 0; b < buckets; ++b) CHECK(first[b] == doctest::Approx(expected[b]).epsilon(1e-9));
}

TEST_CASE("bad rows add nothing to sums and are reported") {
    const Book sound(100);
    Book torn(100);
    torn.rows[40].strike = -1;
    torn.weight[41] = std::numeric_limits<double>::quiet_NaN();
    Book without(100);
    without.weight[40] = without.weight[41] = 0;
    const Grid grid;
    Faults faults;
    const Numbers sums = sums_of(torn.options(), grid.nodes(), {Greek::price}, 2, &faults);
    CHECK(faults.count == 2);
    CHECK(faults.row == 40);
    CHECK(std::string(faults.argument) == "strike");
    CHECK(same_bits(sums, sums_of(without.options(), grid.nodes(), {Greek::price})));
    Book lost(10);
    lost.bucket[3] = buckets;
    CHECK(contains(message_of([&] { sums_of(lost.options(), grid.nodes(), {Greek::price}); }), "3"));
    CHECK_THROWS_AS(sums_of(sound.options(), grid.nodes(), {Greek::vanna}), std::invalid_argument);
    Grid wrong;
    wrong.factor[1] = -0.5;
    CHECK(contains(message_of([&] { sums_of(sound.options(), wrong.nodes(), {Greek::price}); }), "-0.5"));
}
