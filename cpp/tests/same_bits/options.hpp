// Options: every Greek of each contract and form, implied vols, sums of books.
#pragma once

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <vector>

#include "hedgecore/risk.hpp"
#include "lines.hpp"

namespace same_bits {

inline Options part(const Options& all, std::size_t begin, std::size_t end) {
    Options some = all;
    some.n = end - begin;
    some.kind = from(all.kind, begin);
    for (const auto column : {&Options::strike, &Options::expiry, &Options::vol, &Options::forward, &Options::discount,
                              &Options::spot, &Options::rate, &Options::carry}) {
        some.*column = from(all.*column, begin);
    }
    return some;
}

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

inline const Table table(20261122);

// Contracts: what is set on the options. A new closed form is one line here.
struct Contract {
    const char* name;
    void (*set)(Options&);
};
inline const Contract contracts[] = {
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
inline const Form forms[] = {
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

inline bool is_defined(Options options, std::size_t greek) {
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
inline void print_greeks(const std::string& name, const Options& options) {
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

inline void print_implied_vol(const std::string& name, const Options& options, Column<double> price) {
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
inline void print_greek_sums(const std::string& name, const Options& options) {
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

}  // namespace same_bits
