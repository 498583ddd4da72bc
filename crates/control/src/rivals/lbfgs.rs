//! L-BFGS: the upper anchor, more than a step size.

use crate::acceptance::SUFFICIENT_DECREASE;
use crate::minimiser::{Minimiser, Search};
use crate::vector::dot;

/// Pairs with sᵀy at most this share of |s| |y| say nothing about a positive curvature, and are skipped.
const LEAST_COSINE: f64 = 1e-10;
/// After so many backtracks the pairs are forgotten, so that the next direction is -g.
const BACKTRACKS: u32 = 20;

/// d = -H g, with H the limited-memory BFGS matrix of the newest m pairs s = x⁺ - x, y = g⁺ - g, by the two-loop recursion from
/// γI, γ = sᵀy/yᵀy (Nocedal, Math. Comput. 35, 1980; Liu and Nocedal, Math. Program. 45, 1989).
///
/// Each search starts at the unit step, min(1, 1/|g|) while there is no pair, and goes on at the minimiser of the parabola through
/// f(x), dᵀg and the rejected value, within [0.1, 0.5] of the rejected step, until Armijo's rule holds (c = 1e-4; Nocedal and Wright,
/// Numerical Optimization, 2006, sections 3.5 and 7.2). Backtracking instead of a Wolfe search: a step costs one gradient.
#[derive(Clone, Copy, Debug)]
pub struct Lbfgs {
    pairs: usize,
}

impl Lbfgs {
    /// With the newest `pairs` pairs.
    pub fn with_pairs(pairs: usize) -> Self {
        Self { pairs }
    }
}

impl Minimiser for Lbfgs {
    fn minimise(&mut self, search: &mut Search) -> Option<()> {
        let (mut x, mut g) = (search.start().to_vec(), search.start_gradient().to_vec());
        let (mut trial, mut trial_gradient, mut d) = (x.clone(), g.clone(), g.clone());
        let mut value = search.start_value();
        let mut pairs = Pairs::new(self.pairs, x.len());
        loop {
            let slope = pairs.descent_direction(&g, &mut d);
            let mut rate = if pairs.is_empty() {
                (1.0 / (-slope).sqrt()).min(1.0)
            } else {
                1.0
            };
            let mut backtracks = 0;
            let accepted = loop {
                for ((t, x), d) in trial.iter_mut().zip(&x).zip(&d) {
                    *t = x + rate * d;
                }
                let trial_value = search.try_point(&trial, rate)?;
                if trial_value.is_finite()
                    && trial_value <= value + SUFFICIENT_DECREASE * rate * slope
                {
                    break Some(trial_value);
                }
                if backtracks == BACKTRACKS && !pairs.is_empty() {
                    break None;
                }
                backtracks += 1;
                rate *= shrinkage(value, rate * slope, trial_value);
            };
            let Some(accepted) = accepted else {
                pairs.clear();
                continue;
            };
            search.accept(&trial, &mut trial_gradient)?;
            pairs.push(&x, &trial, &g, &trial_gradient);
            std::mem::swap(&mut x, &mut trial);
            std::mem::swap(&mut g, &mut trial_gradient);
            value = accepted;
        }
    }
}

/// The share of a rejected step at which the parabola p(0) = `value`, p'(0) = `decrease`, p(1) = `trial` is least, within [0.1, 0.5];
/// one half where the trial is not finite.
fn shrinkage(value: f64, decrease: f64, trial: f64) -> f64 {
    let least = -0.5 * decrease / (trial - value - decrease);
    if trial.is_finite() && least.is_finite() {
        least.clamp(0.1, 0.5)
    } else {
        0.5
    }
}

/// The newest pairs, in vectors that are reused.
struct Pairs {
    /// A ring: the newest pair stands before `next`.
    ring: Vec<Pair>,
    next: usize,
    len: usize,
    /// One coefficient a pair, between the two loops.
    coefficients: Vec<f64>,
}

