//! `qstride bench scheduler`: what control costs in a training loop.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;
use burn::lr_scheduler::LrScheduler;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Int, Tensor, TensorData};
use clap::Args;
use qstride::{GradientMeter, Guard, OptimizerFamily, Scheduler};
use qstride_agent::DeviceKind;
use qstride_objectives::Streams;
use qstride_objectives::activation::Activation;
use rand::{Rng, RngExt};
use serde_json::json;

use crate::fit::examples::BatchTargets;
use crate::fit::model::{Architecture, Model, Network};
use crate::fit::optimizer::OptimizerKind;
use crate::fit::update::Update;
use crate::table::Table;

const INPUTS: usize = 784;
const HIDDEN: usize = 128;
const CLASSES: usize = 10;
const BATCH: usize = 64;
/// Batches, one after the other and then again.
const BATCHES: usize = 16;
/// The constant rate.
const RATE: f64 = 1e-2;
/// The interval of gradient statistics.
const GRADIENTS_EVERY: u64 = 10;
/// Pairs of steps before the first one that is timed.
const WARM_UP: u64 = 100;

/// What `qstride bench scheduler` takes.
///
/// Each mode trains one network in two ways that take turns, step by step and on the same batches of noise; which goes first alternates. Every step reads its
/// loss to the host, as a loop that logs it does. An overhead is the median over all pairs of what the second way takes longer, over the median step of the
/// first: whatever else the machine does meets both steps of a pair. With gradient statistics, which make every tenth step another one, the turns
/// are ten steps long, the medians are taken over the steps of each place among ten, and the ten averaged.
#[derive(Debug, Args)]
pub struct Options {
    /// Pairs of steps that are timed in each mode.
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u64).range(10..=10_000_000))]
    pairs: u64,
    /// The folder of a checkpoint, in place of the policy that ships.
    #[arg(long, value_name = "FOLDER")]
    policy: Option<PathBuf>,
    /// flex or ndarray.
    #[arg(long, default_value_t = DeviceKind::Flex)]
    device: DeviceKind,
    /// One JSON object: loss_only_overhead, gradient_overhead, guard_overhead (over loss only), decision_us (the scheduler alone), decision_in_training_us, pairs.
    #[arg(long)]
    json: bool,
}

/// What stands around the optimizer's step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Control {
    /// The same rate at every step.
    Constant,
    /// A scheduler that sees the loss.
    LossOnly,
    /// And gradient statistics at every tenth step.
    Gradients,
    /// A scheduler that sees the loss, with a guard.
    Guarded,
}

/// Two ways to train, the second of which does more.
struct Mode {
    name: &'static str,
    against: &'static str,
    arms: [Control; 2],
    /// Steps after which the second way does the same again.
    cycle: usize,
}

const MODES: [Mode; 3] = [
    Mode {
        name: "loss only",
        against: "constant rate",
        arms: [Control::Constant, Control::LossOnly],
        cycle: 1,
    },
    Mode {
        name: "gradients every 10th step",
        against: "constant rate",
        arms: [Control::Constant, Control::Gradients],
        cycle: GRADIENTS_EVERY as usize,
    },
    Mode {
        name: "guard",
        against: "loss only",
        arms: [Control::LossOnly, Control::Guarded],
        cycle: 1,
    },
];

/// What a mode has come to, in microseconds a step.
struct Timing {
    base: f64,
    /// What the second way takes longer.
    more: f64,
    decisions: Decisions,
}

impl Timing {
    fn overhead(&self) -> f64 {
        self.more / self.base
    }
}

/// Microseconds of `scheduler.step()` where a window ended.
#[derive(Clone, Debug, Default)]
struct Decisions {
    /// The policy was asked.
    policy: Vec<f64>,
    /// The rule decided alone.
    rule: Vec<f64>,
}

