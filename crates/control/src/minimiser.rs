//! Methods that own their loop because they are more than a rate along -g: quasi-Newton directions, momentum, preconditioners.
//!
//! A [`Minimiser`] works through a [`Search`], which counts its evaluations, keeps the best point and ends it by the rules of a
//! [`DeterministicEpisode`](crate::DeterministicEpisode), so that the records of both compare row by row.

use std::sync::Arc;

use qstride_objectives::Objective;

use crate::episode::DeterministicSettings;
use crate::evaluator::Evaluator;
use crate::outcome::{End, Record, TraceStep};
use crate::vector::dot;

/// A method that owns its loop.
pub trait Minimiser: Send {
    /// Works until the search is over. Each call of `search` then gives none, so that `?` leaves the loop.
    fn minimise(&mut self, search: &mut Search) -> Option<()>;
}

impl<M: Minimiser + ?Sized> Minimiser for Box<M> {
    fn minimise(&mut self, search: &mut Search) -> Option<()> {
        (**self).minimise(search)
    }
}

/// What a [`Minimiser`] works through.
///
/// The budget, the costs and the ends are those of a [`DeterministicEpisode`](crate::DeterministicEpisode): the start costs one value
/// and one gradient, a rejected trial costs its value, and the best value counts trials too.
pub struct Search {
    evaluator: Evaluator,
    settings: DeterministicSettings,
    start: Vec<f64>,
    start_gradient: Vec<f64>,
    start_value: f64,
    start_rate: f64,
    best: Vec<f64>,
    best_value: f64,
    end: Option<End>,
    trace: Vec<TraceStep>,
}

impl Search {
    /// Evaluates f and ∇f at the start.
    fn begin(objective: Arc<dyn Objective>, settings: DeterministicSettings) -> Self {
        let start = objective.start();
        let own_rate = objective.start_rate();
        let mut evaluator = Evaluator::new(objective, settings.budget);
        let start_value = evaluator.value(&start);
        let mut start_gradient = vec![0.0; start.len()];
        evaluator.gradient(&start, &mut start_gradient);
        let start_rate = settings.start_rate.resolve(own_rate, &start_gradient);
        let mut search = Self {
            evaluator,
            settings,
            best: start.clone(),
            start,
            start_gradient,
            start_value,
            start_rate,
            best_value: start_value,
            end: None,
            trace: Vec::new(),
        };
        let squared_gradient = dot(&search.start_gradient, &search.start_gradient);
        search.end = if start_value.is_finite() {
            search.end_at(squared_gradient)
        } else {
            Some(End::Failed)
        };
        search
    }

    /// x₀.
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// f(x₀).
    pub fn start_value(&self) -> f64 {
        self.start_value
    }

    /// ∇f(x₀).
    pub fn start_gradient(&self) -> &[f64] {
        &self.start_gradient
    }

    /// α₀, the first learning rate that the settings ask for.
    pub fn start_rate(&self) -> f64 {
        self.start_rate
    }

    /// Values plus gradients that may still be spent.
    pub fn left(&self) -> u64 {
        let count = self.evaluator.count();
        (self.settings.budget).saturating_sub(count.values + count.gradients)
    }

    /// f at a trial point, which a step of length `rate` led to. None, and nothing spent, once the search is over.
    ///
    /// The value that ends the search is still handed out, so that the trial can be accepted.
    pub fn try_point(&mut self, x: &[f64], rate: f64) -> Option<f64> {
        if self.end.is_some() {
            return None;
        }
        let value = self.evaluator.value(x);
        if value.is_finite() && value < self.best_value {
            self.best_value = value;
            self.best.copy_from_slice(x);
        }
        if self.settings.trace {
            self.trace.push(TraceStep {
                cost: self.evaluator.count().cost(1.0),
                rate,
                momentum: 0.0,
                trial_value: value,
                best_value: self.best_value,
                accepted: false,
                action: None,
            });
        }
        if self.solved() {
            self.end = Some(End::Solved);
        } else if self.evaluator.exhausted() {
            self.end = Some(End::Budget);
        }
        Some(value)
    }

    /// The last trial becomes the base point: its gradient is written into `gradient`, and |∇f|² is returned.
    ///
    /// A gradient that is zero or not finite ends the search. None once it is over.
    pub fn accept(&mut self, x: &[f64], gradient: &mut [f64]) -> Option<f64> {
        if let Some(step) = self.trace.last_mut() {
            step.accepted = true;
        }
        let squared_gradient = self.gradient(x, gradient)?;
        self.end = self.end_at(squared_gradient);
        self.end.is_none().then_some(squared_gradient)
    }

    /// ∇f at a point that does not become the base point, and |∇f|². None, and nothing spent, once the search is over.
    pub fn gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> Option<f64> {
        if self.end.is_some() {
            return None;
        }
        self.evaluator.gradient(x, gradient);
        if self.evaluator.exhausted() {
            self.end = Some(End::Budget);
        }
        Some(dot(gradient, gradient))
    }

    /// The end that a base point with this |∇f|² brings, if any.
    fn end_at(&self, squared_gradient: f64) -> Option<End> {
        match squared_gradient {
            g if !g.is_finite() => Some(End::Failed),
            0.0 => Some(End::Stationary),
            _ => self.evaluator.exhausted().then_some(End::Budget),
        }
    }

