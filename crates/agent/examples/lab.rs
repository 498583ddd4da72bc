#![allow(missing_docs, clippy::unwrap_used, clippy::panic)]
use qstride_agent::Problems;
use qstride_agent::environment::Problem;
use qstride_agent::recipe::Recipe;
use qstride_control::learned::Blind;
use qstride_control::schedule::ScheduleSettings;
use qstride_control::update::{OptimizerKind, SliceOptimizer};
use qstride_control::*;
use qstride_objectives::dataset::Dataset;
use qstride_objectives::task::{Model, task};
use qstride_objectives::{StochasticObjective, Streams};
use rand::RngExt;
use rayon::prelude::*;
use std::sync::Arc;

type Task = (Arc<dyn StochasticObjective>, u64, usize, u64);

fn constant(t: &Task, opt: OptimizerKind, rate: f64, cosine: bool) -> f64 {
    let (o, steps, batch, seed) = t;
    let mut rng = Streams::new(*seed).stream("minibatches");
    let mut x = o.start();
    let mut g = vec![0.0; x.len()];
    let mut d = vec![0.0; x.len()];
    let mut order: Vec<usize> = (0..o.samples()).collect();
    let mut used = order.len();
    let mut op = SliceOptimizer::new(opt, x.len());
    for s in 0..*steps {
        if used >= order.len() {
            for l in (1..order.len()).rev() {
                order.swap(l, rng.random_range(0..=l));
            }
            used = 0;
        }
        let e = (used + batch).min(order.len());
        o.batch_value_and_gradient(&x, &order[used..e], &mut g);
        used = e;
        let f = if cosine {
            0.5 * (1.0 + (std::f64::consts::PI * s as f64 / *steps as f64).cos())
        } else {
            1.0
        };
        op.step(rate * f, &g, &mut d);
        for (x, d) in x.iter_mut().zip(&d) {
            *x += d;
        }
    }
    let v = o.value(&x);
    let v0 = o.value(&o.start());
    if v.is_finite() {
        v.min(10.0 * v0)
    } else {
        10.0 * v0
    }
}

thread_local! { static CP: Option<qstride_control::Checkpoint> = std::env::var("CP").ok().map(|p| qstride_control::Checkpoint::load(std::path::Path::new(&p)).unwrap()); }
fn rule(
    t: &Task,
    opt: OptimizerKind,
    schedule: ScheduleSettings,
    rough: Option<f64>,
    guard: bool,
    horizon: bool,
    ge: u64,
) -> (f64, Observation, Record) {
    let (o, steps, batch, seed) = t;
    let settings = StochasticSettings {
        schedule,
        steps: *steps,
        horizon_known: horizon,
        rough_rate: rough,
        batch: *batch,
        optimizer: opt,
        gradients_every: ge,
        can_roll_back: guard,
        rewarded: false,
        trace: true,
    };
    let mut e = StochasticEpisode::start(
        o.clone(),
        settings,
        Streams::new(*seed).stream("minibatches"),
    );
    let actions = Arc::new(ActionSet::preset("residual").unwrap());
    let r = CP.with(|c| match c {
        Some(c) => run(&mut e, &mut c.controller()),
        None => run(&mut e, &mut Blind::keeping(actions)),
    });
    let v0 = o.value(&o.start());
    let v = if r.best_value.is_finite() {
        r.best_value.min(10.0 * v0)
    } else {
        10.0 * v0
    };
    (v, e.observation().clone(), r)
}

