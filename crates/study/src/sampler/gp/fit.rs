//! Length scales, signal and noise: the most probable ones.

use faer::Mat;

use super::cholesky::Cholesky;
use super::descent::Descent;
use super::kernel::{Hyperparameters, matern_with_slope};
use super::posterior::{Observations, add_squares};

/// The least variance of the noise; values are standardised to variance 1.
const LEAST_NOISE: f64 = 1e-6;
/// Each weight has the density exp(−0.1 / w − 0.1 w), the signal Gamma(2, 1), the noise Gamma(1.1, 30), up to constants: the priors of
/// Optuna's `GPSampler`.
const WEIGHT_PRIOR: f64 = 0.1;
const SIGNAL_PRIOR: (f64, f64) = (2.0, 1.0);
const NOISE_PRIOR: (f64, f64) = (1.1, 30.0);
/// The search for each logarithm stays within this of 0.
const FARTHEST: f64 = 25.0;
/// A fit has come to its end when no component of the gradient exceeds this, or after so many steps.
const TOLERANCE: f64 = 1e-2;
const STEPS: usize = 100;

/// The most probable hyperparameters given the observations (maximum a posteriori), found by L-BFGS over ln w, ln s and ln(ν − least noise)
/// from `start`; `start` itself where the covariance cannot be factored there.
pub(super) fn fit(observations: &Observations, start: &Hyperparameters) -> Hyperparameters {
    let begin = to_logarithms(start);
    let size = begin.len();
    let (lower, upper) = (vec![-FARTHEST; size], vec![FARTHEST; size]);
    let mut descent = Descent::new(begin, lower, upper, TOLERANCE, STEPS);
    let mut gradient = vec![0.0; size];
    while !descent.is_over() {
        let value = misfit(observations, descent.point(), &mut gradient);
        descent.tell(value.unwrap_or(f64::INFINITY), &gradient);
    }
    of_logarithms(descent.best())
}

fn to_logarithms(hyper: &Hyperparameters) -> Vec<f64> {
    let noise = (hyper.noise - LEAST_NOISE).max(LEAST_NOISE * 1e-2);
    let weights = hyper.weights.iter().copied();
    weights.chain([hyper.signal, noise]).map(f64::ln).collect()
}

fn of_logarithms(logarithms: &[f64]) -> Hyperparameters {
    let (weights, rest) = logarithms.split_at(logarithms.len() - 2);
    Hyperparameters {
        weights: weights.iter().map(|x| x.exp()).collect(),
        signal: rest[0].exp(),
        noise: rest[1].exp() + LEAST_NOISE,
    }
}

