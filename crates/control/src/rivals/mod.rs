//! Classic methods, one file each, found by name: [`Controller`]s, which choose the rate along -g, and [`Minimiser`]s, which own their
//! loop.

mod abbmin;
mod adgd;
mod armijo;
mod barzilai_borwein;
mod coin_flip;
mod cosine_sign;
mod fixed;
mod hypergradient_heavy_ball;
mod lbfgs;
mod limited_memory_steepest_descent;
mod nonmonotone;
mod polyak;
pub mod stochastic;
mod taylor_cosine;
mod zhang_hager;

pub use abbmin::AbbMin;
pub use adgd::AdGd;
pub use armijo::Armijo;
pub use barzilai_borwein::BarzilaiBorwein;
pub use coin_flip::CoinFlip;
pub use cosine_sign::CosineSign;
pub use fixed::FixedRate;
pub use hypergradient_heavy_ball::{HypergradientHeavyBall, Preconditioner};
pub use lbfgs::Lbfgs;
pub use limited_memory_steepest_descent::LimitedMemorySteepestDescent;
pub use nonmonotone::Nonmonotone;
pub use polyak::Polyak;
pub use taylor_cosine::TaylorCosine;
pub use zhang_hager::ZhangHager;

use std::sync::Arc;

use qstride_objectives::Objective;
use rand_chacha::ChaCha8Rng;

use crate::controller::Controller;
use crate::episode::{DeterministicEpisode, DeterministicSettings, run};
use crate::minimiser::{self, Minimiser};
use crate::outcome::Record;

/// What a method may be told before it starts.
#[derive(Clone, Debug)]
pub struct Setup {
    /// A rate, where one was given: line searches that restart begin each search there (else at 1), HDM-HB learns with it.
    pub rate: Option<f64>,
    /// f*, where it is known.
    pub minimum: Option<f64>,
    /// For methods that draw at random.
    pub generator: ChaCha8Rng,
}

/// How a method is built.
#[derive(Clone, Copy)]
pub enum Build {
    /// It chooses rates: for [`run`].
    Controller(fn(&Setup) -> Box<dyn Controller>),
    /// It owns its loop: for [`minimise`](crate::minimiser::minimise).
    Minimiser(fn(&Setup) -> Box<dyn Minimiser>),
}

/// A line in the register of classic methods.
pub struct Rival {
    /// The name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Whether it works only where f* is known.
    pub needs_minimum: bool,
    /// Whether it does the same whatever the start rate.
    pub ignores_rate: bool,
    /// Builds it.
    pub build: Build,
}

impl Rival {
    const fn controller(
        name: &'static str,
        about: &'static str,
        build: fn(&Setup) -> Box<dyn Controller>,
    ) -> Self {
        Self {
            name,
            about,
            needs_minimum: false,
            ignores_rate: false,
            build: Build::Controller(build),
        }
    }

    const fn minimiser(
        name: &'static str,
        about: &'static str,
        build: fn(&Setup) -> Box<dyn Minimiser>,
    ) -> Self {
        Self {
            name,
            about,
            needs_minimum: false,
            ignores_rate: false,
            build: Build::Minimiser(build),
        }
    }

    const fn ignoring_the_rate(mut self) -> Self {
        self.ignores_rate = true;
        self
    }

    const fn knowing_the_minimum(mut self) -> Self {
        self.needs_minimum = true;
        self
    }

    /// One minimisation by this method: its record, and the point of the least value.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use qstride_control::{DeterministicSettings, rivals};
    /// use qstride_objectives::{Streams, mgh::beale::beale};
    ///
    /// let setup = rivals::Setup {
    ///     rate: None,
    ///     minimum: Some(0.0),
    ///     generator: Streams::new(7).stream("coin"),
    /// };
    /// for name in ["lbfgs-10", "lmsd", "coin-flip"] {
    ///     let rival = rivals::find(name).unwrap();
    ///     let settings = DeterministicSettings::default();
    ///     let (record, best) = rival.minimise(Arc::new(beale()), settings, &setup);
    ///     assert!(record.best_value < 1e-9 && (best[0] - 3.0).abs() < 1e-3);
    /// }
    /// ```
    pub fn minimise(
        &self,
        objective: Arc<dyn Objective>,
        settings: DeterministicSettings,
        setup: &Setup,
    ) -> (Record, Vec<f64>) {
        match self.build {
            Build::Controller(build) => {
                let mut controller = build(setup);
                let mut episode = DeterministicEpisode::start(objective, settings, &controller);
                let record = run(&mut episode, &mut controller);
                (record, episode.best_point().to_vec())
            }
            Build::Minimiser(build) => minimiser::minimise(objective, settings, &mut *build(setup)),
        }
    }
}

