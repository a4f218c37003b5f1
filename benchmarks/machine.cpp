// What the machine can do at most: bandwidth with write-allocate, and fused multiply-adds.
// Built by machine.py for the processor it runs on; not part of the package.
#include <cstddef>
#include <thread>
#include <vector>

namespace {

template <class Work>
void on_threads(int threads, Work work) {
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(work, i);
    work(0);
    for (auto& other : others) other.join();
}

constexpr int width = 32;   // bytes of a vector, as the kernels of level v3
constexpr int chains = 12;  // two pipes with a latency of four or five cycles need ten
typedef double Vector __attribute__((vector_size(width)));

}  // namespace

extern "C" {

// b = a: 24 bytes per element (read a, read the line of b, write it)
void copy(const double* a, double* b, std::size_t n, int threads) {
    on_threads(threads, [=](int i) {
        const std::size_t end = n * (i + 1) / threads;
        for (std::size_t j = n * i / threads; j < end; ++j) {
            b[j] = a[j];
            asm volatile("" ::: );  // else gcc calls memcpy, which does not allocate the line
        }
    });
}

// c = a + 3 b: 32 bytes per element
void triad(const double* a, const double* b, double* c, std::size_t n, int threads) {
    on_threads(threads, [=](int i) {
        const std::size_t end = n * (i + 1) / threads;
#pragma GCC ivdep
        for (std::size_t j = n * i / threads; j < end; ++j) c[j] = a[j] + 3 * b[j];
    });
}

// steps rounds of independent multiply-adds of doubles on each thread; multiply_adds() counts one round
double fma(std::size_t steps, int threads) {
    std::vector<double> sums(threads * 64);  // a cache line apart
    on_threads(threads, [&](int i) {
        Vector x[chains], a = {}, b = {};
        a += 0.999999;
        b += 1e-6;
        for (int k = 0; k < chains; ++k) x[k] = a + k;
        for (std::size_t step = 0; step < steps; ++step)
#pragma GCC unroll 12
            for (int k = 0; k < chains; ++k) x[k] = x[k] * a + b;
        for (int k = 0; k < chains; ++k) sums[64 * i] += x[k][0];
    });
    return sums[0];
}

int multiply_adds() { return chains * width / static_cast<int>(sizeof(double)); }
}
