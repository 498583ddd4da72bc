//! The methods of a comparison, by the words of `--methods`.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use qstride::{PRETRAINED, pretrained};
use qstride_control::checkpoint::Regime;
use qstride_control::features::Features;
use qstride_control::learned::Blind;
use qstride_control::policy::NetworkShape;
use qstride_control::rivals::{self, RIVALS, Rival};
use qstride_control::{
    Action, ActionSet, Checkpoint, Controller, Learned, Policy, StartRate, StateSpec, near,
};
use qstride_objectives::Streams;

/// The twelve constant rates among which `best-constant` takes the best: 10^-4.5 to 10^1 in half decades.
pub fn constant_rates() -> impl Iterator<Item = f64> {
    (-9..=2).map(|half_decades| 10f64.powf(f64::from(half_decades) / 2.0))
}

/// What `--methods` takes besides the classic methods.
pub const FORMS: &[(&str, &str)] = &[
    ("classic", "every classic method"),
    (
        "best-constant",
        "an oracle: on each instance the best of the twelve constant rates 10^-4.5 to 10^1, each with the whole budget",
    ),
    ("random:SET", "a random action of the set at every step"),
    ("keep:SET", "always the action that changes least"),
    (
        "fixed:SET:ACTION",
        "always this action, e.g. fixed:proposals:bb2",
    ),
    (
        "untrained:SET",
        "a network that has learnt nothing, one for each seed",
    ),
    ("PATH", "a checkpoint folder"),
];

/// The hidden layers of an untrained network.
const HIDDEN: [usize; 2] = [64, 64];

/// A method under its name on the command line.
pub struct Method {
    /// What was typed.
    pub name: String,
    kind: Kind,
}

enum Kind {
    Classic(&'static Rival),
    BestConstant,
    Fixed(Arc<ActionSet>, usize),
    Random(Arc<ActionSet>),
    Untrained(Arc<ActionSet>, StateSpec),
    Checkpoint(Box<Checkpoint>),
}

impl Method {
    /// Whether it knows more than a method can: [`constant_rates`] are tried, and the best one counts.
    pub fn oracle(&self) -> bool {
        matches!(self.kind, Kind::BestConstant)
    }

