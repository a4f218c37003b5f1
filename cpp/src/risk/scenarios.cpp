#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "hedgecore/risk.hpp"
#include "parallel/check_stop.hpp"
#include "pricing/stream.hpp"

namespace hedgecore {
namespace {

constexpr std::size_t least_segments = 64;
constexpr std::size_t nodes_per_segment = std::size_t(1) << 15;  // of blocks: some 30 ms
constexpr std::size_t nodes_between_checks = 64;
constexpr std::size_t most_partial_sums = std::size_t(1) << 22;  // 32 MiB
constexpr std::size_t most_slides = 64;                          // kept: of 2 KiB each
constexpr double largest_price = 1e150;                          // whose square is a number, and that of its inverse

// --- rows ----------------------------------------------------------------------------------------------------------

// Options of one bucket: order[first, first + n).
struct Piece {
    std::size_t first, n, bucket;
};

// The rows by bucket, each bucket in the order given, and the blocks they are cut into.
struct Pieces {
    std::vector<std::size_t> order;
    std::vector<Piece> blocks;

    Pieces(const ScenarioOptions& options, std::size_t buckets) : order(options.n) {
        std::vector<std::size_t> start(buckets + 1, 0);
        for (std::size_t i = 0; i < options.n; ++i) {
            const std::int32_t bucket = options.bucket[i];
            if (bucket < 0 || std::size_t(bucket) >= buckets) {
                throw std::invalid_argument("bucket[" + std::to_string(i) + "] = " + std::to_string(bucket) +
                                            " must be from 0 to " + std::to_string(std::ptrdiff_t(buckets) - 1));
            }
            ++start[std::size_t(bucket) + 1];
        }
        for (std::size_t b = 0; b < buckets; ++b) {
            start[b + 1] += start[b];
            for (std::size_t first = start[b]; first < start[b + 1]; first += block_size) {
                blocks.push_back({first, std::min(block_size, start[b + 1] - first), b});
            }
        }
        for (std::size_t i = 0; i < options.n; ++i) order[start[std::size_t(options.bucket[i])]++] = i;
    }
};

Faults fault_of(const ScenarioOptions& options, std::size_t row) {
    const auto is_price = [](double x) { return x >= 1.0 / largest_price && x <= largest_price; };
    const auto is_size = [](double x) { return x >= 0.0 && x <= largest_price; };
    const double kind = options.kind[row], expiry = options.expiry[row];
    if (kind * kind != 1.0) return {1, row, "kind", kind, "+1 (call) or -1 (put)"};
    if (!is_price(options.forward[row])) return {1, row, "forward", options.forward[row], "from 1e-150 to 1e150"};
    if (!is_price(options.strike[row])) return {1, row, "strike", options.strike[row], "from 1e-150 to 1e150"};
    if (!is_size(expiry)) return {1, row, "expiry", expiry, "from 0 to 1e150"};
    if (!is_size(options.vol[row])) return {1, row, "vol", options.vol[row], "from 0 to 1e150"};
    if (options.rate && !(std::fabs(options.rate[row] * expiry) <= largest_growth)) {
        return {1, row, "rate", options.rate[row], "at most 700 / expiry in magnitude"};
    }
    if (!std::isfinite(options.weight[row])) return {1, row, "weight", options.weight[row], "finite"};
    if (options.slope && !std::isfinite(options.slope[row])) return {1, row, "slope", options.slope[row], "finite"};
    return {};
}

void load(ScenarioBlock& b, const ScenarioOptions& options, const std::size_t* rows, std::size_t n, Faults& faults, bool* reported) {
    b.n = n;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t row = rows[i];
        const Faults fault = fault_of(options, row);
        merge(faults, fault);
        const bool good = fault.count == 0;
        reported[i] = !good;
        b.kind[i] = good ? options.kind[row] : 1.0;
        b.forward[i] = good ? options.forward[row] : 1.0;
        b.strike[i] = good ? options.strike[row] : 1.0;
        b.expiry[i] = good ? options.expiry[row] : 1.0;
        b.vol[i] = good ? options.vol[row] : 1.0;
        b.rate[i] = good && options.rate ? options.rate[row] : 0.0;
        b.weight[i] = good ? options.weight[row] : 0.0;
        b.slope[i] = good && options.slope ? options.slope[row] : 0.0;
    }
}

// --- terms ---------------------------------------------------------------------------------------------------------

// A Greek is a sum of one or two terms: what the kernel gives at a node, times a weight that all nodes of a sheet share, times a power
// of the inverse spot factor. F' = F u; e is the density.
//
//     linear price   V               inverse price  V / F'
//     delta          (w F N) / F'    delta          (w K N) / F'
//     gamma          e / (s F'^2)    gamma          e / (s F'^2) - (w K N) / F'^2
//     vega           e sqrt(T)       vega           e sqrt(T) / F'
//     theta          r V - e vol^2 / (2 s), over F' if inverse
//
// Where vols go with the forward the deltas have e sqrt(T) / F' times d vol / d ln(F) more, with either settlement.
enum class Part { plain, per_square, curvature, root, decay, carry };

struct Term {
    std::size_t greek;  // its place among those asked for
    Lane ScenarioBlock::* source;
    Part part;
    bool per_forward;

