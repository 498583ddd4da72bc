//! Curvature along the path: Barzilai-Borwein steps and Ritz steps from the gradients that were seen anyway.
//!
//! With s = x⁺ - x and y = g⁺ - g of an accepted step:
//!
//! - BB1 = sᵀs / sᵀy (long) and BB2 = sᵀy / yᵀy (short), Barzilai and Borwein, IMA J. Numer. Anal. 8 (1988).
//! - Where sᵀy <= 0 there is no curvature to read: BB1 = clamp(|s|/|y|, 4α, 100α), BB2 = clamp(|s|/|y|, α, BB1).
//! - Ritz steps are 1/θ for the eigenvalues θ of the Hessian restricted to the span of the last three gradients (Fletcher,
//!   Math. Program. 135 (2012), limited-memory steepest descent). With G = QR the gradients before g, T = QᵀH Q = QᵀY' R⁻¹,
//!   where the columns of Y' are H times the columns of G, that is the differences y divided by -α. After a step s that was not
//!   along -g, H s = y is known and H g is not: s takes the place of g, and the Ritz values are those over the span of the last
//!   three steps, which along -g is the same span. On a quadratic they are exact in either case.

use crate::plane::Plane;
use crate::recent::Recent;
use crate::vector::dot;

/// How many gradients the Ritz steps look back.
const SWEEP: usize = 3;
/// How many past steps are kept for the extremes of BB1 and BB2.
const MEMORY: usize = 12;

/// The reciprocals of the largest, the middle and the least Ritz value: short, mid, long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RitzSteps {
    /// 1/θ_max.
    pub short: f64,
    /// 1/θ of the middle value; the geometric mean of the other two where there are fewer than three.
    pub mid: f64,
    /// 1/θ_min.
    pub long: f64,
}

/// Up to three positive Ritz values, largest first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RitzValues {
    values: [f64; SWEEP],
    len: usize,
}

impl RitzValues {
    /// The values.
    pub fn as_slice(&self) -> &[f64] {
        &self.values[..self.len]
    }
}

/// A step that was accepted: x⁺ = x - αg, or with momentum.
#[derive(Clone, Copy, Debug)]
pub struct AcceptedStep<'a> {
    /// α; |x⁺ - x|/|g| with momentum.
    pub rate: f64,
    /// β; 0 for a step along -g.
    pub momentum: f64,
    /// x.
    pub from: &'a [f64],
    /// x⁺.
    pub to: &'a [f64],
    /// g = ∇f(x).
    pub before: &'a [f64],
    /// g⁺ = ∇f(x⁺).
    pub after: &'a [f64],
}

/// One accepted step, as the Ritz values need it.
#[derive(Clone, Debug, Default)]
struct Pair {
    /// v: the gradient before a step along -g, the step s itself where it had momentum.
    vector: Vec<f64>,
    /// H v: (g⁺ - g) / (-α), or y = g⁺ - g.
    hessian_vector: Vec<f64>,
}

/// What accepted steps told about the curvature.
#[derive(Clone, Debug, Default)]
pub struct Curvature {
    long: Recent<MEMORY>,
    short: Recent<MEMORY>,
    negative: bool,
    exact_long: Option<f64>,
    inverse_lipschitz: Option<f64>,
    ritz: Option<RitzSteps>,
    plane: Option<Plane>,
    /// Newest last; kept only on demand. The vectors are reused.
    pairs: Vec<Pair>,
    /// Whether gradients are kept, and whether Ritz steps are taken from them at every step.
    remembers: bool,
    wants_ritz: bool,
    scratch: Vec<Vec<f64>>,
}

impl Curvature {
    /// Nothing known yet. Ritz steps cost three vectors and about ten dot products a step, so they are taken only on demand.
    pub fn new(wants_ritz: bool) -> Self {
        Self {
            long: Recent::default(),
            short: Recent::default(),
            negative: false,
            exact_long: None,
            inverse_lipschitz: None,
            ritz: None,
            plane: None,
            pairs: Vec::new(),
            remembers: wants_ritz,
            wants_ritz,
            scratch: vec![Vec::new(); SWEEP],
        }
    }

    /// Nothing known yet. Gradients are kept, so that [`ritz_values`](Self::ritz_values) has them when it is asked; no Ritz steps.
    pub fn remembering() -> Self {
        Self {
            remembers: true,
            ..Self::new(false)
        }
    }

