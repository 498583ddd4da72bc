//! Sums of squares f(x) = Σᵢ rᵢ(x)², written through their residuals.

use crate::Formula;

/// The residuals rᵢ: Rⁿ → R, i = 0 … m−1, of a sum of squares f(x) = Σᵢ rᵢ(x)².
///
/// Every implementation is a [`Formula`], with ∇f = 2 Σᵢ rᵢ ∇rᵢ. Rows of the Jacobian are added in place, so that no
/// evaluation allocates.
pub trait Residuals: Send + Sync {
    /// m, the number of residuals.
    fn count(&self) -> usize;

    /// rᵢ(x).
    fn residual(&self, i: usize, x: &[f64]) -> f64;

    /// Adds `weight` · ∇rᵢ(x) to `gradient`.
    fn add_row(&self, i: usize, x: &[f64], weight: f64, gradient: &mut [f64]);
}

impl<R: Residuals> Formula for R {
    fn value(&self, x: &[f64]) -> f64 {
        (0..self.count())
            .map(|i| self.residual(i, x))
            .map(|r| r * r)
            .sum()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        gradient.fill(0.0);
        for i in 0..self.count() {
            self.add_row(i, x, 2.0 * self.residual(i, x), gradient);
        }
    }
}
