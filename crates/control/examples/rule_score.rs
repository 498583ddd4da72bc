//! Scores the scripted rule on generated tasks, beside the best rates of a grid.
//!
//! ```sh
//! cargo run --release -p qstride-control --example rule_score -- momentum 1,2,digits grow=1.2 shrink=0.9
//! ```
//!
//! For each set: the mean of log10 of the rule's final full loss over that of the best of eleven rates (1e-4 to 10), within -.5 and 1
//! for each task, and how often it is within 1.6 times of it. The last line is the mean over the sets, so that `qstride study` can search
//! for constants (experiments/rule). `unknown-horizon` keeps the number of steps from the rule; `policy=FOLDER` scores the policy on it
//! instead, beside the rule alone. The grid's results are kept in runs/rule, for they are most of the work.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use qstride_control::learned::Blind;
use qstride_control::minibatches::Minibatches;
use qstride_control::schedule_settings::ScheduleSettings;
use qstride_control::update::{OptimizerKind, SliceOptimizer};
use qstride_control::{
    ActionSet, Checkpoint, Controller, StochasticEpisode, StochasticSettings, run,
};
use qstride_objectives::dataset::Dataset;
use qstride_objectives::generated::generate_varied;
use qstride_objectives::synthetic::{noisy_parity, two_spirals};
use qstride_objectives::task::{Model, task};
use qstride_objectives::{StochasticObjective, Streams};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Tasks in a generated set.
const TASKS: usize = 160;
/// No task needs more multiplications than this for one run.
const MOST_WORK: f64 = 4e8;

/// One training run.
struct Training {
    objective: Arc<dyn StochasticObjective>,
    steps: u64,
    batch: usize,
    seed: u64,
}

/// Final full losses of the best rates.
#[derive(Serialize, Deserialize)]
struct Oracle {
    start: f64,
    constant: f64,
    warmup_stable_decay: f64,
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let usage = "rule_score momentum|adam SET,SET,... [unknown-horizon] [policy=FOLDER] [CONSTANT=VALUE ...]";
    let (kind, mut settings) = match arguments.next().as_deref() {
        Some("momentum") => (OptimizerKind::Momentum, ScheduleSettings::MOMENTUM),
        Some("adam") => (OptimizerKind::Adam, ScheduleSettings::ADAPTIVE),
        _ => return Err(usage.into()),
    };
    let sets = arguments.next().ok_or(usage)?;
    let mut horizon_known = true;
    let mut policy = None;
    for change in arguments {
        match change.split_once('=') {
            Some(("policy", folder)) => policy = Some(Checkpoint::load(Path::new(folder))?),
            Some((name, value)) => settings = changed(&settings, name, value)?,
            None if change == "unknown-horizon" => horizon_known = false,
            None => return Err(usage.into()),
        }
    }
    settings.check()?;
    let residual = Arc::new(ActionSet::preset("residual")?);
    let mut sum = 0.0;
    for name in sets.split(',') {
        let trainings = set(name)?;
        let oracles = oracles(name, kind, &trainings)?;
        let alone = in_parallel(&trainings, |t| {
            let mut keeping = Blind::keeping(residual.clone());
            final_loss(t, kind, &settings, horizon_known, &mut keeping)
        })?;
        let finals = match &policy {
            Some(policy) => in_parallel(&trainings, |t| {
                final_loss(t, kind, &settings, horizon_known, &mut policy.controller())
            })?,
            None => alone.clone(),
        };
        let ratios = |reference: fn(&Oracle) -> f64| -> Vec<f64> {
            let both = finals.iter().zip(&oracles);
            both.map(|(f, o)| ratio(*f, reference(o), o.start))
                .collect()
        };
        let over_decay = ratios(|o| o.warmup_stable_decay);
        let over_constant = ratios(|o| o.constant);
        let score = mean(over_decay.iter().map(|r| r.clamp(-0.5, 1.0)));
        let near = mean(over_decay.iter().map(|r| f64::from(*r < 1.6f64.log10())));
        let stuck = finals.iter().zip(&oracles);
        let stuck =
            stuck.filter(|(f, o)| **f > 0.8 * o.start && o.warmup_stable_decay < 0.4 * o.start);
        println!(
            "set {name}: {} tasks, log10 over warm-up-stable-decay {score:.3}, over constant {:.3}, within 1.6 x {:.0} %, never started {}",
            trainings.len(),
            mean(over_constant.iter().map(|r| r.clamp(-0.5, 1.0))),
            100.0 * near,
            stuck.count(),
        );
        if policy.is_some() {
            let both = finals.iter().zip(&alone).zip(&oracles);
            let ahead: Vec<f64> = both.map(|((f, r), o)| ratio(*f, *r, o.start)).collect();
            let difference = mean(ahead.iter().copied());
            let variance = mean(ahead.iter().map(|d| (d - difference).powi(2)));
            let error = (variance / ahead.len() as f64).sqrt();
            println!("    minus the rule alone {difference:.3}, standard error {error:.3}");
        }
        sum += score;
    }
    println!("{}", sum / sets.split(',').count() as f64);
    Ok(())
}

