// Which table of kernels is in use.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "dispatch/kernels.hpp"
#include "dispatch/processor.hpp"
#include "hedgecore/build_info.hpp"
#include "hedgecore/math.hpp"

namespace hedgecore {

#if HC_HAS_V2
namespace v2 { extern const Kernels table; }
#endif
#if HC_HAS_V3
namespace v3 { extern const Kernels table; }
#endif
#if HC_HAS_V4
namespace v4 { extern const Kernels table; }
#endif
#if HC_HAS_ARM64
namespace arm64 { extern const Kernels table; }
#endif
#if HC_HAS_BASE
namespace base { extern const Kernels table; }
#endif

namespace {

struct Level {
    const Kernels* table;
    bool (*runs_here)();
};

[[maybe_unused]] bool always() { return true; }

// Lowest first.
const std::vector<Level>& levels() {
    static const std::vector<Level> all = {
#if HC_HAS_BASE
        {&base::table, always},
#endif
#if HC_HAS_ARM64
        {&arm64::table, always},
#endif
#if HC_HAS_V2
        {&v2::table, processor::runs_v2},
#endif
#if HC_HAS_V3
        {&v3::table, processor::runs_v3},
#endif
#if HC_HAS_V4
        {&v4::table, processor::runs_v4},
#endif
    };
    return all;
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

const Kernels& choose() {
    const char* wish = std::getenv("HEDGECORE_ISA");
    const Kernels* best = nullptr;
    for (const Level& level : levels()) {
        if (!level.runs_here()) continue;
        best = level.table;
        if (wish && *wish && std::string(wish) == level.table->level) return *best;
    }
    if (wish && *wish) {
        throw std::invalid_argument("HEDGECORE_ISA='" + std::string(wish) + "' is not a level that this build and this machine have: " +
                                    joined(available_levels()));
    }
    if (!best) throw std::runtime_error("this build of hedgecore needs a processor with one of: " + joined(compiled_levels()));
    return *best;
}

}  // namespace

namespace {

const Kernels*& in_use() {
    static const Kernels* chosen = &choose();
    return chosen;
}

}  // namespace

const Kernels& kernels() { return *in_use(); }

void use_level(const std::string& name) {
    for (const Level& level : levels()) {
        if (name != level.table->level || !level.runs_here()) continue;
        in_use() = level.table;
        return;
    }
    throw std::invalid_argument("level '" + name + "' is none of " + joined(available_levels()));
}

extern const int HEDGECORE_API_SYMBOL = HEDGECORE_API_VERSION;

std::string version() { return HEDGECORE_VERSION; }

std::string compiler() {
#if defined(__clang__)
    return "clang " + std::string(__clang_version__);
#else
    return "gcc " + std::string(__VERSION__);
#endif
}

std::vector<std::string> compiled_levels() {
    std::vector<std::string> names;
    for (const Level& level : levels()) names.emplace_back(level.table->level);
    return names;
}

std::vector<std::string> available_levels() {
    std::vector<std::string> names;
    for (const Level& level : levels()) {
        if (level.runs_here()) names.emplace_back(level.table->level);
    }
    return names;
}

std::string active_level() { return kernels().level; }

namespace math {
void exp(const double* x, double* y, std::size_t n) { kernels().exp(x, y, n); }
void log(const double* x, double* y, std::size_t n) { kernels().log(x, y, n); }
void log_ratio(const double* a, const double* b, double* y, std::size_t n) { kernels().log_ratio(a, b, y, n); }
void normal_pdf(const double* x, double* y, std::size_t n) { kernels().normal_pdf(x, y, n); }
void normal_cdf(const double* x, double* y, std::size_t n) { kernels().normal_cdf(x, y, n); }
void normal_quantile(const double* p, double* y, std::size_t n) { kernels().normal_quantile(p, y, n); }
}  // namespace math

}  // namespace hedgecore
