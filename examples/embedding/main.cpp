// Greeks and implied vols of a chain, and the sums of a large book on the host's own threads: main.c and client.py print the same.
#include <hedgecore/pricing.hpp>
#include <hedgecore/risk.hpp>

#include <cstdint>
#include <cstdio>
#include <thread>
#include <vector>

int main() {
    using namespace hedgecore;
    const std::int8_t kind[] = {1, -1, 1};
    const double strike[] = {60000, 65000, 70000}, vol[] = {0.625, 0.5, 0.5625};
    const double expiry = 0.125, forward = 66000;
    Options chain;
    chain.n = 3;
    chain.kind = {kind, 1};
    chain.strike = {strike, 1};
    chain.vol = {vol, 1};
    chain.expiry = {&expiry, 0};  // one for all
    chain.forward = {&forward, 0};
    chain.settlement = Settlement::inverse;
    double price[3], delta[3], implied[3];
    GreekOutputs outputs{};
    outputs[std::size_t(Greek::price)] = price;
    outputs[std::size_t(Greek::delta)] = delta;
    if (greeks(chain, outputs).count > 0) return 1;
    if (implied_vol(chain, {price, 1}, implied, nullptr).count > 0) return 1;
    for (int i = 0; i < 3; ++i) std::printf("%.17g %.17g %.17g\n", price[i], delta[i], implied[i]);

    constexpr std::size_t n = 20000;
    std::vector<double> strikes(n), quantity(n);
    for (std::size_t i = 0; i < n; ++i) {
        strikes[i] = 50 + double(i) / 256;
        quantity[i] = double(i % 7) - 3;
    }
    const double years = 0.25, spot = 100;
    const std::int8_t call = 1;
    const std::int32_t bucket = 0;
    Options book;
    book.n = n;
    book.kind = {&call, 0};
    book.strike = {strikes.data(), 1};
    book.expiry = {&years, 0};
    book.vol = {vol, 0};
    book.spot = {&spot, 0};
    std::vector<std::jthread> threads;
    set_executor([&threads](std::function<void()> work) { threads.emplace_back(std::move(work)); });
    const RiskTerm terms[] = {{Greek::delta, {quantity.data(), 1}}, {Greek::vega, {quantity.data(), 1}}};
    double sums[2];
    Execution on;
    on.threads = 4;
    if (greek_sums(book, terms, {&bucket, 0}, 1, sums, on).count > 0) return 1;
    std::printf("%.17g %.17g\n", sums[0], sums[1]);
    return threads.size() == 3 ? 0 : 1;
}
