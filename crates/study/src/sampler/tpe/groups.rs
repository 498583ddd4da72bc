//! Which parameters are drawn together.

use std::collections::BTreeMap;

use crate::{History, SearchSpace};

/// The parameters of a study in groups that were always asked for together: two are in one group if every finished trial has both of
/// them or neither. A space without conditions is one group. It only depends on which trials are finished, not on their order, and takes in those that are new.
#[derive(Debug, Default)]
pub(super) struct Groups {
    // The finished trials that are in it, in the order of History::finished.
    seen: Vec<u64>,
    // Each with the trial of the greatest number that has it.
    groups: Vec<BTreeMap<String, u64>>,
}

impl Groups {
    /// The groups of the finished trials, in the order of their first names; parameters with a single value are left out.
    pub(super) fn of(&mut self, history: &History) -> Vec<SearchSpace> {
        let finished = history.finished();
        if !finished.starts_with(&self.seen) {
            *self = Self::default();
        }
        for &number in &finished[self.seen.len()..] {
            self.take_in(history, number);
        }
        let spaces = self.groups.iter().map(|group| {
            let params = group.iter().filter_map(|(name, number)| {
                let trial = history.trials().get(*number as usize)?;
                let distribution = &trial.params.get(name)?.distribution;
                (!distribution.is_single()).then(|| (name.clone(), distribution.clone()))
            });
            params.collect::<SearchSpace>()
        });
        spaces.filter(|space| !space.is_empty()).collect()
    }

    fn take_in(&mut self, history: &History, number: u64) {
        self.seen.push(number);
        let Some(trial) = history.trials().get(number as usize) else {
            return;
        };
        let mut new: BTreeMap<String, u64> = trial
            .params
            .keys()
            .map(|name| (name.clone(), number))
            .collect();
        let mut groups = Vec::with_capacity(self.groups.len() + 1);
        for group in std::mem::take(&mut self.groups) {
            let (mut with, without): (BTreeMap<_, _>, BTreeMap<_, _>) = group
                .into_iter()
                .partition(|(name, _)| new.remove(name).is_some());
            for latest in with.values_mut() {
                *latest = number.max(*latest);
            }
            groups.extend([with, without]);
        }
        groups.push(new);
        groups.retain(|group| !group.is_empty());
        groups.sort();
        self.groups = groups;
    }
}
