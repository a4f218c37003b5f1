// Implied vols: the price there is the price, statuses, edges and bad rows.
#include <limits>

#include "hedgecore/pricing.hpp"
#include "options.hpp"

namespace {

using namespace unit;

constexpr double infinity = std::numeric_limits<double>::infinity();
const Contract vanillas[] = {contracts[0], contracts[1], contracts[6], contracts[7]};

struct Solved {
    Numbers vol;
    std::vector<Status> status;
    Faults faults;
};

Solved solve(const Contract& contract, const std::vector<Row>& rows, const Numbers& price, int threads = 1) {
    const Columns columns(contract, rows, false);
    Solved solved{Numbers(rows.size()), std::vector<Status>(rows.size()), {}};
    solved.faults = implied_vol(columns.options, column(price), solved.vol.data(), solved.status.data(), on_threads(threads));
    Numbers alone(rows.size());
    implied_vol(columns.options, column(price), alone.data(), nullptr, on_threads(threads));
    CHECK(same_bits(alone, solved.vol));
    return solved;
}

}  // namespace

TEST_CASE("the price at the implied vol is the price") {
    at_every_level([] {
        for (const Contract& contract : vanillas) {
            CAPTURE(contract.name);
            std::vector<Row> rows = some_rows(contract, 300);
            for (std::size_t i = 0; i < rows.size(); ++i) {  // of time value: what is in the money hides it
                rows[i].kind = rows[i].strike > rows[i].spot * std::exp((rows[i].rate - rows[i].carry) * rows[i].expiry) ? 1 : -1;
            }
            const Numbers price = values(contract, Greek::price, rows), vega = values(contract, Greek::vega, rows);
            const Solved solved = solve(contract, rows, price);
            CHECK(solved.faults.count == 0);
            for (std::size_t i = 0; i < rows.size(); ++i) {
                CHECK(solved.status[i] == Status::ok);
                Row there = rows[i];
                there.vol = solved.vol[i];
                const long double gap = std::abs(value_of(contract, there) - price[i]);
                CHECK(double(gap) <= 2e-15 * (price[i] + vega[i] * there.vol) + 1e-15 * size_of(contract, there) * 0.01);
                CHECK(solved.vol[i] == doctest::Approx(rows[i].vol).epsilon(1e-12));
            }
        }
    });
}

TEST_CASE("prices that have no vol, or one at the edge") {
    const Row call{1, 120, 100, 1, 0, 0, 0};
    at_every_level([&] {
        const std::vector<Row> rows(6, call);
        const Solved solved = solve(vanillas[0], rows, {20, 19.5, 120, 121, -1, std::numeric_limits<double>::quiet_NaN()});
        CHECK(solved.vol[0] == 0);
        CHECK(solved.status[0] == Status::ok);
        CHECK(solved.status[1] == Status::below_intrinsic);
        CHECK(std::isnan(solved.vol[1]));
        CHECK(solved.status[3] == Status::above_maximum);
        CHECK(std::isnan(solved.vol[3]));
        CHECK(solved.status[4] == Status::below_intrinsic);
        CHECK(solved.status[5] == Status::invalid_input);
        CHECK(std::isnan(solved.vol[5]));
        CHECK(solved.faults.count >= 1);
        const Solved coin = solve(vanillas[1], {call, call}, {20.0 / 120, 1.5});
        CHECK(coin.vol[0] == doctest::Approx(0).epsilon(1e-7));
        CHECK(coin.status[1] == Status::above_maximum);
    });
}

TEST_CASE("bad rows of implied vols") {
    std::vector<Row> rows = some_rows(vanillas[0], 300);
    const Numbers price = values(vanillas[0], Greek::price, rows);
    const Solved sound = solve(vanillas[0], rows, price);
    rows[130].strike = -infinity;
    rows[131].kind = 0;
    const Solved solved = solve(vanillas[0], rows, price, 3);
    CHECK(solved.faults.count == 2);
    CHECK(solved.faults.row == 130);
    CHECK(std::string(solved.faults.argument) == "strike");
    CHECK(solved.faults.value == -infinity);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const bool bad = i == 130 || i == 131;
        CHECK((solved.status[i] == Status::invalid_input) == bad);
        CHECK((bad ? std::isnan(solved.vol[i]) : solved.vol[i] == sound.vol[i]));
    }
}

TEST_CASE("the same implied vols for any threads") {
    const std::vector<Row> rows = some_rows(vanillas[1], 10007);
    const Numbers price = values(vanillas[1], Greek::price, rows);
    const Solved one = solve(vanillas[1], rows, price, 1);
    for (const int threads : {2, 5}) CHECK(same_bits(solve(vanillas[1], rows, price, threads).vol, one.vol));
}
