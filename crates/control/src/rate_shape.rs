//! The shape of a learning rate over a run: constant, cosine, step, one-cycle, warm-up-stable-decay, plateau.

use std::f64::consts::PI;
use std::fmt;

use qstride_objectives::near_match::hint;
use thiserror::Error;

/// How the rate goes from its first value α over T steps; t counts them from 0, and need not be whole where steps are measured
/// by their cost.
///
/// ```
/// use qstride_control::{RateShape, ShapedRate};
///
/// let shape = RateShape::parse("cosine")?;
/// let rate = ShapedRate::new(shape, 4.0, 4);
/// assert_eq!([0.0, 2.0, 4.0, 9.0].map(|step| rate.at(step)), [4.0, 2.0, 0.0, 0.0]);
/// assert_eq!(
///     RateShape::parse("cosin").unwrap_err().to_string(),
///     "unknown shape of a rate 'cosin'; did you mean 'cosine'?"
/// );
/// # Ok::<(), qstride_control::rate_shape::UnknownShape>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum RateShape {
    /// α.
    Constant,
    /// ½ α (1 + cos(π t / T)), and 0 from t = T on: SGDR (Loshchilov and Hutter, arXiv 1608.03983) without restarts, PyTorch's
    /// `CosineAnnealingLR`.
    Cosine,
    /// α γᵏ, with k the number of milestones mᵢ T that t has reached: PyTorch's `MultiStepLR`.
    Step {
        /// The mᵢ, shares of T.
        at: Vec<f64>,
        /// γ.
        factor: f64,
    },
    /// Up from α/25 to α within the first 0.3 T steps, then down to α/250,000, both along half a cosine wave (Smith and Topin,
    /// arXiv 1708.07120): PyTorch's `OneCycleLR` without its cycle of the momentum.
    OneCycle,
    /// Warm-up, stable, decay: up to α in equal parts within the first 0.05 T steps, α, and down to 0 along a line within the last 0.3 T: α min(1,
    /// (t + 1) / (0.05 T), (T - t) / (0.3 T)). Hu et al., MiniCPM, arXiv 2404.06395; linear to 0 as in Hägele et al., arXiv 2405.18392.
    WarmUpStableDecay,
    /// Times `factor` when the mean loss of more than `patience` epochs in a row was not below (1 - 1e-4) times the least one:
    /// PyTorch's `ReduceLROnPlateau`.
    Plateau {
        /// What the rate is multiplied by.
        factor: f64,
        /// The epochs without improvement that are borne.
        patience: u64,
    },
}

/// No shape has this name.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("unknown shape of a rate '{name}'; {hint}")]
pub struct UnknownShape {
    /// The name.
    pub name: String,
    /// The near matches, or the shapes that exist.
    pub hint: String,
}

/// The share of the steps in which one-cycle rises.
const RISE: f64 = 0.3;
/// The peak of one-cycle over its first rate.
const START_DIVISOR: f64 = 25.0;
/// The first rate of one-cycle over its last one.
const END_DIVISOR: f64 = 1e4;
/// The share of the steps in which warm-up-stable-decay rises.
const WARM_UP: f64 = 0.05;
/// The share of the steps in which it falls.
const DECAY: f64 = 0.3;
/// By how much a loss has to be below the least one to be an improvement, relative to it.
const THRESHOLD: f64 = 1e-4;
/// The smallest reduction that a plateau carries out.
const LEAST_REDUCTION: f64 = 1e-8;

impl RateShape {
    /// Every shape with its usual settings: steps by 0.1 at 1/2 and 3/4, plateaus of 10 epochs by 0.1.
    pub fn all() -> [Self; 6] {
        [
            Self::Constant,
            Self::Cosine,
            Self::Step {
                at: vec![0.5, 0.75],
                factor: 0.1,
            },
            Self::OneCycle,
            Self::WarmUpStableDecay,
            Self::Plateau {
                factor: 0.1,
                patience: 10,
            },
        ]
    }

    /// `constant`, `cosine`, `step`, `one-cycle`, `wsd` or `plateau`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Cosine => "cosine",
            Self::Step { .. } => "step",
            Self::OneCycle => "one-cycle",
            Self::WarmUpStableDecay => "wsd",
            Self::Plateau { .. } => "plateau",
        }
    }

    /// The shape of this name with its usual settings.
    ///
    /// # Errors
    /// [`UnknownShape`], with the near matches or else all names.
    pub fn parse(name: &str) -> Result<Self, UnknownShape> {
        let all = Self::all();
        let names = all.each_ref().map(|shape| shape.name());
        let unknown = || UnknownShape {
            name: name.to_owned(),
            hint: hint(name, &names, names.len()),
        };
        let found = all.iter().find(|shape| shape.name() == name);
        found.cloned().ok_or_else(unknown)
    }
}

