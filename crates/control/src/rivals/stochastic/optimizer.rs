//! What a stochastic method is given, and what it has to do.

/// The samples of one step: the loss and its gradient may be evaluated at any point on them, and every evaluation is counted.
pub trait Minibatch {
    /// The mean loss of the samples at `x`.
    fn value(&mut self, x: &[f64]) -> f64;

    /// The same, with its gradient written into `gradient`: one joint evaluation.
    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64;
}

/// An optimizer over a flat slice. It allocates when it is built, never in a step.
///
/// ```
/// use qstride_control::rivals::stochastic::{Minibatch, Optimizer, find};
///
/// /// ½ |x|² on whatever samples.
/// struct Bowl;
///
/// impl Minibatch for Bowl {
///     fn value(&mut self, x: &[f64]) -> f64 { 0.5 * x.iter().map(|x| x * x).sum::<f64>() }
///     fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> f64 {
///         gradient.copy_from_slice(x);
///         self.value(x)
///     }
/// }
///
/// let mut x = [3.0, 4.0];
/// let mut momentum = find("momentum").map(|rival| (rival.build)(&x, 1.0)).unwrap();
/// assert_eq!(momentum.step(0.5, &mut x, &mut Bowl), 12.5);
/// assert_eq!(x, [1.5, 2.0]);
/// momentum.step(0.5, &mut x, &mut Bowl); // v = 0.9 · 3 + 1.5
/// assert_eq!(x[0], 1.5 - 0.5 * (0.9 * 3.0 + 1.5));
/// ```
pub trait Optimizer: Send {
    /// One step from `x` at learning rate `rate` (methods that find their own take it as a factor, 1 = as published). Returns the
    /// loss of the minibatch at the point where its gradient was taken.
    fn step(&mut self, rate: f64, x: &mut [f64], batch: &mut dyn Minibatch) -> f64;

    /// The point whose loss counts: `x` itself, or an average (schedule-free, averaged DoG).
    fn judged<'a>(&'a self, x: &'a [f64]) -> &'a [f64] {
        x
    }

    /// What the step size of the last step was, for curves: `rate`, the one that it was given, unless the method found its own.
    fn rate_used(&self, rate: f64) -> f64 {
        rate
    }
}
