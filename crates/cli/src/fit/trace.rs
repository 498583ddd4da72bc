//! Losses and rates over a run, condensed so that a long run takes no more memory than a short one.

/// About how many points a run leaves.
const POINTS: u64 = 100;

/// A window of steps: where it starts, the mean of its losses, and the rate of its first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its first step, from 0.
    pub step: u64,
    /// The mean loss.
    pub loss: f64,
    /// The rate.
    pub rate: f64,
}

/// The points of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    window: u64,
    steps: u64,
    first_loss: f64,
    /// The sum of the losses of the window that is open, which `points` holds last.
    sum: f64,
    points: Vec<Point>,
}

impl Trace {
    /// For a run of this many steps.
    pub fn new(steps: u64) -> Self {
        Self {
            window: steps.div_ceil(POINTS).max(1),
            steps: 0,
            first_loss: f64::NAN,
            sum: 0.0,
            points: Vec::new(),
        }
    }

    /// The loss and the rate of the next step.
    pub fn push(&mut self, loss: f64, rate: f64) {
        if self.steps == 0 {
            self.first_loss = loss;
        }
        let within = self.steps % self.window;
        if within == 0 {
            self.sum = 0.0;
            let step = self.steps;
            self.points.push(Point { step, loss, rate });
        }
        self.sum += loss;
        self.steps += 1;
        if let Some(point) = self.points.last_mut() {
            point.loss = self.sum / (within + 1) as f64;
        }
    }

    /// Steps so far.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The loss of the first step; NaN before it.
    pub fn first_loss(&self) -> f64 {
        self.first_loss
    }

    /// The points so far, less that of a last window that is not half full: the mean of a few batches is mostly noise.
    pub fn points(&self) -> &[Point] {
        let open = self.steps % self.window;
        let dropped = open > 0 && 2 * open < self.window && self.steps > self.window;
        &self.points[..self.points.len() - usize::from(dropped)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_hold_means() {
        let mut trace = Trace::new(250);
        let point = |step, loss, rate| Point { step, loss, rate };
        let mut push = |step: u32| {
            trace.push(f64::from(step), 0.5 / f64::from(step + 1));
            trace.points().to_vec()
        };
        assert_eq!(push(0), [point(0, 0.0, 0.5)]);
        push(1);
        assert_eq!(push(2), [point(0, 1.0, 0.5)]);
        assert_eq!(push(3), [point(0, 1.0, 0.5)], "a third of a window");
        assert_eq!(push(4), [point(0, 1.0, 0.5), point(3, 3.5, 0.125)]);
        assert_eq!((trace.steps(), trace.first_loss()), (5, 0.0));
    }

    #[test]
    fn a_short_run_keeps_every_step() {
        let mut trace = Trace::new(7);
        assert!(trace.points().is_empty() && trace.first_loss().is_nan());
        trace.push(2.0, 1.0);
        trace.push(4.0, 1.0);
        assert_eq!(trace.points().len(), 2);
    }
}