fn main() {
    let what = std::env::args().nth(1).unwrap_or("digits".into());
    let opts = [OptimizerKind::Momentum, OptimizerKind::Adam];
    let digits = || {
        let d = Dataset::digits().unwrap();
        let mut v: Vec<Task> = vec![];
        for m in ["softmax", "mlp:32:relu", "mlp:32:tanh", "mlp:64,32:relu"] {
            for seed in 0..3 {
                let split = Arc::new(d.split(0.75, seed).unwrap());
                v.push((
                    task(&Model::parse(m).unwrap(), &split, seed).unwrap(),
                    630,
                    32,
                    seed,
                ));
            }
        }
        v
    };
    let synth = || -> Vec<Task> {
        let n: usize = std::env::args()
            .nth(2)
            .map(|a| a.parse().unwrap())
            .unwrap_or(40);
        let mut r = Recipe::stochastic();
        r.stochastic.tasks = n;
        r.validation.per_family = 1;
        let p = Problems::draw(&r.check().unwrap()).unwrap();
        p.train
            .iter()
            .enumerate()
            .map(|(i, p)| match p {
                Problem::Sampled(o) => {
                    let mut g = Streams::new(9).stream(&format!("{i}"));
                    let steps = (220.0 * (800f64 / 220.0).powf(g.random())) as u64;
                    (
                        o.clone(),
                        steps,
                        [8, 16, 32][g.random_range(0..3)],
                        i as u64,
                    )
                }
                _ => panic!(),
            })
            .collect()
    };
    let tasks: Vec<Task> = match what.as_str() {
        "digits" => digits(),
        "both" => digits().into_iter().chain(synth()).collect(),
        _ => synth(),
    };
    if let Ok(seed) = std::env::var("SEARCH") {
        return search(
            &tasks,
            opts[std::env::var("OPT").unwrap().parse::<usize>().unwrap()],
            seed.parse().unwrap(),
        );
    }
    let floor = |t: &Task| 1e-6 * t.0.value(&t.0.start());
    for opt in opts {
        if std::env::var("OPT").is_ok_and(|o| opts[o.parse::<usize>().unwrap()] != opt) {
            continue;
        }
        let rates: Vec<f64> = (0..9).map(|i| 10f64.powf(-3.0 + 0.5 * i as f64)).collect();
        let arates: Vec<f64> = (0..9).map(|i| 10f64.powf(-4.5 + 0.5 * i as f64)).collect();
        let rs = if opt == OptimizerKind::Adam {
            &arates
        } else {
            &rates
        };
        let sgd: Vec<f64> = tasks
            .par_iter()
            .map(|t| {
                rates
                    .iter()
                    .map(|r| constant(t, OptimizerKind::Sgd, *r, false))
                    .fold(f64::INFINITY, f64::min)
                    + floor(t)
            })
            .collect();
        let gm = |v: &[f64]| {
            (v.iter().zip(&sgd).map(|(a, b)| (a / b).ln()).sum::<f64>() / v.len() as f64).exp()
        };
        let best: Vec<f64> = tasks
            .par_iter()
            .map(|t| {
                rs.iter()
                    .map(|r| constant(t, opt, *r, false))
                    .fold(f64::INFINITY, f64::min)
                    + floor(t)
            })
            .collect();
        let cos: Vec<f64> = tasks
            .par_iter()
            .map(|t| {
                rs.iter()
                    .map(|r| constant(t, opt, *r, true))
                    .fold(f64::INFINITY, f64::min)
                    + floor(t)
            })
            .collect();
        println!(
            "== {opt:?}: best const {:.3}, best cosine {:.3} (over best of 9 SGD)",
            gm(&best),
            gm(&cos)
        );
        let base = if opt == OptimizerKind::Adam {
            ScheduleSettings::ADAPTIVE
        } else {
            ScheduleSettings::MOMENTUM
        };
        for (name, rough, guard, horizon, ge) in [
            ("none", None, true, true, 0),
            ("none, gradients/10", None, true, true, 10),
            ("none, gradients/1", None, true, true, 1),
            ("no guard", None, false, true, 0),
            ("no horizon", None, true, false, 0),
            ("1e-4", Some(1e-4), true, true, 0),
            ("1e-2", Some(1e-2), true, true, 0),
            ("1", Some(1.0), true, true, 0),
            ("10", Some(10.0), true, true, 0),
        ] {
            let v: Vec<(f64, Observation, Record)> = tasks
                .par_iter()
                .map(|t| rule(t, opt, base, rough, guard, horizon, ge))
                .collect();
            let l: Vec<f64> = v.iter().zip(&tasks).map(|(v, t)| v.0 + floor(t)).collect();
            let rec = l.iter().zip(&sgd).filter(|(a, b)| **a <= 1.5 * **b).count() as f64
                / l.len() as f64;
            let rb = v
                .iter()
                .map(|v| f64::from(v.1.window.rollbacks))
                .sum::<f64>()
                / v.len() as f64;
            let ramp = v
                .iter()
                .map(|v| {
                    let top = v.2.trace.iter().map(|s| s.rate).fold(0.0, f64::max);
                    v.2.trace.iter().position(|s| s.rate == top).unwrap() as f64
                        / v.2.trace.len() as f64
                })
                .sum::<f64>()
                / v.len() as f64;
            println!(
                "{name:20} {:.3}  rec {rec:.2} rollbacks {rb:.2} peak at {ramp:.2}",
                gm(&l)
            );
            if std::env::var("V").is_ok() && name == "none" {
                for ((a, b), t) in l.iter().zip(&sgd).zip(&v) {
                    let tr: Vec<String> =
                        t.2.trace
                            .iter()
                            .step_by(t.2.trace.len() / 33)
                            .map(|s| format!("{:.1}", s.rate.log10()))
                            .collect();
                    println!(
                        "   {:.3} ({:.4} vs {:.4}) rb {} {}",
                        a / b,
                        a,
                        b,
                        t.1.window.rollbacks,
                        tr.join(" ")
                    );
                }
            }
        }
    }
}

