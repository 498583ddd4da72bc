//! The trait that turns an observation into one feature.

use crate::observation::Observation;

/// One number that the network sees, made of what an episode has measured.
///
/// A statistic should not change when f or x is measured in other units. Its name goes into the checkpoint; a policy that was
/// trained with it asks for it by that name when it is loaded.
///
/// ```
/// use qstride_control::{Observation, Statistic, features::Features};
///
/// /// How much of the first gradient's norm is left.
/// struct GradientLeft;
///
/// impl Statistic for GradientLeft {
///     fn name(&self) -> &str { "gradient_left" }
///     fn observe(&self, o: &Observation) -> f64 {
///         (o.squared_gradient / o.start_squared_gradient).sqrt().min(1.0)
///     }
/// }
///
/// let mut features = Features::builtin();
/// features.add(GradientLeft).unwrap();
/// assert!(features.get("gradient_left").is_ok());
/// ```
pub trait Statistic: Send + Sync {
    /// The name in recipes and checkpoints: lower case with underscores.
    fn name(&self) -> &str;

    /// One sentence for `qstride list`.
    fn about(&self) -> &str {
        "a statistic of the user's own"
    }

    /// Whether it reads [`Curvature::ritz`](crate::curvature::Curvature::ritz), which is computed only on demand.
    fn wants_ritz(&self) -> bool {
        false
    }

    /// Whether it reads gradient statistics of the stochastic regime, which are measured only on demand.
    fn wants_gradients(&self) -> bool {
        false
    }

    /// The feature; of order one. Where it is NaN or infinite, the state holds 0.
    fn observe(&self, observation: &Observation) -> f64;
}