    /// Records an accepted step. s is taken as the difference of the points, as published implementations do.
    pub fn record(&mut self, step: &AcceptedStep<'_>) {
        let AcceptedStep {
            rate,
            before,
            after,
            ..
        } = *step;
        let (mut ss, mut sy, mut yy) = (0.0, 0.0, 0.0);
        let (mut gg, mut gs, mut gy) = (0.0, 0.0, 0.0);
        for ((from, to), (b, a)) in step.from.iter().zip(step.to).zip(before.iter().zip(after)) {
            let (s, y) = (to - from, a - b);
            // Fused, as BLAS sums: sᵀy cancels, and everything after a step hangs on its last digits.
            ss = s.mul_add(s, ss);
            sy = s.mul_add(y, sy);
            yy = y.mul_add(y, yy);
            gg += a * a;
            gs += a * s;
            gy += a * y;
        }
        self.exact_long = (sy > 0.0).then_some(ss / sy);
        self.inverse_lipschitz = (yy > 0.0).then(|| (ss / yy).sqrt());
        // Below rounding the sign of sᵀy means nothing.
        self.negative = !(sy > 1e-14 * (ss * yy).sqrt() && yy > 0.0);
        let (long, short) = if self.negative {
            let ratio = if yy > 0.0 {
                (ss / yy).sqrt()
            } else {
                4.0 * rate
            };
            let long = ratio.max(4.0 * rate).min(100.0 * rate);
            (long, ratio.max(rate).min(long))
        } else {
            (ss / sy, sy / yy)
        };
        self.plane = Some(Plane { gg, gs, gy, ss, sy });
        self.long.push(long);
        self.short.push(short);
        if self.remembers {
            self.remember(step);
        }
        if self.wants_ritz {
            self.ritz = Some(self.ritz_steps(long, short));
        }
    }

    /// BB1 of the newest step, the long one.
    pub fn bb1(&self) -> Option<f64> {
        self.long.last()
    }

    /// BB2 of the newest step, the short one.
    pub fn bb2(&self) -> Option<f64> {
        self.short.last()
    }

    /// sᵀs / sᵀy of the newest step as it is, without the replacement for sᵀy <= 0: none there.
    pub fn exact_bb1(&self) -> Option<f64> {
        self.exact_long
    }

    /// |s| / |y| of the newest step, the inverse of the local Lipschitz constant of the gradient; none where y = 0.
    pub fn inverse_lipschitz(&self) -> Option<f64> {
        self.inverse_lipschitz
    }

    /// BB1 of the last steps.
    pub fn long_steps(&self) -> &Recent<MEMORY> {
        &self.long
    }

    /// BB2 of the last steps.
    pub fn short_steps(&self) -> &Recent<MEMORY> {
        &self.short
    }

    /// Whether the newest step met sᵀy <= 0.
    pub fn negative(&self) -> bool {
        self.negative
    }

    /// The plane of the gradient at the base point and the newest step; none before the first step.
    pub fn plane(&self) -> Option<Plane> {
        self.plane
    }

    /// The Ritz steps after the newest step; none before the first step, or where they were not asked for.
    pub fn ritz(&self) -> Option<RitzSteps> {
        self.ritz
    }

    /// The positive Ritz values over the newest gradients, largest first: over `most` of them (at most three), or over as many as are
    /// independent. Empty where there is no positive one, and where no gradients are kept.
    pub fn ritz_values(&mut self, most: usize) -> RitzValues {
        let most = most.min(self.pairs.len());
        (1..=most)
            .rev()
            .find_map(|count| self.ritz_values_over(count))
            .unwrap_or_default()
    }

    fn remember(&mut self, step: &AcceptedStep<'_>) {
        let mut pair = if self.pairs.len() < SWEEP {
            Pair::default()
        } else {
            self.pairs.remove(0)
        };
        pair.vector.clear();
        pair.hessian_vector.clear();
        let gradients = step.before.iter().zip(step.after);
        if step.momentum == 0.0 {
            pair.vector.extend_from_slice(step.before);
            pair.hessian_vector
                .extend(gradients.map(|(b, a)| (b - a) / step.rate));
        } else {
            let points = step.from.iter().zip(step.to);
            pair.vector.extend(points.map(|(from, to)| to - from));
            pair.hessian_vector.extend(gradients.map(|(b, a)| a - b));
        }
        self.pairs.push(pair);
    }

    /// Tries the last three gradients, then the last two where three are dependent, else falls back to BB steps.
    fn ritz_steps(&mut self, long: f64, short: f64) -> RitzSteps {
        for count in (2..=self.pairs.len()).rev() {
            let values = self.ritz_values_over(count).unwrap_or_default();
            let (largest, middle, least) = match *values.as_slice() {
                [] => continue,
                [only] => (only, only, only),
                [largest, least] => (largest, (largest * least).sqrt(), least),
                [largest, middle, .., least] => (largest, middle, least),
            };
            // Not `clamp`, which panics where the bounds are not numbers.
            let bound = |theta: f64| (1.0 / theta).max(1e-4 * short).min(1e3 * long);
            return RitzSteps {
                short: bound(largest),
                mid: bound(middle),
                long: bound(least),
            };
        }
        RitzSteps {
            short,
            mid: (long * short).sqrt(),
            long,
        }
    }

