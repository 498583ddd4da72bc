//! L-BFGS in a box.

use std::collections::VecDeque;

/// Steps remembered.
const MEMORY: usize = 10;
/// Armijo's share of the decrease that the slope promises.
const ARMIJO: f64 = 1e-4;
/// How often a step is shortened before the descent gives up.
const SHORTENINGS: usize = 20;

/// A minimisation in a box by projected L-BFGS: directions by the two-loop recursion over the variables that are not held by a bound
/// (Nocedal and Wright 2006, algorithm 7.4), steps shortened along the projected path until Armijo's condition holds (Bertsekas 1982).
///
/// It does not call the function: it says with [`point`](Self::point) where it wants its value and is told with [`tell`](Self::tell), so
/// that several descents can share the work of one evaluation.
#[derive(Clone, Debug)]
pub(super) struct Descent {
    lower: Vec<f64>,
    upper: Vec<f64>,
    tolerance: f64,
    steps_left: usize,
    best: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    direction: Vec<f64>,
    length: f64,
    shortenings: usize,
    point: Vec<f64>,
    // Differences of places and of gradients, the oldest first.
    pairs: VecDeque<(Vec<f64>, Vec<f64>)>,
    over: bool,
}

impl Descent {
    /// From a place in the box [lower, upper]; until no component of the projected gradient exceeds `tolerance`, or `steps` steps.
    pub(super) fn new(
        start: Vec<f64>,
        lower: Vec<f64>,
        upper: Vec<f64>,
        tolerance: f64,
        steps: usize,
    ) -> Self {
        let size = start.len();
        let mut descent = Self {
            lower,
            upper,
            tolerance,
            steps_left: steps,
            best: start.clone(),
            value: f64::INFINITY,
            gradient: vec![0.0; size],
            direction: vec![0.0; size],
            length: 0.0,
            shortenings: 0,
            point: start,
            pairs: VecDeque::new(),
            over: size == 0,
        };
        descent.point = descent.projected(descent.point.clone());
        descent
    }

    /// Where the function is wanted next.
    pub(super) fn point(&self) -> &[f64] {
        &self.point
    }

    /// The best place so far.
    pub(super) fn best(&self) -> &[f64] {
        &self.best
    }

    /// The value there; infinite before the first one is told.
    pub(super) fn value(&self) -> f64 {
        self.value
    }

    /// Whether it has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Value and gradient at [`point`](Self::point). A value that is not finite shortens the step.
    pub(super) fn tell(&mut self, value: f64, gradient: &[f64]) {
        let first = !self.value.is_finite();
        let moved: Vec<f64> = difference(&self.point, &self.best);
        let promised = dot(&self.gradient, &moved);
        let finite = value.is_finite() && gradient.iter().all(|g| g.is_finite());
        if !finite || (!first && !(value <= self.value + ARMIJO * promised)) {
            self.shorten(value, promised);
            return;
        }
        let bend = difference(gradient, &self.gradient);
        let decrease = self.value - value;
        if !first && dot(&moved, &bend) > 1e-10 * dot(&bend, &bend) {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.pairs.push_back((moved, bend));
        }
        self.best.clone_from(&self.point);
        self.value = value;
        self.gradient.copy_from_slice(gradient);
        let stalled = !first && decrease <= 1e-12 * value.abs();
        if self.steps_left == 0 || stalled || self.projected_gradient() <= self.tolerance {
            self.over = true;
            return;
        }
        self.steps_left -= 1;
        self.turn();
        self.advance();
    }

    /// The step was too long.
    fn shorten(&mut self, value: f64, promised: f64) {
        self.shortenings += 1;
        if self.shortenings > SHORTENINGS || self.value.is_infinite() {
            self.over = true;
            return;
        }
        // The minimum of the parabola through value, slope and the new value, within bounds.
        let parabola = -promised / (2.0 * (value - self.value - promised));
        let share = if parabola.is_finite() { parabola } else { 0.1 };
        self.length *= share.clamp(0.1, 0.5);
        self.advance();
    }

    /// The next place along the projected path.
    fn advance(&mut self) {
        let along = self.best.iter().zip(&self.direction);
        let point = along.map(|(x, d)| x + self.length * d).collect();
        self.point = self.projected(point);
        if self.point == self.best {
            self.over = true;
        }
    }

