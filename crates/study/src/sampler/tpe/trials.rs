//! The trials that a draw learns from.

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value};

use super::parzen::Parzen;
use super::split::Split;
use super::{TpeSettings, lie};
use crate::{Distribution, History, TrialState};

/// The trials that a draw learns from: the good ones, and the bad ones together with those that run.
pub(super) struct Trials<'h> {
    history: &'h History,
    // Numbers, ascending.
    good: Vec<u64>,
    bad: Vec<u64>,
    // What the running ones were given.
    running: BTreeMap<u64, Map<String, Value>>,
}

impl<'h> Trials<'h> {
    pub(super) fn of(history: &'h History, settings: &TpeSettings) -> Self {
        let Split { good, mut bad } = Split::of(history, settings);
        let mut running = BTreeMap::new();
        if settings.constant_liar {
            for trial in history.in_state(TrialState::Running) {
                running.insert(trial.number, lie::read(trial));
                bad.push(trial.number);
            }
            bad.sort_unstable();
        }
        Self {
            history,
            good,
            bad,
            running,
        }
    }

    /// A value for each of the parameters, which are drawn together.
    pub(super) fn draw(
        &self,
        space: &[(&str, &Distribution)],
        settings: &TpeSettings,
        rng: &mut ChaCha8Rng,
    ) -> Vec<f64> {
        let distributions: Vec<&Distribution> = space.iter().map(|(_, d)| *d).collect();
        let mut good = Parzen::new(&distributions, &self.places(&self.good, space), settings);
        let mut bad = Parzen::new(&distributions, &self.places(&self.bad, space), settings);
        let mut candidates: Vec<Vec<f64>> =
            (0..settings.candidates).map(|_| good.draw(rng)).collect();
        let likely = good.log_density(&candidates);
        let unlikely = bad.log_density(&candidates);
        let ratios = likely.into_iter().zip(unlikely).map(|(l, g)| l - g);
        let best = ratios
            .enumerate()
            .reduce(|best, next| if next.1 > best.1 { next } else { best });
        candidates.swap_remove(best.map_or(0, |(at, _)| at))
    }

    /// The values of these trials by parameter: of those that have all of them, in the ranges that are asked for now.
    fn places(&self, numbers: &[u64], space: &[(&str, &Distribution)]) -> Vec<Vec<f64>> {
        let columns: Vec<&[f64]> = space
            .iter()
            .map(|(name, _)| self.history.column(name))
            .collect();
        let mut places = vec![Vec::with_capacity(numbers.len()); space.len()];
        let mut row = vec![0.0; space.len()];
        for &number in numbers {
            let running = self.running.get(&number);
            for ((x, (name, distribution)), column) in row.iter_mut().zip(space).zip(&columns) {
                *x = match running {
                    None => column.get(number as usize).copied().unwrap_or(f64::NAN),
                    Some(given) => self
                        .of_running(number, given, name, distribution)
                        .unwrap_or(f64::NAN),
                };
            }
            let inside = row.iter().zip(space).all(|(x, (_, d))| d.contains(*x));
            if inside {
                for (column, x) in places.iter_mut().zip(&row) {
                    column.push(*x);
                }
            }
        }
        places
    }

    /// What a running trial has for a parameter, or will have once it asks.
    fn of_running(
        &self,
        number: u64,
        given: &Map<String, Value>,
        name: &str,
        distribution: &Distribution,
    ) -> Option<f64> {
        let trial = self.history.trials().get(number as usize)?;
        match trial.params.get(name) {
            Some(param) => Some(param.value),
            None => distribution.internal(name, &lie::choice(given, name)?).ok(),
        }
    }
}
