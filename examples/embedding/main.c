/* Greeks and implied vols of a chain, and the sums of a large book: main.cpp and client.py print the same. */
#include <hedgecore/hedgecore.h>
#include <stdio.h>

#define N 20000
static double strikes[N], quantity[N];

static int failed(void) {
    fprintf(stderr, "%s\n", hc_last_error());
    return 1;
}

int main(void) {
    const int8_t kind[] = {1, -1, 1}, call = 1;
    const double strike[] = {60000, 65000, 70000}, vol[] = {0.625, 0.5, 0.5625};
    const double expiry = 0.125, forward = 66000, years = 0.25, spot = 100;
    const hc_greek wanted[] = {HC_PRICE, HC_DELTA}, terms[] = {HC_DELTA, HC_VEGA};
    double price[3], delta[3], implied[3], sums[2];
    double* out[] = {price, delta};
    hc_options chain = {0}, book = {0};
    hc_column prices, weights[2];
    int i;
    if (hc_api_version() != HC_API_VERSION) return 1;
    chain.size = sizeof chain, chain.n = 3, chain.coin_settled = 1;
    chain.kind = kind, chain.kind_stride = 1;
    chain.strike.data = strike, chain.strike.stride = 1;
    chain.vol.data = vol, chain.vol.stride = 1;
    chain.expiry.data = &expiry; /* stride 0: one for all */
    chain.forward.data = &forward;
    if (hc_greeks(&chain, 2, wanted, out, NULL, NULL) != HC_OK) return failed();
    prices.data = price, prices.stride = 1;
    if (hc_implied_vol(&chain, &prices, implied, NULL, NULL, NULL) != HC_OK) return failed();
    for (i = 0; i < 3; ++i) printf("%.17g %.17g %.17g\n", price[i], delta[i], implied[i]);

    for (i = 0; i < N; ++i) {
        strikes[i] = 50 + (double)i / 256;
        quantity[i] = (double)(i % 7) - 3;
    }
    book.size = sizeof book, book.n = N;
    book.kind = &call;
    book.strike.data = strikes, book.strike.stride = 1;
    book.expiry.data = &years;
    book.vol.data = vol;
    book.spot.data = &spot;
    weights[0].data = quantity, weights[0].stride = 1;
    weights[1] = weights[0];
    if (hc_greek_sums(&book, 2, terms, weights, NULL, 1, sums, NULL, NULL) != HC_OK) return failed();
    printf("%.17g %.17g\n", sums[0], sums[1]);
    return 0;
}
