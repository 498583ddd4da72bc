//! The problems on which samplers and pruners are compared: five without noise, and a noisy learning curve.
//!
//! 100 trials each; a sampler's score is the median, over 20 seeds, of the best value found.

use std::f64::consts::{E, PI, TAU};

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use crate::{Stop, StudyError, Trial};

/// A black box without noise that a sampler minimises.
#[derive(Clone, Copy, Debug)]
pub struct Problem {
    /// Its name in tables.
    pub name: &'static str,
    /// Its least value.
    pub minimum: f64,
    /// Asks the trial for the parameters; the value there.
    pub objective: fn(&mut Trial<'_>) -> Result<f64, StudyError>,
}

impl Problem {
    /// All five, in the order of the tables.
    pub const ALL: [Self; 5] = [
        Self {
            name: "branin",
            minimum: 0.397_887_357_729_738_1,
            objective: branin_trial,
        },
        Self {
            name: "hartmann6",
            minimum: -3.322_368_011_415_511,
            objective: hartmann6_trial,
        },
        Self {
            name: "rosenbrock5",
            minimum: 0.0,
            objective: rosenbrock5_trial,
        },
        Self {
            name: "ackley5",
            minimum: 0.0,
            objective: ackley5_trial,
        },
        Self {
            name: "mixed",
            minimum: 0.0,
            objective: mixed_trial,
        },
    ];

    /// The problem of this name.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        Self::ALL.iter().find(|problem| problem.name == name)
    }
}

/// Branin's function (x₂ − 5.1/(4π²) x₁² + 5/π x₁ − 6)² + 10 (1 − 1/(8π)) cos x₁ + 10.
///
/// Domain [−5, 10] × [0, 15], minimum 0.397887 at (−π, 12.275), (π, 2.275) and (3π, 2.475). Branin, *Widely convergent method for
/// finding multiple solutions of simultaneous nonlinear equations*, IBM Journal of Research and Development 16, 1972.
pub fn branin(x: [f64; 2]) -> f64 {
    let [x1, x2] = x;
    let valley = x2 - 5.1 / (4.0 * PI * PI) * x1 * x1 + 5.0 / PI * x1 - 6.0;
    valley * valley + 10.0 * (1.0 - 1.0 / (8.0 * PI)) * libm::cos(x1) + 10.0
}