/// The settings with one constant changed, by its name in a checkpoint.
fn changed(
    settings: &ScheduleSettings,
    name: &str,
    value: &str,
) -> Result<ScheduleSettings, Failure> {
    let mut document = serde_json::to_value(settings)?;
    let anchor = document["anchor"].as_object_mut();
    let constant = anchor.and_then(|anchor| anchor.get_mut(name));
    let constant = constant.ok_or_else(|| format!("the rule has no constant `{name}`"))?;
    *constant = serde_json::from_str(value)?;
    Ok(serde_json::from_value(document)?)
}

fn set(name: &str) -> Result<Vec<Training>, Failure> {
    match (name, name.parse()) {
        ("digits", _) => digits(&["softmax", "mlp:32", "mlp:32:relu"], 12, &[32], 15),
        ("small-batches", _) => digits(
            &["softmax", "mlp:32", "mlp:32:relu", "mlp:16,16:relu"],
            30,
            &[4, 8, 16],
            2,
        ),
        (_, Ok(seed)) => generated(seed),
        _ => match name.split_once(':').map(|(kind, seed)| (kind, seed.parse())) {
            Some(("plateau", Ok(seed))) => plateau(seed),
            Some(("memorizing", Ok(seed))) => memorizing(seed),
            _ => Err(format!(
                "the set `{name}` is neither a seed, nor `digits`, `small-batches`, `plateau:SEED` or `memorizing:SEED`"
            )
            .into()),
        },
    }
}

/// Spirals and parity, where the loss stays for long at that of a constant prediction.
fn plateau(from: u64) -> Result<Vec<Training>, Failure> {
    let models = [
        "mlp:32,32:tanh",
        "mlp:32,32,32:relu",
        "mlp:64:tanh",
        "mlp:16,16,16:relu",
    ];
    let mut trainings = Vec::new();
    for (index, model) in models.iter().enumerate() {
        for seed in from..from + 8 {
            let spirals = two_spirals(240 + 100 * index, seed)?;
            for data in [spirals, noisy_parity(400, 8, 4, seed)?] {
                let objective = task(
                    &Model::parse(model)?,
                    &Arc::new(data.split(0.8, seed)?),
                    seed,
                )?;
                trainings.push(Training {
                    objective,
                    steps: 2500,
                    batch: 16,
                    seed,
                });
            }
        }
    }
    Ok(trainings)
}

