#include "hedgecore/hedging.hpp"

#if defined(_WIN32)
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <unistd.h>
#endif

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"
#include "hedging/hedge_plan.hpp"
#include "parallel/check_stop.hpp"
#include "paths/path_source.hpp"

namespace hedgecore {
namespace {

constexpr std::size_t steps_per_chunk = std::size_t(1) << 15;  // path-steps of ten policies that are worth handing to a thread

// Of one policy and path.
double ledger_of(HedgeLedger which, const HedgePlan& plan, const HedgeBlock& b, const PolicyState& s, std::size_t i) {
    const auto fee = [&] { return s.fees ? s.fees[i] : plan.fee * s.turnover[i]; };
    const auto spread = [&] { return plan.half_spread * s.turnover[i]; };
    const auto outage = [&] { return s.outage ? s.outage[i] : 0.0; };
    const auto cost = [&] { return fee() + spread() + s.fixed[i] + s.impact[i] + outage(); };
    const auto permanent = [&] { return s.permanent ? s.permanent[i] : 0.0; };
    const auto account = [&] { return b.option[i] + s.gain[i] - cost() - permanent(); };
    const auto peg = [&] { return plan.has[std::size_t(OutageKind::depeg)] ? account() * (1.0 - 1.0 / b.peg[i]) : 0.0; };
    switch (which) {
        case HedgeLedger::pnl: return account() - peg();
        case HedgeLedger::cost: return cost();
        case HedgeLedger::turnover: return s.turnover[i];
        case HedgeLedger::trades: return s.trades[i];
        case HedgeLedger::fixed: return s.fixed[i];
        case HedgeLedger::impact: return s.impact[i];
        case HedgeLedger::latency: return s.latency[i];
        case HedgeLedger::exposure: return s.exposure[i] / double(plan.last);
        case HedgeLedger::failures: return s.failures[i];
        case HedgeLedger::fee: return fee();
        case HedgeLedger::spread: return spread();
        case HedgeLedger::outage: return outage();
        case HedgeLedger::peg: return peg();
        case HedgeLedger::permanent: return permanent();
        case HedgeLedger::delta_drift: return s.delta_drift ? s.delta_drift[i] : 0.0;
        case HedgeLedger::gamma_leakage: return s.gamma_leakage ? s.gamma_leakage[i] : 0.0;
    }
    return 0.0;
}

// Whether a ledger can differ from 0.
bool keeps(const HedgePlan& plan, HedgeLedger which) {
    switch (which) {
        case HedgeLedger::fixed: return plan.fixed > 0.0;
        case HedgeLedger::impact: return plan.impact > 0.0 || plan.root_impact > 0.0;
        case HedgeLedger::latency: return plan.ring > 0;
        case HedgeLedger::failures: return plan.failure > 0.0;
        case HedgeLedger::fee: return plan.fee != 0.0 || plan.fee_schedule;
        case HedgeLedger::spread: return plan.half_spread > 0.0;
        case HedgeLedger::outage: return plan.depeg_cost > 0.0;
        case HedgeLedger::peg: return plan.has[std::size_t(OutageKind::depeg)];
        case HedgeLedger::permanent: return plan.permanent > 0.0;
        case HedgeLedger::delta_drift:
        case HedgeLedger::gamma_leakage: return plan.parts == order_parts;
        default: return true;
    }
}

// The ledgers of the paths of one block, and their sums over it.
void write(const HedgePlan& plan, const HedgeStorage& storage, const HedgeBlock& b, const HedgeOutputs& out, std::size_t first,
           std::size_t count, double* sums) {
    for (std::size_t k = 0; plan.attribution && k < hedge_lines; ++k) {
        if (out.line[k]) std::copy_n(b.line[k], count, out.line[k] + first);
    }
    const bool off_peg = plan.has[std::size_t(OutageKind::depeg)];
    if (out.option) {
        for (std::size_t i = 0; i < count; ++i) out.option[first + i] = off_peg ? b.option[i] / b.peg[i] : b.option[i];
    }
    for (std::size_t kind = 0; kind < outage_kinds; ++kind) {
        if (!out.outage[kind]) continue;
        for (std::size_t i = 0; i < count; ++i) out.outage[kind][first + i] = plan.has[kind] ? b.down_time[kind][i] / double(plan.last) : 0.0;
    }
    for (std::size_t j = 0; j < plan.policies; ++j) {
        if (plan.attribution && out.price) std::copy_n(storage.policy(j).price, count, out.price + j * out.stride + first);
        for (std::size_t k = 0; k < hedge_ledgers; ++k) {
            if (!keeps(plan, HedgeLedger(k))) {
                if (out.ledger[k]) std::fill_n(out.ledger[k] + j * out.stride + first, count, 0.0);
                sums[2 * (j * hedge_ledgers + k)] = sums[2 * (j * hedge_ledgers + k) + 1] = 0.0;
                continue;
            }
            double sum = 0, squares = 0;
            double* to = out.ledger[k] ? out.ledger[k] + j * out.stride + first : nullptr;
            for (std::size_t i = 0; i < count; ++i) {
                const double x = ledger_of(HedgeLedger(k), plan, b, storage.policy(j), i);
                sum += x;
                squares += x * x;
                if (to) to[i] = x;
            }
            sums[2 * (j * hedge_ledgers + k)] = sum;
            sums[2 * (j * hedge_ledgers + k) + 1] = squares;
        }
    }
}

// The followed paths among those of a block, at a step.
void follow(const HedgePlan& plan, const HedgeStorage& storage, const HedgeBlock& b, const HedgeTrace& trace, std::size_t first,
            std::size_t count, std::size_t step) {
    const auto begin = trace.paths.begin(), end = trace.paths.end();
    const std::size_t times = plan.last + 1;
    const bool plain_unit = plan.kind == HedgeKind::spot || plan.kind == HedgeKind::linear_perpetual;
    for (auto it = std::lower_bound(begin, end, first); it != end && *it < first + count; ++it) {
        const std::size_t i = *it - first, to = std::size_t(it - begin) * times + step;
        trace.spot[to] = b.spot[i];
        trace.delta[to] = step < plan.last ? b.delta[i] : 0.0;
        trace.unit[to] = plain_unit ? 1.0 : b.unit[i];
        for (std::size_t j = 0; j < plan.policies; ++j) {
            const PolicyState& s = storage.policy(j);
            const std::size_t at = j * trace.paths.size() * times + to;
            trace.held[at] = s.held[i];
            trace.ordered[at] = step < plan.last ? s.ordered[i] : s.held[i];  // what is in flight at the end lapses
            trace.cost[at] = ledger_of(HedgeLedger::cost, plan, b, s, i);
        }
    }
}

// What a thread works on. Shared with decisions, whose arrays may be kept beyond the simulation.
struct Worker {
    PathBlock paths;
    HedgeStorage storage;

