//! The covariance of two places: Matérn 5/2.

use serde::{Deserialize, Serialize};

/// What the covariance k(x, z) = s m(r²) + ν [x = z] is made of, where r² = Σ wᵢ (xᵢ − zᵢ)² over the parameters and a categorical parameter
/// adds wᵢ where the choices differ (the Hamming distance).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Hyperparameters {
    /// wᵢ = 1 / length scale², one a parameter; lengths are shares of the parameter's range.
    pub(super) weights: Vec<f64>,
    /// s: the variance of the function.
    pub(super) signal: f64,
    /// ν: the variance of the noise.
    pub(super) noise: f64,
}

impl Hyperparameters {
    /// Every length as long as the range, as much noise as function: where a fit without a predecessor begins.
    pub(super) fn start(parameters: usize) -> Self {
        Self {
            weights: vec![1.0; parameters],
            signal: 1.0,
            noise: 1.0,
        }
    }
}

/// m(r²) = (1 + √5 r + 5/3 r²) exp(−√5 r): Rasmussen and Williams 2006, equation 4.17.
pub(super) fn matern(squared: f64) -> f64 {
    let root = (5.0 * squared).sqrt();
    (1.0 + root + 5.0 / 3.0 * squared) * (-root).exp()
}

/// m(r²) and its derivative with respect to r², −5/6 (1 + √5 r) exp(−√5 r), which has no pole at 0.
pub(super) fn matern_with_slope(squared: f64) -> (f64, f64) {
    let root = (5.0 * squared).sqrt();
    let decay = (-root).exp();
    (
        (1.0 + root + 5.0 / 3.0 * squared) * decay,
        -5.0 / 6.0 * (1.0 + root) * decay,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_scikit_learns() {
        // sklearn.gaussian_process.kernels.Matern(1.0, nu=2.5)([[0.0]], [[r]]) for r = 0, 0.3, 1, 4.
        let expected = [
            1.0,
            0.930_965_342_775_005,
            0.523_994_108_831_820_3,
            0.004_777_084_546_698_493,
        ];
        for (r, expected) in [0.0_f64, 0.3, 1.0, 4.0].into_iter().zip(expected) {
            assert!((matern(r * r) - expected).abs() < 1e-15, "{r}");
        }
    }

    #[test]
    fn the_slope_is_that_of_finite_differences() {
        for squared in [1e-3, 0.1, 1.0, 9.0] {
            let (value, slope) = matern_with_slope(squared);
            let step = 1e-6 * squared;
            let finite = (matern(squared + step) - matern(squared - step)) / (2.0 * step);
            assert!((slope - finite).abs() < 1e-6, "{slope} {finite}");
            assert_eq!(value, matern(squared));
        }
        assert_eq!(matern_with_slope(0.0), (1.0, -5.0 / 6.0));
    }
}
