//! Methods that minimise an exact objective, and one run of them.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use qstride::{PRETRAINED, pretrained};
use qstride_control::checkpoint::Regime;
use qstride_control::features::Features;
use qstride_control::learned::Blind;
use qstride_control::policy::NetworkShape;
use qstride_control::rivals::stochastic::StochasticRival;
use qstride_control::rivals::{self, Rival, Setup};
use qstride_control::{
    Action, ActionSet, Checkpoint, Controller, DeterministicEpisode, DeterministicSettings,
    Learned, Policy, RateShape, StartRate, StateSpec, run,
};
use qstride_objectives::Streams;

use super::problem::Case;
use super::run::{Outcome, improvements};
use super::sequence;
use super::training;
use super::whole_objective::optimise;

/// The hidden layers of an untrained network.
const HIDDEN: [usize; 2] = [64, 64];

/// What minimises.
pub enum Minimising {
    /// A classic method.
    Classic(&'static Rival),
    /// An optimizer made for minibatches, on the whole objective.
    Optimizer(&'static StochasticRival, RateShape),
    /// Always the same action.
    Fixed(Arc<ActionSet>, usize),
    /// Always a random one.
    Random(Arc<ActionSet>),
    /// The same actions in turn.
    Sequence(Arc<ActionSet>, Vec<usize>),
    /// A network that has learnt nothing.
    Untrained(Arc<ActionSet>, StateSpec),
    /// A policy.
    Checkpoint(Box<Checkpoint>),
    /// A policy that cannot see its state.
    Blind(Box<Checkpoint>),
}

impl Minimising {
    /// The method of this name, if it is one of this regime.
    ///
    /// # Errors
    /// A form whose parts are wrong; a checkpoint that cannot be loaded.
    pub fn parse(name: &str) -> Result<Option<Self>> {
        if let Some(rival) = rivals::find(name) {
            return Ok(Some(Self::Classic(rival)));
        }
        if let Some((rival, shape)) = training::optimizer(name)? {
            return Ok(Some(Self::Optimizer(rival, shape)));
        }
        if let Some(policy) = name.strip_prefix("blind:") {
            return match checkpoint(policy)? {
                Some(checkpoint) => Ok(Some(Self::Blind(Box::new(checkpoint)))),
                None => bail!("there is no policy `{policy}` of the deterministic regime"),
            };
        }
        let forms = ["random", "keep", "fixed", "untrained", "sequence"];
        match name
            .split_once(':')
            .filter(|(form, _)| forms.contains(form))
        {
            Some((form, rest)) => without_a_policy(form, rest),
            None => Ok(checkpoint(name)?.map(|c| Self::Checkpoint(Box::new(c)))),
        }
    }

    /// Whether it cannot do without f*.
    pub fn needs_minimum(&self) -> bool {
        matches!(self, Self::Classic(rival) if rival.needs_minimum)
    }

    /// Whether the start rate makes a difference.
    pub fn takes_rate(&self) -> bool {
        match self {
            Self::Classic(rival) => !rival.ignores_rate,
            Self::Optimizer(rival, _) => rival.tunable,
            _ => true,
        }
    }

    /// What identifies it beyond its name.
    pub fn fingerprint(&self) -> String {
        match self {
            Self::Sequence(_, actions) => format!("{actions:?}"),
            Self::Checkpoint(c) | Self::Blind(c) => format!("{:?}", c.manifest.files),
            _ => String::new(),
        }
    }

    /// What a reader should know of it.
    pub fn note(&self) -> Option<String> {
        let Self::Sequence(set, actions) = self else {
            return None;
        };
        let words: Vec<String> = actions
            .iter()
            .map(|&a| set.actions[a].to_string())
            .collect();
        Some(format!("again and again {}", words.join(", ")))
    }

    /// One run. Random methods draw from the stream `dice` of the case's seed; an untrained network is the same one in all runs of
    /// a seed.
    ///
    /// # Errors
    /// When an untrained network cannot be made.
    pub fn run(
        &self,
        name: &str,
        case: &Case,
        start: StartRate,
        budget: u64,
        dice: &str,
        shown: bool,
    ) -> Result<Outcome> {
        let objective = case.objective();
        let settings = DeterministicSettings {
            budget,
            start_rate: start,
            trace: true,
            ..Default::default()
        };
        let streams = Streams::new(case.seed);
        let clock = Instant::now();
        let mut controller: Box<dyn Controller> = match self {
            Self::Classic(rival) => {
                let setup = Setup {
                    rate: given(start),
                    minimum: objective.minimum(),
                    generator: streams.stream(dice),
                };
                let (record, point) = rival.minimise(objective, settings, &setup);
                let seconds = clock.elapsed().as_secs_f64();
                return Ok(outcome(case, &record, &point, start, seconds, shown));
            }
            Self::Optimizer(rival, shape) => {
                return Ok(optimise(
                    rival,
                    shape,
                    &objective,
                    given(start),
                    budget,
                    shown,
                ));
            }
            Self::Fixed(set, index) => Box::new(Blind::fixed(set.clone(), *index)),
            Self::Random(set) => Box::new(Blind::random(set.clone(), streams.stream(dice))),
            Self::Sequence(set, actions) => Box::new(Blind::cycle(set.clone(), actions.clone())),
            Self::Untrained(set, state) => {
                let shape = NetworkShape {
                    inputs: state.width(),
                    hidden: HIDDEN.to_vec(),
                    actions: set.actions.len(),
                };
                let mut generator = streams.stream(&format!("compare/{name}"));
                let policy = Policy::untrained(shape, &mut generator)?;
                Box::new(Learned::new(policy, state.clone(), set.clone()))
            }
            Self::Checkpoint(checkpoint) => Box::new(checkpoint.controller()),
            Self::Blind(checkpoint) => Box::new(checkpoint.controller().blindfolded()),
        };
        let mut episode = DeterministicEpisode::start(objective, settings, &controller);
        let record = run(&mut episode, &mut controller);
        let seconds = clock.elapsed().as_secs_f64();
        Ok(outcome(
            case,
            &record,
            episode.best_point(),
            start,
            seconds,
            shown,
        ))
    }
}

fn outcome(
    case: &Case,
    record: &qstride_control::Record,
    point: &[f64],
    start: StartRate,
    seconds: f64,
    shown: bool,
) -> Outcome {
    let objective = case.objective();
    let mut gradient = vec![0.0; objective.dimension()];
    objective.gradient(&objective.start(), &mut gradient);
    let trace = record.trace.iter();
    let curve = trace.map(|step| (step.cost as u64, step.best_value));
    let accepted = record.trace.iter().filter(|step| shown && step.accepted);
    Outcome {
        start_rate: start.resolve(objective.start_rate(), &gradient),
        evaluations: record.evaluations,
        start_value: record.start_value,
        value: record.best_value,
        end: record.end,
        failed: record.failed(),
        test_score: objective.test_score(point),
        curve: improvements(std::iter::once((2, record.start_value)).chain(curve)),
        rates: accepted.map(|step| (step.cost as u64, step.rate)).collect(),
        seconds,
    }
}

fn given(start: StartRate) -> Option<f64> {
    match start {
        StartRate::Given(rate) => Some(rate),
        StartRate::Auto | StartRate::Times(_) => None,
    }
}

/// `random:SET`, `keep:SET`, `fixed:SET:ACTION`, `untrained:SET`, `sequence:SET`.
fn without_a_policy(form: &str, rest: &str) -> Result<Option<Minimising>> {
    let (set, action) = match rest.split_once(':') {
        Some((set, action)) => (set, Some(action)),
        None => (rest, None),
    };
    let set = Arc::new(ActionSet::preset(set)?);
    if set.actions.iter().any(|a| matches!(a, Action::Residual(_))) {
        return Ok(None);
    }
    let words = || {
        let words: Vec<String> = set.actions.iter().map(ToString::to_string).collect();
        words.join(", ")
    };
    Ok(Some(match (form, action) {
        ("fixed", Some(action)) => {
            let index = set.actions.iter().position(|a| a.to_string() == action);
            let index = index.ok_or_else(|| {
                anyhow!(
                    "the set `{}` has no action `{action}`; there are {}",
                    set.name,
                    words()
                )
            })?;
            Minimising::Fixed(set, index)
        }
        ("fixed", None) => bail!(
            "say which action: fixed:{}:ACTION with one of {}",
            set.name,
            words()
        ),
        (_, Some(surplus)) => bail!("nothing is expected where `:{surplus}` stands"),
        ("random", None) => Minimising::Random(set),
        ("keep", None) => {
            let index = set.keep();
            Minimising::Fixed(set, index)
        }
        ("sequence", None) => {
            let actions = sequence::best(&set)?;
            Minimising::Sequence(set, actions)
        }
        _ => {
            let features = if set.wants_ritz() {
                StateSpec::default_features()
            } else {
                StateSpec::scalar_features()
            };
            let state = StateSpec::new(features, &Features::builtin())?;
            Minimising::Untrained(set, state)
        }
    }))
}

/// A policy that ships, or a checkpoint folder; none where there is neither, or where it is of the other regime.
fn checkpoint(name: &str) -> Result<Option<Checkpoint>> {
    let path = Path::new(name);
    let checkpoint = if PRETRAINED.contains(&name) {
        pretrained(name)?
    } else if path.exists() || name.contains(std::path::MAIN_SEPARATOR) {
        Checkpoint::load(path)?
    } else {
        return Ok(None);
    };
    Ok((checkpoint.manifest.regime == Regime::Deterministic).then_some(checkpoint))
}
