//! Where an improvement is most to be expected.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::descent::Descent;
use super::expected_improvement::log_improvement;
use super::posterior::Posterior;
use super::space::{Axis, Kind, Space};

/// How many random places are tried, and how many of them lie near the best observation.
const PLACES: usize = 2_048;
const NEAR: usize = 512;
/// From how many places the search goes uphill.
const STARTS: usize = 10;
/// Rounds of continuous and discrete moves.
const ROUNDS: usize = 20;
/// Steps uphill in one round, and the gradient at which one ends (by length scales).
const STEPS: usize = 100;
const TOLERANCE: f64 = 1e-2;
/// A discrete parameter with at most so many values is tried at all of them, one with more at distances 1, 2, 4, ...
const FEW: usize = 16;

/// The place of the space with the greatest expected improvement over `best` that the search finds: from the best of many random places,
/// from others drawn with their expected improvement as weight and from `incumbent`, the best place observed, uphill with L-BFGS over the
/// continuous parameters and value by value over the discrete ones, in turns until neither helps.
pub(super) fn most_promising(
    space: &Space,
    posterior: &Posterior,
    best: f64,
    incumbent: &[f64],
    rng: &mut ChaCha8Rng,
) -> Vec<f64> {
    let search = Search {
        space,
        posterior,
        best,
    };
    let mut climbers = search.starts(incumbent, rng);
    let mut active: Vec<usize> = (0..climbers.len()).collect();
    for _ in 0..ROUNDS {
        search.climb(&mut climbers, &active);
        active = search.sweep(&mut climbers, &active);
        if active.is_empty() {
            break;
        }
    }
    let best = climbers
        .into_iter()
        .max_by(|a, b| a.value.total_cmp(&b.value));
    best.map_or_else(|| incumbent.to_vec(), |climber| climber.place)
}

struct Search<'a> {
    space: &'a Space,
    posterior: &'a Posterior,
    best: f64,
}

#[derive(Clone, Debug)]
struct Climber {
    place: Vec<f64>,
    value: f64,
}