/// Few rows and many parameters: the network learns them by heart, and the loss falls to nothing.
fn memorizing(from: u64) -> Result<Vec<Training>, Failure> {
    let models = [
        "mlp:128:relu",
        "mlp:64:relu",
        "mlp:128:tanh",
        "mlp:32,32:relu",
    ];
    let mut trainings = Vec::new();
    for (index, model) in models.iter().enumerate() {
        for seed in from..from + 16 {
            let columns = [6, 12, 24][seed as usize % 3];
            let classes = (seed % 4 == 3).then_some(3);
            let data =
                generate_varied(120 + 20 * index, columns, classes, seed)?.split(0.8, seed)?;
            let objective = task(&Model::parse(model)?, &Arc::new(data), seed)?;
            let batch = [8, 16][seed as usize % 2];
            trainings.push(Training {
                steps: 80 * objective.samples().div_ceil(batch) as u64,
                objective,
                batch,
                seed,
            });
        }
    }
    Ok(trainings)
}

/// Models on the digits, one run for each model and seed; small batches make the loss of the first one an outlier now and then.
fn digits(
    models: &[&str],
    seeds: u64,
    batches: &[usize],
    epochs: u64,
) -> Result<Vec<Training>, Failure> {
    let mut trainings = Vec::new();
    for model in models {
        for seed in 0..seeds {
            let data = Dataset::digits()?.split(0.75, seed)?;
            let objective = task(&Model::parse(model)?, &Arc::new(data), seed)?;
            let batch = batches[seed as usize % batches.len()];
            let steps = epochs * objective.samples().div_ceil(batch) as u64;
            trainings.push(Training {
                objective,
                steps,
                batch,
                seed,
            });
        }
    }
    Ok(trainings)
}

/// Tasks of drawn sizes, models, batches and lengths.
fn generated(seed: u64) -> Result<Vec<Training>, Failure> {
    fn any<T: Copy>(rng: &mut ChaCha8Rng, of: &[T]) -> T {
        of[rng.random_range(0..of.len())]
    }
    let mut trainings = Vec::new();
    let mut index = 0u64;
    while trainings.len() < TASKS {
        index += 1;
        let rng = &mut Streams::new(seed).stream(&format!("rule-score/{index}"));
        let columns = any(rng, &[4, 8, 16, 32, 64, 96]);
        let rows = (64.0 * 32f64.powf(rng.random())) as usize;
        let classes = any(rng, &[Some(2), Some(3), Some(5), Some(10), None]);
        let layers = any(rng, &[0, 0, 1, 1, 1, 1, 2, 2, 2, 3]);
        let mut model = match (layers, classes) {
            (0, Some(_)) => "softmax".to_owned(),
            (0, None) => "huber".to_owned(),
            _ => "mlp".to_owned(),
        };
        for layer in 0..layers {
            let separator = if layer == 0 { ':' } else { ',' };
            write!(model, "{separator}{}", any(rng, &[8, 16, 32, 64]))?;
        }
        if layers > 0 {
            model += any(rng, &[":tanh", ":relu"]);
        }
        let batch = any(rng, &[8, 16, 32, 64]);
        let steps = (200.0 * 15f64.powf(rng.random())) as u64;
        let seed = rng.random();
        // Some sizes make no task, as more classes than rows do.
        let Ok(data) =
            generate_varied(rows, columns, classes, seed).and_then(|data| data.split(0.9, 1))
        else {
            continue;
        };
        let Ok(objective) = task(&Model::parse(&model)?, &Arc::new(data), seed) else {
            continue;
        };
        if 6.0 * (objective.dimension() * batch) as f64 * steps as f64 <= MOST_WORK {
            trainings.push(Training {
                objective,
                steps,
                batch,
                seed,
            });
        }
    }
    Ok(trainings)
}