impl fmt::Display for RateShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The rate of a run, step by step. Only a plateau has a state: it is told the mean loss of every epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct ShapedRate {
    shape: RateShape,
    /// α; of a plateau, what is left of it.
    rate: f64,
    steps: f64,
    least_loss: f64,
    bad_epochs: u64,
}

impl ShapedRate {
    /// From `rate` (α) over `steps` (T, at least 1) steps. With α = 1 the rates are factors.
    pub fn new(shape: RateShape, rate: f64, steps: u64) -> Self {
        Self {
            shape,
            rate,
            steps: steps.max(1) as f64,
            least_loss: f64::INFINITY,
            bad_epochs: 0,
        }
    }

    /// The rate of step t.
    pub fn at(&self, step: f64) -> f64 {
        let (rate, steps) = (self.rate, self.steps);
        match &self.shape {
            RateShape::Constant | RateShape::Plateau { .. } => rate,
            RateShape::Cosine => half_wave(rate, 0.0, step.min(steps) / steps),
            RateShape::Step { at, factor } => {
                let reached = at.iter().filter(|share| step >= *share * steps).count();
                rate * factor.powf(reached as f64)
            }
            RateShape::OneCycle => one_cycle(rate, step, steps),
            RateShape::WarmUpStableDecay => rate * warm_up_stable_decay(step, steps),
        }
    }

    /// Takes the mean training loss of the epoch that has ended.
    pub fn end_epoch(&mut self, mean_loss: f64) {
        let RateShape::Plateau { factor, patience } = self.shape else {
            return;
        };
        if mean_loss < self.least_loss * (1.0 - THRESHOLD) {
            self.least_loss = mean_loss;
            self.bad_epochs = 0;
        } else {
            self.bad_epochs += 1;
        }
        if self.bad_epochs > patience {
            let reduced = self.rate * factor;
            if self.rate - reduced > LEAST_REDUCTION {
                self.rate = reduced;
            }
            self.bad_epochs = 0;
        }
    }
}

/// The rising phase ends at step 0.3 T - 1, the falling one at step T - 1.
fn one_cycle(peak: f64, step: f64, steps: f64) -> f64 {
    let first = peak / START_DIVISOR;
    let top = RISE * steps - 1.0;
    let last = steps - 1.0;
    let now = step.min(last);
    if now <= top {
        half_wave(first, peak, now / top)
    } else {
        half_wave(peak, first / END_DIVISOR, (now - top) / (last - top))
    }
}

/// The share of the rate at step t of T.
fn warm_up_stable_decay(step: f64, steps: f64) -> f64 {
    let up = (step + 1.0) / (WARM_UP * steps);
    let down = (steps - step) / (DECAY * steps);
    up.min(down).clamp(0.0, 1.0)
}

