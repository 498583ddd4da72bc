//! The methods of a comparison, by the words of `--methods`.

use anyhow::{Context, Result, bail};
use qstride::{PRETRAINED, PRETRAINED_SCHEDULES};
use qstride_control::checkpoint::Regime;
use qstride_control::rivals::RIVALS;
use qstride_control::rivals::stochastic::STOCHASTIC_RIVALS;
use qstride_control::{ActionSet, StartRate, near};

use super::minimising::Minimising;
use super::problem::{Case, Problem};
use super::rate_grid::RateGrid;
use super::run::Outcome;
use super::training::{Limits as TrainingLimits, SHAPES, Training};

/// The twelve constant rates among which `best-constant` takes the best: 10^-4.5 to 10^1 in half decades.
const ORACLE_GRID: [i32; 2] = [-9, 2];
/// The nine rates over which `tuned:METHOD` is tuned: 1e-3 to 1e1 in half decades.
const TUNING_GRID: [i32; 2] = [-6, 2];

/// What `--methods` takes besides names of methods.
pub const FORMS: &[(&str, &str)] = &[
    (
        "classic",
        "every classic method; with --epochs every optimizer under every shape at its best rate, and what needs no rate",
    ),
    (
        "tuned:METHOD",
        "the method at the best of the nine rates 1e-3 to 1e1, or of --rates; what all of them cost stands in the table. The choice is made \
         on the instance itself, and for training tasks on all seeds together",
    ),
    (
        "tuned:LOW..HIGH:METHOD",
        "the same over other rates, in half decades, e.g. tuned:1e-5..1e0:adam/cosine",
    ),
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
        "sequence:SET",
        "the best fixed sequence of actions, searched for on the training families before anything is compared",
    ),
    (
        "untrained:SET",
        "a network that has learnt nothing, one for each seed",
    ),
    (
        "blind:POLICY",
        "the policy with every feature held at 0, so that it cannot see its state",
    ),
    (
        "OPTIMIZER/SHAPE",
        "an optimizer under constant (the default), cosine, step, one-cycle, wsd or plateau, e.g. adam/cosine; without --epochs each step \
         takes the exact gradient",
    ),
    (
        "rule:OPTIMIZER",
        "[minibatches] the scripted schedule without a policy, for sgd, momentum or adam",
    ),
    (
        "random:residual:OPTIMIZER",
        "[minibatches] the scripted schedule with random changes of its rate",
    ),
    (
        "unknown-horizon:METHOD",
        "[minibatches] the scripted schedule, or a policy on it, which is not told how many steps there will be, e.g. \
         unknown-horizon:rule:adam",
    ),
    ("PATH", "a checkpoint folder, of either regime"),
];

/// What one run may spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limits {
    /// Values plus gradients of an exact objective.
    Evaluations(u64),
    /// Training by minibatches.
    Training(TrainingLimits),
}

/// A method under its name on the command line.
pub struct Method {
    /// What was typed.
    pub name: String,
    grid: Option<RateGrid>,
    kind: Kind,
}

enum Kind {
    Minimising(Minimising),
    Training(Training),
}

impl Kind {
    fn takes_rate(&self) -> bool {
        match self {
            Self::Minimising(method) => method.takes_rate(),
            Self::Training(method) => method.takes_rate(),
        }
    }
}

impl Method {
    /// The rates out of which it is given the best, where it is.
    pub fn grid(&self) -> Option<&RateGrid> {
        self.grid.as_ref()
    }

    /// Whether the start rate makes a difference.
    pub fn takes_start_rate(&self) -> bool {
        self.grid.is_none() && self.kind.takes_rate()
    }

    /// One run. `rate_word` names the start rate in the stream of random methods.
    ///
    /// # Errors
    /// When the method cannot be made, or the problem has no minibatches.
    pub fn run(
        &self,
        case: &Case,
        start: StartRate,
        rate_word: &str,
        limits: Limits,
        shown: bool,
    ) -> Result<Outcome> {
        match (&self.kind, &case.problem, limits) {
            (Kind::Minimising(method), _, Limits::Evaluations(budget)) => {
                let dice = format!("compare/{}/{}/{rate_word}", self.name, case.name());
                method.run(&self.name, case, start, budget, &dice, shown)
            }
            (Kind::Training(method), Problem::Samples(objective), Limits::Training(limits)) => {
                let dice = format!("compare/{}/{}/{rate_word}", self.name, case.name());
                Ok(method.run(objective, case.seed, start, limits, &dice, shown))
            }
            _ => bail!("`{}` does not run on {}", self.name, case.name()),
        }
    }

