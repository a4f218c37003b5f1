// Prices, Greeks and implied vols of any options: levels agree, rows know nothing of their neighbours, results are sane.
//
// Bytes: what the options are, how the columns lie, then row after row.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <stdexcept>

#include "bytes.hpp"
#include "dispatch/kernels.hpp"
#include "hedgecore/build_info.hpp"
#include "hedgecore/pricing.hpp"

namespace {

using namespace hedgecore;
using fuzz::broken;
using fuzz::Bytes;
using fuzz::text;

enum Input { strike, expiry, vol, underlying, discount_or_rate, carry, price, inputs };

struct Row {
    std::int8_t kind;
    std::array<double, inputs> value;
};

struct Contract {
    Settlement settlement;
    Model model;
    Payoff payoff;
    int form;  // forward, discounted forward, spot, spot with rates
};

Contract contract_of(Bytes& bytes) {
    Contract c{};
    c.settlement = Settlement(bytes.below(2));
    c.form = int(bytes.below(4));
    const std::size_t which = bytes.below(4);
    c.model = which == 1 ? Model::bachelier : Model::black;
    if (which > 1) c.payoff = Payoff(which - 1);
    return c;
}

Row row_of(Bytes& bytes, const Contract& c) {
    Row row{};
    const std::uint8_t kind = bytes.byte();
    row.kind = kind < 240 ? (kind % 2 ? 1 : -1) : std::int8_t(bytes.byte());
    const bool normal = c.model == Model::bachelier;
    row.value[underlying] = normal ? bytes.number(-100, 200) : bytes.number(50, 200);
    row.value[strike] = normal ? bytes.number(-100, 200) : bytes.number(50, 200);
    row.value[expiry] = bytes.number(0, 3);
    row.value[vol] = normal ? bytes.number(0, 100) : bytes.number(0, 3);
    row.value[discount_or_rate] = c.form == 1 ? bytes.number(0.5, 1) : bytes.number(-0.25, 0.25);
    row.value[carry] = bytes.number(-0.25, 0.25);
    row.value[price] = bytes.number(0, 100);
    return row;
}

// Columns that lie as said: one value for all rows (stride 0), next to each other, or apart, forwards or backwards.
class Columns {
public:
    Columns(const std::vector<Row>& rows, const Contract& contract, std::ptrdiff_t stride) : contract_(contract) {
        const std::size_t n = rows.size(), step = std::size_t(std::abs(stride)), length = std::max<std::size_t>(n * step, 1);
        kinds_.assign(length, 7);
        for (auto& column : values_) column.assign(length, 7.0);
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t at = stride < 0 ? (n - 1 - i) * step : i * step;
            kinds_[at] = rows[i].kind;
            for (std::size_t k = 0; k < inputs; ++k) values_[k][at] = rows[i].value[k];
        }
        stride_ = stride;
        start_ = stride < 0 ? (n - 1) * step : 0;
        n_ = n;
    }

    Column<double> column(Input which) const { return {values_[which].data() + start_, stride_}; }

    Options options() const {
        Options o;
        o.n = n_;
        o.settlement = contract_.settlement;
        o.model = contract_.model;
        o.payoff = contract_.payoff;
        o.kind = {kinds_.data() + start_, stride_};
        o.strike = column(strike);
        o.expiry = column(expiry);
        o.vol = column(vol);
        (contract_.form < 2 ? o.forward : o.spot) = column(underlying);
        if (contract_.form == 1) o.discount = column(discount_or_rate);
        if (contract_.form == 3) o.rate = column(discount_or_rate), o.carry = column(carry);
        return o;
    }

private:
    Contract contract_;
    std::vector<std::int8_t> kinds_;
    std::array<std::vector<double>, inputs> values_;
    std::ptrdiff_t stride_ = 1;
    std::size_t start_ = 0, n_ = 0;
};

bool has(const Contract& c, Greek greek) {
    if (greek == Greek::phi) return c.form >= 2;
    return c.settlement == Settlement::inverse || (greek != Greek::black_delta && greek != Greek::black_gamma);
}

struct Results {
    std::array<std::vector<double>, greek_count> greek;
    Faults faults;
    std::vector<double> implied;
    std::vector<Status> status;
    Faults implied_faults;

    double of(Greek g, std::size_t i) const { return greek[std::size_t(g)][i]; }
};

