//! Every combination of given values.

use std::collections::{BTreeMap, BTreeSet};

use qstride_objectives::Streams;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::{Draw, Sampler, Values};
use crate::{Attributes, Choice, Distribution, History, SamplerError, TrialState};

/// The system attribute with the cell of a trial; Optuna's name.
const CELL: &str = "grid_id";
/// The system attribute with the values that a trial must take.
const FIXED: &str = "fixed_params";
/// More cells than anybody runs.
const MOST_CELLS: u64 = 1 << 20;

/// Every combination of given values, a cell of the grid each, in an order shuffled by a seed.
///
/// The trial with number n takes the n-th cell of that order, or the next one that no trial is running, has completed or was pruned in; a
/// failed cell comes round again. So workers need not know of each other. When no cell is free the grid [is exhausted](Self::is_exhausted);
/// whoever asks for more trials gets cells a second time. Trials that were enqueued with other values do not count as cells; what they
/// leave open takes one of the grid's values.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use qstride_study::sampler::Grid;
/// use qstride_study::{Direction, Study};
///
/// let values = BTreeMap::from([
///     ("batch".to_owned(), vec![16.into(), 32.into(), 64.into()]),
///     ("lr".to_owned(), vec![1e-3.into(), 1e-2.into()]),
/// ]);
/// let grid = Grid::new(values, 0)?;
/// let study = Study::new("grid", Direction::Minimize)?.with_sampler(grid.clone());
/// study.optimize(grid.cells(), |trial| {
///     let lr = trial.suggest_float("lr", 1e-4..=1.0).log()?;
///     let batch = trial.suggest_categorical("batch", [16, 32, 64])?;
///     Ok(lr * f64::from(batch))
/// })?;
/// assert!(grid.is_exhausted(&study.history()?));
/// assert_eq!(study.best()?.value, Some(0.016));
/// # Ok::<(), qstride_study::StudyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Grid {
    values: BTreeMap<String, Vec<Choice>>,
    // Cells in the order in which they are taken.
    order: Vec<u64>,
}

impl Grid {
    /// The combinations of these values by parameter name.
    ///
    /// # Errors
    ///
    /// [`SamplerError::Setting`] when a parameter has no value, when there is no parameter, or more than 2^20 cells.
    pub fn new(values: BTreeMap<String, Vec<Choice>>, seed: u64) -> Result<Self, SamplerError> {
        let sizes = values.values().map(|values| values.len() as u64);
        let cells = sizes.fold(1, u64::saturating_mul);
        if values.is_empty() || !(1..=MOST_CELLS).contains(&cells) {
            return Err(SamplerError::Setting {
                setting: "number of grid cells",
                value: if values.is_empty() { 0.0 } else { cells as f64 },
                must: "from 1 to 1048576, every parameter having a value",
            });
        }
        let mut order: Vec<u64> = (0..cells).collect();
        order.shuffle(&mut Streams::new(seed).stream("grid"));
        Ok(Self { values, order })
    }

    /// The number of cells.
    pub fn cells(&self) -> u64 {
        self.order.len() as u64
    }

    /// Whether every cell is running, complete or pruned. If one that is running fails, there is a free one again.
    pub fn is_exhausted(&self, history: &History) -> bool {
        let taken = taken(history);
        self.order.iter().all(|cell| taken.contains(cell))
    }

    /// The values of a cell: its number in the mixed radix of the lists' lengths, the last name changing fastest.
    fn values_of(&self, cell: u64) -> BTreeMap<&String, &Choice> {
        let mut rest = cell as usize;
        let names = self.values.iter().rev();
        let values = names.filter_map(|(name, values)| {
            let at = rest % values.len();
            rest /= values.len();
            Some((name, values.get(at)?))
        });
        values.collect()
    }

    /// The first free cell from the trial's own place on; its own if none is free.
    fn cell_for(&self, history: &History, number: u64) -> Option<u64> {
        let taken = taken(history);
        let start = (number % self.cells()) as usize;
        let (before, after) = self.order.split_at(start);
        let mut round = after.iter().chain(before);
        let free = round.find(|cell| !taken.contains(cell));
        free.or(after.first()).copied()
    }
}

/// The cells that some trial waits for again, is running, has completed or was pruned in.
fn taken(history: &History) -> BTreeSet<u64> {
    let trials = history.trials().iter();
    let kept = trials.filter(|trial| trial.state != TrialState::Fail);
    kept.filter_map(|trial| trial.system.get(CELL)?.as_u64())
        .collect()
}

impl Sampler for Grid {
    fn name(&self) -> &'static str {
        "grid"
    }

    fn draw_joint(
        &mut self,
        history: &History,
        number: u64,
        _: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        let trial = history.trials().get(number as usize);
        let is_fixed = trial.is_some_and(|trial| trial.system.contains_key(FIXED));
        let Some(cell) = self.cell_for(history, number).filter(|_| !is_fixed) else {
            return Ok(Draw::default());
        };
        let attributes = [
            (CELL.to_owned(), json!(cell)),
            (FIXED.to_owned(), json!(self.values_of(cell))),
        ];
        Ok(Draw {
            values: Values::new(),
            attributes: Attributes::from(attributes),
        })
    }

    fn draw_one(
        &mut self,
        _: &History,
        _: &Values,
        name: &str,
        distribution: &Distribution,
        rng: &mut ChaCha8Rng,
    ) -> Result<f64, SamplerError> {
        let Some(values) = self.values.get(name) else {
            let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
            return Err(SamplerError::NotInGrid {
                name: name.to_owned(),
                known: known.join(", "),
            });
        };
        let value = &values[rng.random_range(0..values.len())];
        Ok(distribution.internal(name, value)?)
    }
}