    /// What identifies it beyond its name: the weights of a checkpoint, the actions of a sequence that was found, the rates of a grid.
    pub fn fingerprint(&self) -> String {
        let kind = match &self.kind {
            Kind::Minimising(method) => method.fingerprint(),
            Kind::Training(method) => method.fingerprint(),
        };
        let grid = self.grid.as_ref().map(ToString::to_string);
        kind + &grid.unwrap_or_default()
    }

    /// What a reader should know of it and its name does not say.
    pub fn note(&self) -> Option<String> {
        match &self.kind {
            Kind::Minimising(method) => method.note(),
            Kind::Training(method) => method.note(),
        }
    }

    /// Whether it is plain SGD at its best constant rate, the bar of training tasks.
    pub fn is_tuned_sgd(&self) -> bool {
        let bare = self.name.rsplit(':').next().unwrap_or_default();
        self.grid.is_some() && ["sgd", "sgd/constant"].contains(&bare)
    }
}

/// The methods that the words name, each once; without words all classic ones and the policies that ship. Methods that need f* are
/// left out of `classic` where `minima_known` is false. Tuned methods get the rates `grid`, or the usual ones.
///
/// # Errors
/// An unknown method, with the near matches; one of the other regime; a checkpoint that cannot be loaded; an empty list.
pub fn parse_all(
    words: &[String],
    regime: Regime,
    minima_known: bool,
    grid: Option<&RateGrid>,
) -> Result<Vec<Method>> {
    let training = regime == Regime::Stochastic;
    let classic = || -> Vec<String> {
        if training {
            return classic_training();
        }
        let rivals = RIVALS
            .iter()
            .filter(|rival| minima_known || !rival.needs_minimum);
        rivals.map(|rival| rival.name.to_owned()).collect()
    };
    let shipped: &[&str] = if training {
        &PRETRAINED_SCHEDULES
    } else {
        &PRETRAINED
    };
    let mut names: Vec<String> = Vec::new();
    let default: Vec<String> = classic()
        .into_iter()
        .chain(shipped.iter().map(|name| (*name).to_owned()))
        .collect();
    let words = if words.is_empty() { &default } else { words };
    for word in words.iter().map(|w| w.trim()).filter(|w| !w.is_empty()) {
        match word {
            "classic" => names.extend(classic()),
            _ => names.push(method_name(word).to_owned()),
        }
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    if names.is_empty() {
        bail!("--methods names no method; `qstride list methods` names all");
    }
    let methods: Result<Vec<Method>> = names
        .into_iter()
        .map(|name| parse(&name, regime, grid))
        .collect();
    let methods = methods?;
    let hopeless = methods.iter().find(|method| {
        !minima_known && matches!(&method.kind, Kind::Minimising(m) if m.needs_minimum())
    });
    if let Some(method) = hopeless {
        bail!(
            "method `{}` needs the least value f*, which is not known for all of these problems",
            method.name
        );
    }
    Ok(methods)
}

/// A word of `--methods` without what says nothing: spaces around it, the trailing slash of a completed path.
pub fn method_name(word: &str) -> &str {
    match word.trim().trim_end_matches('/') {
        "" => word,
        name => name,
    }
}

/// What stands in every table of training tasks: each optimizer under each schedule at its best rate, and what needs no rate.
fn classic_training() -> Vec<String> {
    let tuned = |optimizer: &str| {
        SHAPES.map(|shape| match shape {
            "constant" => format!("tuned:{optimizer}"),
            _ => format!("tuned:{optimizer}/{shape}"),
        })
    };
    let optimizers = ["sgd", "momentum", "nesterov", "adam", "adamw"];
    let mut names: Vec<String> = optimizers.into_iter().flat_map(tuned).collect();
    for rival in STOCHASTIC_RIVALS
        .iter()
        .filter(|rival| !optimizers.contains(&rival.name))
    {
        names.push(rival.name.to_owned());
        if rival.tunable {
            names.push(format!("tuned:{}", rival.name));
        }
    }
    let extra = ["prodigy/cosine", "adam", "rule:momentum", "rule:adam"];
    names.extend(extra.map(str::to_owned));
    names
}

fn parse(name: &str, regime: Regime, grid: Option<&RateGrid>) -> Result<Method> {
    let (bare, grid) = match name.strip_prefix("tuned:") {
        Some(rest) => tuned(rest, grid).with_context(|| format!("method `{name}`"))?,
        None if name == "best-constant" => ("fixed", Some(RateGrid::half_decades(ORACLE_GRID))),
        None => (name, None),
    };
    let training = regime == Regime::Stochastic;
    let minimising = || Minimising::parse(bare).with_context(|| format!("method `{name}`"));
    let by_minibatches = || Training::parse(bare).with_context(|| format!("method `{name}`"));
    let kind = if training {
        by_minibatches()?.map(Kind::Training)
    } else {
        minimising()?.map(Kind::Minimising)
    };
    let Some(kind) = kind else {
        if training && minimising()?.is_some() {
            bail!(
                "method `{name}` minimises an exact loss; it does not train by minibatches (leave out --epochs)"
            );
        }
        if !training && by_minibatches()?.is_some() {
            bail!(
                "method `{name}` trains by minibatches: say --epochs, with models on data, or --tasks"
            );
        }
        let known = known_names();
        let near = near::matches(bare, known.iter().map(String::as_str));
        bail!(
            "unknown method `{name}`{}; `qstride list methods` names all, and there is no checkpoint folder of this name",
            near::hint(&near)
        );
    };
    if grid.is_some() && !kind.takes_rate() {
        bail!("method `{name}`: `{bare}` finds its own rate, there is nothing to tune");
    }
    Ok(Method {
        name: name.to_owned(),
        grid,
        kind,
    })
}

/// The method of `[LOW..HIGH:]METHOD`, and the rates over which it is tuned.
fn tuned<'a>(rest: &'a str, usual: Option<&RateGrid>) -> Result<(&'a str, Option<RateGrid>)> {
    let own = rest
        .split_once(':')
        .filter(|(range, _)| range.contains(".."));
    if let Some((range, bare)) = own {
        let grid = RateGrid::parse(range).map_err(anyhow::Error::msg)?;
        return Ok((bare, Some(grid)));
    }
    let usual = usual.cloned();
    let grid = usual.unwrap_or_else(|| RateGrid::half_decades(TUNING_GRID));
    Ok((rest, Some(grid)))
}

