#include "hedgecore/hedging.hpp"

#include <algorithm>

#include "arguments.hpp"
#include "gil.hpp"
#include "path_arguments.hpp"

namespace hedgecore::bindings {
namespace {

template <class T>
T chosen_of(const py::dict& values, const char* name, std::initializer_list<const char*> words) {
    const auto word = entry<std::string>(values, name);
    int k = 0;
    for (const char* candidate : words) {
        if (word == candidate) return T(k);
        ++k;
    }
    throw py::value_error(std::string(name) + " = '" + word + "' is unknown");
}

HedgeRatio ratio_of(const py::dict& values) {
    HedgeRatio r;
    r.kind = chosen_of<RatioKind>(values, "kind", {"black", "scaled_vol", "smile", "hull_white", "stochastic_vol"});
    for (const auto& [name, number] : {std::pair{"vol_scale", &r.vol_scale}, std::pair{"stickiness", &r.stickiness},
                                       std::pair{"covariance", &r.covariance}, std::pair{"reversion", &r.reversion}}) {
        if (values.contains(name)) *number = entry<double>(values, name);
    }
    for (const auto& [name, numbers] : {std::pair{"call", r.call}, std::pair{"put", r.put}}) {
        if (!values.contains(name)) continue;
        const auto given = entry<std::vector<double>>(values, name);
        if (given.size() != 3) throw py::value_error(std::string(name) + " must be three numbers");
        std::copy_n(given.begin(), 3, numbers);
    }
    return r;
}

HedgePolicy policy_of(const py::dict& values) {
    HedgePolicy p;
    for (const auto& item : values) {  // a name that is not one of these is a mistake of the package
        const auto name = item.first.cast<std::string>();
        const char* key = name.c_str();
        if (name == "trigger") p.trigger = chosen_of<Trigger>(values, key, {"deviation", "move", "interval"});
        else if (name == "centre") p.centre = chosen_of<Centre>(values, key, {"shared", "zakamouline"});
        else if (name == "width")
            p.width = chosen_of<Width>(values, key, {"fixed", "whalley_wilmott", "zakamouline", "fixed_and_proportional", "realised_vol", "smooth"});
        else if (name == "combination") p.combination = chosen_of<Combination>(values, key, {"none", "any_of", "all_of"});
        else if (name == "members")
            for (const auto& member : item.second) p.members.push_back(policy_of(member.cast<py::dict>()));
        else if (name == "in_money") p.in_money = entry<bool>(values, key);
        else if (name == "forecast_level") p.forecast_level = entry<int>(values, key);
        else if (name == "impact") p.impact = entry<double>(values, key);
        else if (name == "least_fall") p.least_fall = entry<double>(values, key);
        else if (name == "by_ratio") p.by_ratio = entry<bool>(values, key);
        else if (name == "every") p.every = entry<std::size_t>(values, key);
        else if (name == "cool_down") p.cool_down = entry<std::size_t>(values, key);
        else if (name == "blackout") p.blackout = entry<std::size_t>(values, key);
        else if (name == "move_window") p.move_window = entry<std::size_t>(values, key);
        else if (name == "size") p.size = entry<double>(values, key);
        else if (name == "up") p.up = entry<double>(values, key);
        else if (name == "down") p.down = entry<double>(values, key);
        else if (name == "inner") p.inner = entry<double>(values, key);
        else if (name == "ratio") p.ratio = entry<double>(values, key);
        else if (name == "target") p.target = entry<double>(values, key);
        else if (name == "least_width") p.least_width = entry<double>(values, key);
        else if (name == "risk_aversion") p.risk_aversion = entry<double>(values, key);
        else if (name == "cost") p.cost = entry<double>(values, key);
        else if (name == "fixed_cost") p.fixed_cost = entry<double>(values, key);
        else if (name == "vol") p.vol = entry<double>(values, key);
        else if (name == "hedge_ratio") p.hedge_ratio = ratio_of(values[key].cast<py::dict>());
        else if (name == "zakamouline") p.zakamouline = entry<double>(values, key);
        else if (name == "decay") p.decay = entry<double>(values, key);
        else if (name == "power") p.power = entry<double>(values, key);
        else if (name == "least_trade") p.least_trade = entry<double>(values, key);
        else if (name == "lot") p.lot = entry<double>(values, key);
        else if (name == "least_move") p.least_move = entry<double>(values, key);
        else if (name == "decide") continue;
        else throw py::value_error("unknown setting of a policy: " + name);
    }
    return p;
}

// Calls a Python function with views of the block; it returns the orders, or None for none.
HedgeDecision decision_of(const py::function& function) {
    return [&function](const HedgeView& view) {
        const TakenGil taken;
        const py::capsule memory(new std::shared_ptr<const void>(view.memory),
                                 [](void* kept) { delete static_cast<std::shared_ptr<const void>*>(kept); });
        const auto array = [&](const double* data) {
            py::array_t<double> result(static_cast<py::ssize_t>(view.n), data, memory);
            result.attr("flags").attr("writeable") = false;
            return result;
        };
        const py::object orders =
            call_python(function, py::make_tuple(view.step, view.first_path, array(view.spot), array(view.variance), array(view.delta),
                                                 array(view.spot_gamma), array(view.held), array(view.ordered)));
        if (orders.is_none()) return;
        Table numbers;
        call_or_wait([&] { numbers = Table::ensure(orders); });
        if (!numbers) {
            PyErr_Clear();
            throw py::type_error("a decision must return an array of orders or None, not " + std::string(py::repr(py::type::of(orders))));
        }
        if (numbers.ndim() != 1 || size_of(numbers.shape(0)) != view.n) {
            throw py::value_error("a decision must return orders of shape (" + std::to_string(view.n) + ",), not " +
                                  std::string(py::str(numbers.attr("shape"))));
        }
        std::copy_n(numbers.data(), view.n, view.order);
    };
}

OrderExecution order_execution_of(const py::dict& values) {
    OrderExecution orders;
    orders.below = entry<std::vector<double>>(values, "below");
    orders.failure = entry<double>(values, "failure");
    orders.first_at_once = entry<bool>(values, "first_at_once");
    orders.poll = entry<std::size_t>(values, "poll");
    orders.poll_phase = entry<std::size_t>(values, "poll_phase");
    orders.block = entry<std::size_t>(values, "block");
    orders.block_phase = entry<std::size_t>(values, "block_phase");
    orders.inclusion = entry<std::vector<double>>(values, "inclusion");
    orders.settle_every = entry<std::size_t>(values, "settle_every");
    orders.settle_size = entry<double>(values, "settle_size");
    orders.leakage = entry<bool>(values, "leakage");
    for (const py::dict& of : entry<std::vector<py::dict>>(values, "outages")) {
        Outage o;
        o.kind = chosen_of<OutageKind>(of, "kind", {"keeper", "chain", "depeg"});
        o.rate = entry<double>(of, "rate");
        o.mean = entry<double>(of, "mean");
        o.move = entry<double>(of, "move");
        o.windows = entry<std::vector<std::uint64_t>>(of, "windows");
        o.discount = entry<double>(of, "discount");
        o.cost = entry<double>(of, "cost");
        orders.outages.push_back(o);
    }
    return orders;
}

std::vector<HedgedOption> position_of(const Table& rows) {
    constexpr std::size_t own = 5, smile = sizeof(ScenarioSmile) / sizeof(double);
    if (rows.ndim() != 2 || size_of(rows.shape(1)) != own + smile) {
        throw py::value_error("position must have rows of kind, strike, quantity, vol, expiry_step and smile");
    }
    std::vector<HedgedOption> position(size_of(rows.shape(0)));
    for (std::size_t j = 0; j < position.size(); ++j) {
        const double* row = rows.data() + (own + smile) * j;
        position[j].kind = row[0];
        position[j].strike = row[1];
        position[j].quantity = row[2];
        position[j].vol = row[3];
        position[j].expiry_step = std::size_t(row[4]);
        const double* s = row + own;
        if (s[12] == 0) continue;  // an expiry of 0: none
        position[j].smile = ScenarioSmile{{s[0], s[1], s[2], s[3], s[4]}, {s[5], s[6], s[7], s[8], s[9]}, s[10], s[11], s[12], s[13]};
    }
    return position;
}

// Of each option: the first step, and rows of quantity, strike, vol and years to expiry.
void schedule(std::vector<HedgedOption>& position, const py::list& schedules) {
    if (schedules.size() != 0 && schedules.size() != position.size()) throw py::value_error("schedules must be as many as there are options");
    for (std::size_t j = 0; j < schedules.size(); ++j) {
        const auto [first, rows] = schedules[j].cast<std::pair<std::size_t, Table>>();
        if (rows.ndim() != 2 || rows.shape(1) != 4) throw py::value_error("a schedule must have rows of quantity, strike, vol and left");
        HedgedOption& option = position[j];
        option.first_step = first;
        for (py::ssize_t t = 0; t < rows.shape(0); ++t) option.schedule.push_back({rows.at(t, 0), rows.at(t, 1), rows.at(t, 2), rows.at(t, 3)});
    }
}

py::tuple simulate(const py::dict& model, std::uint64_t seed, std::uint64_t first_path, std::size_t paths, std::size_t steps, double step,
                   const Table& position, const py::dict& terms_, const py::dict& instrument_, const py::list& policies_,
                   const py::dict& costs_, const py::dict& orders_, const std::vector<std::string>& keep,
                   const std::vector<std::size_t>& trace, py::handle threads, const py::object& progress) {
    const ModelArgument argument(model);
    std::atomic<std::size_t> done{0};
    PathRun run;
    run.seed = seed;
    run.first_path = first_path;
    run.paths = paths;
    run.steps = steps;
    run.step = step;
    run.done = &done;

    HedgeRun terms;
    terms.rate = entry<double>(terms_, "rate");
    terms.numeraire = chosen_of<Numeraire>(terms_, "numeraire", {"quote", "coin"});
    terms.model_vol = entry<bool>(terms_, "model_vol");
    terms.initial_value = entry<double>(terms_, "initial_value");
    terms.asset = entry<std::size_t>(terms_, "asset");
    terms.spot = entry<double>(terms_, "spot");
    terms.holding = entry<double>(terms_, "holding");
    terms.attribution = entry<bool>(terms_, "attribution");

    HedgeInstrument instrument;
    instrument.kind = chosen_of<HedgeKind>(instrument_, "kind", {"spot", "linear_perpetual", "inverse_perpetual", "dated_future"});
    instrument.funding = entry<double>(instrument_, "funding");
    instrument.funding_level = entry<int>(instrument_, "funding_level");
    instrument.basis = entry<double>(instrument_, "basis");
    instrument.maturity = entry<double>(instrument_, "maturity");

    std::vector<HedgePolicy> policies;
    std::vector<py::function> functions(policies_.size());  // in place while decisions refer to them
    std::vector<HedgeDecision> decisions(policies_.size());
    for (std::size_t j = 0; j < policies_.size(); ++j) {
        const py::dict values = policies_[j].cast<py::dict>();
        policies.push_back(policy_of(values));
        if (!values.contains("decide")) continue;
        functions[j] = values["decide"].cast<py::function>();
        decisions[j] = decision_of(functions[j]);
    }

    HedgeCosts costs;
    costs.fee = entry<double>(costs_, "fee");
    costs.half_spread = entry<double>(costs_, "half_spread");
    costs.fee_per_coin = entry<double>(costs_, "fee_per_coin");
    costs.fee_cap = entry<double>(costs_, "fee_cap");
    costs.least_fee = entry<double>(costs_, "least_fee");
    costs.fixed = entry<double>(costs_, "fixed");
    costs.fixed_level = entry<int>(costs_, "fixed_level");
    costs.impact = entry<double>(costs_, "impact");
    costs.root_impact = entry<double>(costs_, "root_impact");
    costs.permanent = entry<double>(costs_, "permanent");
    costs.close = entry<bool>(costs_, "close");

    const OrderExecution orders = order_execution_of(orders_);
    Execution execution = execution_of(threads);
    if (!progress.is_none()) {
        execution.poll = [&, signals = execution.poll] {
            signals();
            const TakenGil taken;
            call_python(progress, py::make_tuple(done.load(), paths));
        };
    }
    std::vector<HedgedOption> options = position_of(position);
    schedule(options, entry<py::list>(terms_, "schedules"));
    HedgeOutputs outputs;
    outputs.stride = paths;
    py::array_t<double> option(static_cast<py::ssize_t>(paths)), sums({policies.size(), hedge_ledgers, std::size_t(2)});
    outputs.option = option.mutable_data();
    outputs.sums = sums.mutable_data();
    py::object lines = py::none(), price = py::none();
    if (terms.attribution) {
        py::array_t<double> by_line({hedge_lines, paths}), by_policy({policies.size(), paths});
        for (std::size_t k = 0; k < hedge_lines; ++k) outputs.line[k] = by_line.mutable_data() + k * paths;
        outputs.price = by_policy.mutable_data();
        lines = by_line;
        price = by_policy;
    }
    py::dict outages;
    for (const Outage& o : orders.outages) {
        const auto kind = std::size_t(o.kind);
        if (outputs.outage[kind]) continue;
        py::array_t<double> array(static_cast<py::ssize_t>(paths));
        outputs.outage[kind] = array.mutable_data();
        outages[outage_names[kind]] = array;
    }
    py::dict kept;
    for (std::size_t k = 0; k < hedge_ledgers; ++k) {
        if (std::find(keep.begin(), keep.end(), hedge_ledger_names[k]) == keep.end()) continue;
        py::array_t<double> array({policies.size(), paths});
        outputs.ledger[k] = array.mutable_data();
        kept[hedge_ledger_names[k]] = array;
    }
    py::dict traced;
    if (!trace.empty()) {
        HedgeTrace& to = outputs.trace;
        to.paths = trace;
        const auto followed = [&](const char* name, py::array_t<double> array) {
            traced[name] = array;
            return array.mutable_data();
        };
        const std::size_t times = steps + 1, count = policies.size();
        to.spot = followed("spot", py::array_t<double>({trace.size(), times}));
        to.delta = followed("delta", py::array_t<double>({trace.size(), times}));
        to.unit = followed("unit", py::array_t<double>({trace.size(), times}));
        to.held = followed("held", py::array_t<double>({count, trace.size(), times}));
        to.ordered = followed("ordered", py::array_t<double>({count, trace.size(), times}));
        to.cost = followed("cost", py::array_t<double>({count, trace.size(), times}));
    }
    {
        const ReleasedGil released;
        simulate_hedging(argument.model, run, options, terms, instrument, policies, costs, orders, outputs, execution, decisions);
    }
    if (!progress.is_none()) progress(paths, paths);
    return py::make_tuple(option, kept, sums, outages, traced, lines, price);
}

}  // namespace

void bind_hedging(py::module_& m) {
    py::tuple names(hedge_ledgers);
    for (std::size_t k = 0; k < hedge_ledgers; ++k) names[k] = hedge_ledger_names[k];
    m.attr("hedge_ledgers") = names;
    py::tuple lines(hedge_lines);
    for (std::size_t k = 0; k < hedge_lines; ++k) lines[k] = hedge_line_names[k];
    m.attr("hedge_lines") = lines;
    m.def("simulate_hedging", &simulate, py::arg("model"), py::arg("seed"), py::arg("first_path"), py::arg("paths"), py::arg("steps"),
          py::arg("step"), py::arg("position"), py::arg("terms"), py::arg("instrument"), py::arg("policies"), py::arg("costs"),
          py::arg("orders"), py::arg("keep"), py::arg("trace"), py::arg("threads"), py::arg("progress"),
          "P&L of the position by path, the ledgers kept by policy and path, sums of all ledgers, shares of time in outages by path, and the "
          "paths that are followed; with attribution its lines by path, and by policy and path what the hedge earned by moves of the price.");
}

}  // namespace hedgecore::bindings