/// Every classic method.
pub const RIVALS: &[Rival] = &[
    Rival::controller(
        "armijo",
        "Armijo's rule; each search restarts at the start rate (at 1 where none is given)",
        |setup| Box::new(Armijo::restarting_at(setup.rate.unwrap_or(1.0))),
    ),
    Rival::controller(
        "armijo-warm",
        "Armijo's rule; each search starts from twice the last accepted rate",
        |_| Box::new(Armijo::from_twice_the_last()),
    ),
    Rival::controller(
        "gll",
        "nonmonotone rule over 10 values; each search restarts at the start rate (at 1 where none is given)",
        |setup| Box::new(Nonmonotone::restarting_at(setup.rate.unwrap_or(1.0))),
    ),
    Rival::controller(
        "gll-warm",
        "nonmonotone rule over 10 values; from twice the last accepted rate",
        |_| Box::new(Nonmonotone::from_twice_the_last()),
    ),
    Rival::controller(
        "zhang-hager",
        "rule on a moving average of values, eta 0.85; from twice the last accepted rate",
        |_| Box::new(ZhangHager::default()),
    ),
    Rival::controller(
        "armijo-bb",
        "Barzilai-Borwein steps under Armijo's rule",
        |_| Box::new(BarzilaiBorwein::monotone()),
    ),
    Rival::controller(
        "gll-bb",
        "Barzilai-Borwein steps under the nonmonotone rule (Raydan's GBB)",
        |_| Box::new(BarzilaiBorwein::nonmonotone()),
    ),
    Rival::controller(
        "abbmin",
        "short or long Barzilai-Borwein steps by their ratio, under the nonmonotone rule",
        |_| Box::new(AbbMin::guarded()),
    ),
    Rival::controller(
        "coin-flip",
        "a coin decides between the long and the short Barzilai-Borwein step, under the nonmonotone rule",
        |setup| Box::new(CoinFlip::new(setup.generator.clone())),
    ),
    Rival::minimiser(
        "lmsd",
        "limited-memory steepest descent: sweeps of Ritz steps over the last three gradients, under Fletcher's safeguard",
        |_| Box::new(LimitedMemorySteepestDescent),
    ),
    Rival::controller(
        "adgd",
        "adaptive gradient descent without line search; its first rate is 1e-6 whatever the start rate",
        |_| Box::new(AdGd::default()),
    )
    .ignoring_the_rate(),
    Rival::controller(
        "polyak",
        "Polyak's step (f - f*)/|g|^2, no safeguard; only where f* is known",
        // Whoever asks for it all the same gets the lower bound of a loss.
        |setup| Box::new(Polyak::knowing(setup.minimum.unwrap_or(0.0))),
    )
    .knowing_the_minimum()
    .ignoring_the_rate(),
    Rival::minimiser(
        "hdm-hb",
        "hypergradient descent with heavy ball: one rate and the momentum are learned online; the start rate is that of learning, 0.1 where none is given",
        |setup| hypergradient_heavy_ball(Preconditioner::Scalar, setup),
    ),
    Rival::minimiser(
        "hdm-hb-diagonal",
        "hypergradient descent with heavy ball: a rate for each variable and the momentum are learned online",
        |setup| hypergradient_heavy_ball(Preconditioner::Diagonal, setup),
    ),
    Rival::minimiser(
        "lbfgs-3",
        "L-BFGS with 3 pairs, unit steps and Armijo's rule; its first step is min(1, 1/|g|) whatever the start rate",
        |_| Box::new(Lbfgs::with_pairs(3)),
    )
    .ignoring_the_rate(),
    Rival::minimiser(
        "lbfgs-10",
        "L-BFGS with 10 pairs, unit steps and Armijo's rule; its first step is min(1, 1/|g|) whatever the start rate",
        |_| Box::new(Lbfgs::with_pairs(10)),
    )
    .ignoring_the_rate(),
    Rival::controller(
        "cosine-sign",
        "a rule by hand: double while successive gradients agree in direction, halve when they oppose",
        |_| Box::new(CosineSign),
    ),
    Rival::controller(
        "taylor-cosine",
        "a rule by hand: the decrease against its prediction and the sign of the cosine decide between x0.5, x1 and x2",
        |_| Box::new(TaylorCosine),
    ),
    Rival::controller(
        "fixed",
        "the start rate at every step, no safeguard",
        |_| Box::new(FixedRate),
    ),
];

fn hypergradient_heavy_ball(kind: Preconditioner, setup: &Setup) -> Box<dyn Minimiser> {
    let published = HypergradientHeavyBall::new(kind);
    Box::new(HypergradientHeavyBall {
        rate: setup.rate.unwrap_or(published.rate),
        ..published
    })
}

/// The classic method called `name`.
pub fn find(name: &str) -> Option<&'static Rival> {
    RIVALS.iter().find(|r| r.name == name)
}