    /// A controller for one run. Random methods draw from the stream of `seed` that is named after method and `run`;
    /// an untrained network is the same one in all runs of a seed.
    ///
    /// # Errors
    /// When an untrained network cannot be made.
    pub fn controller(
        &self,
        start: StartRate,
        seed: u64,
        run: &str,
    ) -> Result<Box<dyn Controller>> {
        let streams = Streams::new(seed);
        Ok(match &self.kind {
            Kind::Classic(rival) => (rival.build)(restart(start)),
            Kind::BestConstant => Box::new(rivals::FixedRate),
            Kind::Fixed(set, index) => Box::new(Blind::fixed(set.clone(), *index)),
            Kind::Random(set) => {
                let generator = streams.stream(&format!("compare/{}/{run}", self.name));
                Box::new(Blind::random(set.clone(), generator))
            }
            Kind::Untrained(set, state) => {
                let shape = NetworkShape {
                    inputs: state.width(),
                    hidden: HIDDEN.to_vec(),
                    actions: set.actions.len(),
                };
                let mut generator = streams.stream(&format!("compare/{}", self.name));
                let policy = Policy::untrained(shape, &mut generator)?;
                Box::new(Learned::new(policy, state.clone(), set.clone()))
            }
            Kind::Checkpoint(checkpoint) => Box::new(checkpoint.controller()),
        })
    }
}

/// Line searches that restart do so at the start rate; where none is given at 1, as published.
fn restart(start: StartRate) -> f64 {
    match start {
        StartRate::Given(rate) => rate,
        StartRate::Auto | StartRate::Times(_) => 1.0,
    }
}

/// The methods that the words name, each once; without words the classic methods and the policies that ship.
///
/// # Errors
/// An unknown method, with the near matches; a checkpoint that cannot be loaded; an empty list.
pub fn parse_all(words: &[String]) -> Result<Vec<Method>> {
    let classic = || RIVALS.iter().map(|rival| rival.name.to_owned());
    let mut names: Vec<String> = Vec::new();
    let default: Vec<String> = classic().chain(PRETRAINED.map(str::to_owned)).collect();
    let words = if words.is_empty() { &default } else { words };
    for word in words.iter().map(|w| w.trim()).filter(|w| !w.is_empty()) {
        match word {
            "classic" => names.extend(classic()),
            // The trailing slash of a completed path says nothing.
            _ if word.len() > 1 => names.push(word.trim_end_matches('/').to_owned()),
            _ => names.push(word.to_owned()),
        }
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    if names.is_empty() {
        bail!("--methods names no method; `qstride list methods` names all");
    }
    names.into_iter().map(|name| parse(&name)).collect()
}

fn parse(name: &str) -> Result<Method> {
    let kind = if let Some(rival) = rivals::find(name) {
        Kind::Classic(rival)
    } else if name == "best-constant" {
        Kind::BestConstant
    } else if let Some((form, rest)) = ablation(name) {
        blind(form, rest).with_context(|| format!("method `{name}`"))?
    } else {
        Kind::Checkpoint(Box::new(checkpoint(name)?))
    };
    Ok(Method {
        name: name.to_owned(),
        kind,
    })
}

/// The two halves of `random:SET` and the like.
fn ablation(name: &str) -> Option<(&str, &str)> {
    name.split_once(':')
        .filter(|(form, _)| ["random", "keep", "fixed", "untrained"].contains(form))
}

fn blind(form: &str, rest: &str) -> Result<Kind> {
    let (set, action) = match rest.split_once(':') {
        Some((set, action)) => (set, Some(action)),
        None => (rest, None),
    };
    let set = Arc::new(ActionSet::preset(set)?);
    if set.actions.iter().any(|a| matches!(a, Action::Residual(_))) {
        bail!(
            "the action set `{}` is for the stochastic regime, which compare does not run",
            set.name
        );
    }
    let words = || {
        let words: Vec<String> = set.actions.iter().map(ToString::to_string).collect();
        words.join(", ")
    };
    match (form, action) {
        ("fixed", Some(action)) => {
            let index = set.actions.iter().position(|a| a.to_string() == action);
            let index = index.ok_or_else(|| {
                anyhow!(
                    "the set `{}` has no action `{action}`; there are {}",
                    set.name,
                    words()
                )
            })?;
            Ok(Kind::Fixed(set, index))
        }
        ("fixed", None) => bail!(
            "say which action: fixed:{}:ACTION with one of {}",
            set.name,
            words()
        ),
        (_, Some(surplus)) => bail!("nothing is expected where `:{surplus}` stands"),
        ("random", None) => Ok(Kind::Random(set)),
        ("keep", None) => {
            let index = set.keep();
            Ok(Kind::Fixed(set, index))
        }
        _ => {
            let features = if set.wants_ritz() {
                StateSpec::default_features()
            } else {
                StateSpec::scalar_features()
            };
            let state = StateSpec::new(features, &Features::builtin())?;
            Ok(Kind::Untrained(set, state))
        }
    }
}

/// A policy that ships, or a checkpoint folder.
fn checkpoint(name: &str) -> Result<Checkpoint> {
    let path = Path::new(name);
    let checkpoint = if let Ok(shipped) = pretrained(name) {
        shipped
    } else if path.exists() || name.contains(std::path::MAIN_SEPARATOR) {
        Checkpoint::load(path)?
    } else {
        let known = known_names();
        let near = near::matches(name, known.iter().map(String::as_str));
        bail!(
            "unknown method `{name}`{}; `qstride list methods` names all, and there is no checkpoint folder of this name",
            near::hint(&near)
        );
    };
    if checkpoint.manifest.regime != Regime::Deterministic {
        bail!(
            "checkpoint {name}: it was trained for the stochastic regime, which compare does not run"
        );
    }
    Ok(checkpoint)
}

fn known_names() -> Vec<String> {
    let sets = ActionSet::PRESETS.iter();
    let ablations =
        sets.flat_map(|set| ["random", "keep", "untrained"].map(|form| format!("{form}:{set}")));
    let classic = RIVALS.iter().map(|rival| rival.name.to_owned());
    classic
        .chain(["best-constant", "classic"].map(str::to_owned))
        .chain(PRETRAINED.map(str::to_owned))
        .chain(ablations)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use qstride_control::Manifest;
    use qstride_control::checkpoint::sha256;

    fn names(text: &str) -> Vec<String> {
        let words: Vec<String> = text.split(',').map(str::to_owned).collect();
        parse_all(&words)
            .unwrap()
            .into_iter()
            .map(|m| m.name)
            .collect()
    }

    fn fault(word: &str) -> String {
        format!("{:#}", parse_all(&[word.to_owned()]).err().unwrap())
    }

    #[test]
    fn lists_are_expanded_and_nothing_comes_twice() {
        assert_eq!(names("gll, armijo,gll"), ["gll", "armijo"]);
        assert_eq!(names("fixed,classic").len(), RIVALS.len());
        assert_eq!(
            names("best-constant,random:proposals,keep:multiplicative,fixed:proposals:bb2,untrained:wide").len(),
            5
        );
    }

    #[test]
    fn faults_name_the_way_out() {
        assert!(fault("armjio").contains("unknown method `armjio`; did you mean `armijo`"));
        assert!(fault("random:propsals").contains("did you mean `proposals`?"));
        assert_eq!(
            fault("fixed:multiplicative:bb1"),
            "method `fixed:multiplicative:bb1`: the set `multiplicative` has no action `bb1`; there are x0.5, x1, x2"
        );
        assert!(fault("fixed:proposals").contains("say which action"));
        assert!(fault("keep:v1:accept").contains("nothing is expected where `:accept` stands"));
        assert!(fault("random:residual").contains("stochastic regime"));
        assert!(
            fault("no/such/folder")
                .contains("checkpoint no/such/folder: cannot read manifest.json")
        );
        assert!(fault(" ").contains("names no method"));
    }

    #[test]
    fn twelve_constant_rates_in_half_decades() {
        let rates: Vec<f64> = constant_rates().collect();
        assert_eq!((rates.len(), rates[1], rates[11]), (12, 1e-4, 10.0));
    }

    #[test]
    fn restarts_are_at_one_unless_a_rate_is_given() {
        assert_eq!(restart(StartRate::Auto), 1.0);
        assert_eq!(restart(StartRate::Given(1e-4)), 1e-4);
    }

    /// Saves a network that has learnt nothing.
    fn save(folder: &Path, regime: Regime) {
        let action_set = ActionSet::preset("multiplicative").unwrap();
        let features = vec![qstride_control::FeatureSpec::new("rate_over_bb1", 1)];
        let network = NetworkShape {
            inputs: 1,
            hidden: vec![4],
            actions: 3,
        };
        let policy =
            Policy::untrained(network.clone(), &mut Streams::new(1).stream("test")).unwrap();
        let recipe = serde_json::json!({});
        let manifest = Manifest {
            format_version: 1,
            name: "test".to_owned(),
            regime,
            features,
            action_set,
            schedule: (regime == Regime::Stochastic)
                .then_some(qstride_control::schedule::ScheduleSettings::MOMENTUM),
            network,
            recipe_sha256: sha256(recipe.to_string().as_bytes()),
            recipe,
            seed: 1,
            commit: String::new(),
            program: String::new(),
            evaluation: serde_json::Value::Null,
            files: Default::default(),
        };
        let checkpoint = Checkpoint::new(manifest, policy, &Features::builtin()).unwrap();
        checkpoint.save(folder).unwrap();
    }

    #[test]
    fn a_checkpoint_goes_by_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy");
        save(&path, Regime::Deterministic);
        let name = path.display().to_string();
        assert_eq!(names(&format!("{name}/"))[0], name);
        save(&path, Regime::Stochastic);
        assert!(fault(&name).contains("stochastic regime"));
        std::fs::write(path.join("weights.f32"), [0; 4]).unwrap();
        assert!(fault(&name).contains("weights.f32 was altered or cut"));
    }
}
