//! Methods that train by minibatches, and one run of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use qstride::{PRETRAINED_SCHEDULES, pretrained};
use qstride_control::checkpoint::Regime;
use qstride_control::learned::Blind;
use qstride_control::rate_shape::RateShape;
use qstride_control::rivals::stochastic::{self, StochasticRival};
use qstride_control::schedule_settings::ScheduleSettings;
use qstride_control::training::{self, TrainingSettings, train};
use qstride_control::update::OptimizerKind;
use qstride_control::{
    ActionSet, Checkpoint, Controller, End, Evaluations, StartRate, StochasticEpisode,
    StochasticSettings, run,
};
use qstride_objectives::{StochasticObjective, Streams};

use super::recipe::Equal;
use super::run::{Outcome, improvements};

/// The words for how a rate changes while an optimizer trains.
pub const SHAPES: [&str; 6] = ["constant", "cosine", "step", "one-cycle", "wsd", "plateau"];
/// The interval of gradient statistics for a policy that needs them.
const GRADIENTS_EVERY: u64 = 10;

/// What stands before a schedule that is not told how many steps there will be.
const UNKNOWN_HORIZON: &str = "unknown-horizon:";

/// How long it is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Passes over the training samples.
    pub epochs: u64,
    /// Samples of a minibatch.
    pub batch: usize,
    /// What all methods have the same of.
    pub equal: Equal,
}

impl Limits {
    /// Optimizer steps of a pass.
    pub fn steps_per_epoch(&self, samples: usize) -> u64 {
        samples.div_ceil(self.batch) as u64
    }
}

/// What trains.
pub enum Training {
    /// An optimizer under a shape of its rate.
    Optimizer(&'static StochasticRival, RateShape),
    /// The scripted schedule, and what changes its rate.
    Schedule {
        /// What the rate drives.
        optimizer: OptimizerKind,
        /// Its anchor and its guard.
        settings: ScheduleSettings,
        /// Whether it is told how many steps there will be.
        horizon_known: bool,
        /// What decides.
        decider: Decider,
    },
}

/// What changes the rate of the scripted schedule.
pub enum Decider {
    /// Nothing: always the action that changes least.
    Nobody(Arc<ActionSet>),
    /// Chance.
    Random(Arc<ActionSet>),
    /// A policy.
    Policy(Box<Checkpoint>),
    /// A policy that cannot see its state.
    Blind(Box<Checkpoint>),
}

impl Training {
    /// The method of this name, if it is one of this regime.
    ///
    /// # Errors
    /// A form whose parts are wrong; a checkpoint that cannot be loaded.
    pub fn parse(name: &str) -> Result<Option<Self>> {
        let scripted = |optimizer: &str, decider: Decider| {
            let optimizer = optimizer_kind(optimizer)?;
            Ok(Some(Self::Schedule {
                optimizer,
                settings: settings_for(optimizer),
                horizon_known: true,
                decider,
            }))
        };
        if let Some(bare) = name.strip_prefix(UNKNOWN_HORIZON) {
            let Some(method) = Self::parse(bare)? else {
                return Ok(None);
            };
            return Ok(Some(method.without_horizon(bare)?));
        }
        if let Some(optimizer) = name.strip_prefix("rule:") {
            return scripted(optimizer, Decider::Nobody(residual()?));
        }
        if let Some(optimizer) = name.strip_prefix("random:residual:") {
            return scripted(optimizer, Decider::Random(residual()?));
        }
        if let Some(policy) = name.strip_prefix("blind:") {
            return match checkpoint(policy)? {
                Some(checkpoint) => Ok(Some(Self::under(checkpoint, Decider::Blind)?)),
                None => bail!("there is no policy `{policy}` of the stochastic regime"),
            };
        }
        if let Some((rival, shape)) = optimizer(name)? {
            return Ok(Some(Self::Optimizer(rival, shape)));
        }
        match checkpoint(name)? {
            Some(checkpoint) => Ok(Some(Self::under(checkpoint, Decider::Policy)?)),
            None => Ok(None),
        }
    }