/// Hartmann's function of six variables −Σᵢ αᵢ exp(−Σⱼ Aᵢⱼ (xⱼ − Pᵢⱼ)²).
///
/// Domain [0, 1]⁶, minimum −3.32237 at (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573). Constants as in Dixon and Szegő,
/// *Towards Global Optimisation 2*, 1978.
pub fn hartmann6(x: [f64; 6]) -> f64 {
    const ALPHA: [f64; 4] = [1.0, 1.2, 3.0, 3.2];
    const A: [[f64; 6]; 4] = [
        [10.0, 3.0, 17.0, 3.5, 1.7, 8.0],
        [0.05, 10.0, 17.0, 0.1, 8.0, 14.0],
        [3.0, 3.5, 1.7, 10.0, 17.0, 8.0],
        [17.0, 8.0, 0.05, 10.0, 0.1, 14.0],
    ];
    const P: [[f64; 6]; 4] = [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
        [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
        [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];
    let hill = |(a, p): (&[f64; 6], &[f64; 6])| {
        let terms = a
            .iter()
            .zip(p)
            .zip(x)
            .map(|((a, p), x)| a * (x - p).powi(2));
        libm::exp(-terms.sum::<f64>())
    };
    let hills = A.iter().zip(&P).map(hill).zip(ALPHA);
    -hills.map(|(hill, alpha)| alpha * hill).sum::<f64>()
}

/// Rosenbrock's chained function Σᵢ 100 (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)².
///
/// Here on [−5, 10]⁵; minimum 0 at (1, …, 1). Rosenbrock, *An automatic method for finding the greatest or least value of a function*,
/// The Computer Journal 3, 1960.
pub fn rosenbrock(x: &[f64]) -> f64 {
    let links = x.windows(2).map(|pair| {
        let (here, next) = (pair[0], pair[1]);
        100.0 * (next - here * here).powi(2) + (1.0 - here).powi(2)
    });
    links.sum()
}

/// Where the minimum of [`ackley`] lies, so that no sampler finds it by trying the middle.
pub const ACKLEY_SHIFT: [f64; 5] = [7.3, -11.1, 3.7, 15.2, -4.9];

/// Ackley's function with z = x − [`ACKLEY_SHIFT`]: 20 + e − 20 exp(−0.2 √(Σzᵢ²/5)) − exp((1/5) Σ cos 2πzᵢ).
///
/// Domain [−32.768, 32.768]⁵, minimum 0 at the shift. Ackley, *A Connectionist Machine for Genetic Hillclimbing*, 1987.
pub fn ackley(x: [f64; 5]) -> f64 {
    let z = x.iter().zip(ACKLEY_SHIFT).map(|(x, shift)| x - shift);
    let (squares, cosines) = z.fold((0.0, 0.0), |(squares, cosines), z| {
        (squares + z * z, cosines + libm::cos(TAU * z))
    });
    20.0 + E - 20.0 * libm::exp(-0.2 * (squares / 5.0_f64).sqrt()) - libm::exp(cosines / 5.0)
}

/// What tuning a small network may look like: logarithmic, whole, categorical and real parameters, the best learning rate moving with
/// optimizer and batch size,
///
/// (lg lr + 3 − off − 0.3 log₂(batch/32))² + 0.15 (log₂ width − 6.5)² + 0.1 (depth − 3)² + pen + 200 (γ − 0.97)²
/// + 0.05 |log₂(batch/64)|, with (off, pen) of SGD (1.2, 0.15), Adam (0, 0), RMSProp (−0.4, 0.3).
///
/// This project's own. Minimum next to 0 (width is whole).
pub fn mixed(lr: f64, width: i64, depth: i64, optimizer: &str, gamma: f64, batch: i64) -> f64 {
    let (off, pen) = match optimizer {
        "sgd" => (1.2, 0.15),
        "rms" => (-0.4, 0.3),
        _ => (0.0, 0.0),
    };
    let batch = batch as f64;
    (libm::log10(lr) - (-3.0 + off + 0.3 * libm::log2(batch / 32.0))).powi(2)
        + 0.15 * (libm::log2(width as f64) - 6.5).powi(2)
        + 0.1 * (depth as f64 - 3.0).powi(2)
        + pen
        + 200.0 * (gamma - 0.97).powi(2)
        + 0.05 * libm::log2(batch / 64.0).abs()
}

fn branin_trial(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    let x1 = trial.suggest_float("x1", -5.0..=10.0).linear()?;
    let x2 = trial.suggest_float("x2", 0.0..=15.0).linear()?;
    Ok(branin([x1, x2]))
}

/// N reals x0, x1, ... of one range.
fn reals<const N: usize>(
    trial: &mut Trial<'_>,
    low: f64,
    high: f64,
) -> Result<[f64; N], StudyError> {
    let mut x = [0.0; N];
    for (i, x) in x.iter_mut().enumerate() {
        *x = trial.suggest_float(&format!("x{i}"), low..=high).linear()?;
    }
    Ok(x)
}

fn hartmann6_trial(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    Ok(hartmann6(reals(trial, 0.0, 1.0)?))
}

fn rosenbrock5_trial(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    Ok(rosenbrock(&reals::<5>(trial, -5.0, 10.0)?))
}

fn ackley5_trial(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    Ok(ackley(reals(trial, -32.768, 32.768)?))
}

fn mixed_trial(trial: &mut Trial<'_>) -> Result<f64, StudyError> {
    let lr = trial.suggest_float("lr", 1e-5..=1e-1).log()?;
    let width = trial.suggest_int("width", 16..=512).log()?;
    let depth = trial.suggest_int("depth", 1..=8).linear()?;
    let optimizer = trial.suggest_categorical("opt", ["sgd", "adam", "rms"])?;
    let gamma = trial.suggest_float("gamma", 0.9..=0.999).linear()?;
    let batch = trial.suggest_categorical("batch", [16, 32, 64, 128])?;
    Ok(mixed(lr, width, depth, optimizer, gamma, batch.into()))
}

/// A learning curve with noise, for pruners: a + (1 − min(a, 1)) e^(−ks) after the steps s = 1 to 20, where
/// a = 0.1 + 0.08 (lg lr + 1.5)² + 0.6 (mom − 0.8)² + 0.02 (lg wd + 4)² and k = 0.15 + 0.2 exp(−(lg lr + 1)²).
///
/// This project's own. Least value next to 0.1. It does not tell samplers apart: it shows what a pruner saves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoisyCurve {
    /// Learning rate, in [1e-4, 1], logarithmic.
    pub lr: f64,
    /// Momentum, in [0, 0.99].
    pub mom: f64,
    /// Weight decay, in [1e-6, 1e-2], logarithmic.
    pub wd: f64,
}

impl NoisyCurve {
    /// How many steps there are.
    pub const STEPS: i64 = 20;
    /// Standard deviation of the noise of a report.
    pub const NOISE: f64 = 0.02;

    /// Asks the trial for the three parameters.
    ///
    /// # Errors
    ///
    /// As [`Trial::suggest`].
    pub fn suggest(trial: &mut Trial<'_>) -> Result<Self, StudyError> {
        Ok(Self {
            lr: trial.suggest_float("lr", 1e-4..=1.0).log()?,
            mom: trial.suggest_float("mom", 0.0..=0.99).linear()?,
            wd: trial.suggest_float("wd", 1e-6..=1e-2).log()?,
        })
    }

    /// The curve without noise at a step.
    pub fn at(&self, step: i64) -> f64 {
        let lr = libm::log10(self.lr);
        let end = 0.1
            + 0.08 * (lr + 1.5).powi(2)
            + 0.6 * (self.mom - 0.8).powi(2)
            + 0.02 * (libm::log10(self.wd) + 4.0).powi(2);
        let rate = 0.15 + 0.2 * libm::exp(-(lr + 1.0).powi(2));
        end + (1.0 - end.min(1.0)) * libm::exp(-rate * step as f64)
    }

    /// What a finished trial is worth: the curve without noise at its last step.
    pub fn value(&self) -> f64 {
        self.at(Self::STEPS)
    }

    /// Runs a trial: asks for the parameters, reports the curve with noise step by step, asks the pruner after each. The value is the last
    /// report; `steps` counts the steps that were run.
    ///
    /// # Errors
    ///
    /// [`Stop::Pruned`] when the pruner says so, and when the study fails.
    pub fn run(trial: &mut Trial<'_>, noise: &mut impl Rng, steps: &mut u64) -> Result<f64, Stop> {
        let curve = Self::suggest(trial)?;
        let mut value = f64::NAN;
        for step in 1..=Self::STEPS {
            *steps += 1;
            let error: f64 = noise.sample(StandardNormal);
            value = curve.at(step) + Self::NOISE * error;
            trial.report(step, value)?;
            if trial.should_prune()? {
                return Err(Stop::Pruned);
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minima_are_where_the_literature_has_them() {
        let close = |value: f64, minimum: f64| (value - minimum).abs() < 1e-6;
        for x in [[-PI, 12.275], [PI, 2.275], [3.0 * PI, 2.475]] {
            assert!(close(branin(x), 0.397_887), "{}", branin(x));
        }
        let x = [
            0.201_69, 0.150_011, 0.476_874, 0.275_332, 0.311_652, 0.657_3,
        ];
        assert!((hartmann6(x) + 3.322_37).abs() < 1e-5, "{}", hartmann6(x));
        assert!(close(rosenbrock(&[1.0; 5]), 0.0));
        assert!(close(ackley(ACKLEY_SHIFT), 0.0));
        assert!(mixed(1e-3 * 10_f64.powf(0.3), 91, 3, "adam", 0.97, 64) < 1e-4);
        let curve = NoisyCurve {
            lr: 10_f64.powf(-1.5),
            mom: 0.8,
            wd: 1e-4,
        };
        assert!((0.1..0.104).contains(&curve.value()), "{}", curve.value());
        assert_eq!(curve.at(0), 1.0);
    }

    #[test]
    fn values_far_from_the_minima() {
        // Worked out by hand.
        assert!((branin([0.0, 0.0]) - 55.602_112_642_270_264).abs() < 1e-9);
        assert_eq!(rosenbrock(&[0.0, 2.0]), 401.0);
        let all = mixed(0.1, 16, 1, "rms", 0.97, 128);
        let expected = (-1.0_f64 - (-3.0 - 0.4 + 0.6)).powi(2) + 0.15 * 6.25 + 0.4 + 0.3 + 0.05;
        assert!((all - expected).abs() < 1e-12, "{all}");
    }
}
