//! f* of a problem whose minimum is not known: the least value that L-BFGS finds.

use std::cell::RefCell;

use argmin::core::{CostFunction, Error, Executor, Gradient};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use qstride_objectives::Objective;

/// Pairs (s, y) that L-BFGS remembers.
const MEMORY: usize = 10;

/// The least value that L-BFGS (m = 10, Moré-Thuente) meets from the problem's start within `budget` values and gradients;
/// where its line search gives up, it begins anew from the best point. `None` where no value was finite.
pub fn minimum(objective: &dyn Objective, budget: u64) -> Option<f64> {
    let found = RefCell::new(Found {
        value: f64::INFINITY,
        point: objective.start(),
        left: budget,
    });
    loop {
        let before = found.borrow().value;
        // It ends by an error where the budget is spent or the line search gives up; what was found is in `found`.
        if let Err(reason) = descend(objective, &found, budget) {
            tracing::debug!(problem = objective.name(), %reason, "L-BFGS ended");
        }
        let found = found.borrow();
        let progress = found.value < before;
        if found.left == 0 || !progress {
            return found.value.is_finite().then_some(found.value);
        }
    }
}

/// L-BFGS from the best point so far until the value stops changing.
fn descend(objective: &dyn Objective, found: &RefCell<Found>, budget: u64) -> Result<(), Error> {
    let start = found.borrow().point.clone();
    // Its own tolerances are absolute, which is too coarse for a problem of small values.
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(f64::MIN_POSITIVE)?
        .with_tolerance_cost(f64::MIN_POSITIVE)?;
    Executor::new(Search { objective, found }, solver)
        .configure(|state| state.param(start).max_iters(budget))
        .timer(false)
        .run()?;
    Ok(())
}

struct Found {
    value: f64,
    point: Vec<f64>,
    left: u64,
}

struct Search<'a> {
    objective: &'a dyn Objective,
    found: &'a RefCell<Found>,
}

impl Search<'_> {
    fn spend(&self) -> Result<(), Error> {
        let mut found = self.found.borrow_mut();
        if found.left == 0 {
            return Err(Error::msg("the budget is spent"));
        }
        found.left -= 1;
        Ok(())
    }
}

impl CostFunction for Search<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, Error> {
        self.spend()?;
        let value = self.objective.value(x);
        let mut found = self.found.borrow_mut();
        if value < found.value {
            found.value = value;
            found.point.clone_from(x);
        }
        Ok(value)
    }
}

impl Gradient for Search<'_> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, Error> {
        self.spend()?;
        let mut gradient = vec![0.0; x.len()];
        self.objective.gradient(x, &mut gradient);
        Ok(gradient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_objectives::rosenbrock::chained_rosenbrock;
    use qstride_objectives::suite::suite;

    #[test]
    fn finds_known_minima() {
        assert!(minimum(&chained_rosenbrock(10), 2020).unwrap() < 1e-20);
        let problem = suite("peer200/logreg/3", 0, 1).unwrap().remove(0);
        let (found, known) = (
            minimum(problem.as_ref(), 2020).unwrap(),
            problem.minimum().unwrap(),
        );
        assert!((found - known).abs() < 1e-12, "{found} {known}");
    }

    #[test]
    fn a_budget_that_ends_early_gives_what_was_found() {
        let start = chained_rosenbrock(10);
        let value = minimum(&start, 20).unwrap();
        assert!(value < start.value(&start.start()) && value > 1e-6);
        assert_eq!(minimum(&start, 1), Some(start.value(&start.start())));
    }
}