    /// The positive Ritz values over the newest `count` gradients; none where these are dependent.
    fn ritz_values_over(&mut self, count: usize) -> Option<RitzValues> {
        let Self { pairs, scratch, .. } = self;
        let pairs = &pairs[pairs.len() - count..];
        // Gram-Schmidt: G = QR, Q into the scratch vectors.
        let mut r = [[0.0; SWEEP]; SWEEP];
        for j in 0..count {
            let (done, rest) = scratch.split_at_mut(j);
            let column = &mut rest[0];
            column.clear();
            column.extend_from_slice(&pairs[j].vector);
            for (i, q) in done.iter().enumerate() {
                r[i][j] = dot(q, column);
                for (c, v) in column.iter_mut().zip(q) {
                    *c -= r[i][j] * v;
                }
            }
            r[j][j] = dot(column, column).sqrt();
            let size = dot(&pairs[j].vector, &pairs[j].vector).sqrt();
            if !(r[j][j] > 1e-6 * size) {
                return None;
            }
            for c in column.iter_mut() {
                *c /= r[j][j];
            }
        }
        // T R = Qᵀ H G, column by column; then symmetrised from the lower triangle, as Fletcher does.
        let mut t = [[0.0; SWEEP]; SWEEP];
        for k in 0..count {
            for i in 0..count {
                let known: f64 = (0..i).map(|l| t[k][l] * r[l][i]).sum();
                t[k][i] = (dot(&scratch[k], &pairs[i].hessian_vector) - known) / r[i][i];
            }
        }
        for i in 0..count {
            for j in 0..i {
                t[j][i] = t[i][j];
            }
        }
        let eigenvalues = symmetric_eigenvalues(t, count);
        let mut positive = RitzValues::default();
        for value in eigenvalues
            .into_iter()
            .take(count)
            .filter(|v| v.is_finite() && *v > 0.0)
        {
            positive.values[positive.len] = value;
            positive.len += 1;
        }
        positive.values[..positive.len].sort_by(|a, b| b.total_cmp(a));
        Some(positive)
    }
}

