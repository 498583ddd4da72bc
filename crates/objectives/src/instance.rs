//! An [`Objective`] made of a formula and of what identifies one instance of it: name, family, start, minimum.

use rand::{Rng, RngExt};

use crate::Objective;
use crate::normal::normal;

/// What an analytic objective computes: the value and the gradient of f, and nothing else.
pub trait Formula: Send + Sync {
    /// f(x).
    fn value(&self, x: &[f64]) -> f64;

    /// Writes ∇f(x) into `gradient`.
    fn gradient(&self, x: &[f64], gradient: &mut [f64]);
}

/// A [`Formula`] with a name, a family, a start and, where they are known, a minimum and a first learning rate.
///
/// # Example
///
/// ```
/// use qstride_objectives::{Formula, Instance, Objective};
///
/// /// f(x) = Σ xᵢ⁴
/// struct Quartic;
///
/// impl Formula for Quartic {
///     fn value(&self, x: &[f64]) -> f64 { x.iter().map(|v| v.powi(4)).sum() }
///     fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
///         for (g, v) in gradient.iter_mut().zip(x) { *g = 4.0 * v.powi(3); }
///     }
/// }
///
/// let quartic = Instance::new("quartic", Quartic, vec![1.0, 2.0]).with_minimum(0.0);
/// assert_eq!(quartic.value(&quartic.start()), 17.0);
/// ```
pub struct Instance {
    name: String,
    family: String,
    formula: Box<dyn Formula>,
    start: Vec<f64>,
    minimum: Option<f64>,
    start_rate: Option<f64>,
}

impl Instance {
    /// An instance whose family is its own name; the length of `start` is the dimension.
    pub fn new(name: &str, formula: impl Formula + 'static, start: Vec<f64>) -> Self {
        Self {
            name: name.to_owned(),
            family: name.to_owned(),
            formula: Box::new(formula),
            start,
            minimum: None,
            start_rate: None,
        }
    }

    /// Sets f*.
    pub fn with_minimum(mut self, minimum: f64) -> Self {
        self.minimum = Some(minimum);
        self
    }

    /// Sets the first learning rate that comes with the instance.
    pub fn with_start_rate(mut self, rate: f64) -> Self {
        self.start_rate = Some(rate);
        self
    }

    /// Sets the name and the family.
    pub fn named(mut self, name: &str, family: &str) -> Self {
        name.clone_into(&mut self.name);
        family.clone_into(&mut self.family);
        self
    }

    /// Replaces the start, which also sets the dimension.
    pub fn started_at(mut self, start: Vec<f64>) -> Self {
        self.start = start;
        self
    }

    /// Moves the start by N(0, `deviation`²) in every coordinate.
    pub fn perturbed(mut self, deviation: f64, rng: &mut impl Rng) -> Self {
        for v in &mut self.start {
            *v += deviation * normal(rng);
        }
        self
    }

    /// Draws the start uniformly from the cube [−`radius`, `radius`]ⁿ.
    pub fn started_within(mut self, radius: f64, rng: &mut impl Rng) -> Self {
        for v in &mut self.start {
            *v = rng.random_range(-radius..=radius);
        }
        self
    }
}

impl Objective for Instance {
    fn name(&self) -> &str {
        &self.name
    }

    fn family(&self) -> &str {
        &self.family
    }

    fn dimension(&self) -> usize {
        self.start.len()
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.formula.value(x)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.formula.gradient(x, gradient);
    }

    fn start(&self) -> Vec<f64> {
        self.start.clone()
    }

    fn minimum(&self) -> Option<f64> {
        self.minimum
    }

    fn start_rate(&self) -> Option<f64> {
        self.start_rate
    }
}
