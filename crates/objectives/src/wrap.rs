//! An objective seen in other units and from another angle, with noise if wanted: what randomised training varies.

use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::Objective;
use crate::inner_product::dot;
use crate::normal::normal;
use crate::rotation::Rotation;

/// F(x) = c f(Qᵀx/s) + b for an objective f, with gradient (c/s) Q ∇f plus optional noise.
///
/// The start, the minimum and the first learning rate go along: s Q x₀, c f* + b, and α s²/c. Name and family stay those of
/// f. Scales that are powers of two are exact to the bit: without rotation and offset, gradient descent on F with the rate
/// scaled along takes the same decisions as on f as long as nothing overflows or becomes subnormal.
///
/// The noise is a function of the seed and of the bits of x, so that the objective stays pure: asking twice at one point
/// gives the same gradient twice, and averaging over repeated calls does not reduce it.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
/// use qstride_objectives::{Objective, Transformed, booth::booth};
///
/// # fn main() -> Result<(), qstride_objectives::wrap::TransformError> {
/// let f = Transformed::new(Arc::new(booth())).value_scale(4.0)?.offset(-1.0)?.point_scale(0.5)?;
/// assert_eq!(f.value(&f.start()), 4.0 * 74.0 - 1.0);
/// assert_eq!(f.minimum(), Some(-1.0));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Transformed {
    inner: Arc<dyn Objective>,
    value_scale: f64,
    offset: f64,
    point_scale: f64,
    rotation: Option<Rotation>,
    noise: Option<Noise>,
}

#[derive(Clone, Copy)]
struct Noise {
    level: f64,
    seed: u64,
}

/// A number that does not describe a transformation.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TransformError {
    /// A scale that is not positive and finite.
    #[error("the {what} must be a positive finite number, not {value}")]
    Scale {
        /// Which scale.
        what: &'static str,
        /// The number that was given.
        value: f64,
    },
    /// An offset that is not finite.
    #[error("the offset must be a finite number, not {value}")]
    Offset {
        /// The number that was given.
        value: f64,
    },
    /// A noise level that is negative or not finite.
    #[error("the noise level must be a finite number of at least 0, not {value}")]
    Noise {
        /// The number that was given.
        value: f64,
    },
}

impl Transformed {
    /// F = f.
    pub fn new(inner: Arc<dyn Objective>) -> Self {
        Self {
            inner,
            value_scale: 1.0,
            offset: 0.0,
            point_scale: 1.0,
            rotation: None,
            noise: None,
        }
    }

    /// Sets c, the scale of the value.
    ///
    /// # Errors
    ///
    /// When c is not positive and finite.
    pub fn value_scale(mut self, factor: f64) -> Result<Self, TransformError> {
        self.value_scale = positive("scale of the value", factor)?;
        Ok(self)
    }

    /// Sets b, the offset of the value.
    ///
    /// # Errors
    ///
    /// When b is not finite.
    pub fn offset(mut self, offset: f64) -> Result<Self, TransformError> {
        if !offset.is_finite() {
            return Err(TransformError::Offset { value: offset });
        }
        self.offset = offset;
        Ok(self)
    }

    /// Sets s, the scale of x.
    ///
    /// # Errors
    ///
    /// When s is not positive and finite.
    pub fn point_scale(mut self, factor: f64) -> Result<Self, TransformError> {
        self.point_scale = positive("scale of the point", factor)?;
        Ok(self)
    }

    /// Draws Q as a product of `reflections` random reflections.
    pub fn rotated(mut self, reflections: usize, rng: &mut impl Rng) -> Self {
        let n = self.inner.dimension();
        self.rotation = Some(Rotation::random(n, reflections, rng));
        self
    }

    /// Adds N(0, `level`² |∇F|²/n) to every entry of the gradient: noise of about `level` times the length of the gradient.
    ///
    /// # Errors
    ///
    /// When the level is negative or not finite.
    pub fn gradient_noise(mut self, level: f64, seed: u64) -> Result<Self, TransformError> {
        if !(level.is_finite() && level >= 0.0) {
            return Err(TransformError::Noise { value: level });
        }
        self.noise = Some(Noise { level, seed });
        Ok(self)
    }

