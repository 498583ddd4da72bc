//! What is to be run: problems, methods, start rates and budgets, as a recipe asks for them.

use anyhow::{Context, Result};
use qstride_control::StartRate;
use qstride_control::checkpoint::{Regime, sha256};

use super::method::{Limits, Method, method_name, parse_all};
use super::problem::{Case, Problem};
use super::recipe::Recipe;
use super::run::Outcome;
use super::start_rate::StartRateWord;

/// The bar of the deterministic regime; where it is not among the methods, the first one is the reference.
const USUAL_REFERENCE: &str = "gll-bb";

/// What is to be run.
pub struct Plan {
    /// What the problems are called.
    pub problems: String,
    /// The instances, seed by seed.
    pub cases: Vec<Case>,
    /// The methods.
    pub methods: Vec<Method>,
    /// The start rates.
    pub start_rates: Vec<StartRateWord>,
    /// What one run may spend, case by case.
    pub limits: Vec<Limits>,
    /// How the problems are worked on.
    pub regime: Regime,
    /// The relative gaps to which costs are counted, from coarse to fine.
    pub tolerances: Vec<f64>,
    /// The method that the others are tested against.
    pub reference: usize,
    /// Pairs of methods that have a table of their own.
    pub pairs: Vec<[usize; 2]>,
    /// Of the files that the problems were read from.
    data_sha256: String,
}

/// One run that has to be made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Index into [`Plan::cases`].
    pub case: usize,
    /// Index into [`Plan::methods`].
    pub method: usize,
    /// Where it starts.
    pub start: Start,
}

/// Where it starts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// At the start rate of this index.
    Asked(usize),
    /// At this rate of the method's grid.
    Grid(f64),
}

impl Plan {
    /// What a recipe asks for.
    ///
    /// # Errors
    /// Unknown names, with the near matches; faults of data and checkpoints; methods that do not go with the problems.
    pub fn new(recipe: &Recipe) -> Result<Self> {
        let regime = recipe.regime()?;
        let cases = recipe.problems.cases(&recipe.all_seeds())?;
        let known = cases
            .iter()
            .all(|case| case.objective().minimum().is_some());
        let methods = parse_all(&recipe.methods, regime, known, recipe.rates.as_ref())?;
        let reference = match &recipe.reference {
            None => methods
                .iter()
                .position(|m| m.name == USUAL_REFERENCE)
                .unwrap_or(0),
            Some(name) => methods
                .iter()
                .position(|method| method.name == method_name(name))
                .with_context(|| {
                    format!("--reference {name} is not among the methods that are compared")
                })?,
        };
        let mut plan = Self {
            problems: recipe.problems.label(),
            limits: cases.iter().map(|case| recipe.limits(case)).collect(),
            regime,
            cases,
            methods,
            start_rates: recipe.different_start_rates(),
            tolerances: recipe.all_tolerances(),
            reference,
            pairs: Vec::new(),
            data_sha256: recipe.problems.data_sha256()?,
        };
        let pairs = recipe.pairs.iter().map(|pair| pair.find(&plan));
        plan.pairs = pairs.collect::<Result<_>>()?;
        Ok(plan)
    }

    /// The index of the method of this name.
    pub fn method(&self, name: &str) -> Option<usize> {
        let name = method_name(name);
        self.methods.iter().position(|method| method.name == name)
    }

    /// Whether the problems are trained by minibatches.
    pub fn training(&self) -> bool {
        self.regime == Regime::Stochastic
    }

    /// The evaluations that count as one in tables: 1, and in training those of one pass over the data.
    pub fn unit(&self, case: usize) -> f64 {
        match (&self.limits[case], &self.cases[case].problem) {
            (Limits::Training(limits), Problem::Samples(objective)) => {
                2.0 * limits.steps_per_epoch(objective.samples()) as f64
            }
            _ => 1.0,
        }
    }

    /// The most that one run may spend on a case, in units.
    pub fn budget_of(&self, case: usize) -> f64 {
        match self.limits[case] {
            Limits::Evaluations(budget) => budget as f64,
            Limits::Training(limits) => limits.epochs as f64,
        }
    }

    /// The same, of cases that differ the largest.
    pub fn budget(&self) -> f64 {
        let cases = 0..self.cases.len();
        cases.map(|case| self.budget_of(case)).fold(0.0, f64::max)
    }

