// Raw SVI, inlined into what evaluates smiles: surfaces and scenarios.

// w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))
HC_INLINE double svi_variance(double a, double b, double rho, double m, double sigma, double k) {
    const double x = k - m, root = __builtin_sqrt(mad(x, x, sigma * sigma));
    return mad(b, mad(rho, x, root), a);
}