    /// Calls `use_point` with Qᵀx/s.
    fn at_inner_point<T>(&self, x: &[f64], use_point: impl FnOnce(&[f64]) -> T) -> T {
        if self.rotation.is_none() && self.point_scale == 1.0 {
            return use_point(x);
        }
        let mut point: Vec<f64> = x.iter().map(|v| v / self.point_scale).collect();
        if let Some(rotation) = &self.rotation {
            rotation.apply_transpose(&mut point);
        }
        use_point(&point)
    }
}

fn positive(what: &'static str, value: f64) -> Result<f64, TransformError> {
    if value.is_finite() && value > 0.0 {
        Ok(value)
    } else {
        Err(TransformError::Scale { what, value })
    }
}

impl Noise {
    fn add_to(self, gradient: &mut [f64], x: &[f64]) {
        let mut rng = ChaCha8Rng::seed_from_u64(point_seed(self.seed, x));
        let deviation = self.level * (dot(gradient, gradient) / gradient.len() as f64).sqrt();
        for g in gradient {
            *g += deviation * normal(&mut rng);
        }
    }
}

/// A seed from the bits of a point, mixed as in SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn point_seed(seed: u64, x: &[f64]) -> u64 {
    x.iter().fold(seed, |state, v| {
        let z = (state ^ v.to_bits()).wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

impl Objective for Transformed {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn family(&self) -> &str {
        self.inner.family()
    }

    fn dimension(&self) -> usize {
        self.inner.dimension()
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.value_scale * self.at_inner_point(x, |point| self.inner.value(point)) + self.offset
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.at_inner_point(x, |point| self.inner.gradient(point, gradient));
        if let Some(rotation) = &self.rotation {
            rotation.apply(gradient);
        }
        let slope = self.value_scale / self.point_scale;
        gradient.iter_mut().for_each(|g| *g *= slope);
        if let Some(noise) = self.noise {
            noise.add_to(gradient, x);
        }
    }

    fn start(&self) -> Vec<f64> {
        let mut start = self.inner.start();
        if let Some(rotation) = &self.rotation {
            rotation.apply(&mut start);
        }
        start.iter_mut().for_each(|v| *v *= self.point_scale);
        start
    }

    fn minimum(&self) -> Option<f64> {
        let minimum = self.inner.minimum()?;
        Some(self.value_scale * minimum + self.offset)
    }

    fn start_rate(&self) -> Option<f64> {
        let rate = self.inner.start_rate()?;
        Some(rate * self.point_scale * self.point_scale / self.value_scale)
    }

    fn test_score(&self, x: &[f64]) -> Option<f64> {
        self.at_inner_point(x, |point| self.inner.test_score(point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Streams;
    use crate::mgh::wood;
    use crate::peer200;
    use proptest::prelude::*;

    fn gradient(f: &dyn Objective, x: &[f64]) -> Vec<f64> {
        let mut g = vec![0.0; x.len()];
        f.gradient(x, &mut g);
        g
    }

    fn point() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(-4.0f64..4.0, 4)
    }

    proptest! {
        #[test]
        fn powers_of_two_are_exact(x in point(), c in -60i32..60, s in -60i32..60) {
            let (c, s) = (2f64.powi(c), 2f64.powi(s));
            let f = wood();
            let scaled = Transformed::new(Arc::new(wood())).value_scale(c).unwrap().point_scale(s).unwrap();
            let y: Vec<f64> = x.iter().map(|v| v * s).collect();
            prop_assert_eq!(scaled.value(&y), c * f.value(&x));
            let expected: Vec<f64> = gradient(&f, &x).iter().map(|g| g * c / s).collect();
            prop_assert_eq!(gradient(&scaled, &y), expected);
        }

        #[test]
        fn the_offset_moves_the_value_and_nothing_else(x in point(), b in -10.0f64..10.0) {
            let f = wood();
            let moved = Transformed::new(Arc::new(wood())).offset(b).unwrap();
            prop_assert_eq!(moved.value(&x), f.value(&x) + b);
            prop_assert_eq!(gradient(&moved, &x), gradient(&f, &x));
            prop_assert_eq!(moved.minimum(), Some(b));
        }

        #[test]
        fn rotation_keeps_values_and_slopes(seed in 0u64..1000, s in 0.1f64..10.0) {
            let mut rng = Streams::new(seed).stream("wrap");
            let f = wood();
            let turned = Transformed::new(Arc::new(wood())).rotated(4, &mut rng).point_scale(s).unwrap();
            let (x, y) = (f.start(), turned.start());
            prop_assert!((turned.value(&y) / f.value(&x) - 1.0).abs() < 1e-11);
            let (g, h) = (gradient(&f, &x), gradient(&turned, &y));
            prop_assert!((dot(&h, &h) * s * s / dot(&g, &g) - 1.0).abs() < 1e-11);
            prop_assert!((dot(&h, &y) / dot(&g, &x) - 1.0).abs() < 1e-11);
            let t = 1e-6 * s;
            let shifted = |sign: f64| -> f64 {
                let z: Vec<f64> = y.iter().zip(&h).map(|(v, d)| v + sign * t * d / dot(&h, &h).sqrt()).collect();
                turned.value(&z)
            };
            let slope = (shifted(1.0) - shifted(-1.0)) / (2.0 * t);
            prop_assert!((slope / dot(&h, &h).sqrt() - 1.0).abs() < 1e-6);
        }

        #[test]
        fn noise_is_pure_and_scales_with_the_value(x in point(), seed in 0u64..1000, c in -20i32..20) {
            let noisy = Transformed::new(Arc::new(wood())).gradient_noise(0.5, seed).unwrap();
            let scaled = noisy.clone().value_scale(2f64.powi(c)).unwrap();
            prop_assert_eq!(gradient(&noisy, &x), gradient(&noisy, &x));
            prop_assert_eq!(noisy.value(&x), wood().value(&x));
            let expected: Vec<f64> = gradient(&noisy, &x).iter().map(|g| g * 2f64.powi(c)).collect();
            prop_assert_eq!(gradient(&scaled, &x), expected);
        }
    }

    #[test]
    fn noise_has_the_level_that_was_asked_for() {
        let f = wood();
        let noisy = Transformed::new(Arc::new(wood()))
            .gradient_noise(0.3, 7)
            .unwrap();
        let mut rng = Streams::new(1).stream("points");
        let mean: f64 = (0..2000)
            .map(|_| {
                let x: Vec<f64> = (0..4).map(|_| normal(&mut rng)).collect();
                let (g, h) = (gradient(&f, &x), gradient(&noisy, &x));
                let square: f64 = g.iter().zip(&h).map(|(a, b)| (a - b).powi(2)).sum();
                square / dot(&g, &g)
            })
            .sum::<f64>()
            / 2000.0;
        assert!((mean / 0.09 - 1.0).abs() < 0.1, "{mean}");
    }

    #[test]
    fn the_first_rate_goes_along() {
        let inner = peer200::instances().unwrap()[0].clone();
        let rate = inner.start_rate().unwrap();
        let f = Transformed::new(inner).value_scale(8.0).unwrap();
        let f = f.point_scale(4.0).unwrap();
        assert_eq!(f.start_rate(), Some(2.0 * rate));
        assert_eq!(f.name(), "peer200/quad/0");
        assert_eq!(f.family(), "peer-quad");
    }

    #[test]
    fn impossible_numbers_are_refused() {
        let f = || Transformed::new(Arc::new(wood()));
        let error = |r: Result<Transformed, TransformError>| r.err().unwrap().to_string();
        assert_eq!(
            error(f().value_scale(0.0)),
            "the scale of the value must be a positive finite number, not 0"
        );
        assert!(f().point_scale(f64::NAN).is_err());
        assert!(f().offset(f64::INFINITY).is_err());
        assert!(f().gradient_noise(-1.0, 0).is_err());
    }
}
