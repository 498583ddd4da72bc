//! Which trials are the good ones.

use std::cmp::Ordering;

use super::TpeSettings;
use crate::{History, TrialState};

/// A trial's place: complete ones by their loss, infinities at the ends; then pruned ones, those that came further first and by their last
/// report (NaN counts as infinite) where they came equally far; then those without a report. The older one of equals is better.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Rank {
    class: u8,
    step: i64,
    loss: f64,
    number: u64,
}

impl Rank {
    fn of(history: &History, number: u64) -> Option<Self> {
        let trial = history.trials().get(number as usize)?;
        let (class, step, loss) = match (trial.state, trial.last_report) {
            (TrialState::Complete, _) => (0, 0, history.loss(number)?),
            (_, Some((step, value))) => (1, step, history.direction().loss(value)),
            (_, None) => (2, 0, 0.0),
        };
        Some(Self {
            class,
            step,
            loss: if loss.is_nan() { f64::INFINITY } else { loss },
            number,
        })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let class = self.class.cmp(&other.class);
        class
            .then(other.step.cmp(&self.step))
            .then(self.loss.total_cmp(&other.loss))
            .then(self.number.cmp(&other.number))
    }
}

/// The numbers of the finished trials, ascending: the good ones, and the rest.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Split {
    pub(super) good: Vec<u64>,
    pub(super) bad: Vec<u64>,
}

impl Split {
    /// The best ⌈share · n⌉ of n finished trials are good, but no more than `at_most`.
    pub(super) fn of(history: &History, settings: &TpeSettings) -> Self {
        let finished = history.finished().iter();
        let ranks: Vec<Rank> = finished.filter_map(|n| Rank::of(history, *n)).collect();
        let wanted = (settings.good_share * ranks.len() as f64).ceil() as usize;
        let count = wanted.min(settings.good_at_most).min(ranks.len());
        let mut ordered = ranks.clone();
        let Some(last) = count.checked_sub(1) else {
            return Self::default();
        };
        let (_, last, _) = ordered.select_nth_unstable_by(last, Rank::compare);
        let (good, bad): (Vec<Rank>, Vec<Rank>) =
            ranks.iter().partition(|rank| rank.compare(last).is_le());
        // Mostly in order already.
        let numbers = |ranks: Vec<Rank>| {
            let mut numbers: Vec<u64> = ranks.iter().map(|rank| rank.number).collect();
            numbers.sort_unstable();
            numbers
        };
        Self {
            good: numbers(good),
            bad: numbers(bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Attributes, Direction, FrozenTrial};

    fn trial(
        number: u64,
        state: TrialState,
        value: f64,
        report: Option<(i64, f64)>,
    ) -> FrozenTrial {
        FrozenTrial {
            id: number as i64,
            number,
            state,
            value: (state == TrialState::Complete).then_some(value),
            start: None,
            end: None,
            params: BTreeMap::new(),
            last_report: report,
            user: Attributes::new(),
            system: Attributes::new(),
        }
    }

    #[test]
    fn complete_trials_come_first_then_those_pruned_late() {
        use TrialState::{Complete, Fail, Pruned};
        let trials = [
            (Pruned, 0.0, Some((3, -50.0))),
            (Complete, f64::INFINITY, None),
            (Pruned, 0.0, None),
            (Complete, 7.0, None),
            (Fail, 0.0, None),
            (Pruned, 0.0, Some((9, f64::NAN))),
            (Complete, f64::NEG_INFINITY, Some((1, 9.0))),
            (Pruned, 0.0, Some((9, 100.0))),
        ];
        let expected: [(Direction, &[u64]); 2] = [
            (Direction::Minimize, &[6, 3, 1, 7, 5, 0, 2]),
            (Direction::Maximize, &[1, 3, 6, 7, 5, 0, 2]),
        ];
        for (direction, order) in expected {
            let mut history = History::new(direction);
            for (number, (state, value, report)) in trials.into_iter().enumerate() {
                history.take_in(trial(number as u64, state, value, report));
            }
            for count in 1..=order.len() {
                let settings = TpeSettings {
                    good_share: 1.0,
                    good_at_most: count,
                    ..TpeSettings::default()
                };
                let split = Split::of(&history, &settings);
                let mut best = order[..count].to_vec();
                best.sort_unstable();
                assert_eq!(split.good, best, "{direction:?}");
                assert_eq!(split.bad.len(), order.len() - count);
            }
        }
    }

    #[test]
    fn the_share_is_rounded_up_and_capped() {
        let mut history = History::new(Direction::Minimize);
        let mut good = |trials: u64| {
            for number in history.trials().len() as u64..trials {
                history.take_in(trial(number, TrialState::Complete, 1.0, None));
            }
            Split::of(&history, &TpeSettings::default()).good
        };
        // Equal values: the older ones.
        assert_eq!(good(1), [0]);
        assert_eq!(good(10), [0]);
        assert_eq!(good(11), [0, 1]);
        assert_eq!(good(1000), (0..25).collect::<Vec<_>>());
    }
}