impl Search<'_> {
    /// ln EI at each of several places.
    fn values(&self, places: &[Vec<f64>]) -> Vec<f64> {
        let predictions = self.posterior.predict(places).into_iter();
        predictions
            .map(|(mean, variance)| log_improvement(self.best, mean, variance).value)
            .collect()
    }

    fn starts(&self, incumbent: &[f64], rng: &mut ChaCha8Rng) -> Vec<Climber> {
        let mut incumbent = incumbent.to_vec();
        self.space.snap(&mut incumbent);
        let mut places: Vec<Vec<f64>> = (NEAR..PLACES).map(|_| self.space.random(rng)).collect();
        places.extend((0..NEAR).map(|_| self.near(&incumbent, rng)));
        places.push(incumbent);
        let values = self.values(&places);
        let mut climbers: Vec<Climber> = places
            .into_iter()
            .zip(values)
            .map(|(place, value)| Climber { place, value })
            .collect();
        let incumbent = climbers.pop();
        // The best of them, and others by lot: the greatest ln EI + Gumbel noise is a draw without replacement by EI.
        let mut lots: Vec<(f64, usize)> = Vec::with_capacity(climbers.len());
        let top = climbers
            .iter()
            .map(|c| c.value)
            .fold(f64::NEG_INFINITY, f64::max);
        for (at, climber) in climbers.iter().enumerate() {
            let gumbel = -(-rng.random::<f64>().ln()).ln();
            let lot = if climber.value == top {
                f64::INFINITY
            } else {
                climber.value + gumbel
            };
            lots.push((lot, at));
        }
        lots.sort_by(|a, b| b.0.total_cmp(&a.0));
        let chosen = lots.iter().take(STARTS - 1);
        let mut starts: Vec<Climber> = chosen.map(|&(_, at)| climbers[at].clone()).collect();
        starts.extend(incumbent);
        starts
    }

    /// A place near another one: every parameter moved by a normal step of 1e-3 to 0.1 of its range, a discrete one with few values drawn
    /// anew now and then.
    fn near(&self, place: &[f64], rng: &mut ChaCha8Rng) -> Vec<f64> {
        let mut near = place.to_vec();
        let size = 10_f64.powf(-3.0 + 2.0 * rng.random::<f64>());
        for axis in &self.space.axes {
            match axis.kind {
                Kind::Choices(_) => {
                    if rng.random::<f64>() < 0.2 {
                        axis.set(&mut near, rng.random());
                    }
                }
                _ => {
                    let step: f64 = rng.sample(StandardNormal);
                    let share = near[axis.columns.start] + size * step;
                    axis.set(&mut near, share.clamp(0.0, 1.0));
                }
            }
        }
        near
    }

    /// Uphill over the continuous parameters, all climbers at once, in units of the length scales.
    fn climb(&self, climbers: &mut [Climber], active: &[usize]) {
        let axes = self
            .space
            .axes
            .iter()
            .filter(|axis| axis.kind == Kind::Continuous);
        let columns: Vec<usize> = axes.map(|axis| axis.columns.start).collect();
        let roots: Vec<f64> = columns.iter().map(|&c| self.posterior.roots()[c]).collect();
        let mut descents: Vec<(usize, Descent)> = Vec::new();
        for &at in active {
            let place = &climbers[at].place;
            let start = columns.iter().zip(&roots).map(|(&c, root)| place[c] * root);
            let lower = vec![0.0; columns.len()];
            let descent = Descent::new(start.collect(), lower, roots.clone(), TOLERANCE, STEPS);
            descents.push((at, descent));
        }
        loop {
            let mut open: Vec<&mut (usize, Descent)> = descents
                .iter_mut()
                .filter(|(_, descent)| !descent.is_over())
                .collect();
            if open.is_empty() {
                break;
            }
            let places: Vec<Vec<f64>> = open
                .iter()
                .map(|(at, descent)| {
                    let mut place = climbers[*at].place.clone();
                    for ((&c, root), z) in columns.iter().zip(&roots).zip(descent.point()) {
                        place[c] = (z / root).clamp(0.0, 1.0);
                    }
                    place
                })
                .collect();
            let predictions = self.posterior.predict_with_gradients(&places);
            for ((_, descent), p) in open.iter_mut().zip(predictions) {
                let there = log_improvement(self.best, p.mean, p.variance);
                let gradient: Vec<f64> = columns
                    .iter()
                    .zip(&roots)
                    .map(|(&c, root)| {
                        let uphill = there.by_mean * p.mean_gradient[c]
                            + there.by_variance * p.variance_gradient[c];
                        -uphill / root
                    })
                    .collect();
                descent.tell(-there.value, &gradient);
            }
        }
        for (at, descent) in descents {
            let climber = &mut climbers[at];
            if -descent.value() > climber.value {
                climber.value = -descent.value();
                for ((&c, root), z) in columns.iter().zip(&roots).zip(descent.best()) {
                    climber.place[c] = (z / root).clamp(0.0, 1.0);
                }
            }
        }
    }

    /// One discrete parameter after the other to its best value; who was moved.
    fn sweep(&self, climbers: &mut [Climber], active: &[usize]) -> Vec<usize> {
        let mut moved = Vec::new();
        for axis in &self.space.axes {
            let mut tries: Vec<Vec<f64>> = Vec::new();
            let mut whose = Vec::new();
            for &at in active {
                let place = &climbers[at].place;
                for index in alternatives(axis, place) {
                    let mut other = place.clone();
                    axis.set_index(&mut other, index);
                    tries.push(other);
                    whose.push(at);
                }
            }
            let values = self.values(&tries);
            for ((place, value), at) in tries.into_iter().zip(values).zip(whose) {
                if value > climbers[at].value {
                    climbers[at] = Climber { place, value };
                    moved.push(at);
                }
            }
        }
        moved.sort_unstable();
        moved.dedup();
        moved
    }
}

/// The other values of a discrete parameter that are worth a try.
fn alternatives(axis: &Axis, place: &[f64]) -> Vec<usize> {
    let count = match &axis.kind {
        Kind::Continuous => return Vec::new(),
        Kind::Ordered(places) => places.len(),
        Kind::Choices(count) => *count,
    };
    let here = axis.index(place);
    if count <= FEW || matches!(axis.kind, Kind::Choices(_)) {
        return (0..count).filter(|&index| index != here).collect();
    }
    let distances = (0..usize::BITS)
        .map(|bit| 1_usize << bit)
        .take_while(|&d| d < count);
    distances
        .flat_map(|distance| [here.checked_sub(distance), Some(here + distance)])
        .flatten()
        .filter(|&index| index < count)
        .collect()
}