Results compute(const Columns& columns, const Contract& c) {
    const Options options = columns.options();
    Results r;
    GreekOutputs out{};
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (!has(c, Greek(g))) continue;
        r.greek[g].assign(options.n, -7.0);
        out[g] = r.greek[g].data();
    }
    r.faults = greeks(options, out, {1, {}});
    if (c.payoff == Payoff::vanilla) {
        r.implied.assign(options.n, -7.0);
        r.status.assign(options.n, Status::ok);
        r.implied_faults = implied_vol(options, columns.column(price), r.implied.data(), r.status.data(), {1, {}});
    }
    return r;
}

void check_equal(const Results& a, const Results& b, const std::string& what) {
    for (std::size_t g = 0; g < greek_count; ++g) fuzz::check_same(a.greek[g], b.greek[g], what + ": " + greek_names[g]);
    fuzz::check_same(a.implied, b.implied, what + ": implied vol");
    if (a.status != b.status) broken(what + ": status");
    if (a.faults.count != b.faults.count || a.implied_faults.count != b.implied_faults.count) broken(what + ": faults");
}

std::string show(const Row& row) {
    constexpr const char* names[inputs] = {"strike", "expiry", "vol", "underlying", "discount or rate", "carry", "price"};
    std::string all = "kind " + std::to_string(row.kind);
    for (std::size_t k = 0; k < inputs; ++k) all += std::string(", ") + names[k] + " " + text(row.value[k]);
    return all;
}

// Greeks of this size and smaller are made of amounts that neither over- nor underflow.
bool is_moderate(const Row& row) {
    for (const double x : row.value) {
        if (x != 0.0 && !(std::fabs(x) > 1e-12 && std::fabs(x) < 1e12)) return false;
    }
    return true;
}

// One row, computed alone: what is reported is NaN and nothing else is, a price is within the bounds of no arbitrage.
void check_row(const Results& r, const Row& row, const Contract& c) {
    const auto fail = [&](const std::string& what) { broken(what + " (" + show(row) + ")"); };
    const bool faulty = r.faults.count > 0;
    if (faulty && (!r.faults.argument || !r.faults.demand || r.faults.count != 1 || r.faults.row != 0)) fail("incomplete fault");
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (!has(c, Greek(g))) continue;
        const double value = r.greek[g][0];
        if (faulty && !std::isnan(value)) fail(std::string(greek_names[g]) + " of a faulty row is " + text(value));
        if (!faulty && is_moderate(row) && std::isnan(value)) fail(std::string(greek_names[g]) + " of a good row is NaN");
    }
    const double value = r.of(Greek::price, 0);
    if (!faulty) {
        const double x = row.value[underlying], coin = c.settlement == Settlement::inverse ? x : 1.0;
        if (!(value >= 0.0)) fail("price " + text(value));
        // the largest value of a call, or an asset, is the underlying's, of a put, or cash, the strike's
        if (c.model == Model::black && c.form == 0 && coin > 0.0) {
            const bool call = row.kind == 1, cash = c.payoff == Payoff::cash_or_nothing, asset = c.payoff == Payoff::asset_or_nothing;
            const double k = row.value[strike];
            const double most = (cash ? 1.0 : (asset || call ? x : k)) / coin;
            const double least = c.payoff == Payoff::vanilla ? std::fmax(call ? x - k : k - x, 0.0) / coin : 0.0;
            const double slack = 1e-15 * (x + k) / coin + 1e-300;
            if (value > most * (1.0 + 1e-15) + 1e-300) fail("price " + text(value) + " above " + text(most));
            if (value < least - slack) fail("price " + text(value) + " below " + text(least));
        }
    }
    if (r.implied.empty()) return;
    const bool ok = r.status[0] == Status::ok;
    if (ok != (r.implied_faults.count == 0)) fail("status and faults of the implied vol");
    if (ok != !std::isnan(r.implied[0])) fail("status and implied vol " + text(r.implied[0]));
    if (ok && !(r.implied[0] >= 0.0)) fail("implied vol " + text(r.implied[0]));
}

