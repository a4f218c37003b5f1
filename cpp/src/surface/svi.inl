// Raw SVI, inlined into what evaluates smiles: surfaces and scenarios.

// Total variance and its first two derivatives in k.
struct SmilePoint {
    double w, slope, curvature;
};

// w(k) = a + b (rho (k - m) + sqrt((k - m)^2 + sigma^2))
HC_INLINE double svi_variance(double a, double b, double rho, double m, double sigma, double k) {
    const double x = k - m, root = __builtin_sqrt(mad(x, x, sigma * sigma));
    return mad(b, mad(rho, x, root), a);
}

HC_INLINE SmilePoint svi_point(double a, double b, double rho, double m, double sigma, double k) {
    const double x = k - m, root = __builtin_sqrt(mad(x, x, sigma * sigma));
    const double inverse = 1.0 / larger(root, 1e-300);  // a kink, sigma = 0, has the slope b rho and no curvature
    const double bend = sigma * inverse;
    return {mad(b, mad(rho, x, root), a), b * mad(x, inverse, rho), b * (bend * bend) * inverse};
}
