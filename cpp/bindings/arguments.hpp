// Python arguments to columns of the core: scalars stay scalars, float64 arrays are used where they lie.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hedgecore/pricing.hpp"
#include "pybind.hpp"

namespace hedgecore::bindings {

// The common length of the arguments of a call: the arrays that are longer than one row (or empty) must agree.
struct Rows {
    std::size_t n = 1;
    bool any_array = false;  // else the results are plain numbers
    std::string namesake;    // the argument that set n

    void add(const py::array& array, const char* name);
};

// Of the very type ndarray, without what subclasses add (masks).
bool is_plain_array(py::handle value);

// The bytes an array lies in, by name: results must not be written over arguments.
struct Extent {
    const char *name, *begin, *end;

    static Extent of(const char* name, const py::array& array);
};

// A column with what keeps it alive. The addresses stay valid only while the object is not moved.
template <class T>
class Argument {
public:
    Argument() = default;
    Argument(const Argument&) = delete;
    Argument& operator=(const Argument&) = delete;

    Column<T> column() const {
        if (!given_) return {};
        if (!array_) return {&scalar_, 0};
        return {static_cast<const T*>(array_->data()),
                array_->size() == 1 ? 0 : array_->strides(0) / static_cast<py::ssize_t>(sizeof(T))};
    }

    void add_extent(const char* name, std::vector<Extent>& extents) const {
        if (array_) extents.push_back(Extent::of(name, *array_));
    }

protected:
    bool given_ = false;
    T scalar_{};
    std::optional<py::array> array_;
};

// float64 numbers. None is an argument that was not given.
class Numbers : public Argument<double> {
public:
    Numbers(py::handle value, const char* name, Rows& rows);
};

// Calls and puts: +1/-1, True/False, "call"/"put", "C"/"P", alone or in an array. In arrays of text a word that is neither
// is an error, or the invalid kind 0 where invalid_as_zero.
class Kinds : public Argument<std::int8_t> {
public:
    Kinds(py::handle value, bool invalid_as_zero, Rows& rows);
};

// The threads= argument: None is the default of the process.
Execution execution_of(py::handle threads);

// model= and payoff=; any other name is a ValueError.
Model model_of(std::string_view name);
Payoff payoff_of(std::string_view name);

bool raises(std::string_view errors);  // errors="raise" or "nan"; anything else is a ValueError

// Throws ValueError for the rows that could not be valued.
void raise_faults(const Faults& faults, bool scalar);

// The arguments that describe options, shared by everything that prices them, in the order of the Python functions.
struct OptionArguments {
    Rows rows;
    bool raise;
    Kinds kind;
    Numbers strike, expiry, forward, spot, discount, rate, carry;
    Settlement settlement;
    Model model;
    Payoff payoff;

    OptionArguments(py::handle kind_, py::handle strike_, py::handle expiry_, py::handle forward_, py::handle spot_,
                    py::handle discount_, py::handle rate_, py::handle carry_, std::string_view settlement_,
                    std::string_view errors, std::string_view model_ = "black",
                    std::string_view payoff_ = "vanilla")
        : raise(raises(errors)),
          kind(kind_, !raise, rows),
          strike(strike_, "strike", rows),
          expiry(expiry_, "expiry", rows),
          forward(forward_, "forward", rows),
          spot(spot_, "spot", rows),
          discount(discount_, "discount", rows),
          rate(rate_, "rate", rows),
          carry(carry_, "carry", rows),
          settlement(settlement_ == "inverse" ? Settlement::inverse : Settlement::linear),
          model(model_of(model_)),
          payoff(payoff_of(payoff_)) {
        if (settlement_ != "linear" && settlement_ != "inverse") {
            throw py::value_error("settlement must be 'linear' or 'inverse', not '" + std::string(settlement_) + "'");
        }
        require(strike, "strike");
        require(expiry, "expiry");
    }

    static void require(const Numbers& numbers, const char* name) {
        if (!numbers.column()) throw py::type_error(std::string(name) + " must be given");
    }

    std::vector<Extent> extents() const {
        std::vector<Extent> all;
        kind.add_extent("kind", all);
        strike.add_extent("strike", all);
        expiry.add_extent("expiry", all);
        forward.add_extent("forward", all);
        spot.add_extent("spot", all);
        discount.add_extent("discount", all);
        rate.add_extent("rate", all);
        carry.add_extent("carry", all);
        return all;
    }

    Options options() const {
        Options options;
        options.n = rows.n;
        options.kind = kind.column();
        options.strike = strike.column();
        options.expiry = expiry.column();
        options.forward = forward.column();
        options.discount = discount.column();
        options.spot = spot.column();
        options.rate = rate.column();
        options.carry = carry.column();
        options.settlement = settlement;
        options.model = model;
        options.payoff = payoff;
        return options;
    }
};

}  // namespace hedgecore::bindings