/// Times all modes and prints what control costs.
///
/// # Errors
/// A policy that cannot be loaded.
pub fn run(options: &Options) -> Result<()> {
    let device = options.device.device().autodiff();
    let bench = Bench {
        options,
        batches: batches(&mut Streams::new(0).stream("batches"), &device),
        device,
    };
    let timings = MODES.iter().map(|mode| bench.time(mode));
    let timings: Vec<Timing> = timings.collect::<Result<_>>()?;
    let of = |pick: fn(&Decisions) -> &Vec<f64>| -> Vec<f64> {
        let all = timings.iter().flat_map(|t| pick(&t.decisions));
        all.copied().collect()
    };
    let (policy, rule) = (of(|d| &d.policy), of(|d| &d.rule));
    // In a run that never came to hold its rate no policy was asked.
    let asked = !policy.is_empty();
    let in_training = median(if asked { policy.clone() } else { rule.clone() });
    let decision = bench.decision_alone()?;
    if options.json {
        let object = json!({
            "loss_only_overhead": timings[0].overhead(),
            "gradient_overhead": timings[1].overhead(),
            "guard_overhead": timings[2].overhead(),
            "decision_us": decision,
            "decision_in_training_us": in_training,
            "pairs": options.pairs,
            "constant_us": timings[0].base,
            "policy_decisions": policy.len(),
            "rule_decisions": rule.len(),
            "device": options.device.to_string(),
        });
        println!("{}", serde_json::to_string_pretty(&object)?);
        return Ok(());
    }
    let rows = MODES.iter().zip(&timings).map(|(mode, timing)| {
        vec![
            mode.name.to_owned(),
            mode.against.to_owned(),
            format!("{:.1}", timing.base),
            format!("{:+.1}", timing.more),
            format!("{:+.2} %", 100.0 * timing.overhead()),
        ]
    });
    let header = ["control", "against", "us/step", "more", "overhead"];
    let title = format!(
        "{INPUTS}-{HIDDEN}-{CLASSES}, batch {BATCH}, SGD with momentum on {}, {} pairs of steps",
        options.device, options.pairs
    );
    let table = Table::new(title, header.map(str::to_owned).to_vec(), rows.collect());
    print!("{}", table.text());
    println!(
        "a decision of the {} takes {decision:.2} us, and {in_training:.2} us where the steps of training in between have emptied the caches \
         (median of {})",
        if asked { "policy" } else { "rule" },
        if asked { policy.len() } else { rule.len() }
    );
    Ok(())
}

/// What all modes share.
struct Bench<'a> {
    options: &'a Options,
    batches: Vec<Batch>,
    device: Device,
}

impl Bench<'_> {
    fn time(&self, mode: &Mode) -> Result<Timing> {
        let mut training = self.start(mode.arms)?;
        let cycle = mode.cycle as u64;
        for turn in 0..(WARM_UP + self.options.pairs).div_ceil(cycle) {
            let first = (turn % 2) as usize;
            for arm in [first, 1 - first] {
                for step in turn * cycle..(turn + 1) * cycle {
                    training = training.step(arm, &self.batches[step as usize % BATCHES]);
                }
            }
        }
        let [base, controlled] = training.arms;
        // The median at each place of a cycle, and their mean.
        let per_step = |microseconds: Vec<f64>| {
            let timed = &microseconds[WARM_UP as usize..];
            let at = |place| {
                median(
                    timed
                        .iter()
                        .skip(place)
                        .step_by(mode.cycle)
                        .copied()
                        .collect(),
                )
            };
            (0..mode.cycle).map(at).sum::<f64>() / mode.cycle as f64
        };
        let pairs = base.microseconds.iter().zip(&controlled.microseconds);
        Ok(Timing {
            more: per_step(pairs.map(|(base, controlled)| controlled - base).collect()),
            base: per_step(base.microseconds),
            decisions: controlled.decisions,
        })
    }

    /// The median time of a decision of the policy in a scheduler that is fed with losses and nothing else, in microseconds.
    fn decision_alone(&self) -> Result<f64> {
        let mut times = Vec::new();
        let mut random = Streams::new(0).stream("losses");
        for _ in 0..200 {
            let mut scheduler = self.scheduler()?.steps(400);
            let (probe, monitor) = (scheduler.probe(), scheduler.monitor());
            for step in 0..400 {
                let loss = 2.0 * (-0.01 * f64::from(step)).exp() + 0.02 * random.random::<f64>();
                probe.record(loss).ok();
                let before = monitor.decisions();
                let clock = Instant::now();
                scheduler.step();
                let time = microseconds(clock);
                let decided = monitor.decisions() > before;
                let last = monitor.last_decision().filter(|_| decided);
                if last.is_some_and(|decision| !decision.q_values.is_empty()) {
                    times.push(time);
                }
            }
        }
        Ok(median(times))
    }

    fn scheduler(&self) -> Result<Scheduler> {
        Ok(match &self.options.policy {
            Some(folder) => Scheduler::from_checkpoint(folder)?,
            None => Scheduler::pretrained_for(OptimizerFamily::Momentum),
        })
    }

    fn start(&self, controls: [Control; 2]) -> Result<Training> {
        let architecture = Architecture {
            model: Model::Mlp {
                hidden: vec![HIDDEN],
                activation: Activation::Relu,
            },
            inputs: INPUTS,
            outputs: CLASSES,
        };
        let network =
            architecture.init(&mut Streams::new(0).stream("initial weights"), &self.device);
        let arm = |control| -> Result<Arm> {
            let scheduler = self.scheduler()?.steps(WARM_UP + self.options.pairs);
            Ok(Arm {
                update: match control {
                    Control::Constant | Control::LossOnly => Update::Plain,
                    Control::Gradients => {
                        Update::Measured(GradientMeter::new(&scheduler, GRADIENTS_EVERY))
                    }
                    Control::Guarded => Update::Guarded(Box::new(Guard::new(&scheduler, &network))),
                },
                scheduler: (control != Control::Constant).then_some(scheduler),
                microseconds: Vec::new(),
                decisions: Decisions::default(),
            })
        };
        Ok(Training {
            arms: [arm(controls[0])?, arm(controls[1])?],
            optimizer: OptimizerKind::Momentum.init(),
            network,
        })
    }
}