    // The power of F' that the term is divided by.
    std::size_t power() const {
        return part == Part::curvature || part == Part::per_square ? 2 : (per_forward ? 1 : 0);
    }
    // Whether its weight depends on the vol of the sheet, or on its time alone.
    bool of_vol() const { return part == Part::curvature || part == Part::decay; }
};

std::vector<Term> terms_of(std::span<const Greek> greeks, Settlement settlement, bool has_rates, bool moves) {
    const bool coin = settlement == Settlement::inverse;
    const auto curvature = [](std::size_t g) { return Term{g, &ScenarioBlock::density, Part::curvature, false}; };
    const auto delta = [](std::size_t g) { return Term{g, &ScenarioBlock::underlying, Part::plain, true}; };
    std::vector<Term> terms;
    for (std::size_t g = 0; g < greeks.size(); ++g) {
        const Greek greek = greeks[g];
        if (greek == Greek::price) {
            terms.push_back({g, &ScenarioBlock::value, Part::plain, coin});
        } else if (greek == Greek::delta && coin) {
            terms.push_back({g, &ScenarioBlock::strike_part, Part::plain, true});
        } else if (greek == Greek::delta || (greek == Greek::black_delta && coin)) {
            terms.push_back(delta(g));
        } else if (greek == Greek::gamma && coin) {
            terms.push_back(curvature(g));
            terms.push_back({g, &ScenarioBlock::strike_part, Part::per_square, false});
        } else if (greek == Greek::gamma || (greek == Greek::black_gamma && coin)) {
            terms.push_back(curvature(g));
        } else if (greek == Greek::vega) {
            terms.push_back({g, &ScenarioBlock::density, Part::root, coin});
        } else if (greek == Greek::theta) {
            terms.push_back({g, &ScenarioBlock::density, Part::decay, coin});
            if (has_rates) terms.push_back({g, &ScenarioBlock::value, Part::carry, coin});
        } else {
            throw std::invalid_argument(std::string(greek_names[std::size_t(greek)]) + " is not summed on scenarios with " +
                                        (coin ? "inverse" : "linear") + " settlement");
        }
        if (moves && (greek == Greek::delta || greek == Greek::black_delta)) {
            terms.push_back({g, &ScenarioBlock::smile_part, Part::root, true});
        }
    }
    return terms;
}

// The weights of a term on the nodes of a sheet.
void fill(double* out, const ScenarioBlock& b, const Term& term) {
    const auto each = [&](auto factor) {
        if (term.per_forward) {
            for (std::size_t i = 0; i < b.n; ++i) out[i] = b.discounted_weight[i] * b.inverse_forward[i] * factor(i);
        } else {
            for (std::size_t i = 0; i < b.n; ++i) out[i] = b.discounted_weight[i] * factor(i);
        }
    };
    const auto per_square = [&](std::size_t i) { return b.inverse_forward[i] * b.inverse_forward[i]; };
    switch (term.part) {
        case Part::plain: return each([](std::size_t) { return 1.0; });
        case Part::per_square: return each([&](std::size_t i) { return -per_square(i); });
        case Part::curvature: return each([&](std::size_t i) { return b.steepness[i] * per_square(i); });
        case Part::root: return each([&](std::size_t i) { return b.root_expiry[i]; });
        case Part::decay:
            return each([&](std::size_t i) { return -0.5 * b.shocked_vol[i] * (b.shocked_vol[i] * b.steepness[i]); });
        case Part::carry: return each([&](std::size_t i) { return b.rate[i]; });
    }
}

void check(const ScenarioNodes& nodes) {
    const auto require = [&](const char* name, const double* values, std::size_t n, auto is_fit, const char* demand) {
        for (std::size_t i = 0; i < n; ++i) {
            if (is_fit(values[i])) continue;
            throw std::invalid_argument(std::string(name) + " at node " + std::to_string(i % nodes.n) + " = " +
                                        std::to_string(values[i]) + " must be " + demand);
        }
    };
    const auto is_finite = [](double x) { return std::fabs(x) <= 1e50; };
    const std::size_t all = nodes.buckets * nodes.n;
    require("spot_factor", nodes.spot_factor, all, [](double x) { return x >= 1e-50 && x <= 1e50; }, "positive (1e-50 to 1e50)");
    require("vol_scale", nodes.vol_scale, all, is_finite, "finite (up to 1e50)");
    require("vol_shift", nodes.vol_shift, all, is_finite, "finite (up to 1e50)");
    require("time_shift", nodes.time_shift, nodes.n, [](double x) { return x >= 0.0 && x <= 1e50; }, "finite and not negative");
    if (!nodes.vol_skew != !nodes.vol_curvature || (nodes.vol_skew && !nodes.atm_vol)) {
        throw std::invalid_argument("vol_skew and vol_curvature need each other and atm_vol");
    }
    if (nodes.vol_skew) {
        require("vol_skew", nodes.vol_skew, all, is_finite, "finite (up to 1e50)");
        require("vol_curvature", nodes.vol_curvature, all, is_finite, "finite (up to 1e50)");
    }
    if (nodes.vol_floor) {
        require("vol_floor", nodes.vol_floor, all, [](double x) { return x <= 1e50; }, "a number (up to 1e50; -inf for none)");
    }
    for (std::size_t b = 0; b < nodes.buckets; ++b) {
        const auto refuse = [&](const char* what) {
            throw std::invalid_argument(std::string(what) + " of bucket " + std::to_string(b));
        };
        if (nodes.vol_skew && !(nodes.atm_vol[b] >= 0.0 && nodes.atm_vol[b] <= 1e50)) refuse("atm_vol must be finite and not negative: that");
        if (!nodes.smiles) continue;
        const ScenarioSmile& smile = nodes.smiles[b];
        const Svi &p = smile.near, &q = smile.far;
        for (const double x : {p.a, p.b, p.rho, p.m, p.sigma, q.a, q.b, q.rho, q.m, q.sigma, smile.near_weight, smile.far_weight,
                               smile.expiry, smile.ratio}) {
            if (!is_finite(x)) refuse("the numbers of a smile must be finite: those");
        }
        if (smile.expiry < 0.0) refuse("the expiry of a smile must not be negative: that");
        if (smile.expiry > 0.0 && !(p.sigma > 0.0 && q.sigma > 0.0)) refuse("sigma of a smile must be positive: that");
    }
}

// One thread's work: the blocks of a segment.
class Worker {
public:
    Worker(const ScenarioOptions& options, const ScenarioNodes& nodes, const double* log_factor, std::span<const Term> terms)
        : options_(options), nodes_(nodes), log_factor_(log_factor), terms_(terms), weights_(terms.size() * block_size) {
        const auto reads = [&](Lane ScenarioBlock::* source) {
            return std::any_of(terms.begin(), terms.end(), [&](const Term& term) { return term.source == source; });
        };
        block_.wants_underlying = reads(&ScenarioBlock::underlying);
        block_.wants_strike = reads(&ScenarioBlock::strike_part);
        block_.wants_smile = reads(&ScenarioBlock::smile_part);
    }

