//! Training tasks by name, each with its data, model, passes and minibatch, and the split into validation and test.
//!
//! The digits tasks, and what varies them, are for every choice; the held-out tasks are for final tables only and were named before any
//! controller was trained or chosen with them in view: no policy learns from them, and nothing is chosen on them.

use crate::data::{CsvOptions, embedded};
use crate::data_error::DataError;
use crate::dataset::Dataset;
use crate::families::Split;
use crate::generated::generate_classification;
use crate::near_match::hint;
use crate::synthetic::{friedman_1, hypercube_clusters, noisy_parity, teacher_labels, two_spirals};

/// The share of the rows that is held out for the test score of every named task.
pub const TEST_SHARE: f64 = 0.25;

/// A training task.
#[derive(Clone, Copy, Debug)]
pub struct NamedTask {
    /// Its name.
    pub name: &'static str,
    /// The set of tasks it belongs to, one of [`TASK_SETS`].
    pub set: &'static str,
    /// One line of description.
    pub about: &'static str,
    /// The model, by the words of [`Model::parse`](crate::task::Model::parse); or `cnn`, a convolutional network that is built on Burn.
    pub model: &'static str,
    /// Passes over the training rows.
    pub passes: u64,
    /// Rows of a minibatch.
    pub batch: usize,
    /// The data for a seed. Real data are the same for each, generated ones drawn anew; in either case the seed then splits the rows, starts
    /// the model and orders the minibatches.
    pub data: fn(u64) -> Result<Dataset, DataError>,
}

/// A set of tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskSet {
    /// Its name.
    pub name: &'static str,
    /// What its tasks may be used for.
    pub split: Split,
    /// One line of description.
    pub about: &'static str,
}

/// Every set of tasks.
pub const TASK_SETS: &[TaskSet] = &[
    TaskSet {
        name: "digits",
        split: Split::Validation,
        about: "the digits under four models",
    },
    TaskSet {
        name: "horizons",
        split: Split::Validation,
        about: "about 200, 2,000 and 20,000 steps",
    },
    TaskSet {
        name: "batches",
        split: Split::Validation,
        about: "minibatches of 16, 64, 256 and 512",
    },
    TaskSet {
        name: "sizes",
        split: Split::Validation,
        about: "networks ten times as wide and twice as deep as any that policies learn from (three hidden layers of 64)",
    },
    TaskSet {
        name: "held-out",
        split: Split::Test,
        about: "real and generated tasks that resemble nothing that policies learn from: final tables only",
    },
];