/// −ln p(y | θ) − ln p(θ) up to constants, ½ yᵀ C⁻¹ y + ½ ln det C − ln p(θ), and its gradient
/// ½ tr((C⁻¹ − a aᵀ) ∂C/∂θ) with a = C⁻¹ y (Rasmussen and Williams 2006, equation 5.9); nothing where C cannot be factored.
fn misfit(observations: &Observations, at: &[f64], gradient: &mut [f64]) -> Option<f64> {
    let hyper = of_logarithms(at);
    let parameters = hyper.weights.len();
    let values = observations.values();
    let size = values.len();
    let columns: Vec<&[f64]> = observations
        .columns()
        .iter()
        .map(|column| &column[..size])
        .collect();
    let owners = observations.owners();

    // C and the derivative of k(X, X) with respect to r², lower halves.
    let mut covariance = Mat::zeros(size, size);
    let mut slopes = Mat::<f64>::zeros(size, size);
    let mut squared = vec![0.0; size];
    let mut distance = vec![0.0; size];
    for j in 0..size {
        let below = size - j;
        squared[..below].fill(0.0);
        for (column, &owner) in columns.iter().zip(owners) {
            distance[..below].fill(0.0);
            add_squares(&mut distance[..below], &column[j..], column[j]);
            for (squared, distance) in squared.iter_mut().zip(&distance[..below]) {
                *squared += hyper.weights[owner] * distance;
            }
        }
        let covariances = &mut covariance.col_as_slice_mut(j)[j..];
        let slopes = &mut slopes.col_as_slice_mut(j)[j..];
        for (i, squared) in squared[..below].iter().enumerate() {
            let (value, slope) = matern_with_slope(*squared);
            covariances[i] = hyper.signal * value;
            slopes[i] = hyper.signal * slope;
        }
        covariances[0] += hyper.noise;
    }

    let cholesky = Cholesky::of(covariance.clone())?;
    let pulls = cholesky.solve(values);
    let inverse = cholesky.inverse();
    let fitness: f64 = pulls.iter().zip(values).map(|(a, y)| a * y).sum();

    gradient.fill(0.0);
    // tr(C⁻¹ − a aᵀ) and tr((C⁻¹ − a aᵀ) C).
    let (mut diagonal, mut weighed) = (0.0, 0.0);
    let mut weights = vec![0.0; size];
    for j in 0..size {
        let below = &mut weights[..size - j];
        let inverse = &inverse.col_as_slice(j)[j..];
        let covariances = &covariance.col_as_slice(j)[j..];
        let slopes = &slopes.col_as_slice(j)[j..];
        for (i, weight) in below.iter_mut().enumerate() {
            let surplus = inverse[i] - pulls[j + i] * pulls[j];
            weighed += surplus * covariances[i];
            *weight = surplus * slopes[i];
        }
        let own = inverse[0] - pulls[j] * pulls[j];
        diagonal += own;
        // The diagonal counts once, the rest twice.
        weighed -= 0.5 * own * covariances[0];
        for (column, &owner) in columns.iter().zip(owners) {
            let mut sum = 0.0;
            for (weight, x) in below.iter().zip(&column[j..]) {
                let difference = x - column[j];
                sum += weight * difference * difference;
            }
            gradient[owner] += sum;
        }
    }
    let weighed = 2.0 * weighed;

    let mut prior = 0.0;
    for (slope, w) in gradient.iter_mut().zip(&hyper.weights) {
        prior -= WEIGHT_PRIOR * (1.0 / w + w);
        // Both halves of a symmetric matrix, times ½.
        *slope = *w * *slope - WEIGHT_PRIOR * (1.0 / w - w);
    }
    let (shape, rate) = SIGNAL_PRIOR;
    prior += (shape - 1.0) * hyper.signal.ln() - rate * hyper.signal;
    gradient[parameters] =
        0.5 * (weighed - hyper.noise * diagonal) - ((shape - 1.0) - rate * hyper.signal);
    let (shape, rate) = NOISE_PRIOR;
    prior += (shape - 1.0) * hyper.noise.ln() - rate * hyper.noise;
    let excess = hyper.noise - LEAST_NOISE;
    gradient[parameters + 1] = excess * (0.5 * diagonal - ((shape - 1.0) / hyper.noise - rate));
    Some(0.5 * fitness + 0.5 * cholesky.log_determinant() - prior)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::gp::posterior::tests::observed;

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let observations = observed();
        let at = [0.3, -0.4, 1.1, 0.2, -3.0];
        let mut gradient = [0.0; 5];
        misfit(&observations, &at, &mut gradient).unwrap();
        for i in 0..at.len() {
            let step = 1e-5;
            let (mut above, mut below) = (at, at);
            above[i] += step;
            below[i] -= step;
            let mut unused = [0.0; 5];
            let finite = (misfit(&observations, &above, &mut unused).unwrap()
                - misfit(&observations, &below, &mut unused).unwrap())
                / (2.0 * step);
            assert!(
                (gradient[i] - finite).abs() < 1e-7,
                "{i}: {} {finite}",
                gradient[i]
            );
        }
    }

    #[test]
    fn a_fit_is_no_worse_than_its_start_and_its_gradient_is_small() {
        let observations = observed();
        let start = Hyperparameters::start(3);
        let fitted = fit(&observations, &start);
        let mut gradient = [0.0; 5];
        let before = misfit(&observations, &to_logarithms(&start), &mut gradient).unwrap();
        let after = misfit(&observations, &to_logarithms(&fitted), &mut gradient).unwrap();
        assert!(after < before);
        assert!(
            gradient.iter().all(|g| g.abs() < 2.0 * TOLERANCE),
            "{gradient:?}"
        );
        assert_eq!(fit(&observations, &start), fitted);
    }

    #[test]
    fn the_same_place_many_times_can_be_fitted() {
        let observations = observed();
        let places = vec![vec![0.5, 0.5]; 40];
        let mut space = crate::SearchSpace::new();
        for name in ["a", "b"] {
            let unit = crate::Distribution::float(name, 0.0, 1.0).unwrap();
            space.insert(name.to_owned(), std::sync::Arc::new(unit));
        }
        let space = super::super::space::Space::of(&space);
        let flat = Observations::new(&space, &places, vec![0.0; 40]);
        let fitted = fit(&flat, &Hyperparameters::start(2));
        assert!(fitted.weights.iter().all(|w| w.is_finite()) && fitted.noise >= LEAST_NOISE);
        assert!(observations.len() > 0);
    }
}
