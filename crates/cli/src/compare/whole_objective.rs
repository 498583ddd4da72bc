//! An exact objective as a single sample, so that optimizers made for minibatches run on it too.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use qstride_control::rivals::stochastic::StochasticRival;
use qstride_control::training::{Equal, TrainingSettings, train};
use qstride_control::{End, Evaluations, RateShape};
use qstride_objectives::{Objective, StochasticObjective, Streams};

use super::run::Outcome;

/// One run of an optimizer on an exact objective: each step costs at least a value and a gradient, the first one those of the start.
/// Shapes are stretched over the budget.
pub fn optimise(
    rival: &StochasticRival,
    shape: &RateShape,
    objective: &Arc<dyn Objective>,
    rate: Option<f64>,
    budget: u64,
    shown: bool,
) -> Outcome {
    let clock = Instant::now();
    let rate = rate.filter(|_| rival.tunable).unwrap_or(rival.rate);
    let whole = WholeObjective::new(objective.clone(), budget);
    let settings = TrainingSettings {
        steps: budget.div_ceil(2),
        batch: 1,
        rate,
        shape: shape.clone(),
        equal: Equal::Cost,
        measure_every: 0,
        rates: shown,
    };
    let mut optimizer = (rival.build)(&objective.start(), 1.0);
    // There is one sample, so that no order is drawn.
    let order = Streams::new(0).stream("minibatches");
    let record = train(&whole, optimizer.as_mut(), &settings, order);
    let paid = whole.into_paid();
    let value = paid
        .curve
        .last()
        .map_or(record.start_loss, |(_, least)| *least);
    Outcome {
        start_rate: rate,
        evaluations: paid.evaluations,
        start_value: record.start_loss,
        value,
        end: record.end,
        failed: record.end == End::Failed || !(value < record.start_loss),
        test_score: objective.test_score(&paid.best),
        curve: paid.curve,
        rates: record
            .rates
            .into_iter()
            .map(|(cost, rate)| (cost + 2, rate))
            .collect(),
        seconds: clock.elapsed().as_secs_f64(),
    }
}

/// An objective of one sample, which notes every value that an optimizer asked for: as in a line search, what was paid for is known.
pub struct WholeObjective {
    objective: Arc<dyn Objective>,
    budget: u64,
    paid: Mutex<Paid>,
}

/// What was paid for within the budget.
#[derive(Clone, Debug)]
pub struct Paid {
    /// Values and gradients.
    pub evaluations: Evaluations,
    /// (cost, value) of every value that was less than all before it.
    pub curve: Vec<(u64, f64)>,
    /// Where the least value was.
    pub best: Vec<f64>,
}

impl WholeObjective {
    /// Nothing paid for yet. An optimizer that evaluates more than once a step may ask beyond the budget; that counts for nothing.
    pub fn new(objective: Arc<dyn Objective>, budget: u64) -> Self {
        let best = objective.start();
        Self {
            objective,
            budget,
            paid: Mutex::new(Paid {
                evaluations: Evaluations::default(),
                curve: Vec::new(),
                best,
            }),
        }
    }

    /// What was paid for.
    pub fn into_paid(self) -> Paid {
        self.paid.into_inner().unwrap_or_else(|e| e.into_inner())
    }

    fn note(&self, x: &[f64], value: f64, gradients: u64) {
        let mut paid = self.paid.lock().unwrap_or_else(|e| e.into_inner());
        let cost = paid.evaluations.values + paid.evaluations.gradients + 1 + gradients;
        if cost > self.budget {
            return;
        }
        paid.evaluations.values += 1;
        paid.evaluations.gradients += gradients;
        if value.is_finite() && paid.curve.last().is_none_or(|(_, least)| value < *least) {
            paid.curve.push((cost, value));
            paid.best.copy_from_slice(x);
        }
    }
}

impl Objective for WholeObjective {
    fn name(&self) -> &str {
        self.objective.name()
    }

    fn dimension(&self) -> usize {
        self.objective.dimension()
    }

    fn value(&self, x: &[f64]) -> f64 {
        self.objective.value(x)
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        self.objective.gradient(x, gradient);
    }

    fn start(&self) -> Vec<f64> {
        self.objective.start()
    }
}

impl StochasticObjective for WholeObjective {
    fn samples(&self) -> usize {
        1
    }

    fn batch_value(&self, x: &[f64], _batch: &[usize]) -> f64 {
        let value = self.objective.value(x);
        self.note(x, value, 0);
        value
    }

    fn batch_value_and_gradient(&self, x: &[f64], _batch: &[usize], gradient: &mut [f64]) -> f64 {
        let value = self.objective.value(x);
        self.objective.gradient(x, gradient);
        self.note(x, value, 1);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_objectives::booth::booth;

    #[test]
    fn only_what_was_asked_for_is_noted() {
        let objective = Arc::new(booth());
        let whole = WholeObjective::new(objective.clone(), 4);
        let mut gradient = vec![0.0; 2];
        let start = whole.start();
        assert_eq!(
            whole.batch_value_and_gradient(&start, &[0], &mut gradient),
            74.0
        );
        // Measured, but not paid for.
        whole.value(&[1.0, 3.0]);
        assert_eq!(
            whole.batch_value(&[2.0, 2.0], &[0]),
            objective.value(&[2.0, 2.0])
        );
        whole.batch_value(&[9.0, 9.0], &[0]);
        // The budget is spent.
        whole.batch_value(&[1.0, 3.0], &[0]);
        let paid = whole.into_paid();
        assert_eq!(
            (paid.evaluations.cost(1.0), paid.best),
            (4.0, vec![2.0, 2.0])
        );
        assert_eq!(paid.curve, [(2, 74.0), (3, 2.0)]);
    }

    /// x ← x - ½ x on ½ x² halves x at each step: f falls to a quarter.
    #[test]
    fn a_step_costs_a_value_and_a_gradient() {
        struct Bowl;
        impl qstride_objectives::Formula for Bowl {
            fn value(&self, x: &[f64]) -> f64 {
                0.5 * x[0] * x[0]
            }
            fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
                gradient[0] = x[0];
            }
        }
        let bowl = qstride_objectives::Instance::new("bowl", Bowl, vec![8.0]).with_minimum(0.0);
        let sgd = qstride_control::rivals::stochastic::find("sgd").unwrap();
        let objective: Arc<dyn Objective> = Arc::new(bowl);
        let outcome = optimise(sgd, &RateShape::Constant, &objective, Some(0.5), 7, true);
        assert_eq!(outcome.curve, [(2, 32.0), (4, 8.0), (6, 2.0)]);
        assert_eq!(
            (outcome.value, outcome.failed, outcome.evaluations.cost(1.0)),
            (2.0, false, 6.0)
        );
        let sls = qstride_control::rivals::stochastic::find("sls").unwrap();
        let searched = optimise(sls, &RateShape::Constant, &objective, None, 20, false);
        // A search evaluates more than once a step; what it asks for beyond the budget counts for nothing.
        assert!(searched.value < 32.0 && searched.evaluations.cost(1.0) <= 20.0);
    }
}
