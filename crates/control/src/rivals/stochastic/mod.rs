//! Classic stochastic methods over a flat slice, one file each, found by name.

mod optimizer;

mod adam;
mod d_adaptation_sgd;
mod descent;
mod dog;
mod hypergradient;
mod ponos;
mod prodigy;
mod schedule_free_adamw;
mod schedule_free_sgd;
mod sgd;
mod sls;
mod sps;

mod minibatch_search;
mod schedule_free_average;

pub use adam::Adam;
pub use d_adaptation_sgd::DAdaptationSgd;
pub use descent::Descent;
pub use dog::Dog;
pub use hypergradient::{Hypergradient, RateRule};
pub use optimizer::{Minibatch, Optimizer};
pub use ponos::Ponos;
pub use prodigy::Prodigy;
pub use schedule_free_adamw::ScheduleFreeAdamW;
pub use schedule_free_average::ScheduleFreeAverage;
pub use schedule_free_sgd::ScheduleFreeSgd;
pub use sgd::Sgd;
pub use sls::{Reset, Sls};
pub use sps::Sps;

use crate::update::SliceOptimizer;

/// A line in the register of stochastic methods.
pub struct StochasticRival {
    /// The name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// The learning rate as published; a factor of 1 where the method finds its own.
    pub rate: f64,
    /// Whether it is tuned over rates.
    pub tunable: bool,
    /// Builds it for the start x₀ and the number of steps an epoch has.
    pub build: fn(&[f64], f64) -> Box<dyn Optimizer>,
}

/// λ of AdamW, PyTorch's default.
const WEIGHT_DECAY: f64 = 0.01;

fn descent(rule: SliceOptimizer, x0: &[f64]) -> Descent {
    Descent::new(rule, x0.len())
}

/// Every stochastic method. For SGD no rate is published: 0.1, and with momentum, whose steps add up to ten times that, 0.01.
pub const STOCHASTIC_RIVALS: &[StochasticRival] = &[
    StochasticRival {
        name: "sgd",
        about: "stochastic gradient descent",
        rate: 0.1,
        tunable: true,
        build: |x0, _| Box::new(descent(SliceOptimizer::Sgd(Sgd::plain()), x0)),
    },
    StochasticRival {
        name: "momentum",
        about: "SGD with momentum 0.9",
        rate: 0.01,
        tunable: true,
        build: |x0, _| Box::new(descent(SliceOptimizer::Sgd(Sgd::momentum(x0.len())), x0)),
    },
    StochasticRival {
        name: "nesterov",
        about: "SGD with Nesterov's momentum 0.9",
        rate: 0.01,
        tunable: true,
        build: |x0, _| Box::new(descent(SliceOptimizer::Sgd(Sgd::nesterov(x0.len())), x0)),
    },
    StochasticRival {
        name: "adam",
        about: "Adam, beta 0.9 and 0.999",
        rate: 1e-3,
        tunable: true,
        build: |x0, _| Box::new(descent(SliceOptimizer::Adam(Adam::new(x0.len())), x0)),
    },
    StochasticRival {
        name: "adamw",
        about: "Adam with decoupled weight decay 0.01",
        rate: 1e-3,
        tunable: true,
        build: |x0, _| {
            let adam = SliceOptimizer::Adam(Adam::new(x0.len()));
            Box::new(descent(adam, x0).with_weight_decay(WEIGHT_DECAY))
        },
    },
    StochasticRival {
        name: "prodigy",
        about: "Adam that estimates the distance to the solution",
        rate: 1.0,
        tunable: false,
        build: |x0, _| Box::new(Prodigy::new(x0)),
    },
    StochasticRival {
        name: "d-adaptation-sgd",
        about: "SGD that estimates the distance to the solution",
        rate: 1.0,
        tunable: false,
        build: |x0, _| Box::new(DAdaptationSgd::new(x0)),
    },
    StochasticRival {
        name: "dog",
        about: "distance over gradients, the last iterate",
        rate: 1.0,
        tunable: false,
        build: |x0, _| Box::new(Dog::new(x0)),
    },
    StochasticRival {
        name: "dog-averaged",
        about: "distance over gradients, a polynomial average with gamma 8",
        rate: 1.0,
        tunable: false,
        build: |x0, _| Box::new(Dog::averaged(x0)),
    },
    StochasticRival {
        name: "schedule-free-sgd",
        about: "SGD whose average stands in for a schedule",
        rate: 1.0,
        tunable: true,
        build: |x0, _| Box::new(ScheduleFreeSgd::new(x0)),
    },
    StochasticRival {
        name: "schedule-free-adamw",
        about: "AdamW whose average stands in for a schedule",
        rate: 0.0025,
        tunable: true,
        build: |x0, _| Box::new(ScheduleFreeAdamW::new(x0)),
    },
    StochasticRival {
        name: "sps",
        about: "stochastic Polyak step with the smoothed bound, c 0.5",
        rate: 1.0,
        tunable: false,
        build: |x0, steps_an_epoch| Box::new(Sps::new(x0.len(), steps_an_epoch)),
    },
    StochasticRival {
        name: "sls",
        about: "Armijo's rule on each minibatch",
        rate: 1.0,
        tunable: false,
        build: |x0, steps_an_epoch| Box::new(Sls::new(x0.len(), steps_an_epoch)),
    },
    StochasticRival {
        name: "ponos",
        about: "nonmonotone line search on each minibatch from a Polyak step",
        rate: 1.0,
        tunable: false,
        build: |x0, _| Box::new(Ponos::new(x0.len())),
    },
    StochasticRival {
        name: "hypergradient",
        about: "SGD whose rate follows its own gradient, beta 1e-3",
        rate: 1e-3,
        tunable: true,
        build: |x0, _| Box::new(Hypergradient::additive(x0.len())),
    },
    StochasticRival {
        name: "hypergradient-multiplicative",
        about: "the same by factors, beta 0.05",
        rate: 1e-3,
        tunable: true,
        build: |x0, _| Box::new(Hypergradient::multiplicative(x0.len())),
    },
];

/// The stochastic method called `name`.
pub fn find(name: &str) -> Option<&'static StochasticRival> {
    STOCHASTIC_RIVALS.iter().find(|rival| rival.name == name)
}
