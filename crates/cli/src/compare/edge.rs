//! Whether the rates that were chosen out of a grid lie at its edge: where they do, a better one may lie beyond.

use std::collections::BTreeSet;

use serde::Serialize;

use super::harness::Comparison;

/// The choices of one tuned method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Edge {
    /// How many choices were made: one for each instance, in training one for each task.
    pub choices: usize,
    /// How many of them are the first or the last rate of the grid.
    pub at_edge: usize,
    /// Which tasks these are, with the rate; in training only.
    pub tasks: Vec<TaskAtEdge>,
}

/// A task whose best rate lies at the edge of the grid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TaskAtEdge {
    /// The task.
    pub task: String,
    /// The rate.
    pub rate: f64,
}

impl Edge {
    /// Of a method of the comparison; none where it was not tuned.
    pub fn of(comparison: &Comparison, method: usize) -> Option<Self> {
        let plan = &comparison.plan;
        let grid = plan.methods[method].grid()?;
        let mut groups = BTreeSet::new();
        let mut tasks = Vec::new();
        for run in comparison.of_method(method) {
            if !groups.insert(plan.tuning_group(run.case)) {
                continue;
            }
            if let Some(rate) = run.chosen_rate.filter(|rate| grid.ends_at(*rate)) {
                let task = plan.cases[run.case].name().to_owned();
                tasks.push(TaskAtEdge { task, rate });
            }
        }
        let at_edge = tasks.len();
        if !plan.training() {
            tasks.clear();
        }
        Some(Self {
            choices: groups.len(),
            at_edge,
            tasks,
        })
    }

    /// As a sentence about the method; none where no choice lies at the edge.
    pub fn note(&self, method: &str) -> Option<String> {
        let places = self
            .tasks
            .iter()
            .map(|t| format!("{} ({:e})", t.task, t.rate));
        let places: Vec<String> = places.collect();
        (self.at_edge > 0).then(|| {
            format!(
                "{method}: on {} of {} choices the best rate is the first or last one of its grid{}{}; a wider grid may find a better one.",
                self.at_edge,
                self.choices,
                if places.is_empty() { "" } else { ": " },
                places.join(", ")
            )
        })
    }
}

impl std::fmt::Display for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {}", self.at_edge, self.choices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::harness::tests::{compare, on_digits};
    use crate::compare::rate_grid::RateGrid;

    #[test]
    fn a_choice_at_the_edge_is_named() {
        let methods = "tuned:sgd,tuned:1e-4..1e1:sgd,sgd";
        let mut recipe = on_digits("softmax", methods, "auto", 2);
        recipe.rates = Some(RateGrid::parse("1e-3,1e-2").unwrap());
        let comparison = compare(&recipe);
        let edges = [0, 1, 2].map(|method| Edge::of(&comparison, method));
        // Both seeds share a choice.
        let narrow = edges[0].clone().unwrap();
        assert_eq!((narrow.choices, narrow.at_edge), (1, 1));
        assert_eq!(
            (narrow.tasks[0].task.as_str(), narrow.tasks[0].rate),
            ("digits/softmax", 1e-2)
        );
        assert!(
            narrow
                .note("tuned:sgd")
                .unwrap()
                .contains("digits/softmax (1e-2)")
        );
        let wide = edges[1].clone().unwrap();
        assert_eq!(
            (wide.to_string(), wide.note("m")),
            ("0 of 1".to_owned(), None)
        );
        assert_eq!(edges[2], None);
    }
}