/// The best rates of the grid, from the file where they were found before.
fn oracles(
    name: &str,
    kind: OptimizerKind,
    trainings: &[Training],
) -> Result<Vec<Oracle>, Failure> {
    let folder = Path::new("runs/rule");
    let path =
        folder.join(format!("oracle-{}-{kind:?}.json", name.replace(':', "-")).to_lowercase());
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(serde_json::from_str(&text)?);
    }
    let found = in_parallel(trainings, |t| {
        let best = |decays| {
            let rates = (0..11).map(|i| 10f64.powf(-4.0 + 0.5 * f64::from(i)));
            rates
                .map(|rate| at_rate(t, kind, rate, decays))
                .fold(f64::INFINITY, f64::min)
        };
        Oracle {
            start: t.objective.value(&t.objective.start()),
            constant: best(false),
            warmup_stable_decay: best(true),
        }
    })?;
    fs::create_dir_all(folder)?;
    // Several workers of a study may come here at once.
    let unfinished = path.with_extension(std::process::id().to_string());
    fs::write(&unfinished, serde_json::to_string(&found)?)?;
    fs::rename(unfinished, path)?;
    Ok(found)
}

/// The final full loss at a constant rate, or with warm-up over a twentieth and linear decay over the last three tenths of the steps.
fn at_rate(training: &Training, kind: OptimizerKind, rate: f64, decays: bool) -> f64 {
    let Training {
        objective,
        steps,
        batch,
        seed,
    } = training;
    let mut x = objective.start();
    let mut optimizer = SliceOptimizer::new(kind, x.len());
    let stream = Streams::new(*seed).stream("minibatches");
    let mut minibatches = Minibatches::new(objective.samples(), *batch, stream);
    let (mut gradient, mut change) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    for step in 0..*steps {
        if !objective
            .batch_value_and_gradient(&x, minibatches.draw(), &mut gradient)
            .is_finite()
        {
            return f64::INFINITY;
        }
        let (done, all) = (step as f64, *steps as f64);
        let shape = ((done + 1.0) / (0.05 * all))
            .min(1.0)
            .min((all - done) / (0.3 * all));
        optimizer.step(
            if decays { shape * rate } else { rate },
            &gradient,
            &mut change,
        );
        x.iter_mut()
            .zip(&change)
            .for_each(|(x, change)| *x += change);
    }
    let value = objective.value(&x);
    if value.is_finite() {
        value
    } else {
        f64::INFINITY
    }
}

/// The final full loss on the rule; infinite where it is not finite.
fn final_loss(
    training: &Training,
    kind: OptimizerKind,
    schedule: &ScheduleSettings,
    horizon_known: bool,
    controller: &mut dyn Controller,
) -> f64 {
    let settings = StochasticSettings {
        schedule: *schedule,
        steps: training.steps,
        horizon_known,
        rough_rate: None,
        batch: training.batch,
        optimizer: kind,
        ..Default::default()
    };
    let stream = Streams::new(training.seed).stream("minibatches");
    let mut episode = StochasticEpisode::start(training.objective.clone(), settings, stream);
    let value = run(&mut episode, controller).best_value;
    if value.is_finite() {
        value
    } else {
        f64::INFINITY
    }
}

/// log10 of a loss over another, both at most ten times the first loss, and a millionth of it more.
fn ratio(value: f64, reference: f64, start: f64) -> f64 {
    let within = |loss: f64| loss.min(10.0 * start) + 1e-6 * start;
    (within(value) / within(reference)).log10()
}

fn mean(of: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = of.fold((0.0, 0.0), |(sum, count), x| (sum + x, count + 1.0));
    sum / f64::max(count, 1.0)
}

/// The same results whatever the number of threads: each task is on its own.
fn in_parallel<T: Send>(
    of: &[Training],
    f: impl Fn(&Training) -> T + Sync,
) -> Result<Vec<T>, Failure> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut own = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(training) = of.get(index) else {
                return own;
            };
            own.push((index, f(training)));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let mut results = Vec::with_capacity(of.len());
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        for handle in handles {
            results.extend(handle.join().map_err(|_| "a task ended in a panic")?);
        }
        Ok::<_, Failure>(())
    })?;
    results.sort_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
