// Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011), uniforms and normals for
// the lanes of a block. The layout is stated in hedgecore/paths.hpp. The generator is written with explicit vectors: the product of
// two 32-bit words is one instruction everywhere, but plain loops over it are not always compiled to that.

// 64-bit lanes, each with a word of 32 bits in its lower half; the upper half is whatever the rounds leave there.
#if defined(__AVX512F__)
typedef std::uint64_t Words __attribute__((vector_size(64)));
HC_INLINE Words word_product(Words a, std::uint32_t m) {
    return (Words)_mm512_maskz_mul_epu32(0xff, (__m512i)a, _mm512_set1_epi64(m));
}
#elif defined(__AVX2__)
typedef std::uint64_t Words __attribute__((vector_size(32)));
HC_INLINE Words word_product(Words a, std::uint32_t m) { return (Words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(m)); }
#elif defined(__SSE2__)
typedef std::uint64_t Words __attribute__((vector_size(16)));
HC_INLINE Words word_product(Words a, std::uint32_t m) { return (Words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(m)); }
#elif defined(__ARM_NEON)
typedef std::uint64_t Words __attribute__((vector_size(16)));
HC_INLINE Words word_product(Words a, std::uint32_t m) { return (Words)vmull_u32(vmovn_u64((uint64x2_t)a), vdup_n_u32(m)); }
#else
typedef std::uint64_t Words __attribute__((vector_size(16)));
HC_INLINE Words word_product(Words a, std::uint32_t m) { return (a & 0xffffffffULL) * m; }
#endif
HC_INLINE std::uint64_t word_product(std::uint64_t a, std::uint32_t m) { return (a & 0xffffffffULL) * m; }

constexpr std::size_t words_width = sizeof(Words) / sizeof(std::uint64_t);
static_assert(lane_multiple % words_width == 0);

// The keys of the ten rounds.
template <class T>
struct RoundKeys {
    T k[10][2];
};

template <class T>
HC_INLINE RoundKeys<T> round_keys(std::uint64_t key) {
    std::uint32_t k0 = std::uint32_t(key), k1 = std::uint32_t(key >> 32);
    RoundKeys<T> keys;
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        keys.k[round][0] = T{} + std::uint64_t(k0);
        keys.k[round][1] = T{} + std::uint64_t(k1);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return keys;
}

// Ten rounds on the counter c, in place. T is Words or one 64-bit number.
template <class T>
HC_INLINE void philox_rounds(T (&c)[4], const RoundKeys<T>& keys) {
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
        const T p0 = word_product(c[0], 0xD2511F53u), p1 = word_product(c[2], 0xCD9E8D57u);
        c[0] = (p1 >> 32) ^ c[1] ^ keys.k[round][0];
        c[2] = (p0 >> 32) ^ c[3] ^ keys.k[round][1];
        c[1] = p1;
        c[3] = p0;
    }
}

// The words of n counters, four each.
static void philox(std::uint64_t key, const std::uint32_t* counter, std::uint32_t* words, std::size_t n) {
    const RoundKeys<Words> keys = round_keys<Words>(key);
    std::size_t i = 0;
    for (; i + words_width <= n; i += words_width) {
        Words c[4] = {};
        for (std::size_t lane = 0; lane < words_width; ++lane) {
            for (int w = 0; w < 4; ++w) c[w][lane] = counter[4 * (i + lane) + w];
        }
        philox_rounds(c, keys);
        for (std::size_t lane = 0; lane < words_width; ++lane) {
            for (int w = 0; w < 4; ++w) words[4 * (i + lane) + w] = std::uint32_t(c[w][lane]);
        }
    }
    for (; i < n; ++i) {
        std::uint64_t c[4];
        for (int w = 0; w < 4; ++w) c[w] = counter[4 * i + w];
        philox_rounds(c, round_keys<std::uint64_t>(key));
        for (int w = 0; w < 4; ++w) words[4 * i + w] = std::uint32_t(c[w]);
    }
}