// The price at the implied vol is the price, but for what the rounding of the vol and of the price make.
void check_round_trip(const Results& r, Row row, const Contract& c) {
    if (r.implied.empty() || r.status[0] != Status::ok || !is_moderate(row)) return;
    const double wanted = row.value[price];
    row.value[vol] = r.implied[0];
    const Results again = compute(Columns({row}, c, 1), c);
    if (again.faults.count > 0) broken("the implied vol is outside the domain: " + show(row));
    const double scale = (std::fabs(row.value[underlying]) + std::fabs(row.value[strike])) / (c.settlement == Settlement::inverse ? row.value[underlying] : 1.0);
    const double growth = c.form == 3 ? std::exp((std::fabs(row.value[discount_or_rate]) + std::fabs(row.value[carry])) * row.value[expiry]) : 1.0;
    const double discount = c.form == 1 ? row.value[discount_or_rate] : 1.0;
    const double vega = again.of(Greek::vega, 0) * r.implied[0];
    const double allowed = 1e-12 * (vega + wanted) + 4e-15 * scale * growth * std::fmax(discount, 1.0);
    if (!(std::fabs(again.of(Greek::price, 0) - wanted) <= allowed)) {
        broken("the price at the implied vol is " + text(again.of(Greek::price, 0)) + ", allowed " + text(allowed) + ": " + show(row));
    }
}

// Levels with and without fused multiply-add: each within the bound of docs/numerics.md, 8 (kappa + 1) half-ulps.
void check_within_bounds(const Results& a, const Results& b, const std::vector<Row>& rows, const Contract& c) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double p = a.of(Greek::price, i), q = b.of(Greek::price, i);
        if (!is_moderate(rows[i]) || !(p > 1e-290 && p < 1e290)) continue;
        const Row& row = rows[i];
        const auto part = [&](Greek g, double x) { return has(c, g) && x != 0.0 ? std::fabs(a.of(g, i) * x) : 0.0; };
        const double by_vol = part(Greek::vega, row.value[vol]);
        double kappa = part(Greek::delta, row.value[underlying]) + part(Greek::dual_delta, row.value[strike]) + 1.5 * by_vol;
        if (c.form == 1) kappa += p;
        if (c.form == 3) kappa += 2.0 * (part(Greek::rho, row.value[discount_or_rate]) + part(Greek::phi, row.value[carry]));
        const double allowed = 2.0 * 8.0 * (kappa + p) * 0x1p-53 + 1e-305;
        if (!(std::fabs(p - q) <= allowed)) {
            broken("prices of two levels, " + text(p) + " and " + text(q) + ", allowed " + text(allowed) + ": " + show(row));
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<std::string> levels = available_levels();
    Bytes bytes(data, size);
    const Contract contract = contract_of(bytes);
    constexpr std::ptrdiff_t strides[] = {1, 1, 2, -1, -3, 0};
    const std::ptrdiff_t stride = strides[bytes.below(6)];
    const std::size_t n = 1 + bytes.below(150);
    std::vector<Row> distinct, rows;
    do distinct.push_back(row_of(bytes, contract));
    while (stride != 0 && !bytes.empty() && distinct.size() < n);
    for (std::size_t i = 0; i < n; ++i) rows.push_back(distinct[i % distinct.size()]);

    const Columns columns(rows, contract, stride);
    std::optional<Results> fused, plain;
    for (const std::string& level : levels) {
        use_level(level);
        const Results all = compute(columns, contract);
        std::size_t faults = 0, implied_faults = 0;
        std::vector<Results> alone;
        for (const Row& row : distinct) alone.push_back(compute(Columns({row}, contract, 1), contract));
        for (std::size_t i = 0; i < n; ++i) {
            const Results& one = alone[i % distinct.size()];
            for (std::size_t g = 0; g < greek_count; ++g) {
                if (!has(contract, Greek(g)) || fuzz::same(all.greek[g][i], one.greek[g][0])) continue;
                broken(level + ": row " + std::to_string(i) + " alone has another " + greek_names[g] + ": " + text(one.greek[g][0]) +
                       ", not " + text(all.greek[g][i]) + " (" + show(rows[i]) + ")");
            }
            if (!all.implied.empty() && (!fuzz::same(all.implied[i], one.implied[0]) || all.status[i] != one.status[0])) {
                broken(level + ": row " + std::to_string(i) + " alone has another implied vol (" + show(rows[i]) + ")");
            }
            if (one.faults.count > 0 && faults == 0 && all.faults.row != i) broken("the first faulty row is " + std::to_string(i));
            faults += one.faults.count;
            implied_faults += one.implied_faults.count;
        }
        if (faults != all.faults.count || implied_faults != all.implied_faults.count) broken("the number of faults");
        for (std::size_t i = 0; i < distinct.size(); ++i) {
            check_row(alone[i], distinct[i], contract);
            check_round_trip(alone[i], distinct[i], contract);
        }
        std::optional<Results>& other = level == "v2" ? plain : fused;
        if (other) check_equal(*other, all, "another level than " + level);
        else other = all;
    }
    if (fused && plain) check_within_bounds(*fused, *plain, rows, contract);
    return 0;
}