const fn task(
    name: &'static str,
    set: &'static str,
    about: &'static str,
    (model, passes, batch): (&'static str, u64, usize),
    data: fn(u64) -> Result<Dataset, DataError>,
) -> NamedTask {
    NamedTask {
        name,
        set,
        about,
        model,
        passes,
        batch,
        data,
    }
}

/// Every named task.
pub const TASKS: &[NamedTask] = &[
    task(
        "digits-softmax",
        "digits",
        "the digits, convex",
        ("softmax", 15, 32),
        digits,
    ),
    task(
        "digits-tanh",
        "digits",
        "the digits, a tanh network",
        ("mlp:32:tanh", 15, 32),
        digits,
    ),
    task(
        "digits-relu",
        "digits",
        "the digits, a ReLU network",
        ("mlp:32:relu", 15, 32),
        digits,
    ),
    task(
        "digits-cnn",
        "digits",
        "the digits, a convolutional network",
        ("cnn", 15, 32),
        digits,
    ),
    task(
        "short-digits",
        "horizons",
        "the digits for 215 steps",
        ("mlp:32:tanh", 5, 32),
        digits,
    ),
    task(
        "medium-digits",
        "horizons",
        "the digits for 2,021 steps",
        ("mlp:32:tanh", 47, 32),
        digits,
    ),
    task(
        "long-digits",
        "horizons",
        "the digits for 19,995 steps",
        ("mlp:32:tanh", 465, 32),
        digits,
    ),
    task(
        "short-noisy",
        "horizons",
        "generated classes with wrong labels, 190 steps",
        ("mlp:16:relu", 5, 32),
        noisy,
    ),
    task(
        "medium-noisy",
        "horizons",
        "generated classes with wrong labels, 2,014 steps",
        ("mlp:16:relu", 53, 32),
        noisy,
    ),
    task(
        "long-noisy",
        "horizons",
        "generated classes with wrong labels, 19,988 steps",
        ("mlp:16:relu", 526, 32),
        noisy,
    ),
    task(
        "batch-16",
        "batches",
        "the digits, minibatches of 16, 850 steps",
        ("mlp:32:tanh", 10, 16),
        digits,
    ),
    task(
        "batch-64",
        "batches",
        "the digits, minibatches of 64, 330 steps",
        ("mlp:32:tanh", 15, 64),
        digits,
    ),
    task(
        "batch-256",
        "batches",
        "the digits, minibatches of 256, 210 steps",
        ("mlp:32:tanh", 35, 256),
        digits,
    ),
    task(
        "batch-512",
        "batches",
        "the digits, minibatches of 512, 210 steps",
        ("mlp:32:tanh", 70, 512),
        digits,
    ),
    task(
        "wide",
        "sizes",
        "the digits, a layer ten times as wide as the widest in training, 258 steps",
        ("mlp:640:relu", 6, 32),
        digits,
    ),
    task(
        "deep",
        "sizes",
        "the digits, two hidden layers, 645 steps",
        ("mlp:32,32:tanh", 15, 32),
        digits,
    ),
    task(
        "deeper",
        "sizes",
        "the digits, three hidden layers, as many as the deepest in training, 645 steps",
        ("mlp:32,32,32:relu", 15, 32),
        digits,
    ),
    task(
        "deepest-tanh",
        "sizes",
        "the digits, twice as deep as the deepest in training, tanh, 645 steps",
        ("mlp:32,32,32,32,32,32:tanh", 15, 32),
        digits,
    ),
    task(
        "deepest-relu",
        "sizes",
        "the digits, twice as deep as the deepest in training, ReLU, 645 steps",
        ("mlp:32,32,32,32,32,32:relu", 15, 32),
        digits,
    ),
    task(
        "breast-cancer",
        "held-out",
        "cells of tumours (UCI), two classes, nearly separable; convex",
        ("logistic", 40, 16),
        |_| breast_cancer(),
    ),
    task(
        "wine",
        "held-out",
        "the alcohol of wines from their chemistry (UCI), a noisy number; few rows, a wide network",
        ("mlp:128:relu", 100, 16),
        |_| wine(),
    ),
    task(
        "penguins",
        "held-out",
        "the mass of penguins from their measures, a noisy number",
        ("mlp:32,32:tanh", 100, 32),
        |_| penguins(),
    ),
    task(
        "spirals",
        "held-out",
        "two spirals, a deep network",
        ("mlp:64,64,64:relu", 100, 64),
        |seed| two_spirals(1200, seed),
    ),
    task(
        "friedman",
        "held-out",
        "Friedman's function #1 with noise, a number",
        ("mlp:64:tanh", 80, 50),
        |seed| friedman_1(1000, seed),
    ),
    task(
        "teacher",
        "held-out",
        "labels of a tanh network of 128 units, five classes, no noise",
        ("mlp:64,64:tanh", 50, 128),
        |seed| teacher_labels(2000, 20, 128, 5, seed),
    ),
    task(
        "hypercube",
        "held-out",
        "clusters on a hypercube among redundant and noisy columns, two classes",
        ("mlp:48,24:relu", 30, 32),
        |seed| hypercube_clusters(1500, 10, 25, seed),
    ),
    task(
        "parity",
        "held-out",
        "parity of three of twelve bits, a twentieth of the labels flipped",
        ("mlp:64:relu", 80, 100),
        |seed| noisy_parity(1200, 12, 3, seed),
    ),
];

impl NamedTask {
    /// What it may be used for: what its set may.
    pub fn split(&self) -> Split {
        let set = TASK_SETS.iter().find(|set| set.name == self.set);
        set.map_or(Split::Test, |set| set.split)
    }
}

/// No task or set of tasks has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no task or set of tasks is called '{name}'; {hint}")]
pub struct UnknownTask {
    /// What was asked for.
    pub name: String,
    /// The near matches, or what there is.
    pub hint: String,
}

/// The tasks of these names, sets replaced by their members; each once, in the order asked for.
///
/// # Errors
/// [`UnknownTask`], with the near matches.
///
/// ```
/// use qstride_objectives::tasks::tasks;
///
/// let names: Vec<&str> = tasks(["digits-relu", "digits"])?.iter().map(|task| task.name).collect();
/// assert_eq!(names, ["digits-relu", "digits-softmax", "digits-tanh", "digits-cnn"]);
/// assert!(tasks(["held-uot"]).unwrap_err().to_string().contains("did you mean 'held-out'"));
/// # Ok::<(), qstride_objectives::tasks::UnknownTask>(())
/// ```
pub fn tasks<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<&'static NamedTask>, UnknownTask> {
    let mut found: Vec<&'static NamedTask> = Vec::new();
    for name in names {
        let members: Vec<_> = TASKS
            .iter()
            .filter(|task| task.set == name || task.name == name)
            .collect();
        if members.is_empty() {
            return Err(unknown(name));
        }
        for task in members {
            if !found.iter().any(|known| known.name == task.name) {
                found.push(task);
            }
        }
    }
    Ok(found)
}

