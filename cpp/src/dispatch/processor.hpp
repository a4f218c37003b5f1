// Whether this processor and its operating system run a psABI level of x86-64: every feature of the level, since the compiler may use any
// of them. Not __builtin_cpu_supports: it needs a runtime library that clang-cl does not link, and zig's version of it answers no to
// every level.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

namespace hedgecore::processor {

struct Features {
    unsigned basic = 0, seven = 0, extended = 0;  // ecx of leaf 1, ebx of leaf 7, ecx of leaf 0x80000001
    unsigned saved = 0;                           // the registers that the operating system keeps

    static Features read() {
        Features f;
        unsigned a = 0, b = 0, c = 0, d = 0;
        if (__get_cpuid(1, &a, &b, &c, &d)) f.basic = c;
        if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) f.seven = b;
        if (__get_cpuid(0x80000001u, &a, &b, &c, &d)) f.extended = c;
        if (f.basic & (1u << 27)) __asm__ volatile("xgetbv" : "=a"(f.saved), "=d"(d) : "c"(0));
        return f;
    }
};

inline bool has(unsigned word, unsigned mask) { return (word & mask) == mask; }

template <class... Bit>
constexpr unsigned bits(Bit... bit) {
    return ((1u << bit) | ...);
}

inline const Features& features() {
    static const Features found = Features::read();
    return found;
}

// sse3, ssse3, cx16, sse4.1, sse4.2, popcnt; lahf
inline bool runs_v2() { return has(features().basic, bits(0, 9, 13, 19, 20, 23)) && has(features().extended, bits(0)); }

// fma, movbe, osxsave, avx, f16c; bmi1, avx2, bmi2; lzcnt; the registers xmm and ymm
inline bool runs_v3() {
    return runs_v2() && has(features().basic, bits(12, 22, 27, 28, 29)) && has(features().seven, bits(3, 5, 8)) &&
           has(features().extended, bits(5)) && has(features().saved, bits(1, 2));
}

// avx512 f, dq, cd, bw, vl; the masks and the registers zmm
inline bool runs_v4() { return runs_v3() && has(features().seven, bits(16, 17, 28, 30, 31)) && has(features().saved, bits(5, 6, 7)); }

}  // namespace hedgecore::processor
#endif