/// Eigenvalues of the leading `count` x `count` block of a symmetric matrix, by cyclic Jacobi rotations.
fn symmetric_eigenvalues(mut t: [[f64; SWEEP]; SWEEP], count: usize) -> [f64; SWEEP] {
    for _ in 0..12 {
        for p in 0..count {
            for q in p + 1..count {
                if t[p][q] == 0.0 {
                    continue;
                }
                let theta = (t[q][q] - t[p][p]) / (2.0 * t[p][q]);
                let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
                let sine = tangent * cosine;
                for row in t.iter_mut().take(count) {
                    (row[p], row[q]) = (
                        cosine * row[p] - sine * row[q],
                        sine * row[p] + cosine * row[q],
                    );
                }
                for k in 0..count {
                    (t[p][k], t[q][k]) = (
                        cosine * t[p][k] - sine * t[q][k],
                        sine * t[p][k] + cosine * t[q][k],
                    );
                }
            }
        }
    }
    std::array::from_fn(|i| t[i][i])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Steps of fixed rates on ½ Σ dᵢ xᵢ², starting from (1, 1, 1).
    fn descend(curvatures: [f64; 3], rates: &[f64]) -> Curvature {
        let mut curvature = Curvature::new(true);
        let mut gradient = curvatures;
        for &rate in rates {
            let next: [f64; 3] =
                std::array::from_fn(|i| gradient[i] * (1.0 - rate * curvatures[i]));
            let to: [f64; 3] = std::array::from_fn(|i| next[i] / curvatures[i]);
            let from: [f64; 3] = std::array::from_fn(|i| gradient[i] / curvatures[i]);
            curvature.record(&AcceptedStep {
                rate,
                momentum: 0.0,
                from: &from,
                to: &to,
                before: &gradient,
                after: &next,
            });
            gradient = next;
        }
        curvature
    }

    #[test]
    fn three_gradients_reveal_three_eigenvalues() {
        let curvature = descend([1.0, 4.0, 10.0], &[0.05, 0.08, 0.03]);
        let ritz = curvature.ritz().unwrap();
        for (step, curvature) in [(ritz.short, 10.0), (ritz.mid, 4.0), (ritz.long, 1.0)] {
            assert!(
                (step * curvature - 1.0).abs() < 1e-9,
                "{step} against 1/{curvature}"
            );
        }
    }

    #[test]
    fn ritz_values_on_demand() {
        let mut curvature = descend([1.0, 4.0, 10.0], &[0.05, 0.08, 0.03]);
        let values = curvature.ritz_values(3);
        for (value, expected) in values.as_slice().iter().zip([10.0, 4.0, 1.0]) {
            assert!((value / expected - 1.0).abs() < 1e-9, "{value} {expected}");
        }
        assert_eq!(values.as_slice().len(), 3);
        // Over one gradient: the reciprocal of the long Barzilai-Borwein step.
        let long = curvature.bb1().unwrap();
        let one = curvature.ritz_values(1);
        assert!((one.as_slice()[0] * long - 1.0).abs() < 1e-12);
        // More than there are: the same; parallel gradients: one value; nothing kept: none.
        assert_eq!(curvature.ritz_values(9), values);
        let mut parallel = descend([2.0, 2.0, 2.0], &[0.1, 0.1, 0.1]);
        assert_eq!(parallel.ritz_values(3).as_slice().len(), 1);
        assert!(Curvature::new(false).ritz_values(3).as_slice().is_empty());
    }

    #[test]
    fn barzilai_borwein_by_hand() {
        // g = (1, 2), g⁺ = (0.9, 1.6) with rate 0.1: s = (-.1, -.2), y = (-.1, -.4), s·s = .05, s·y = .09, y·y = .17
        let mut curvature = Curvature::new(false);
        curvature.record(&AcceptedStep {
            rate: 0.1,
            momentum: 0.0,
            from: &[0.0, 0.0],
            to: &[-0.1, -0.2],
            before: &[1.0, 2.0],
            after: &[0.9, 1.6],
        });
        assert!((curvature.bb1().unwrap() - 0.05 / 0.09).abs() < 1e-12);
        assert!((curvature.bb2().unwrap() - 0.09 / 0.17).abs() < 1e-12);
        assert!(!curvature.negative());
        assert_eq!(curvature.ritz(), None);
    }

    #[test]
    fn negative_curvature_grows_the_step_within_bounds() {
        // f concave along the step: |s|/|y| = 0.1 is raised to 4 rates.
        let mut curvature = Curvature::new(true);
        curvature.record(&AcceptedStep {
            rate: 0.1,
            momentum: 0.0,
            from: &[0.0],
            to: &[-0.1],
            before: &[1.0],
            after: &[2.0],
        });
        assert!(curvature.negative());
        assert!((curvature.bb1().unwrap() - 0.4).abs() < 1e-12);
        assert!((curvature.bb2().unwrap() - 0.1).abs() < 1e-12);
    }

    #[test]
    fn steps_with_momentum_reveal_the_eigenvalues_too() {
        // x⁺ = x - αg + β(x - x₋) on ½ Σ hᵢ xᵢ²; the first step is along -g, so that pairs of both kinds meet.
        let h = [1.0, 4.0, 10.0];
        let mut curvature = Curvature::new(true);
        let (mut before, mut x) = ([1.0; 3], [1.0; 3]);
        for (rate, momentum) in [(0.05, 0.0), (0.08, 0.3), (0.03, 0.5)] {
            let next: [f64; 3] =
                std::array::from_fn(|i| x[i] - rate * h[i] * x[i] + momentum * (x[i] - before[i]));
            let gradient = |p: [f64; 3]| -> [f64; 3] { std::array::from_fn(|i| h[i] * p[i]) };
            curvature.record(&AcceptedStep {
                rate,
                momentum,
                from: &x,
                to: &next,
                before: &gradient(x),
                after: &gradient(next),
            });
            (before, x) = (x, next);
        }
        let ritz = curvature.ritz().unwrap();
        for (step, curvature) in [(ritz.short, 10.0), (ritz.mid, 4.0), (ritz.long, 1.0)] {
            assert!((step * curvature - 1.0).abs() < 1e-9, "{step} {curvature}");
        }
    }

    #[test]
    fn dependent_gradients_fall_back_to_fewer() {
        // All curvature equal: every gradient is parallel, so the Ritz steps are the BB steps, which are exact.
        let curvature = descend([2.0, 2.0, 2.0], &[0.1, 0.1, 0.1]);
        let ritz = curvature.ritz().unwrap();
        assert!((ritz.long - 0.5).abs() < 1e-12 && (ritz.short - 0.5).abs() < 1e-12);
    }
}