    /// A new direction from the best place.
    fn turn(&mut self) {
        let free: Vec<bool> = (0..self.best.len()).map(|i| !self.is_held(i)).collect();
        let mask = |v: &mut [f64]| {
            for (x, free) in v.iter_mut().zip(&free) {
                if !free {
                    *x = 0.0;
                }
            }
        };
        let mut direction = self.gradient.clone();
        mask(&mut direction);
        let mut pairs = Vec::new();
        for (moved, bend) in &self.pairs {
            let (mut moved, mut bend) = (moved.clone(), bend.clone());
            mask(&mut moved);
            mask(&mut bend);
            let curvature = dot(&moved, &bend);
            if curvature > 1e-10 * dot(&bend, &bend) {
                pairs.push((moved, bend, curvature));
            }
        }
        let mut shares = Vec::new();
        for (moved, bend, curvature) in pairs.iter().rev() {
            let share = dot(moved, &direction) / curvature;
            add(&mut direction, -share, bend);
            shares.push(share);
        }
        if let Some((_, bend, curvature)) = pairs.last() {
            let scale = curvature / dot(bend, bend);
            direction.iter_mut().for_each(|d| *d *= scale);
        }
        for ((moved, bend, curvature), share) in pairs.iter().zip(shares.iter().rev()) {
            let other = dot(bend, &direction) / curvature;
            add(&mut direction, share - other, moved);
        }
        direction.iter_mut().for_each(|d| *d = -*d);
        if !(dot(&direction, &self.gradient) < 0.0) {
            self.pairs.clear();
            pairs.clear();
            direction.clone_from(&self.gradient);
            mask(&mut direction);
            direction.iter_mut().for_each(|d| *d = -*d);
        }
        let slope = dot(&direction, &direction).sqrt();
        self.length = if pairs.is_empty() {
            (1.0 / slope).min(1.0)
        } else {
            1.0
        };
        self.direction = direction;
        self.shortenings = 0;
    }

    /// Whether a variable stands at a bound and the gradient pushes it out.
    fn is_held(&self, i: usize) -> bool {
        (self.best[i] <= self.lower[i] && self.gradient[i] > 0.0)
            || (self.best[i] >= self.upper[i] && self.gradient[i] < 0.0)
    }

    /// The greatest component of P(x − g) − x.
    fn projected_gradient(&self) -> f64 {
        let step = self.best.iter().zip(&self.gradient).map(|(x, g)| x - g);
        let projected = self.projected(step.collect());
        let moves = difference(&projected, &self.best);
        moves.iter().fold(0.0, |greatest, m| m.abs().max(greatest))
    }

    fn projected(&self, mut point: Vec<f64>) -> Vec<f64> {
        for (i, x) in point.iter_mut().enumerate() {
            *x = x.max(self.lower[i]).min(self.upper[i]);
        }
        point
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += factor * what;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(mut descent: Descent, f: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> (Descent, usize) {
        let mut calls = 0;
        while !descent.is_over() {
            let (value, gradient) = f(descent.point());
            descent.tell(value, &gradient);
            calls += 1;
        }
        (descent, calls)
    }

    fn rosenbrock(x: &[f64]) -> (f64, Vec<f64>) {
        let valley = x[1] - x[0] * x[0];
        let value = 100.0 * valley * valley + (1.0 - x[0]).powi(2);
        (
            value,
            vec![-400.0 * valley * x[0] - 2.0 * (1.0 - x[0]), 200.0 * valley],
        )
    }

    #[test]
    fn it_finds_the_bottom_of_the_valley() {
        let start = Descent::new(vec![-1.2, 1.0], vec![-5.0; 2], vec![5.0; 2], 1e-8, 200);
        let (end, calls) = run(start, rosenbrock);
        assert!((end.best()[0] - 1.0).abs() < 1e-6 && (end.best()[1] - 1.0).abs() < 1e-6);
        assert!(calls < 70, "{calls}");
    }

    #[test]
    fn it_stops_at_the_wall() {
        // The best place with x0 <= 0.5 is (0.5, 0.25).
        let start = Descent::new(vec![-1.2, 1.0], vec![-5.0; 2], vec![0.5, 5.0], 1e-8, 200);
        let (end, _) = run(start, rosenbrock);
        assert!((end.best()[0] - 0.5).abs() < 1e-12, "{:?}", end.best());
        assert!((end.best()[1] - 0.25).abs() < 1e-6, "{:?}", end.best());
    }

    #[test]
    fn where_the_function_is_not_finite_the_step_is_shortened() {
        // -ln x + x with infinity at and below 0.1; the minimum is 1.
        let f = |x: &[f64]| {
            let value = if x[0] > 0.1 {
                x[0] - x[0].ln()
            } else {
                f64::INFINITY
            };
            (value, vec![1.0 - 1.0 / x[0]])
        };
        let (end, _) = run(
            Descent::new(vec![30.0], vec![-100.0], vec![100.0], 1e-9, 100),
            f,
        );
        assert!((end.best()[0] - 1.0).abs() < 1e-6, "{:?}", end.best());
        let nowhere = |_: &[f64]| (f64::NAN, vec![f64::NAN]);
        let (end, calls) = run(
            Descent::new(vec![0.0], vec![-1.0], vec![1.0], 1e-9, 100),
            nowhere,
        );
        assert_eq!((end.best(), calls), (&[0.0][..], 1));
    }

    #[test]
    fn a_flat_function_and_no_variables_end_at_once() {
        let flat = |x: &[f64]| (3.0, vec![0.0; x.len()]);
        let (end, calls) = run(
            Descent::new(vec![0.2], vec![0.0], vec![1.0], 1e-9, 100),
            flat,
        );
        assert_eq!((end.best(), calls), (&[0.2][..], 1));
        assert!(Descent::new(vec![], vec![], vec![], 1e-9, 100).is_over());
    }
}