    /// The schedule that a checkpoint was trained for.
    fn under(checkpoint: Checkpoint, decider: fn(Box<Checkpoint>) -> Decider) -> Result<Self> {
        let name = &checkpoint.manifest.name;
        let optimizer = checkpoint.manifest.recipe.pointer("/stochastic/optimizer");
        let optimizer = optimizer
            .and_then(|word| serde_json::from_value(word.clone()).ok())
            .with_context(|| {
                format!("checkpoint {name}: its recipe does not say which optimizer it drives (recipe.stochastic.optimizer)")
            })?;
        let settings = checkpoint.manifest.schedule;
        Ok(Self::Schedule {
            optimizer,
            settings: settings.unwrap_or_else(|| settings_for(optimizer)),
            horizon_known: true,
            decider: decider(Box::new(checkpoint)),
        })
    }

    /// The same without the number of steps.
    fn without_horizon(mut self, name: &str) -> Result<Self> {
        match &mut self {
            Self::Optimizer(..) => bail!(
                "`{name}` is no schedule that sees the loss: only `rule:` and policies do without the number of steps"
            ),
            Self::Schedule { horizon_known, .. } => *horizon_known = false,
        }
        Ok(self)
    }

    /// What a reader should know of it and its name does not say.
    pub fn note(&self) -> Option<String> {
        let Self::Schedule {
            horizon_known,
            decider,
            ..
        } = self
        else {
            return None;
        };
        let sees = match (decider, decider.gradients_every()) {
            (Decider::Nobody(_) | Decider::Random(_), _) => {
                "a scripted rule that sees the loss".to_owned()
            }
            (_, 0) => "sees the loss alone".to_owned(),
            (_, every) => format!("sees the loss, and gradient statistics at every {every}th step"),
        };
        let horizon = match horizon_known {
            true => "is told the number of steps",
            false => "is not told the number of steps",
        };
        Some(format!("{sees}, {horizon}, and can roll back"))
    }

    /// Whether the start rate makes a difference.
    pub fn takes_rate(&self) -> bool {
        match self {
            Self::Optimizer(rival, _) => rival.tunable,
            Self::Schedule { .. } => true,
        }
    }

    /// What identifies it beyond its name.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Schedule {
                decider: Decider::Policy(c) | Decider::Blind(c),
                ..
            } => format!("{:?}", c.manifest.files),
            _ => String::new(),
        }
    }

    /// One run. All methods see the same minibatches in the same order; random ones draw from the stream `dice` of `seed`.
    pub fn run(
        &self,
        objective: &Arc<dyn StochasticObjective>,
        seed: u64,
        start: StartRate,
        limits: Limits,
        dice: &str,
        shown: bool,
    ) -> Outcome {
        let steps_per_epoch = limits.steps_per_epoch(objective.samples());
        let streams = Streams::new(seed);
        let batches = streams.stream("minibatches");
        let clock = Instant::now();
        match self {
            Self::Optimizer(rival, shape) => {
                let rate = match start {
                    StartRate::Given(rate) if rival.tunable => rate,
                    _ => rival.rate,
                };
                let settings = TrainingSettings {
                    steps: limits.epochs * steps_per_epoch,
                    batch: limits.batch,
                    rate,
                    shape: shape.clone(),
                    equal: match limits.equal {
                        Equal::Passes => training::Equal::Passes,
                        Equal::Cost => training::Equal::Cost,
                    },
                    measure_every: steps_per_epoch,
                    rates: shown,
                };
                let mut optimizer = (rival.build)(&objective.start(), steps_per_epoch as f64);
                let record = train(objective.as_ref(), optimizer.as_mut(), &settings, batches);
                trained(Trained {
                    objective,
                    start_rate: rate,
                    evaluations: record.evaluations,
                    start_loss: record.start_loss,
                    loss: record.final_loss,
                    end: record.end,
                    point: &record.point,
                    curve: record.curve,
                    rates: record.rates,
                    seconds: clock.elapsed().as_secs_f64(),
                })
            }
            Self::Schedule {
                optimizer,
                settings,
                horizon_known,
                decider,
            } => {
                let mut controller = decider.controller(streams.stream(dice));
                let rough_rate = match start {
                    StartRate::Given(rate) => Some(rate),
                    StartRate::Auto | StartRate::Times(_) => None,
                };
                let settings = StochasticSettings {
                    schedule: *settings,
                    steps: limits.epochs * steps_per_epoch,
                    horizon_known: *horizon_known,
                    rough_rate,
                    batch: limits.batch,
                    optimizer: *optimizer,
                    gradients_every: decider.gradients_every(),
                    measure_every: steps_per_epoch,
                    trace: shown,
                    ..Default::default()
                };
                let mut episode = StochasticEpisode::start(objective.clone(), settings, batches);
                let record = run(&mut episode, controller.as_mut());
                let seconds = clock.elapsed().as_secs_f64();
                let taken = record.trace.iter().filter(|step| step.accepted);
                trained(Trained {
                    objective,
                    start_rate: rough_rate.unwrap_or(f64::NAN),
                    evaluations: record.evaluations,
                    start_loss: record.start_value,
                    loss: record.best_value,
                    end: record.end,
                    point: episode.point(),
                    curve: episode.curve().to_vec(),
                    // A step evaluates a value and a gradient.
                    rates: taken
                        .map(|step| (2 * step.cost as u64, step.rate))
                        .collect(),
                    seconds,
                })
            }
        }
    }
}