fn unknown(name: &str) -> UnknownTask {
    let sets = TASK_SETS.iter().map(|set| set.name);
    let names: Vec<&str> = sets.chain(TASKS.iter().map(|task| task.name)).collect();
    UnknownTask {
        name: name.to_owned(),
        hint: hint(name, &names, names.len()),
    }
}

fn digits(_: u64) -> Result<Dataset, DataError> {
    Dataset::digits()
}

/// More rows with wrong labels than a network of 16 units can learn by heart.
fn noisy(seed: u64) -> Result<Dataset, DataError> {
    generate_classification(1600, 10, 4, seed)
}

fn breast_cancer() -> Result<Dataset, DataError> {
    let bytes = include_bytes!("../data/breast_cancer.csv");
    embedded(bytes, "breast_cancer", "diagnosis", CsvOptions::default())
}

fn wine() -> Result<Dataset, DataError> {
    let bytes = include_bytes!("../data/wine.csv");
    embedded(bytes, "wine", "alcohol", CsvOptions::default())
}

fn penguins() -> Result<Dataset, DataError> {
    let bytes = include_bytes!("../data/penguins.csv");
    embedded(bytes, "penguins", "body_mass_g", CsvOptions::default())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use super::*;
    use crate::StochasticObjective;
    use crate::task::{self, Model};

    /// The tasks that need no Burn.
    fn plain() -> impl Iterator<Item = &'static NamedTask> {
        TASKS.iter().filter(|task| task.model != "cnn")
    }

    fn objective(task: &NamedTask, seed: u64) -> Arc<dyn StochasticObjective> {
        let data = (task.data)(seed).unwrap();
        let split = Arc::new(data.split(1.0 - TEST_SHARE, seed).unwrap());
        task::task(&Model::parse(task.model).unwrap(), &split, seed).unwrap()
    }

    #[test]
    fn names_are_unique_and_every_set_has_members() {
        let names = TASKS.iter().map(|task| task.name);
        let unique: HashSet<&str> = names.chain(TASK_SETS.iter().map(|set| set.name)).collect();
        assert_eq!(unique.len(), TASKS.len() + TASK_SETS.len());
        for (set, size) in [
            ("digits", 4),
            ("horizons", 6),
            ("batches", 4),
            ("sizes", 5),
            ("held-out", 8),
        ] {
            let members = tasks([set]).unwrap();
            assert_eq!(members.len(), size, "{set}");
            let test = set == "held-out";
            assert!(
                members
                    .iter()
                    .all(|task| (task.split() == Split::Test) == test)
            );
        }
        assert!(
            TASKS
                .iter()
                .all(|task| TASK_SETS.iter().any(|set| set.name == task.set))
        );
    }

    #[test]
    fn every_task_takes_the_steps_that_it_says() {
        for task in plain() {
            let samples = objective(task, 0).samples();
            let steps = task.passes * samples.div_ceil(task.batch) as u64;
            match task.set {
                "held-out" => assert!((500..=3000).contains(&steps), "{}: {steps}", task.name),
                "horizons" => {
                    let near =
                        [200.0, 2000.0, 20_000.0].map(|wanted| (steps as f64 / wanted - 1.0).abs());
                    assert!(
                        near.iter().any(|error| *error < 0.08),
                        "{}: {steps}",
                        task.name
                    );
                }
                _ => assert!((200..=1000).contains(&steps), "{}: {steps}", task.name),
            }
        }
    }

    #[test]
    fn some_networks_are_wider_and_deeper_than_any_in_training() {
        // What the generated training tasks have at most.
        let (layers, width) = (3, 64);
        let shapes: Vec<Vec<usize>> = tasks(["sizes"])
            .unwrap()
            .iter()
            .filter_map(|task| match Model::parse(task.model).unwrap() {
                Model::Mlp { hidden, .. } => Some(hidden),
                _ => None,
            })
            .collect();
        assert!(shapes.contains(&vec![10 * width]));
        let deepest = shapes.iter().filter(|hidden| hidden.len() == 2 * layers);
        assert_eq!(deepest.count(), 2);
    }

    #[test]
    fn the_seed_draws_split_and_start() {
        for task in plain() {
            let value = |seed| {
                let objective = objective(task, seed);
                let start = objective.start().into_iter().enumerate();
                // Not the same for all: a softmax would not change.
                let point: Vec<f64> = start.map(|(i, x)| x + 0.1 * (i as f64).sin()).collect();
                objective.value(&point)
            };
            assert_eq!(value(1), value(1), "{}", task.name);
            assert_ne!(value(1), value(2), "{}", task.name);
        }
    }

    #[test]
    fn the_real_data_are_whole() {
        let sizes = |data: Dataset| (data.rows(), data.columns(), data.classes());
        assert_eq!(sizes(breast_cancer().unwrap()), (569, 30, Some(2)));
        assert_eq!(sizes(wine().unwrap()), (178, 13, None));
        assert_eq!(sizes(penguins().unwrap()), (333, 6, None));
    }
}
