//! Which parameters are drawn together.

use std::collections::BTreeMap;

use crate::{History, SearchSpace};

/// The parameters of a study in groups that were always asked for together: two are in one group if every finished trial has both of
/// them or neither. A space without conditions is one group. It only depends on which trials are finished, not on their order, and takes
/// in those that are new.
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
        // Almost always: a space without conditions.
        if let [group] = self.groups.as_mut_slice()
            && group.keys().eq(trial.params.keys())
        {
            for latest in group.values_mut() {
                *latest = number.max(*latest);
            }
            return;
        }
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Attributes, Direction, Distribution, FrozenTrial, Param, TrialState};

    fn trial(number: u64, names: &[&str]) -> FrozenTrial {
        let param = |name: &str| Param {
            distribution: Arc::new(Distribution::float(name, 0.0, 1.0 + number as f64).unwrap()),
            value: 0.5,
        };
        FrozenTrial {
            id: number as i64,
            number,
            state: TrialState::Complete,
            value: Some(0.0),
            start: None,
            end: None,
            params: names
                .iter()
                .map(|name| ((*name).to_owned(), param(name)))
                .collect(),
            last_report: None,
            user: Attributes::new(),
            system: Attributes::new(),
        }
    }

    fn names(spaces: &[SearchSpace]) -> Vec<Vec<&str>> {
        let names = spaces
            .iter()
            .map(|space| space.keys().map(String::as_str).collect());
        names.collect()
    }

    #[test]
    fn what_is_always_asked_for_together_is_one_group() {
        let trials: [&[&str]; 5] = [
            &["kind", "x"],
            &["kind", "y", "z"],
            &["kind", "x"],
            &["kind", "y", "z", "rare"],
            &["kind", "x"],
        ];
        let mut history = History::new(Direction::Minimize);
        let mut groups = Groups::default();
        let mut steps = Vec::new();
        for (number, names_of_trial) in trials.iter().enumerate() {
            history.take_in(trial(number as u64, names_of_trial));
            let spaces = groups.of(&history);
            steps.push(format!("{:?}", names(&spaces)));
            // All at once is the same as one by one.
            assert_eq!(Groups::default().of(&history), spaces);
        }
        assert_eq!(
            steps,
            [
                r#"[["kind", "x"]]"#,
                r#"[["kind"], ["x"], ["y", "z"]]"#,
                r#"[["kind"], ["x"], ["y", "z"]]"#,
                r#"[["kind"], ["rare"], ["x"], ["y", "z"]]"#,
                r#"[["kind"], ["rare"], ["x"], ["y", "z"]]"#,
            ]
        );
        // The ranges of the last trial that has the parameter.
        let spaces = groups.of(&history);
        let high = |group: usize, name: &str| spaces[group][name].scaled_range().1;
        assert_eq!(
            [high(0, "kind"), high(2, "x"), high(3, "y")],
            [5.0, 5.0, 4.0]
        );
        // Another set of trials is another matter.
        let restricted = history.restricted(&[0, 2]);
        assert_eq!(names(&groups.of(&restricted)), [["kind", "x"]]);
    }

    #[test]
    fn the_order_in_which_trials_end_does_not_matter() {
        let all: [&[&str]; 4] = [&["a", "b", "c"], &["b"], &["b", "c"], &["d", "a"]];
        let spaces = |order: [usize; 4]| {
            let mut history = History::new(Direction::Minimize);
            for number in 0..4 {
                let mut running = trial(number, &[]);
                running.state = TrialState::Running;
                history.take_in(running);
            }
            for number in order {
                history.take_in(trial(number as u64, all[number]));
            }
            Groups::default().of(&history)
        };
        assert_eq!(spaces([0, 1, 2, 3]), spaces([3, 1, 0, 2]));
        assert_eq!(names(&spaces([2, 3, 1, 0])), [["a"], ["b"], ["c"], ["d"]]);
    }
}