    // Adds to sums[greek * stride + node].
    void run(const Piece& piece, const std::size_t* order, double* sums, std::size_t stride, Faults& faults) {
        const std::size_t *rows = order + piece.first, base = piece.bucket * nodes_.n;
        const double* time = nodes_.time_shift;
        start(piece, rows, faults);
        bool untouched = true;  // the weights of the options: a lost vol takes them away
        VolShock last{};
        for (std::size_t node = 0; node < nodes_.n; ++node) {
            const std::size_t at = base + node;
            if (node % nodes_between_checks == 0) check_stop();
            const double factor = nodes_.spot_factor[at], inverse = 1.0 / factor;
            const bool new_spot = moves_ && (node == 0 || factor != nodes_.spot_factor[at - 1]);
            const bool new_time = node == 0 || time[node] != time[node - 1];
            const VolShock shock = shock_at(at);
            if (new_spot || new_time || !(shock == last)) {
                const bool new_weights = new_time || !untouched;
                if (new_weights) table_.scenario_time(block_, time[node]);
                if (new_spot) slide(node, log_factor_[at]);
                untouched = !table_.scenario_sheet(block_, shock, flat_);
                if (!untouched) drop_lost_vols(rows, faults);
                refill(new_weights || !untouched);
                last = shock;
            }
            const double powers[] = {1.0, inverse, inverse * inverse};
            table_.scenario_node(block_, factor, log_factor_[at]);
            for (std::size_t t = 0; t < terms_.size(); ++t) {
                const double sum = table_.dot(&weights_[t * block_size], block_.*terms_[t].source, piece.n);
                sums[terms_[t].greek * stride + node] += powers[terms_[t].power()] * sum;
            }
        }
    }

private:
    void start(const Piece& piece, const std::size_t* rows, Faults& faults) {
        load(block_, options_, rows, piece.n, faults, reported_);
        table_.scenario_start(block_);
        smile_ = nodes_.smiles && nodes_.smiles[piece.bucket].expiry > 0.0 && nodes_.smiles[piece.bucket].ratio != 1.0
                     ? &nodes_.smiles[piece.bucket]
                     : nullptr;
        moves_ = smile_ || options_.slope;
        flat_ = !moves_ && !nodes_.vol_skew && !nodes_.vol_floor;
        if (flat_) {
            if (block_.wants_smile) std::fill_n(block_.shocked_slope, piece.n, 0.0);
            return;
        }
        if (nodes_.vol_skew) {
            table_.scenario_standardise(block_, nodes_.atm_vol[piece.bucket]);
        } else {
            std::fill_n(block_.z, piece.n, 0.0);
        }
        table_.scenario_slide(block_, 0.0);
        if (smile_) {
            table_.scenario_smile(block_, *smile_, 0.0, true);
            find_slides(piece.bucket);
        }
    }