impl Decider {
    fn controller(&self, dice: rand_chacha::ChaCha8Rng) -> Box<dyn Controller> {
        match self {
            Self::Nobody(set) => Box::new(Blind::keeping(set.clone())),
            Self::Random(set) => Box::new(Blind::random(set.clone(), dice)),
            Self::Policy(checkpoint) => Box::new(checkpoint.controller()),
            Self::Blind(checkpoint) => Box::new(checkpoint.controller().blindfolded()),
        }
    }

    /// Gradient statistics are taken for a policy that reads them.
    fn gradients_every(&self) -> u64 {
        match self {
            Self::Policy(c) | Self::Blind(c) if c.controller().spec().wants_gradients() => {
                GRADIENTS_EVERY
            }
            _ => 0,
        }
    }
}

/// What a training came to.
struct Trained<'a> {
    objective: &'a Arc<dyn StochasticObjective>,
    start_rate: f64,
    evaluations: Evaluations,
    start_loss: f64,
    loss: f64,
    end: End,
    point: &'a [f64],
    curve: Vec<(u64, f64)>,
    rates: Vec<(u64, f64)>,
    seconds: f64,
}

fn trained(t: Trained<'_>) -> Outcome {
    let start = std::iter::once((0, t.start_loss));
    Outcome {
        start_rate: t.start_rate,
        evaluations: t.evaluations,
        start_value: t.start_loss,
        value: t.loss,
        end: t.end,
        // Diverged: not finite, or above the first loss.
        failed: !(t.loss.is_finite() && t.loss <= t.start_loss),
        test_score: t.objective.test_score(t.point),
        curve: improvements(start.chain(t.curve)),
        rates: t.rates,
        seconds: t.seconds,
    }
}

fn residual() -> Result<Arc<ActionSet>> {
    Ok(Arc::new(ActionSet::preset("residual")?))
}

/// The optimizer of `OPTIMIZER[/SHAPE]`, if there is one of this name.
///
/// # Errors
/// A shape that does not exist.
pub fn optimizer(name: &str) -> Result<Option<(&'static StochasticRival, RateShape)>> {
    let (optimizer, shape) = name.split_once('/').unwrap_or((name, "constant"));
    let Some(rival) = stochastic::find(optimizer) else {
        return Ok(None);
    };
    Ok(Some((rival, RateShape::parse(shape)?)))
}

fn optimizer_kind(word: &str) -> Result<OptimizerKind> {
    Ok(match word {
        "sgd" => OptimizerKind::Sgd,
        "momentum" => OptimizerKind::Momentum,
        "adam" => OptimizerKind::Adam,
        _ => bail!("`{word}` is none of sgd, momentum, adam, which the scripted schedule drives"),
    })
}

fn settings_for(optimizer: OptimizerKind) -> ScheduleSettings {
    match optimizer {
        OptimizerKind::Adam => ScheduleSettings::ADAPTIVE,
        _ => ScheduleSettings::MOMENTUM,
    }
}

/// A policy that ships, or a checkpoint folder; none where there is neither, or where it is of the other regime.
fn checkpoint(name: &str) -> Result<Option<Checkpoint>> {
    let path = Path::new(name);
    let checkpoint = if PRETRAINED_SCHEDULES.contains(&name) {
        pretrained(name)?
    } else if path.exists() || name.contains(std::path::MAIN_SEPARATOR) {
        Checkpoint::load(path)?
    } else {
        return Ok(None);
    };
    Ok((checkpoint.manifest.regime == Regime::Stochastic).then_some(checkpoint))
}