    explicit Worker(const HedgePlan& plan) : storage(plan) {}
};

// Finds the forecast that is no vol.
[[noreturn]] void throw_forecast(const HedgePlan& plan, const PathBlock& paths, std::size_t step, std::size_t count) {
    const auto search = [&](const auto& self, const PolicyPlan& p, const std::string& where) -> void {
        for (std::size_t k = 0; k < p.member_count; ++k) self(self, p.member[k], where + "members[" + std::to_string(k) + "]: ");
        for (std::size_t i = 0; i < count && p.forecast_level >= 0; ++i) {
            const double vol = paths.level[p.forecast_level][i];
            if (vol > 0 && vol <= 1e300) continue;
            throw std::invalid_argument(where + "forecast_level: the vol of path " + std::to_string(paths.first + i) + " at step " +
                                        std::to_string(step) + " is " + std::to_string(vol) + ", it must be positive");
        }
    };
    for (std::size_t j = 0; j < plan.policies; ++j) search(search, plan.policy[j], "policies[" + std::to_string(j) + "]: ");
    throw std::logic_error("a forecast is at fault, but none is found");
}

// Bytes; 0 where the system does not say.
double machine_memory() {
#if defined(_WIN32)
    MEMORYSTATUSEX status{};
    status.dwLength = sizeof status;
    return GlobalMemoryStatusEx(&status) ? double(status.ullTotalPhys) : 0.0;
#else
    const long page = sysconf(_SC_PAGESIZE), pages = sysconf(_SC_PHYS_PAGES);
    return page > 0 && pages > 0 ? double(page) * double(pages) : 0.0;
#endif
}

// The lanes of all threads shall leave half of the machine's memory: orders in flight may take most of it.
void check_memory(const HedgePlan& plan, std::size_t chunks, const Execution& execution) {
    const double memory = machine_memory();
    if (memory <= 0) return;
    const int threads = execution.threads > 0 ? execution.threads : num_threads();
    const double workers = double(std::min(chunks, std::size_t(threads)));
    const double bytes = double(HedgeStorage::lanes_of(plan)) * double(sizeof(Lane)) * workers;
    if (bytes <= 0.5 * memory) return;
    const auto gigabytes = [](double x) { return std::to_string(std::size_t(1e-9 * x + 0.5)) + " GB"; };
    throw std::invalid_argument("orders in flight: " + std::to_string(plan.policies) + " policies with " + std::to_string(plan.ring) +
                                " times of fill each, that latency, blocks and failure allow, take " + gigabytes(bytes) + " on " +
                                std::to_string(std::size_t(workers)) + " threads; this machine has " + gigabytes(memory) +
                                ": shorten the latency, lower failure, or give fewer policies or threads");
}

// Permanent impact: beyond a price of 0 there is no Black.
void check_own_prices(const HedgeBlock& b, const PathBlock& paths, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (!b.sunk[i]) continue;
        throw std::invalid_argument("permanent: own trades took the price of path " + std::to_string(paths.first + i) + " to 0 or below");
    }
}

// The policies that are decided by the caller, at one step.
void decide_elsewhere(const HedgePlan& plan, const std::vector<HedgeDecision>& decisions, const std::shared_ptr<Worker>& worker,
                      std::size_t step, std::size_t count) {
    HedgeBlock& b = worker->storage.block();
    for (std::size_t j = 0; j < plan.policies; ++j) {
        const PolicyPlan& p = plan.policy[j];
        if (!p.external) continue;
        const bool looks = step % p.every == 0 && plan.steps[step].polled && !(p.blackout > 0 && plan.steps[step].to_expiry <= p.blackout);
        if (plan.permanent > 0.0) kernels().hedge_own_price(plan, b, j, step);
        if (looks) {
            std::fill_n(b.order, b.n, 0.0);
            const PolicyState& s = worker->storage.policy(j);
            decisions[j]({step, count, worker->paths.first, b.spot, worker->paths.variance[plan.asset],
                          p.delta ? b.ratio[p.delta - 1] : b.delta, b.gamma, s.held, s.ordered, b.order, worker});
            for (std::size_t i = 0; i < count; ++i) {
                if (std::isfinite(b.order[i])) continue;
                throw std::invalid_argument("policies[" + std::to_string(j) + "]: the order of path " + std::to_string(worker->paths.first + i) +
                                            " at step " + std::to_string(step) + " is not finite");
            }
        }
        kernels().hedge_orders(plan, worker->paths, b, j, step, looks);
    }
}

}  // namespace

