//! Limited-memory steepest descent: sweeps of Ritz steps.

use crate::acceptance::SUFFICIENT_DECREASE;
use crate::curvature::{AcceptedStep, Curvature};
use crate::minimiser::{Minimiser, Search};
use crate::update::gradient_step;
use crate::vector::dot;

/// m: how many gradients a sweep looks back on.
const MEMORY: usize = 3;

/// Steps 1/θ along -g, a sweep at a time: θ are the positive Ritz values of the Hessian over the last m = 3 gradients, taken up from
/// the largest (Fletcher, Math. Program. 135, 2012; in the form for functions that are not quadratic).
///
/// - The steps of a sweep must bring f to f_ref - c α |g|² with f_ref the value at which the sweep began and c = 1e-4, else they are halved.
/// - A halved step and a step after which |g| has grown end the sweep; the next one starts from the gradients that are at hand.
/// - A sweep looks back on as many gradients as the one before had Ritz values, and those that came since, at most m; where they
///   are dependent the oldest are dropped. One gradient gives the Barzilai-Borwein step sᵀs/sᵀy.
/// - Without a positive Ritz value the next step is 1/max(1e-5, min(|g|, 1)); the first of all is α₀.
///
/// The counts of back gradients and the last rule follow the account of Ferrandi and Hochstenbach, Numer. Algorithms 99 (2025).
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitedMemorySteepestDescent;

impl Minimiser for LimitedMemorySteepestDescent {
    fn minimise(&mut self, search: &mut Search) -> Option<()> {
        let (mut x, mut g) = (search.start().to_vec(), search.start_gradient().to_vec());
        let (mut trial, mut trial_gradient) = (x.clone(), g.clone());
        let mut squared_gradient = dot(&g, &g);
        let mut reference = search.start_value();
        let mut curvature = Curvature::remembering();
        let mut back_gradients = 0;
        let mut sweep = Sweep::of(&[1.0 / search.start_rate()]);
        loop {
            let mut rate = sweep.step();
            let mut cut = false;
            let value = loop {
                gradient_step(&x, rate, &g, &mut trial);
                let value = search.try_point(&trial, rate)?;
                let decrease = SUFFICIENT_DECREASE * rate * squared_gradient;
                if value.is_finite() && value <= reference - decrease {
                    break value;
                }
                rate *= 0.5;
                cut = true;
            };
            let after = search.accept(&trial, &mut trial_gradient)?;
            curvature.record(&AcceptedStep {
                rate,
                momentum: 0.0,
                from: &x,
                to: &trial,
                before: &g,
                after: &trial_gradient,
            });
            back_gradients = (back_gradients + 1).min(MEMORY);
            if cut || after > squared_gradient || sweep.is_over() {
                let values = curvature.ritz_values(back_gradients);
                sweep = if values.as_slice().is_empty() {
                    Sweep::of(&[after.sqrt().clamp(1e-5, 1.0)])
                } else {
                    Sweep::of(values.as_slice())
                };
                back_gradients = sweep.len;
                reference = value;
            }
            std::mem::swap(&mut x, &mut trial);
            std::mem::swap(&mut g, &mut trial_gradient);
            squared_gradient = after;
        }
    }
}

/// The steps of a sweep, and how many were taken.
struct Sweep {
    curvatures: [f64; MEMORY],
    len: usize,
    taken: usize,
}

impl Sweep {
    /// Of at most m curvatures, largest first.
    fn of(values: &[f64]) -> Self {
        let len = values.len().min(MEMORY);
        let mut curvatures = [1.0; MEMORY];
        curvatures[..len].copy_from_slice(&values[..len]);
        Self {
            curvatures,
            len,
            taken: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.taken >= self.len
    }

    /// The next step, 1/θ.
    fn step(&mut self) -> f64 {
        let step = 1.0 / self.curvatures[self.taken.min(MEMORY - 1)];
        self.taken += 1;
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeterministicSettings, End, StartRate, minimiser::minimise};
    use proptest::prelude::*;
    use qstride_objectives::{Instance, quadratic::Quadratic};
    use std::sync::Arc;

    #[test]
    fn a_sweep_by_hand() {
        let mut sweep = Sweep::of(&[4.0, 2.0]);
        assert_eq!((sweep.step(), sweep.is_over()), (0.25, false));
        assert_eq!((sweep.step(), sweep.is_over()), (0.5, true));
    }

    fn trials(curvatures: Vec<f64>, start: Vec<f64>) -> (End, usize) {
        let bowl = Instance::new("bowl", Quadratic::Diagonal(curvatures), start);
        let settings = DeterministicSettings {
            start_rate: StartRate::Given(0.01),
            trace: true,
            ..Default::default()
        };
        let objective = Arc::new(bowl.with_minimum(0.0));
        let (record, _) = minimise(objective, settings, &mut LimitedMemorySteepestDescent);
        (record.end, record.trace.len())
    }

    /// α₀, the one Barzilai-Borwein step (which is exact for one eigenvalue), a sweep of two, a sweep of three: 7 steps at most.
    #[test]
    fn sweeps_end_at_the_minimum_once_they_are_as_long_as_there_are_eigenvalues() {
        assert_eq!(trials(vec![2.0], vec![1.0]), (End::Solved, 2));
        assert_eq!(trials(vec![1.0, 4.0], vec![1.0, 1.0]), (End::Solved, 4));
        assert_eq!(trials(vec![1.0, 2.0, 4.0], vec![1.0; 3]), (End::Solved, 7));
    }

    proptest! {
        /// A sweep that is cut short, and rounding, may cost another few sweeps.
        #[test]
        fn three_eigenvalues_take_a_few_sweeps(
            low in 0.1f64..1.0,
            ratios in prop::array::uniform2(2.0f64..10.0),
            start in prop::array::uniform3(0.5f64..2.0),
        ) {
            let curvatures = vec![low, low * ratios[0], low * ratios[0] * ratios[1]];
            let (end, trials) = trials(curvatures, start.to_vec());
            prop_assert_eq!(end, End::Solved);
            prop_assert!(trials <= 16, "{} trials", trials);
        }
    }
}
