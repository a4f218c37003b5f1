#include "hedgecore/pricing.hpp"

#include "direct.hpp"
#include "gil.hpp"
#include "results.hpp"

namespace hedgecore::bindings {
namespace {

py::dict greeks_of(py::handle kind, py::handle strike, py::handle expiry, py::handle vol, py::handle forward,
                   py::handle spot, py::handle discount, py::handle rate, py::handle carry, std::string_view settlement,
                   std::string_view model, std::string_view payoff, py::bytes which, py::tuple names,
                   std::string_view errors, py::handle threads, py::handle out) {
    OptionArguments arguments(kind, strike, expiry, forward, spot, discount, rate, carry, settlement, errors, model,
                              payoff);
    const Numbers vols(vol, "vol", arguments.rows);
    OptionArguments::require(vols, "vol");
    Options options = arguments.options();
    options.vol = vols.column();
    const Execution execution = execution_of(threads);

    std::vector<Extent> extents;
    if (!out.is_none()) {
        extents = arguments.extents();
        vols.add_extent("vol", extents);
    }
    Results results(names, arguments.rows, out, std::move(extents));
    const auto numbers = static_cast<std::string_view>(which);
    if (numbers.size() != names.size()) throw py::value_error("which and names must be of one length");
    GreekOutputs outputs{};
    for (std::size_t j = 0; j < numbers.size(); ++j) {
        if (std::size_t(numbers[j]) >= greek_count) throw py::value_error("unknown Greek");
        double*& output = outputs[std::size_t(numbers[j])];
        if (output) throw py::value_error("a Greek is asked for twice");
        output = results.column(j);
    }
    Faults faults;
    {
        const ReleasedGil released;
        faults = greeks(options, outputs, execution);
    }
    if (arguments.raise) raise_faults(faults, !arguments.rows.any_array);
    py::dict columns;
    for (std::size_t j = 0; j < results.size(); ++j) {
        const py::object column = results.object(j);
        if (PyDict_SetItem(columns.ptr(), PyTuple_GET_ITEM(names.ptr(), static_cast<Py_ssize_t>(j)), column.ptr()) != 0) {
            throw py::error_already_set();
        }
    }
    return columns;
}

py::tuple implied_vol_of(py::handle price, py::handle kind, py::handle strike, py::handle expiry, py::handle forward,
                         py::handle spot, py::handle discount, py::handle rate, py::handle carry,
                         std::string_view settlement, std::string_view model, std::string_view payoff,
                         std::string_view errors, py::handle threads, py::handle out, bool wants_status) {
    OptionArguments arguments(kind, strike, expiry, forward, spot, discount, rate, carry, settlement, errors, model,
                              payoff);
    const Numbers prices(price, "price", arguments.rows);
    OptionArguments::require(prices, "price");
    const Options options = arguments.options();
    const Execution execution = execution_of(threads);

    std::vector<Extent> extents;
    if (!out.is_none()) {
        extents = arguments.extents();
        prices.add_extent("price", extents);
    }
    static const py::handle names = py::make_tuple("vol").release();
    Results results(py::reinterpret_borrow<py::tuple>(names), arguments.rows, out, std::move(extents));
    py::array_t<std::int8_t> status(static_cast<py::ssize_t>(wants_status ? options.n : 0));
    auto* status_data = wants_status ? reinterpret_cast<Status*>(status.mutable_data()) : nullptr;
    Faults faults;
    {
        const ReleasedGil released;
        faults = implied_vol(options, prices.column(), results.column(0), status_data, execution);
    }
    const bool scalar = !arguments.rows.any_array;
    if (arguments.raise) raise_faults(faults, scalar);
    py::object codes = py::none();
    if (wants_status) codes = scalar ? py::object(py::int_(static_cast<int>(*status_data))) : py::object(status);
    return py::make_tuple(results.object(0), codes);
}

}  // namespace

void bind_pricing(py::module_& m) {
    py::list names;
    for (const char* name : greek_names) names.append(name);
    m.attr("greek_names") = py::tuple(names);

    define_direct<&greeks_of>(m, "greeks",
                              "greeks(kind, strike, expiry, vol, forward, spot, discount, rate, carry, settlement, model, payoff, "
                              "which, names, errors, threads, out, /)\n--\n\n"
                              "A dict of the Greeks whose numbers (places in greek_names) are the bytes of `which`.");
    define_direct<&implied_vol_of>(m, "implied_vol",
                                   "implied_vol(price, kind, strike, expiry, forward, spot, discount, rate, carry, settlement, "
                                   "model, payoff, errors, threads, out, wants_status, /)\n--\n\n"
                                   "Implied vols and, if wanted, their status codes.");
}

}  // namespace hedgecore::bindings
