#include "hedgecore/pricing.hpp"

#include "arguments.hpp"

namespace hedgecore::bindings {
namespace {

// One allocation for all columns. Their starts are staggered modulo 4 KiB: columns that begin at the same offset within
// a page evict each other from the L1 cache while they are written together.
class ResultColumns {
public:
    ResultColumns(std::size_t columns, std::size_t n) : n_(n), stride_((n + 7) / 8 * 8) {
        if (n >= 512) stride_ += (576 + 4096 - stride_ * 8 % 4096) % 4096 / 8;
        memory_ = py::array_t<double>(static_cast<py::ssize_t>(columns * stride_));
        data_ = memory_.mutable_data();
    }
    double* column(std::size_t j) const { return data_ + j * stride_; }
    py::object result(std::size_t j, bool scalar) const {
        if (scalar) return py::float_(*column(j));
        return py::array_t<double>(static_cast<py::ssize_t>(n_), column(j), memory_);
    }

private:
    std::size_t n_, stride_;
    py::array_t<double> memory_;
    double* data_;
};

py::tuple greeks_of(py::handle kind, py::handle strike, py::handle expiry, py::handle vol, py::handle forward,
                    py::handle spot, py::handle discount, py::handle rate, py::handle carry,
                    std::string_view settlement, std::string_view model, std::string_view payoff, std::uint32_t which,
                    std::string_view errors, py::handle threads) {
    OptionArguments arguments(kind, strike, expiry, forward, spot, discount, rate, carry, settlement, errors, model,
                              payoff);
    const Numbers vols(vol, "vol", arguments.rows);
    OptionArguments::require(vols, "vol");
    Options options = arguments.options();
    options.vol = vols.column();
    const Execution execution = execution_of(threads);

    std::size_t wanted = 0;
    for (std::size_t g = 0; g < greek_count; ++g) wanted += which >> g & 1U;
    const ResultColumns columns(wanted, options.n);
    GreekOutputs outputs{};
    std::size_t j = 0;
    for (std::size_t g = 0; g < greek_count; ++g) {
        if (which >> g & 1U) outputs[g] = columns.column(j++);
    }
    Faults faults;
    {
        const py::gil_scoped_release release;
        faults = greeks(options, outputs, execution);
    }
    const bool scalar = !arguments.rows.any_array;
    if (arguments.raise) raise_faults(faults, scalar);
    py::tuple result(wanted);
    for (std::size_t k = 0; k < wanted; ++k) result[k] = columns.result(k, scalar);
    return result;
}

py::tuple implied_vol_of(py::handle price, py::handle kind, py::handle strike, py::handle expiry, py::handle forward,
                         py::handle spot, py::handle discount, py::handle rate, py::handle carry,
                         std::string_view settlement, std::string_view model, std::string_view payoff,
                         std::string_view errors, py::handle threads) {
    OptionArguments arguments(kind, strike, expiry, forward, spot, discount, rate, carry, settlement, errors, model,
                              payoff);
    const Numbers prices(price, "price", arguments.rows);
    OptionArguments::require(prices, "price");
    const Options options = arguments.options();
    const Execution execution = execution_of(threads);

    const ResultColumns columns(1, options.n);
    py::array_t<std::int8_t> status(static_cast<py::ssize_t>(options.n));
    auto* status_data = reinterpret_cast<Status*>(status.mutable_data());
    Faults faults;
    {
        const py::gil_scoped_release release;
        faults = implied_vol(options, prices.column(), columns.column(0), status_data, execution);
    }
    const bool scalar = !arguments.rows.any_array;
    if (arguments.raise) raise_faults(faults, scalar);
    py::object status_result = status;
    if (scalar) status_result = py::int_(static_cast<int>(*status_data));
    return py::make_tuple(columns.result(0, scalar), status_result);
}

}  // namespace

void bind_pricing(py::module_& m) {
    py::list names;
    for (const char* name : greek_names) names.append(name);
    m.attr("greek_names") = py::tuple(names);

    m.def("greeks", &greeks_of, py::arg("kind"), py::arg("strike"), py::arg("expiry"), py::arg("vol"),
          py::arg("forward"), py::arg("spot"), py::arg("discount"), py::arg("rate"), py::arg("carry"),
          py::arg("settlement"), py::arg("model"), py::arg("payoff"), py::arg("which"), py::arg("errors"), py::arg("threads"),
          "The Greeks whose bits are set in `which` (bit i: greek_names[i]), in that order.");
    m.def("implied_vol", &implied_vol_of, py::arg("price"), py::arg("kind"), py::arg("strike"), py::arg("expiry"),
          py::arg("forward"), py::arg("spot"), py::arg("discount"), py::arg("rate"), py::arg("carry"),
          py::arg("settlement"), py::arg("model"), py::arg("payoff"), py::arg("errors"), py::arg("threads"), "Implied vols and their status codes.");
}

}  // namespace hedgecore::bindings
