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
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "hedgecore/build_info.hpp"
#include "same_bits/hedging.hpp"
#include "same_bits/math.hpp"
#include "same_bits/options.hpp"
#include "same_bits/paths.hpp"
#include "same_bits/scenarios.hpp"
#include "same_bits/surface.hpp"

namespace same_bits {

static void print_all() {
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

}  // namespace same_bits

int main(int argc, char** argv) {
    using namespace same_bits;
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
