//! Training a controller, scored on problems that it was not trained on.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use qstride_agent::environment::{EpisodeStart, Setup};
use qstride_agent::validation::validate;
use qstride_agent::{DeviceKind, Problem, Problems, Recipe, Trainer};
use qstride_control::checkpoint::Regime;
use qstride_objectives::suite::suite;
use serde_json::{Value, json};

use super::super::recipe::{AgentObjective, StudyRecipe};
use super::{Answer, Judge, Measured, Task, Values, own_peak_mib};

/// The instances on which policies are scored: those of no table, and not the ones that training validates on.
const SCORING_SEED: u64 = 0x0007_d105_c0e5;

/// Training a controller.
pub struct Agent {
    /// The whole recipe, as JSON, so that a path into it can be told from a wrong one.
    base: Value,
    /// What it is scored on; none in the stochastic regime, where training's own validation tasks are the score.
    problems: Vec<Problem>,
    validations: u64,
}

impl Agent {
    /// From a study's recipe; every parameter is tried at its least.
    ///
    /// # Errors
    /// When the recipe, a path or the suite cannot be.
    pub fn new(settings: &AgentObjective, recipe: &StudyRecipe) -> Result<Self> {
        let text = serde_json::to_string(&settings.recipe)?;
        let base = Recipe::from_json(&text).context("`objective.agent.recipe`")?;
        if base.members != 1 {
            bail!(
                "`objective.agent.recipe.members` is {}: a study trains one at a time",
                base.members
            );
        }
        let problems = match base.regime {
            Regime::Stochastic => Vec::new(),
            Regime::Deterministic => suite(&settings.suite, SCORING_SEED, settings.per_family)
                .context("`objective.agent.suite`")?
                .into_iter()
                .map(Problem::Exact)
                .collect(),
        };
        let agent = Self {
            validations: base.validation.times,
            base: serde_json::to_value(base)?,
            problems,
        };
        let least = recipe.space.parameters().iter().map(|(name, parameter)| {
            let least = parameter.distribution.from_unit(0.0);
            (name.clone(), parameter.distribution.external(least))
        });
        agent.recipe(&least.collect(), 0)?.check()?;
        Ok(agent)
    }

    /// The recipe with these values and this seed.
    pub fn recipe(&self, values: &Values, seed: u64) -> Result<Recipe> {
        let mut recipe = self.base.clone();
        for (path, value) in values {
            let mut parts: Vec<&str> = path.split('.').collect();
            parts.reverse();
            set(&mut recipe, &mut parts, &json!(value)).with_context(|| {
                format!("the parameter {path} names no field of a training recipe")
            })?;
        }
        recipe["seed"] = json!(seed);
        serde_json::from_value(recipe).context("a training recipe with these values")
    }

    fn score(&self, trainer: &Trainer) -> Result<f64> {
        if self.problems.is_empty() {
            let best = trainer
                .best()
                .context("nothing was validated: set `validation.times`")?;
            return Ok(best.validation.mean_log10_gap);
        }
        let starts: Vec<EpisodeStart> = (0..self.problems.len())
            .map(|problem| EpisodeStart {
                problem,
                rate: 1.0,
                steps: 0,
                batch: 0,
                seed: 0,
            })
            .collect();
        let recipe = trainer.recipe();
        let setup = Setup::new(recipe);
        let policy = trainer.policy()?;
        let scored = validate(
            &policy,
            &setup,
            &self.problems,
            &starts,
            recipe.recipe.budget,
        );
        Ok(scored.mean_log10_gap)
    }
}

/// Sets what stands at a path, whose parts are in reverse; `*` is every element of a list.
fn set(json: &mut Value, path: &mut Vec<&str>, value: &Value) -> Option<()> {
    let Some(part) = path.pop() else {
        *json = value.clone();
        return Some(());
    };
    let done = match json {
        Value::Object(fields) => set(fields.get_mut(part)?, path, value),
        Value::Array(items) if part == "*" && !items.is_empty() => items
            .iter_mut()
            .try_for_each(|item| set(item, &mut path.clone(), value)),
        Value::Array(items) => set(items.get_mut(part.parse::<usize>().ok()?)?, path, value),
        _ => None,
    };
    path.push(part);
    done
}

impl Task for Agent {
    fn run(
        &self,
        values: &Values,
        seed: u64,
        judge: Judge<'_>,
        interrupt: &AtomicBool,
    ) -> Result<Measured> {
        let checked = self.recipe(values, seed)?.check()?;
        let problems = Problems::draw(&checked)?;
        let mut trainer = Trainer::new(checked, problems, &DeviceKind::Flex.device())?;
        let mut heard = 0;
        let answer = loop {
            if trainer.finished() {
                break Answer::Value(self.score(&trainer)?);
            }
            if interrupt.load(Ordering::SeqCst) {
                break Answer::Interrupted;
            }
            trainer.tick()?;
            if let Some((_, validation)) = trainer.validations().get(heard) {
                heard += 1;
                if judge(heard as i64, validation.mean_log10_gap)? {
                    break Answer::Pruned;
                }
            }
        };
        Ok(Measured {
            answer,
            peak_mib: own_peak_mib(),
        })
    }

    fn steps(&self) -> Option<i64> {
        Some(self.validations as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_into_groups_and_lists() {
        let mut json = json!({"a": 1, "b": {"c": 2}, "d": [{"e": 1}, {"e": 2}]});
        let mut put = |path: &str, value: Value| {
            let mut parts: Vec<&str> = path.split('.').collect();
            parts.reverse();
            set(&mut json, &mut parts, &value)
        };
        assert!(put("a", json!(7)).is_some() && put("b.c", json!("x")).is_some());
        assert!(put("d.*.e", json!(5)).is_some() && put("d.1.e", json!(6)).is_some());
        assert!(put("b.x", json!(0)).is_none() && put("d.9.e", json!(0)).is_none());
        assert!(put("a.b", json!(0)).is_none());
        assert_eq!(
            json,
            json!({"a": 7, "b": {"c": "x"}, "d": [{"e": 5}, {"e": 6}]})
        );
    }
}