fn known_names() -> Vec<String> {
    let sets = ActionSet::PRESETS.iter();
    let ablations = sets.flat_map(|set| {
        ["random", "keep", "untrained", "sequence"].map(|form| format!("{form}:{set}"))
    });
    let classic = RIVALS.iter().map(|rival| rival.name.to_owned());
    let stochastic = STOCHASTIC_RIVALS.iter().map(|rival| rival.name.to_owned());
    classic
        .chain(stochastic)
        .chain(["best-constant", "classic"].map(str::to_owned))
        .chain(PRETRAINED.map(str::to_owned))
        .chain(PRETRAINED_SCHEDULES.map(str::to_owned))
        .chain(ablations)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use qstride_control::Manifest;
    use qstride_control::checkpoint::Regime;
    use qstride_control::checkpoint::sha256;
    use qstride_control::features::Features;
    use qstride_control::policy::NetworkShape;
    use qstride_control::{Checkpoint, Policy};
    use qstride_objectives::Streams;

    const EXACT: Regime = Regime::Deterministic;
    const MINIBATCHES: Regime = Regime::Stochastic;

    fn words(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    fn names(text: &str, regime: Regime) -> Vec<String> {
        parse_all(&words(text), regime, true, None)
            .unwrap()
            .into_iter()
            .map(|m| m.name)
            .collect()
    }

    fn fault_of(word: &str, regime: Regime) -> String {
        let parsed = parse_all(&[word.to_owned()], regime, false, None);
        format!("{:#}", parsed.err().unwrap())
    }

    fn fault(word: &str) -> String {
        fault_of(word, EXACT)
    }

    #[test]
    fn lists_are_expanded_and_nothing_comes_twice() {
        assert_eq!(names("gll, armijo,gll", EXACT), ["gll", "armijo"]);
        assert_eq!(names("fixed,classic", EXACT).len(), RIVALS.len());
        let without = parse_all(&words("classic"), EXACT, false, None).unwrap();
        assert_eq!(without.len(), RIVALS.len() - 1, "polyak needs f*");
        assert_eq!(
            names("best-constant,random:proposals,keep:multiplicative,fixed:proposals:bb2,untrained:wide,blind:proposals,tuned:fixed", EXACT).len(),
            7
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
        assert!(fault("random:residual").contains("unknown method `random:residual`"));
        assert!(fault("polyak").contains("needs the least value f*"));
        assert!(fault("tuned:adgd").contains("nothing to tune"));
        assert!(fault("blind:armijo").contains("no policy `armijo`"));
        assert!(
            fault("no/such/folder")
                .contains("checkpoint no/such/folder: cannot read manifest.json")
        );
        assert!(fault(" ").contains("names no method"));
    }

    #[test]
    fn grids_are_in_half_decades() {
        let grid = |name: &str, regime| {
            let methods = parse_all(&words(name), regime, true, None).unwrap();
            methods[0].grid().unwrap().rates().to_vec()
        };
        let oracle = grid("best-constant", EXACT);
        assert_eq!((oracle.len(), oracle[1], oracle[11]), (12, 1e-4, 10.0));
        let tuned = grid("tuned:adam/cosine", MINIBATCHES);
        assert_eq!((tuned.len(), tuned[0], tuned[8]), (9, 1e-3, 10.0));
        let own = grid("tuned:1e-5..1e0:adam/wsd", MINIBATCHES);
        assert_eq!((own.len(), own[0], own[10]), (11, 1e-5, 1.0));
        let asked = RateGrid::parse("0.1,0.2").unwrap();
        let methods = words("tuned:sgd,tuned:1..10:sgd,best-constant");
        let methods = |regime, count| {
            parse_all(&methods[..count], regime, true, Some(&asked))
                .unwrap()
                .iter()
                .map(|method| method.grid().unwrap().rates().len())
                .collect::<Vec<_>>()
        };
        assert_eq!(methods(MINIBATCHES, 2), [2, 3]);
        assert_eq!(methods(EXACT, 3), [2, 3, 12]);
        assert!(fault_of("tuned:1..x:sgd", MINIBATCHES).contains("no grid of rates"));
    }

    #[test]
    fn each_regime_has_its_methods() {
        let all = names("classic", MINIBATCHES);
        for name in [
            "tuned:sgd",
            "tuned:adamw/one-cycle",
            "prodigy",
            "tuned:schedule-free-sgd",
            "sls",
            "rule:adam",
        ] {
            assert!(all.iter().any(|n| n == name), "{name} in {all:?}");
        }
        let shipped = parse_all(&[], MINIBATCHES, true, None).unwrap();
        assert_eq!(shipped.len(), all.len() + 2);
        assert_eq!(
            names("random:residual:momentum,blind:schedule-adam", MINIBATCHES).len(),
            2
        );
        let fault = |word| fault_of(word, MINIBATCHES);
        assert!(fault("gll-bb").contains("does not train by minibatches"));
        assert!(fault("proposals").contains("does not train by minibatches"));
        assert!(fault("adma").contains("did you mean `adam`"));
        assert!(
            fault("adam/cosin").contains("did you mean 'cosine'"),
            "{}",
            fault("adam/cosin")
        );
        assert!(fault("tuned:dog").contains("nothing to tune"));
        assert!(fault("rule:lion").contains("none of sgd, momentum, adam"));
        assert_eq!(names("adam,tuned:sgd/cosine,prodigy", EXACT).len(), 3);
        assert!(fault_of("schedule-adam", EXACT).contains("say --epochs"));
        assert!(fault_of("random:residual:adam", EXACT).contains("say --epochs"));
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
        assert_eq!(names(&format!("{name}/"), EXACT)[0], name);
        assert!(fault_of(&name, MINIBATCHES).contains("does not train by minibatches"));
        save(&path, Regime::Stochastic);
        assert!(fault_of(&name, MINIBATCHES).contains("recipe.stochastic.optimizer"));
        std::fs::write(path.join("weights.f32"), [0; 4]).unwrap();
        assert!(fault(&name).contains("weights.f32 was altered or cut"));
    }
}