    // The distinct spots of a bucket: the nodes of a grid have the same ones under every shock of vol and time.
    void find_slides(std::size_t bucket) {
        known_.fill(false);
        if (bucket == slides_of_) return;
        slides_of_ = bucket;
        place_.assign(nodes_.n, most_slides);
        std::map<double, std::size_t> found;
        for (std::size_t node = 0; node < nodes_.n; ++node) {
            const double factor = nodes_.spot_factor[bucket * nodes_.n + node];
            const auto at = found.find(factor);
            if (at != found.end()) {
                place_[node] = at->second;
            } else if (found.size() < most_slides) {
                place_[node] = found.size();
                found.emplace(factor, place_[node]);
            }
        }
        slides_.resize(2 * block_size * found.size());
    }

    VolShock shock_at(std::size_t at) const {
        VolShock shock{nodes_.vol_scale[at], nodes_.vol_shift[at]};
        if (nodes_.vol_skew) shock.skew = nodes_.vol_skew[at], shock.curvature = nodes_.vol_curvature[at];
        if (nodes_.vol_floor) shock.floor = std::max(shock.floor, nodes_.vol_floor[at]);
        return shock;
    }

    // How far the vols have gone at the spot of a node; remembered for the spots that may come again.
    void slide(std::size_t node, double log_factor) {
        if (!smile_) return table_.scenario_slide(block_, log_factor);
        const std::size_t at = place_[node];
        if (at == most_slides) return table_.scenario_smile(block_, *smile_, log_factor, false);
        double *vols = &slides_[2 * block_size * at], *slopes = vols + block_size;
        if (known_[at]) {
            std::copy_n(vols, block_.n, block_.slide);
            std::copy_n(slopes, block_.n, block_.slide_slope);
        } else {
            table_.scenario_smile(block_, *smile_, log_factor, false);
            std::copy_n(block_.slide, block_.n, vols);
            std::copy_n(block_.slide_slope, block_.n, slopes);
            known_[at] = true;
        }
    }

    // The weights of the terms; those of the vol alone where the rest stays.
    void refill(bool all) {
        for (std::size_t t = 0; t < terms_.size(); ++t) {
            if (!all && !terms_[t].of_vol()) continue;
            fill(&weights_[t * block_size], block_, terms_[t]);
        }
    }

