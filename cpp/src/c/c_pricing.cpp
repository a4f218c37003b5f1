// The plain C face of prices, Greeks and implied vols: converts and calls.
#include "c_interface.hpp"

using namespace hedgecore;
using namespace hedgecore::c_interface;

namespace hedgecore::c_interface {

Column<double> column_of(const hc_column& given, const std::string& name, std::size_t n) {
    if (n > 0 && !given.data) throw std::invalid_argument(name + " must not be null");
    return {given.data, given.stride};
}

Greek greek_of(const hc_greek* given, std::size_t j, std::size_t n) {
    return chosen<Greek>(required(given, "greek", n)[j], HC_BLACK_GAMMA, "greek[" + std::to_string(j) + "]");
}

// All but the vols, which implied_vol does not read.
Options options_of(const hc_options* given) {
    const hc_options o = read(given, "hc_options");
    Options options;
    options.n = o.n;
    options.settlement = flag(o.coin_settled, "hc_options.coin_settled") ? Settlement::inverse : Settlement::linear;
    options.model = chosen<Model>(o.model, HC_BACHELIER, "hc_options.model");
    options.payoff = chosen<Payoff>(o.payoff, HC_ASSET_OR_NOTHING, "hc_options.payoff");
    options.kind = {required(o.kind, "kind", o.n), o.kind_stride};
    options.strike = column_of(o.strike, "strike", o.n);
    options.expiry = column_of(o.expiry, "expiry", o.n);
    const auto optional = [](const hc_column& column) { return Column<double>{column.data, column.stride}; };
    options.vol = optional(o.vol);
    options.forward = optional(o.forward);
    options.discount = optional(o.discount);
    options.spot = optional(o.spot);
    options.rate = optional(o.rate);
    options.carry = optional(o.carry);
    return options;
}

}  // namespace hedgecore::c_interface

namespace {

static_assert(std::size_t(HC_BLACK_GAMMA) + 1 == greek_count && int(HC_BLACK_GAMMA) == int(Greek::black_gamma) &&
              int(HC_DUAL_GAMMA) == int(Greek::dual_gamma));
static_assert(sizeof(Status) == sizeof(int8_t) && int(HC_VOL_INVALID_INPUT) == int(Status::invalid_input));

}  // namespace

extern "C" {

hc_status hc_greeks(const hc_options* given_options, size_t greeks, const hc_greek* greek, double* const* out,
                    const hc_execution* execution, hc_faults* faults) {
    return guarded([&] {
        const Options options = valued_options_of(given_options);
        double nothing = 0;  // what an output of no rows points to
        GreekOutputs outputs{};
        for (std::size_t j = 0; j < greeks; ++j) {
            const std::string name = "[" + std::to_string(j) + "]";
            double*& output = outputs[std::size_t(greek_of(greek, j, greeks))];
            if (output) throw std::invalid_argument("greek" + name + " = " + std::to_string(int(greek[j])) + " is asked for twice");
            output = required(out, "out", greeks)[j];
            if (!output && options.n > 0) throw std::invalid_argument("out" + name + " must not be null");
            if (!output) output = &nothing;
        }
        return report(hedgecore::greeks(options, outputs, execution_of(execution)), faults);
    });
}

hc_status hc_implied_vol(const hc_options* given_options, const hc_column* price, double* vol, int8_t* vol_status,
                         const hc_execution* execution, hc_faults* faults) {
    return guarded([&] {
        const Options options = options_of(given_options);
        const Column<double> prices = column_of(*required(price, "price", 1), "price", options.n);
        if (options.n > 0 && !vol) throw std::invalid_argument("vol must not be null");
        return report(implied_vol(options, prices, vol, reinterpret_cast<Status*>(vol_status), execution_of(execution)), faults);
    });
}

}  // extern "C"