    /// What one run may spend, where it is the same for all cases.
    pub fn same_limits(&self) -> Option<Limits> {
        let first = *self.limits.first()?;
        self.limits
            .iter()
            .all(|limits| *limits == first)
            .then_some(first)
    }

    /// The families, in the order in which they come.
    pub fn families(&self) -> Vec<&str> {
        let mut families: Vec<&str> = Vec::new();
        for case in &self.cases {
            if !families.contains(&case.family()) {
                families.push(case.family());
            }
        }
        families
    }

    /// The seeds, in order.
    pub fn seeds(&self) -> Vec<u64> {
        let mut seeds: Vec<u64> = self.cases.iter().map(|case| case.seed).collect();
        seeds.dedup();
        seeds
    }

    /// The instances whose rates are drawn: the first one of each of the first four families.
    pub fn shown_cases(&self) -> Vec<usize> {
        let first = |family: &&str| self.cases.iter().position(|c| c.family() == *family);
        self.families().iter().take(4).filter_map(first).collect()
    }

    /// Every run that has to be made, case by case.
    pub fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for case in 0..self.cases.len() {
            for (method, m) in self.methods.iter().enumerate() {
                let mut add = |start| {
                    jobs.push(Job {
                        case,
                        method,
                        start,
                    })
                };
                match m.grid() {
                    Some(grid) => {
                        let rates = grid.rates().iter();
                        rates.copied().map(Start::Grid).for_each(&mut add);
                    }
                    None if m.takes_start_rate() => {
                        (0..self.start_rates.len())
                            .map(Start::Asked)
                            .for_each(&mut add);
                    }
                    None => add(Start::Asked(0)),
                }
            }
        }
        jobs
    }

    pub fn carry_out(&self, job: Job, shown: &[usize]) -> Result<Outcome> {
        let (start, word) = match job.start {
            Start::Asked(index) => (
                self.start_rates[index].0,
                self.start_rates[index].to_string(),
            ),
            Start::Grid(rate) => (StartRate::Given(rate), rate.to_string()),
        };
        let (case, limits) = (&self.cases[job.case], self.limits[job.case]);
        self.methods[job.method].run(case, start, &word, limits, shown.contains(&job.case))
    }

    /// What has to be the same for outcomes to belong to the same comparison: methods with their weights, data files, problems with
    /// their first values, budgets and start rates.
    pub fn fingerprint(&self) -> String {
        let mut text = format!(
            "{:?} {:?} {}",
            self.limits, self.start_rates, self.data_sha256
        );
        for method in &self.methods {
            text.push_str(&format!("\n{} {}", method.name, method.fingerprint()));
        }
        for case in &self.cases {
            let objective = case.objective();
            let start = objective.start();
            let (value, test) = (objective.value(&start), objective.test_score(&start));
            let (name, n) = (case.name(), case.dimension());
            text.push_str(&format!("\n{name} {n} {} {value:?} {test:?}", case.seed));
        }
        sha256(text.as_bytes())
    }

    /// Cases whose f* has to be found.
    pub fn unknown_minima(&self) -> usize {
        let unknown = |case: &&Case| !self.training() && case.objective().minimum().is_none();
        self.cases.iter().filter(unknown).count()
    }

    /// Cases that share the choice of a rate: those of a training task with all its seeds; else each stands alone.
    pub fn tuning_group(&self, case: usize) -> String {
        let alone = if self.training() {
            String::new()
        } else {
            case.to_string()
        };
        format!("{} {alone}", self.cases[case].name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The recipes of the stochastic experiments name tasks, methods and pairs that there are; nothing is run.
    #[test]
    fn the_stochastic_experiments_can_be_planned() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../experiments/stochastic");
        let files = std::fs::read_dir(folder).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let recipes: Vec<_> = paths
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        assert_eq!(recipes.len(), 9);
        for path in recipes {
            let plan = Plan::new(&Recipe::read(&path).unwrap()).unwrap();
            assert!(
                plan.training() && !plan.pairs.is_empty(),
                "{}",
                path.display()
            );
            assert!(plan.methods[plan.reference].is_tuned_sgd());
        }
    }
}
