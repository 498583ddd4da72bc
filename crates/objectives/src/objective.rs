//! The traits that every problem implements.

/// A function f: Rⁿ → R with its gradient.
///
/// Implementations are pure: the same point gives the same bits, on any thread.
///
/// # Example
///
/// ```
/// use qstride_objectives::Objective;
///
/// /// f(x) = ½ |x|²
/// struct Bowl;
///
/// impl Objective for Bowl {
///     fn name(&self) -> &str { "bowl" }
///     fn dimension(&self) -> usize { 2 }
///     fn value(&self, x: &[f64]) -> f64 { 0.5 * x.iter().map(|v| v * v).sum::<f64>() }
///     fn gradient(&self, x: &[f64], gradient: &mut [f64]) { gradient.copy_from_slice(x); }
///     fn start(&self) -> Vec<f64> { vec![3.0, 4.0] }
///     fn minimum(&self) -> Option<f64> { Some(0.0) }
/// }
///
/// assert_eq!(Bowl.value(&Bowl.start()), 12.5);
/// ```
pub trait Objective: Send + Sync {
    /// The name of this instance, unique within its suite.
    fn name(&self) -> &str;

    /// The family that the instance was drawn from; the name itself for a single problem.
    fn family(&self) -> &str {
        self.name()
    }

    /// n, the number of variables.
    fn dimension(&self) -> usize;

    /// f(x). `x` has [`dimension`](Self::dimension) entries. May be infinite or NaN, which whoever calls has to handle.
    fn value(&self, x: &[f64]) -> f64;

    /// Writes ∇f(x) into `gradient`; both slices have [`dimension`](Self::dimension) entries.
    fn gradient(&self, x: &[f64], gradient: &mut [f64]);

    /// The standard start x₀.
    fn start(&self) -> Vec<f64>;

    /// f*, the least value, where it is known.
    fn minimum(&self) -> Option<f64> {
        None
    }

    /// The first learning rate that comes with the instance, where one does (the peer-200 instances).
    fn start_rate(&self) -> Option<f64> {
        None
    }

    /// A score on held-out data (accuracy for classes, R² for numbers), where the objective has such data.
    fn test_score(&self, _x: &[f64]) -> Option<f64> {
        None
    }
}

/// An objective that is a mean over samples, f(x) = (1/N) Σᵢ fᵢ(x), plus what does not depend on the sample (a ridge).
pub trait StochasticObjective: Objective {
    /// N, the number of samples.
    fn samples(&self) -> usize;

    /// The mean of fᵢ(x) over `batch` (sample indices below [`samples`](Self::samples)), ridge included.
    fn batch_value(&self, x: &[f64], batch: &[usize]) -> f64;

    /// Writes the gradient of [`batch_value`](Self::batch_value) and returns that value: one joint evaluation.
    fn batch_value_and_gradient(&self, x: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64;
}