// (k + 1/2) / 2^52 with the upper 52 bits k of high 2^32 + low, by their place in a number from 1 to 2.
template <class T>
HC_INLINE T unit_bits(T low, T high) {
    return (((high << 32) | (low & 0xffffffffULL)) >> 12) | 0x3ff0000000000000ULL;
}
HC_INLINE double unit_from(double one_to_two) { return one_to_two - 0.99999999999999988898; }  // 1 - 2^-53, exactly

// The uniform of that number of one path.
HC_INLINE double uniform(std::uint64_t seed, std::uint32_t stream, std::uint64_t path, double mirror, std::uint64_t number) {
    std::uint64_t c[4] = {number >> 1, stream, path & 0xffffffffULL, path >> 32};
    philox_rounds(c, round_keys<std::uint64_t>(seed));
    const bool second = number & 1;
    return magnitude(mirror - unit_from(from_bits(unit_bits(second ? c[2] : c[0], second ? c[3] : c[1]))));
}

// Both uniforms of a call, for every lane of the block.
static void uniform_pair(const PathLanes& b, std::uint32_t stream, std::uint32_t call, Lane& first, Lane& second) {
    const std::size_t n = b.n;
    RoundKeys<Words> keys = round_keys<Words>(b.seed);
    __asm__("" : "+m"(keys));  // else compilers make each key anew for each vector, which costs more than to read it
    for (std::size_t i = 0; i < n; i += words_width) {
        Words path;
        __builtin_memcpy(&path, b.path + i, sizeof path);
        Words c[4] = {Words{} + std::uint64_t(call), Words{} + std::uint64_t(stream), path, path >> 32};
        philox_rounds(c, keys);
        const Words u0 = unit_bits(c[0], c[1]), u1 = unit_bits(c[2], c[3]);
        __builtin_memcpy(first + i, &u0, sizeof u0);
        __builtin_memcpy(second + i, &u1, sizeof u1);
    }
    HC_EACH(i, n) {
        first[i] = magnitude(b.mirror[i] - unit_from(first[i]));
        second[i] = magnitude(b.mirror[i] - unit_from(second[i]));
    }
}

// z = normal_quantile(u), the same bits. One uniform in a hundred lies in the tails: these are looked for by groups and solved
// apart, so that the others do not pay for them.
static void normals_of(const Lane& u, Lane& z, std::size_t n) {
    alignas(64) Lane w;
    HC_EACH(i, n) {
        const double p = u[i], argument = quantile_argument<false>(p < 0.5 ? p : 1.0 - p);
        w[i] = argument;
        z[i] = central_quantile(p, argument);
    }
    const std::size_t groups = n / lane_multiple;
    alignas(64) double most[block_size / lane_multiple];
    HC_EACH(g, groups) {
        const double a = larger(w[g], w[g + groups]), b = larger(w[g + 2 * groups], w[g + 3 * groups]);
        const double c = larger(w[g + 4 * groups], w[g + 5 * groups]), d = larger(w[g + 6 * groups], w[g + 7 * groups]);
        most[g] = larger(larger(a, b), larger(c, d));
    }
    std::size_t found = 0;
    std::uint8_t where[block_size];
    for (std::size_t g = 0; g < groups; ++g) {
        if (most[g] < quantile_split) continue;
        for (std::size_t i = g; i < n; i += groups) {
            where[found] = std::uint8_t(i);
            found += !(w[i] < quantile_split);
        }
    }
    if (found == 0) return;
    alignas(64) Lane tail;
    const std::size_t padded = (found + words_width - 1) / words_width * words_width;
    for (std::size_t j = 0; j < padded; ++j) tail[j] = u[where[j < found ? j : 0]];
    HC_EACH(j, padded) tail[j] = normal_quantile(tail[j]);
    for (std::size_t j = 0; j < found; ++j) z[where[j]] = tail[j];
}