void simulate_hedging(const PathModel& model, const PathRun& run, const std::vector<HedgedOption>& position, const HedgeRun& terms,
                      const HedgeInstrument& instrument, const std::vector<HedgePolicy>& policies, const HedgeCosts& costs,
                      const OrderExecution& orders, const HedgeOutputs& outputs, const Execution& execution,
                      const std::vector<HedgeDecision>& decisions) {
    const PathSource source(model, run);
    std::optional<PreparedHedge> made;
    parallel_for(1, 1, execution, [&](std::size_t, std::size_t) {  // of many steps it takes a while
        made.emplace(run, model.assets.size(), source.levels(), position, terms, instrument, policies, costs, orders);
    });
    PreparedHedge& prepared = *made;
    bool elsewhere = false;
    for (std::size_t j = 0; j < std::min(decisions.size(), policies.size()); ++j) {
        if (decisions[j]) elsewhere = prepared.policies[j].external = true;
    }
    if (elsewhere) prepared.plan.needs |= hedge_gamma;
    const HedgePlan& plan = prepared.plan;
    const bool traced = !outputs.trace.paths.empty();
    if (traced && plan.permanent > 0.0) throw std::invalid_argument("permanent must be 0 where trace follows paths: each policy has a price of its own");
    const std::size_t work = (run.steps + 1) * (10 + plan.policies + 4 * plan.options) / 10;
    const std::size_t chunk = std::max<std::size_t>(1, steps_per_chunk / work / block_size) * block_size;
    const std::size_t blocks = (run.paths + block_size - 1) / block_size, row = 2 * plan.policies * hedge_ledgers;
    check_memory(plan, (run.paths + chunk - 1) / chunk, execution);
    std::vector<double> sums(blocks * row);  // by block, then added in order
    parallel_for(run.paths, chunk, execution, [&](std::size_t begin, std::size_t end) {
        const auto worker = std::make_shared<Worker>(plan);
        PathBlock* const paths = &worker->paths;
        HedgeStorage& storage = worker->storage;
        HedgeBlock& block = storage.block();
        const Kernels& k = kernels();
        for (std::size_t first = begin; first < end; first += block_size) {
            const std::size_t count = std::min(block_size, end - first);
            storage.reset();
            source.start(*paths, run.first_path + first, count);
            k.hedge_start(plan, *paths, block);
            for (std::size_t step = 0; step < run.steps; ++step) {
                check_stop();
                k.hedge_step(plan, *paths, block, step);
                if (block.faulty) throw_forecast(plan, *paths, step, count);
                if (elsewhere) decide_elsewhere(plan, decisions, worker, step, count);
                if (traced) follow(plan, storage, block, outputs.trace, first, count, step);
                source.advance(*paths, step);
            }
            k.hedge_finish(plan, *paths, block);
            if (plan.permanent > 0.0) check_own_prices(block, *paths, count);
            if (traced) follow(plan, storage, block, outputs.trace, first, count, run.steps);
            write(plan, storage, block, outputs, first, count, sums.data() + first / block_size * row);
        }
        if (run.done) run.done->fetch_add(end - begin, std::memory_order_relaxed);
    });
    if (!outputs.sums) return;
    std::fill_n(outputs.sums, row, 0.0);
    for (std::size_t block = 0; block < blocks; ++block) {
        for (std::size_t k = 0; k < row; ++k) outputs.sums[k] += sums[block * row + k];
    }
}

}  // namespace hedgecore