    fn solved(&self) -> bool {
        let minimum = self.evaluator.objective().minimum();
        minimum.is_some_and(|minimum| {
            (self.best_value - minimum) / (self.start_value - minimum) <= self.settings.floor
        })
    }
}

/// One minimisation by a method that owns its loop: its record, and the point of the least value.
///
/// The record's reward is 0: nothing is learned from such a method.
///
/// ```
/// use std::sync::Arc;
/// use qstride_control::{DeterministicSettings, minimiser, rivals::Lbfgs};
/// use qstride_objectives::rosenbrock::chained_rosenbrock;
///
/// let objective = Arc::new(chained_rosenbrock(2));
/// let settings = DeterministicSettings::default();
/// let (record, best) = minimiser::minimise(objective, settings, &mut Lbfgs::with_pairs(10));
/// assert!(record.best_value < 1e-10);
/// assert!((best[0] - 1.0).abs() < 1e-4 && (best[1] - 1.0).abs() < 1e-4);
/// ```
pub fn minimise(
    objective: Arc<dyn Objective>,
    settings: DeterministicSettings,
    method: &mut dyn Minimiser,
) -> (Record, Vec<f64>) {
    let mut search = Search::begin(objective, settings);
    if search.end.is_none() {
        // None says no more than that the search is over, which `end` says too.
        let _ = method.minimise(&mut search);
    }
    let record = Record {
        evaluations: search.evaluator.count(),
        start_value: search.start_value,
        best_value: search.best_value,
        end: search.end.unwrap_or(End::Budget),
        total_reward: 0.0,
        trace: search.trace,
    };
    (record, search.best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acceptance::SUFFICIENT_DECREASE;
    use crate::rivals::Armijo;
    use crate::update::gradient_step;
    use crate::{DeterministicEpisode, StartRate, run};
    use qstride_objectives::rosenbrock::chained_rosenbrock;
    use qstride_objectives::{Instance, peer200, quadratic::Quadratic};

    /// Armijo's search once more, as a method that owns its loop.
    struct OwnLoop;

    impl Minimiser for OwnLoop {
        fn minimise(&mut self, search: &mut Search) -> Option<()> {
            let (mut x, mut g) = (search.start().to_vec(), search.start_gradient().to_vec());
            let (mut trial, mut value) = (x.clone(), search.start_value());
            let mut rate = 0.5 * search.start_rate();
            loop {
                rate *= 2.0;
                value = loop {
                    gradient_step(&x, rate, &g, &mut trial);
                    let trial_value = search.try_point(&trial, rate)?;
                    if trial_value <= value - SUFFICIENT_DECREASE * rate * dot(&g, &g) {
                        break trial_value;
                    }
                    rate *= 0.5;
                };
                search.accept(&trial, &mut g)?;
                std::mem::swap(&mut x, &mut trial);
            }
        }
    }

    /// The same evaluations, values, trace and end, to the last bit.
    #[test]
    fn a_record_is_that_of_an_episode() {
        let mut objectives: Vec<Arc<dyn Objective>> = peer200::instances().unwrap()[..40].to_vec();
        objectives.push(Arc::new(chained_rosenbrock(5)));
        let bowl = Quadratic::Diagonal(vec![1.0, 1.0]);
        let solved_at_once = Instance::new("bowl", bowl, vec![1.0, 2.0])
            .with_minimum(0.0)
            .with_start_rate(1.0);
        objectives.push(Arc::new(solved_at_once));
        for objective in objectives {
            for budget in [2, 3, 4, 5, 50, 202] {
                let settings = DeterministicSettings {
                    budget,
                    trace: true,
                    ..Default::default()
                };
                let mut armijo = Armijo::from_twice_the_last();
                let mut episode = DeterministicEpisode::start(objective.clone(), settings, &armijo);
                let mut expected = run(&mut episode, &mut armijo);
                expected.total_reward = 0.0;
                let (record, best) = minimise(objective.clone(), settings, &mut OwnLoop);
                assert_eq!(record, expected, "{} {budget}", objective.name());
                assert_eq!(best, episode.best_point());
            }
        }
    }

    /// f(x) = x from 1, whose value or gradient is not a number at the start.
    struct Broken(f64, f64);

    impl Objective for Broken {
        fn name(&self) -> &str {
            "broken"
        }
        fn dimension(&self) -> usize {
            1
        }
        fn value(&self, _x: &[f64]) -> f64 {
            self.0
        }
        fn gradient(&self, _x: &[f64], gradient: &mut [f64]) {
            gradient[0] = self.1;
        }
        fn start(&self) -> Vec<f64> {
            vec![1.0]
        }
    }

    #[test]
    fn a_start_that_is_lost_or_stationary_ends_the_search_before_it_begins() {
        for (value, gradient, end) in [
            (f64::NAN, 1.0, End::Failed),
            (1.0, f64::INFINITY, End::Failed),
            (1.0, 0.0, End::Stationary),
        ] {
            let settings = DeterministicSettings {
                start_rate: StartRate::Given(1.0),
                ..Default::default()
            };
            let (record, best) =
                minimise(Arc::new(Broken(value, gradient)), settings, &mut OwnLoop);
            assert_eq!((record.end, best), (end, vec![1.0]));
            assert_eq!(record.evaluations.cost(1.0), 2.0);
        }
    }
}