struct Pair {
    s: Vec<f64>,
    y: Vec<f64>,
    sy: f64,
    yy: f64,
}

impl Pairs {
    fn new(memory: usize, dimension: usize) -> Self {
        let pair = || Pair {
            s: vec![0.0; dimension],
            y: vec![0.0; dimension],
            sy: 0.0,
            yy: 0.0,
        };
        Self {
            ring: (0..memory).map(|_| pair()).collect(),
            next: 0,
            len: 0,
            coefficients: vec![0.0; memory],
        }
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn clear(&mut self) {
        self.len = 0;
    }

    /// The place in the ring of the pair that is `age` pairs older than the newest.
    fn place(&self, age: usize) -> usize {
        (self.next + self.ring.len() - 1 - age) % self.ring.len()
    }

    /// Takes in the pair of an accepted step, unless its curvature is not positive.
    fn push(&mut self, x: &[f64], x_next: &[f64], g: &[f64], g_next: &[f64]) {
        let Some(pair) = self.ring.get_mut(self.next) else {
            return;
        };
        for i in 0..x.len() {
            pair.s[i] = x_next[i] - x[i];
            pair.y[i] = g_next[i] - g[i];
        }
        pair.sy = dot(&pair.s, &pair.y);
        pair.yy = dot(&pair.y, &pair.y);
        if pair.sy > LEAST_COSINE * (dot(&pair.s, &pair.s) * pair.yy).sqrt() {
            self.next = (self.next + 1) % self.ring.len();
            self.len = (self.len + 1).min(self.ring.len());
        } else if self.len == self.ring.len() {
            // The oldest pair was overwritten by the one that is skipped.
            self.len -= 1;
        }
    }

    /// Writes d = -H g and returns dᵀg; where rounding has cost the descent the pairs are forgotten and d = -g.
    fn descent_direction(&mut self, g: &[f64], d: &mut [f64]) -> f64 {
        self.direction(g, d);
        let slope = dot(g, d);
        if slope < 0.0 && slope.is_finite() {
            return slope;
        }
        self.clear();
        self.direction(g, d);
        dot(g, d)
    }

    /// The two-loop recursion.
    fn direction(&mut self, g: &[f64], d: &mut [f64]) {
        for (d, g) in d.iter_mut().zip(g) {
            *d = -g;
        }
        for age in 0..self.len {
            let pair = &self.ring[self.place(age)];
            let coefficient = dot(&pair.s, d) / pair.sy;
            add(d, -coefficient, &pair.y);
            self.coefficients[age] = coefficient;
        }
        if self.len > 0 {
            let newest = &self.ring[self.place(0)];
            let scale = newest.sy / newest.yy;
            d.iter_mut().for_each(|d| *d *= scale);
        }
        for age in (0..self.len).rev() {
            let pair = &self.ring[self.place(age)];
            let correction = self.coefficients[age] - dot(&pair.y, d) / pair.sy;
            add(d, correction, &pair.s);
        }
    }
}

/// d ← d + factor · v.
fn add(d: &mut [f64], factor: f64, v: &[f64]) {
    for (d, v) in d.iter_mut().zip(v) {
        *d += factor * v;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DeterministicSettings, minimiser::minimise};
    use proptest::prelude::*;
    use qstride_objectives::{Instance, quadratic::Quadratic};
    use std::sync::Arc;

    #[test]
    fn the_direction_by_hand() {
        // s = (1, 0), y = (2, 1): γ = 2/5. g = (1, 1): sᵀq/sᵀy = 1/2, q = (1, 1) - (1, 1/2) = (0, 1/2), r = γq = (0, 1/5),
        // yᵀr/sᵀy = 1/10, H g = (0, 1/5) + (1/2 - 1/10) s = (2/5, 1/5).
        let mut pairs = Pairs::new(3, 2);
        pairs.push(&[0.0, 0.0], &[1.0, 0.0], &[0.0, 0.0], &[2.0, 1.0]);
        let mut d = [0.0; 2];
        let slope = pairs.descent_direction(&[1.0, 1.0], &mut d);
        assert!((d[0] + 0.4).abs() < 1e-15 && (d[1] + 0.2).abs() < 1e-15);
        assert!((slope + 0.6).abs() < 1e-15);
    }

    #[test]
    fn interpolation_by_hand() {
        // p(t) = 1 - t + a t²: least at 1/(2a).
        assert_eq!(shrinkage(1.0, -1.0, 2.0), 0.25);
        assert_eq!(shrinkage(1.0, -1.0, 100.0), 0.1);
        assert_eq!(shrinkage(1.0, -1.0, 0.999_99), 0.5);
        assert_eq!(shrinkage(1.0, -1.0, f64::NAN), 0.5);
        assert_eq!(shrinkage(1.0, -1.0, f64::INFINITY), 0.5);
    }

    #[test]
    fn a_pair_without_curvature_is_skipped_and_the_ring_forgets_the_oldest() {
        let mut pairs = Pairs::new(2, 1);
        pairs.push(&[0.0], &[1.0], &[0.0], &[-1.0]);
        assert!(pairs.is_empty());
        for y in [1.0, 2.0, 4.0] {
            pairs.push(&[0.0], &[1.0], &[0.0], &[y]);
        }
        assert_eq!(pairs.len, 2);
        assert_eq!(
            (pairs.ring[pairs.place(0)].sy, pairs.ring[pairs.place(1)].sy),
            (4.0, 2.0)
        );
        pairs.push(&[0.0], &[1.0], &[0.0], &[0.0]);
        assert_eq!((pairs.len, pairs.ring[pairs.place(0)].sy), (1, 4.0));
    }

    #[test]
    fn with_as_many_pairs_as_variables_a_quadratic_takes_few_steps() {
        let bowl = Quadratic::Diagonal(vec![1.0, 10.0, 100.0]);
        let objective = Arc::new(Instance::new("bowl", bowl, vec![1.0; 3]).with_minimum(0.0));
        let (record, _) = minimise(
            objective,
            DeterministicSettings::default(),
            &mut Lbfgs::with_pairs(10),
        );
        assert_eq!(record.end, crate::End::Solved);
        assert!(
            record.evaluations.cost(1.0) <= 40.0,
            "{:?}",
            record.evaluations
        );
    }

    proptest! {
        /// Whatever the steps and gradients were, d points downhill; and H obeys the newest secant equation H y = s.
        #[test]
        fn the_direction_descends_and_obeys_the_secant_equation(
            steps in prop::collection::vec(prop::array::uniform4(-1.0f64..1.0), 1..12),
            changes in prop::collection::vec(prop::array::uniform4(-1.0f64..1.0), 12),
            g in prop::array::uniform4(-1.0f64..1.0),
        ) {
            prop_assume!(dot(&g, &g) > 1e-6);
            let mut pairs = Pairs::new(5, 4);
            let mut newest = None;
            for (s, y) in steps.iter().zip(&changes) {
                // Well-conditioned pairs only, so that rounding plays no part.
                if dot(s, y) > 0.1 * (dot(s, s) * dot(y, y)).sqrt() {
                    newest = Some((*s, *y));
                    pairs.push(&[0.0; 4], s, &[0.0; 4], y);
                }
            }
            let mut d = [0.0; 4];
            pairs.direction(&g, &mut d);
            prop_assert!(dot(&g, &d) < 0.0);
            if let Some((s, y)) = newest {
                pairs.direction(&y, &mut d);
                let size = dot(&s, &s).sqrt();
                for i in 0..4 {
                    prop_assert!((d[i] + s[i]).abs() < 1e-6 * size.max(1e-3), "{:?} {:?}", d, s);
                }
            }
        }
    }
}