/// From `a` at 0 to `b` at 1.
fn half_wave(a: f64, b: f64, done: f64) -> f64 {
    b + 0.5 * (a - b) * (1.0 + (PI * done).cos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(shape: RateShape, rate: f64, steps: u64, count: u32) -> Vec<f64> {
        let shaped = ShapedRate::new(shape, rate, steps);
        (0..count).map(|step| shaped.at(f64::from(step))).collect()
    }

    fn assert_close(found: &[f64], wanted: &[f64]) {
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
        }
    }

    #[test]
    fn half_a_wave_and_then_nothing() {
        let half = 0.5f64.sqrt();
        let wanted = [4.0, 2.0 * (1.0 + half), 2.0, 2.0 * (1.0 - half), 0.0, 0.0];
        assert_close(&rates(RateShape::Cosine, 4.0, 4, 6), &wanted);
    }

    #[test]
    fn it_falls_at_the_milestones() {
        let step = |at: &[f64], factor| RateShape::Step {
            at: at.to_vec(),
            factor,
        };
        let usual = RateShape::parse("step").unwrap();
        assert_eq!(usual, step(&[0.5, 0.75], 0.1));
        let wanted = [2.0, 2.0, 2.0, 2.0, 0.2, 0.2, 0.02, 0.02, 0.02];
        assert_close(&rates(usual, 2.0, 8, 9), &wanted);
        assert_close(&rates(step(&[0.5], 0.5), 2.0, 3, 3), &[2.0, 2.0, 1.0]);
        assert_close(&rates(step(&[], 0.5), 2.0, 3, 3), &[2.0; 3]);
    }

    /// PyTorch 2.15, `OneCycleLR(optimizer, max_lr=1.0, total_steps=10)`.
    #[test]
    fn up_and_down_as_in_pytorch() {
        let wanted = [
            0.040000000000000036,
            0.52,
            1.0,
            0.9504846320134737,
            0.8117456539497631,
            0.6112620219362893,
            0.38874197806371075,
            0.18825834605023697,
            0.049519367986526286,
            4e-06,
        ];
        assert_close(&rates(RateShape::OneCycle, 1.0, 10, 10), &wanted);
        assert_close(&rates(RateShape::OneCycle, 1.0, 10, 12)[9..], &[4e-6; 3]);
        for steps in 0..=3 {
            let short = rates(RateShape::OneCycle, 1.0, steps, 5);
            assert!(short.windows(2).all(|w| w[1] <= w[0]), "{short:?}");
            assert!((short[4] - 4e-6).abs() < 1e-18);
        }
    }

    #[test]
    fn up_along_a_line_stable_and_down_along_a_line() {
        // 5 of 100 steps up, 30 down: the last one is a thirtieth of the rate.
        let found = rates(RateShape::WarmUpStableDecay, 3.0, 100, 102);
        assert_close(&found[..6], &[0.6, 1.2, 1.8, 2.4, 3.0, 3.0]);
        assert!(found[5..=70].iter().all(|rate| *rate == 3.0));
        assert_close(&found[71..73], &[2.9, 2.8]);
        assert_close(&found[99..], &[0.1, 0.0, 0.0]);
        // Too few steps for a warm-up: none is without a rate.
        for steps in 1..=6 {
            let short = rates(RateShape::WarmUpStableDecay, 1.0, steps, steps as u32);
            assert!(
                short[0] == 1.0 && short.iter().all(|rate| *rate > 0.0),
                "{short:?}"
            );
        }
        // Along the cost, where steps are parts of one.
        let shaped = ShapedRate::new(RateShape::WarmUpStableDecay, 1.0, 100);
        assert!((shaped.at(85.5) - 14.5 / 30.0).abs() < 1e-12);
    }

    fn plateau(factor: f64, patience: u64, rate: f64, losses: &[f64]) -> Vec<f64> {
        let mut shaped = ShapedRate::new(RateShape::Plateau { factor, patience }, rate, 1);
        let after = |loss: &f64| {
            shaped.end_epoch(*loss);
            shaped.at(0.0)
        };
        losses.iter().map(after).collect()
    }

    /// PyTorch's algorithm, to the last bit; the same cases as in the crate `qstride`.
    #[test]
    fn a_plateau_lowers_the_rate_as_in_pytorch() {
        let defaults = plateau(0.1, 10, 0.1, &[1.0; 24]);
        assert_eq!(
            defaults[..22],
            [[0.1; 11], [0.010000000000000002; 11]].concat()
        );
        let impatient = plateau(0.1, 0, 0.1, &[1.0, 1.0, 0.9, 0.95, 0.8, 0.8]);
        let (a, b, c) = (
            0.010000000000000002,
            0.0010000000000000002,
            0.00010000000000000003,
        );
        assert_eq!(impatient, [0.1, a, a, b, b, c]);
        let cleared = plateau(0.5, 2, 0.1, &[3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0]);
        assert_eq!(cleared, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05]);
        // 0.99995 of the least is none, NaN neither; and 1e-8 is the least reduction.
        assert_eq!(
            plateau(0.5, 0, 0.1, &[1.0, 0.99995, f64::NAN]),
            [0.1, 0.05, 0.025]
        );
        assert_eq!(plateau(0.5, 0, 1.5e-8, &[1.0, 1.0]), [1.5e-8; 2]);
    }

    #[test]
    fn names_go_both_ways() {
        for shape in RateShape::all() {
            assert_eq!(RateShape::parse(&shape.to_string()), Ok(shape.clone()));
            let largest = rates(shape, 5.0, 100, 100).into_iter().fold(0.0, f64::max);
            assert!((largest - 5.0).abs() < 1e-12);
        }
    }
}