    // Options whose vol the shock has taken count nothing on this sheet and are reported once.
    void drop_lost_vols(const std::size_t* rows, Faults& faults) {
        for (std::size_t i = 0; i < block_.n; ++i) {
            const double vol = block_.shocked_vol[i];
            if (vol > 0.0 || vol == block_.vol[i]) continue;
            block_.discounted_weight[i] = 0.0;
            if (!reported_[i]) merge(faults, {1, rows[i], "vol", vol, "positive after every shock"});
            reported_[i] = true;
        }
    }

    const ScenarioOptions& options_;
    const ScenarioNodes& nodes_;
    const double* log_factor_;
    std::span<const Term> terms_;
    const Kernels& table_ = kernels();
    ScenarioBlock block_;
    std::vector<double> weights_;
    bool reported_[block_size];

    // Of the block: its smile, whether its vols go with the forward, whether its shocks are a scale and a shift alone.
    const ScenarioSmile* smile_ = nullptr;
    bool moves_ = false, flat_ = true;

    // How far its vols go at the spots met, and where each node has its own.
    std::size_t slides_of_ = std::size_t(-1);
    std::vector<std::size_t> place_;
    std::vector<double> slides_;
    std::array<bool, most_slides> known_{};
};

}  // namespace

Faults scenario_sums(const ScenarioOptions& options, const ScenarioNodes& nodes, std::span<const Greek> greeks,
                     double* sums, const Execution& execution) {
    check(nodes);
    const bool has_rates = options.rate && !(options.rate.stride == 0 && options.rate[0] == 0.0);
    const bool moves = options.slope || nodes.smiles;
    const std::vector<Term> terms = terms_of(greeks, options.settlement, has_rates, moves);
    const Pieces pieces(options, nodes.buckets);
    const std::size_t cells = greeks.size() * nodes.n;  // of a bucket
    std::fill_n(sums, cells * nodes.buckets, 0.0);
    const std::size_t blocks = pieces.blocks.size();
    if (blocks == 0 || cells == 0) return {};

    std::vector<double> log_factor(nodes.buckets * nodes.n);
    kernels().log(nodes.spot_factor, log_factor.data(), log_factor.size());

    // Segments depend on the rows, buckets and nodes alone, so that the order of summation does too. A segment has sums of
    // its own for each of the buckets that its blocks belong to.
    const std::size_t wanted = std::max(least_segments, blocks * nodes.n / nodes_per_segment);
    const std::size_t affordable = std::max(least_segments, most_partial_sums / cells);
    const std::size_t segments = std::min({wanted, affordable, blocks});
    const std::size_t length = (blocks + segments - 1) / segments;
    const auto first_bucket = [&](std::size_t begin) { return pieces.blocks[begin].bucket; };
    std::vector<std::size_t> place;  // of the sums of a segment
    std::size_t places = 0;
    for (std::size_t begin = 0; begin < blocks; begin += length) {
        place.push_back(places);
        places += first_bucket(std::min(blocks, begin + length) - 1) - first_bucket(begin) + 1;
    }
    std::vector<double> partial(places * cells, 0.0);

    FaultLog log;
    parallel_for(blocks, length, execution, [&](std::size_t begin, std::size_t end) {
        double* mine = partial.data() + place[begin / length] * cells;
        Worker worker(options, nodes, log_factor.data(), terms);
        Faults faults;
        for (std::size_t k = begin; k < end; ++k) {
            const Piece& piece = pieces.blocks[k];
            worker.run(piece, pieces.order.data(), mine + (piece.bucket - first_bucket(begin)) * cells, nodes.n, faults);
        }
        log.add(faults);
    });
    for (std::size_t begin = 0; begin < blocks; begin += length) {
        const std::size_t low = first_bucket(begin), high = first_bucket(std::min(blocks, begin + length) - 1);
        for (std::size_t bucket = low; bucket <= high; ++bucket) {
            const double* from = partial.data() + (place[begin / length] + bucket - low) * cells;
            for (std::size_t g = 0; g < greeks.size(); ++g) {
                double* into = sums + (g * nodes.buckets + bucket) * nodes.n;
                for (std::size_t node = 0; node < nodes.n; ++node) into[node] += from[g * nodes.n + node];
            }
        }
    }
    return log.total();
}

}  // namespace hedgecore
