// Options row by row for the unit tests: contracts, random rows, their values by the library and by the formulas in extended precision.
#pragma once

#include <cstddef>

#include "hedgecore/pricing.hpp"
#include "unit.hpp"

namespace unit {

struct Contract {
    const char* name;
    Settlement settlement = Settlement::linear;
    Model model = Model::black;
    Payoff payoff = Payoff::vanilla;
};

inline constexpr Contract contracts[] = {
    {"black linear", Settlement::linear},
    {"black inverse", Settlement::inverse},
    {"cash linear", Settlement::linear, Model::black, Payoff::cash_or_nothing},
    {"cash inverse", Settlement::inverse, Model::black, Payoff::cash_or_nothing},
    {"asset linear", Settlement::linear, Model::black, Payoff::asset_or_nothing},
    {"asset inverse", Settlement::inverse, Model::black, Payoff::asset_or_nothing},
    {"bachelier linear", Settlement::linear, Model::bachelier},
    {"bachelier inverse", Settlement::inverse, Model::bachelier},
};

struct Row {
    std::int8_t kind;
    double spot, strike, expiry, vol, rate, carry;
};

// Vols are of the underlying's size under Bachelier.
inline std::vector<Row> some_rows(const Contract& contract, std::size_t n) {
    inputs::Source source(3);
    std::vector<Row> rows(n);
    for (Row& row : rows) {
        row.kind = source.sign() > 0 ? 1 : -1;
        row.spot = source.uniform(50, 200);
        row.expiry = source.uniform(0.1, 2);
        row.vol = source.uniform(0.2, 1);
        row.strike = row.spot * std::exp(source.uniform(-1, 1) * row.vol * std::sqrt(row.expiry));
        row.rate = source.uniform(-0.1, 0.2);
        row.carry = source.uniform(-0.1, 0.2);
        if (contract.model == Model::bachelier) row.vol *= row.spot;
    }
    return rows;
}

// Rows as columns that lie in them: what strides are for. In forward form the spot is the forward, discounted at the rate.
class Columns {
public:
    Columns(const Contract& contract, const std::vector<Row>& rows, bool forward_form) : discount_(rows.size()) {
        options.n = rows.size();
        options.settlement = contract.settlement;
        options.model = contract.model;
        options.payoff = contract.payoff;
        if (rows.empty()) return;
        options.kind = {&rows[0].kind, sizeof(Row)};
        const auto column_of = [&](double Row::* member) { return Column<double>{&(rows[0].*member), sizeof(Row) / sizeof(double)}; };
        options.strike = column_of(&Row::strike);
        options.expiry = column_of(&Row::expiry);
        options.vol = column_of(&Row::vol);
        if (forward_form) {
            for (std::size_t i = 0; i < rows.size(); ++i) discount_[i] = std::exp(-rows[i].rate * rows[i].expiry);
            options.forward = column_of(&Row::spot);
            options.discount = column(discount_);
        } else {
            options.spot = column_of(&Row::spot);
            options.rate = column_of(&Row::rate);
            options.carry = column_of(&Row::carry);
        }
    }
    Columns(const Columns&) = delete;
    Columns& operator=(const Columns&) = delete;

    Options options;

private:
    Numbers discount_;
};

// A Greek of every row.
inline Numbers values(const Contract& contract, Greek greek, const std::vector<Row>& rows, bool forward_form = false, int threads = 1,
                      Faults* faults = nullptr) {
    const Columns columns(contract, rows, forward_form);
    Numbers result(rows.size());
    GreekOutputs outputs{};
    outputs[std::size_t(greek)] = result.data();
    const Faults found = greeks(columns.options, outputs, on_threads(threads));
    if (faults) {
        *faults = found;
    } else {
        REQUIRE(found.count == 0);
    }
    return result;
}

// The price by the formula of the textbook.
inline long double value_of(const Contract& contract, const Row& row) {
    using L = long double;
    const L t = row.expiry, u = row.spot * std::exp(-row.carry * t), bond = std::exp(-row.rate * t), b = row.strike * bond;
    const L w = row.kind, deviation = row.vol * std::sqrt(t);
    const L unit = contract.settlement == Settlement::inverse ? row.spot : 1.0;
    if (contract.model == Model::bachelier) {
        const L d = (u - b) / (bond * deviation);
        return (w * (u - b) * cdf(w * d) + bond * deviation * density(d)) / unit;
    }
    const L d1 = std::log(u / b) / deviation + deviation / 2, d2 = d1 - deviation;
    switch (contract.payoff) {
        case Payoff::cash_or_nothing: return bond * cdf(w * d2) / unit;
        case Payoff::asset_or_nothing: return u * cdf(w * d1) / unit;
        default: return w * (u * cdf(w * d1) - b * cdf(w * d2)) / unit;
    }
}

// What rounding is measured by: the amounts that the price is made of.
inline double size_of(const Contract& contract, const Row& row) {
    const double unit = contract.settlement == Settlement::inverse ? row.spot : 1.0, bond = std::exp(-row.rate * row.expiry);
    if (contract.payoff == Payoff::cash_or_nothing) return bond / unit;
    return (row.spot * std::exp(-row.carry * row.expiry) + row.strike * bond) / unit;
}

}  // namespace unit
