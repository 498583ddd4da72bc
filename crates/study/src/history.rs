//! What samplers and pruners know: the trials of the study so far.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::{Direction, Distribution, FrozenTrial, TrialState};

/// The trials of a study in the order of their numbers, and columns of them for samplers that look at all of them at every ask.
#[derive(Clone, Debug)]
pub struct History {
    direction: Direction,
    // Shared with its restrictions.
    trials: Arc<Vec<FrozenTrial>>,
    columns: BTreeMap<String, Vec<f64>>,
    joint_space: Option<SearchSpace>,
    finished: Vec<u64>,
}

/// Parameters by name with what they can be.
pub type SearchSpace = BTreeMap<String, Arc<Distribution>>;

impl History {
    /// Nothing yet.
    pub fn new(direction: Direction) -> Self {
        Self {
            direction,
            trials: Arc::default(),
            columns: BTreeMap::new(),
            joint_space: None,
            finished: Vec::new(),
        }
    }

    /// Where the study wants to go.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// All trials; the one with number n stands at n.
    pub fn trials(&self) -> &[FrozenTrial] {
        &self.trials
    }

    /// The trials that are over with something to learn from, complete or pruned, in the order in which this process learnt of their end:
    /// their numbers. It only grows, so that a sampler may keep what it made of its beginning.
    pub fn finished(&self) -> &[u64] {
        &self.finished
    }

    /// The completed trials.
    pub fn complete(&self) -> impl Iterator<Item = &FrozenTrial> {
        self.in_state(TrialState::Complete)
    }

    /// The trials in one state.
    pub fn in_state(&self, state: TrialState) -> impl Iterator<Item = &FrozenTrial> {
        self.trials.iter().filter(move |trial| trial.state == state)
    }

    /// The values of one parameter by trial number, in the internal representation; NaN for trials without it and for those that are
    /// not [`finished`](Self::finished). It may be shorter than the number of trials.
    pub fn column(&self, name: &str) -> &[f64] {
        self.columns.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of a completed trial, its sign changed where large values are good; nothing for others.
    pub fn loss(&self, number: u64) -> Option<f64> {
        let trial = self.trials.get(number as usize)?;
        let value = trial
            .value
            .filter(|_| trial.state == TrialState::Complete)?;
        Some(self.direction.loss(value))
    }

    /// The completed trial with the best value; the first one of equals.
    pub fn best(&self) -> Option<&FrozenTrial> {
        self.complete()
            .filter_map(|trial| Some((self.loss(trial.number)?, trial)))
            .min_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, trial)| trial)
    }

    /// The parameters that all [`finished`](Self::finished) trials share, each with the distribution that was asked for last; those with
    /// a single value are left out. Values of earlier trials may lie outside it.
    pub fn joint_space(&self) -> SearchSpace {
        let mut space = self.joint_space.clone().unwrap_or_default();
        space.retain(|_, distribution| !distribution.is_single());
        space
    }

    /// Ids of the trials that are not over: what has to be read again.
    pub fn unfinished(&self) -> Vec<i64> {
        let open = self.trials.iter().filter(|trial| !trial.state.is_over());
        open.map(|trial| trial.id).collect()
    }

    /// The greatest trial id seen.
    pub fn last_id(&self) -> Option<i64> {
        self.trials.last().map(|trial| trial.id)
    }

    /// Takes in what was read: trials that are new, in the order of their numbers, or that have changed. A trial that is over stays as it
    /// is.
    pub fn take_in(&mut self, trial: FrozenTrial) {
        let at = trial.number as usize;
        let trials = Arc::make_mut(&mut self.trials);
        match trials.get_mut(at) {
            Some(known) if known.state.is_over() => return,
            Some(known) => *known = trial,
            None => trials.push(trial),
        }
        let Some(trial) = trials.get(at) else {
            return;
        };
        if !matches!(trial.state, TrialState::Complete | TrialState::Pruned) {
            return;
        }
        self.finished.push(trial.number);
        for (name, param) in &trial.params {
            let column = self.columns.entry(name.clone()).or_default();
            if column.len() <= at {
                column.resize(at + 1, f64::NAN);
            }
            column[at] = param.value;
        }
        match &mut self.joint_space {
            None => {
                let params = trial.params.iter();
                self.joint_space = Some(
                    params
                        .map(|(name, param)| (name.clone(), param.distribution.clone()))
                        .collect(),
                );
            }
            Some(space) => space.retain(|name, distribution| {
                trial.params.get(name).is_some_and(|param| {
                    *distribution = param.distribution.clone();
                    true
                })
            }),
        }
    }

    /// The same with only these trials to learn from: [`finished`](Self::finished) and [`column`](Self::column) know no others.
    #[must_use]
    pub fn restricted(&self, to: &[u64]) -> Self {
        let to: BTreeSet<u64> = to.iter().copied().collect();
        let mut restricted = self.clone();
        restricted.finished.retain(|number| to.contains(number));
        for column in restricted.columns.values_mut() {
            for (number, value) in column.iter_mut().enumerate() {
                if !to.contains(&(number as u64)) {
                    *value = f64::NAN;
                }
            }
        }
        restricted
    }
}
