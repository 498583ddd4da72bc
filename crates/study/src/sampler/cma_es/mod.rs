//! Evolution with a normal distribution that learns.

mod evolution;

use std::collections::BTreeMap;

use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use self::evolution::Evolution;
use super::{Draw, Sampler};
use crate::{Attributes, Distribution, History, SamplerError, SearchSpace};

/// The system attribute with the generation that a trial belongs to; Optuna's `CmaEsSampler` has the same.
const GENERATION: &str = "cma:generation";

/// CMA-ES: a normal distribution over the numbers of the joint space, moved and shaped generation by generation towards where the best
/// trials of the last one were.
///
/// Hansen 2016, *The CMA Evolution Strategy: A Tutorial*, arXiv 1604.00772. A generation has 4 + ⌊3 ln n⌋ trials. The search begins in the
/// middle of the (logarithmic) ranges with a sixth of them as standard deviation; what falls outside is drawn again. Whole numbers and steps
/// are rounded. Choices, and parameters that not every trial has, are random; so is the first trial.
///
/// Every trial carries its generation in the system attribute `cma:generation`, and the state is made again from the history at every ask:
/// a generation is over when enough of its trials are complete, and of those the ones with the least numbers count. So any number of
/// workers may take part; those that begin a trial before a generation is over draw more trials of it. Pruned and failed trials do not count.
///
/// ```
/// use qstride_study::sampler::CmaEs;
/// use qstride_study::{Direction, Study};
///
/// let study = Study::new("valley", Direction::Minimize)?.with_sampler(CmaEs);
/// study.optimize(100, |trial| {
///     let x = trial.suggest_float("x", -10.0..=10.0).linear()?;
///     let y = trial.suggest_float("y", 0.1..=1000.0).log()?;
///     Ok((x - 2.0).powi(2) + y.log10().powi(2))
/// })?;
/// assert!(study.best()?.value.unwrap() < 0.1);
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CmaEs;

impl Sampler for CmaEs {
    fn name(&self) -> &'static str {
        "cma-es"
    }

    fn draw_joint(
        &mut self,
        history: &History,
        _: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        let mut space = history.joint_space();
        space.retain(|_, distribution| !matches!(**distribution, Distribution::Categorical { .. }));
        if space.is_empty() {
            return Ok(Draw::default());
        }
        let generations = generations(history, &space);
        let mut evolution = Evolution::new(space.len());
        while let Some(solutions) = generations.get(&evolution.generation())
            && solutions.len() >= evolution.population()
        {
            let mut solutions = solutions[..evolution.population()].to_vec();
            solutions.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let places: Vec<Vec<f64>> = solutions.into_iter().map(|(_, place)| place).collect();
            evolution.learn(&places);
        }
        let solution = evolution.draw(rng);
        let values = space.iter().zip(solution);
        Ok(Draw {
            values: values
                .map(|((name, d), x)| (name.clone(), d.from_unit(x)))
                .collect(),
            attributes: Attributes::from([(GENERATION.to_owned(), json!(evolution.generation()))]),
        })
    }
}

/// The completed trials of each generation as (loss, place in the unit cube), in the order of their numbers.
fn generations(history: &History, space: &SearchSpace) -> BTreeMap<u64, Vec<(f64, Vec<f64>)>> {
    let mut numbers = history.finished().to_vec();
    numbers.sort_unstable();
    let columns = space.iter().map(|(name, d)| (history.column(name), d));
    let columns: Vec<(&[f64], _)> = columns.collect();
    let mut generations: BTreeMap<u64, Vec<(f64, Vec<f64>)>> = BTreeMap::new();
    for number in numbers {
        let at = number as usize;
        let trial = history.trials().get(at);
        let generation =
            trial.and_then(|trial| trial.system.get(GENERATION).and_then(Value::as_u64));
        let place = columns
            .iter()
            .map(|(column, d)| Some(d.to_unit(*column.get(at)?)));
        let place: Option<Vec<f64>> = place.collect();
        if let (Some(generation), Some(loss), Some(place)) =
            (generation, history.loss(number), place)
        {
            generations
                .entry(generation)
                .or_default()
                .push((loss, place));
        }
    }
    generations
}