fn search(tasks: &[Task], opt: OptimizerKind, seed: u64) {
    let mut g = Streams::new(seed).stream("search");
    let base = if opt == OptimizerKind::Adam {
        ScheduleSettings::ADAPTIVE
    } else {
        ScheduleSettings::MOMENTUM
    };
    let score = |s: ScheduleSettings| -> [f64; 3] {
        let one = |t: &Task, r| {
            let v0 = t.0.value(&t.0.start());
            let v = rule(t, opt, s, r, true, true, 0).0;
            ((v + 1e-5 * v0) / v0).ln()
        };
        let a: Vec<[f64; 2]> = tasks
            .iter()
            .map(|t| [one(t, None), one(t, Some(1.0))])
            .collect();
        let n = a.len() as f64;
        let m = [
            a.iter().map(|a| a[0]).sum::<f64>() / n,
            a.iter().map(|a| a[1]).sum::<f64>() / n,
        ];
        [0.5 * (m[0] + m[1]), m[0], m[1]]
    };
    println!("default {:?}", score(base));
    let mut best = (base, score(base)[0]);
    for i in 0.. {
        let mut s = if i < 60 { base } else { best.0 };
        let a = &mut s.anchor;
        let all = i < 60;
        let mut pick = |list: &[f64], now: f64| {
            if all || g.random::<f64>() < 0.2 {
                list[g.random_range(0..list.len())]
            } else {
                now
            }
        };
        a.windows = pick(
            &[20.0, 25.0, 33.0, 40.0, 50.0, 66.0, 80.0],
            a.windows as f64,
        ) as u64;
        a.seek_share = pick(&[0.01, 0.1, 0.2, 0.3], a.seek_share);
        a.climb_share = pick(&[0.2, 0.35, 0.5, 0.75, 1.0], a.climb_share);
        a.seek_errors = pick(&[2.0, 3.0, 4.0, 5.0], a.seek_errors);
        a.worse = pick(&[0.1, 0.2, 0.3, 0.5, 0.7], a.worse);
        a.worse_share = pick(&[0.1, 0.25, 0.4, 0.5, 0.7], a.worse_share);
        a.back = pick(&[0.08, 0.12, 0.18, 0.25, 0.35, 0.5], a.back);
        a.ramp_end = pick(&[0.25, 0.35, 0.5], a.ramp_end);
        a.late_worse = pick(&[0.3, 0.5, 0.7, 1.0, 1.5], a.late_worse);
        a.decay = pick(&[0.15, 0.2, 0.3, 0.4, 0.5], a.decay);
        s.guard = pick(&[2.0, 3.0, 5.0], s.guard);
        let v = score(s);
        if v[0] < best.1 {
            best = (s, v[0]);
            println!("{i} {v:.3?} {s:?}");
        }
    }
}