/// One network that both ways of a mode train in turn: with a network each, chance in the memory's layout differs by more than control costs.
struct Training {
    network: Network,
    optimizer: ModuleOptimizer,
    arms: [Arm; 2],
}

/// One of the two ways.
struct Arm {
    scheduler: Option<Scheduler>,
    update: Update,
    /// Of every step.
    microseconds: Vec<f64>,
    decisions: Decisions,
}

impl Training {
    /// One step, timed. The network moves through it: a second owner would make the optimizer copy it.
    fn step(mut self, arm: usize, batch: &Batch) -> Self {
        let arm = &mut self.arms[arm];
        let before = arm.decided();
        let mut choice = 0.0;
        let clock = Instant::now();
        let scores = self.network.forward(batch.inputs.clone());
        let loss = BatchTargets::Classes(batch.labels.clone()).loss(scores);
        let value = loss.clone().into_scalar::<f64>();
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        let rate = match &mut arm.scheduler {
            None => RATE,
            Some(scheduler) => {
                scheduler.probe().record(value).ok();
                let clock = Instant::now();
                let rate = scheduler.step();
                choice = microseconds(clock);
                rate
            }
        };
        self.network = arm
            .update
            .step(rate, self.network, &mut self.optimizer, gradients);
        arm.microseconds.push(microseconds(clock));
        if arm.decided() > before {
            arm.decisions_of_its_kind().push(choice);
        }
        self
    }
}

impl Arm {
    /// Decisions so far.
    fn decided(&self) -> u64 {
        let monitor = self.scheduler.as_ref().map(Scheduler::monitor);
        monitor.map_or(0, |monitor| monitor.decisions())
    }

    /// Where the time of the last decision belongs.
    fn decisions_of_its_kind(&mut self) -> &mut Vec<f64> {
        let last = self.scheduler.as_ref().and_then(Scheduler::last_decision);
        match last {
            Some(decision) if !decision.q_values.is_empty() => &mut self.decisions.policy,
            _ => &mut self.decisions.rule,
        }
    }
}

fn microseconds(clock: Instant) -> f64 {
    1e6 * clock.elapsed().as_secs_f64()
}

/// Noise and its labels, on a device.
struct Batch {
    /// \[64, 784\]
    inputs: Tensor<2>,
    /// \[64, 1\]
    labels: Tensor<2, Int>,
}

fn batches(random: &mut impl Rng, device: &Device) -> Vec<Batch> {
    let mut batch = |_| {
        let inputs = (0..BATCH * INPUTS).map(|_| 2.0 * random.random::<f32>() - 1.0);
        let inputs = TensorData::new(inputs.collect::<Vec<f32>>(), [BATCH, INPUTS]);
        let labels = (0..BATCH).map(|_| random.random_range(0..CLASSES as i64));
        let labels = TensorData::new(labels.collect::<Vec<i64>>(), [BATCH, 1]);
        Batch {
            inputs: Tensor::from_data(inputs, device),
            labels: Tensor::from_data(labels, device),
        }
    };
    (0..BATCHES).map(&mut batch).collect()
}

/// NaN of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len() / 2, values.len() % 2) {
        (0, 0) => f64::NAN,
        (half, 0) => 0.5 * (values[half - 1] + values[half]),
        (half, _) => values[half],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_by_hand() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }
}
