//! The stochastic regime's statistics: one window of optimizer steps each. None depends on the unit of the loss or of the rate.

use crate::features::{Builtin, clip, log_ratio};
use crate::observation::Observation;

/// Log loss against that of `back` windows ago; 0 before there are so many.
fn log_loss_change(o: &Observation, back: usize) -> f64 {
    match (o.window.log_losses.get(0), o.window.log_losses.get(back)) {
        (Some(now), Some(then)) => clip(now - then, -3.0, 3.0),
        _ => 0.0,
    }
}

fn log_loss(o: &Observation) -> f64 {
    o.window.log_losses.last().unwrap_or(0.0)
}

/// log2 of the rate over another one, / 4; 0 where there is no other.
fn rate_over(o: &Observation, other: f64) -> f64 {
    if other > 0.0 {
        clip(
            log_ratio(o.rate, other) / (4.0 * std::f64::consts::LOG10_2),
            -2.0,
            2.0,
        )
    } else {
        0.0
    }
}

/// Sign-keeping log10(1 + 1e4 |v|) / 4.
fn signed_log(v: f64) -> f64 {
    clip(v.signum() * (1.0 + 1e4 * v.abs()).log10() / 4.0, -2.0, 2.0)
}

fn recency(windows: u32) -> f64 {
    1.0 / (1.0 + f64::from(windows) / 4.0)
}

/// What needs the loss alone.
pub(crate) const LOSS: &[Builtin] = &[
    Builtin {
        name: "log_loss_change_1",
        about: "ln loss against the window before",
        observe: |o| log_loss_change(o, 1),
    },
    Builtin {
        name: "log_loss_change_2",
        about: "ln loss against 2 windows ago",
        observe: |o| log_loss_change(o, 2),
    },
    Builtin {
        name: "log_loss_change_4",
        about: "ln loss against 4 windows ago",
        observe: |o| log_loss_change(o, 4),
    },
    Builtin {
        name: "log_loss_change_8",
        about: "ln loss against 8 windows ago",
        observe: |o| log_loss_change(o, 8),
    },
    Builtin {
        name: "log_loss_change_16",
        about: "ln loss against 16 windows ago",
        observe: |o| log_loss_change(o, 16),
    },
    Builtin {
        name: "log_loss_over_best",
        about: "ln loss minus that of the best window",
        observe: |o| {
            if o.window.log_losses.is_empty() {
                0.0
            } else {
                clip(log_loss(o) - o.window.best_log_loss, 0.0, 3.0)
            }
        },
    },
    Builtin {
        name: "log_loss_progress",
        about: "ln loss minus that of the start, / 5",
        observe: |o| {
            if o.window.log_losses.is_empty() {
                0.0
            } else {
                clip((log_loss(o) - o.window.start_log_loss) / 5.0, -3.0, 1.0)
            }
        },
    },
    Builtin {
        name: "log_loss_over_average",
        about: "moving average of ln loss minus ln loss",
        observe: |o| {
            if o.window.log_losses.is_empty() {
                0.0
            } else {
                clip(o.window.average_log_loss - log_loss(o), -2.0, 2.0)
            }
        },
    },
    Builtin {
        name: "loss_spread",
        about: "spread of ln loss in the window",
        observe: |o| clip(o.window.spread.now, 0.0, 2.0),
    },
    Builtin {
        name: "loss_spread_average",
        about: "moving average of the spread of ln loss",
        observe: |o| clip(o.window.spread.average, 0.0, 2.0),
    },
    Builtin {
        name: "rate_over_best",
        about: "log2 of the rate over that of the best window, / 4",
        observe: |o| rate_over(o, o.window.best_rate),
    },
    Builtin {
        name: "rate_over_failed",
        about: "log2 of the rate over that of the last failure, / 4; 0 before the first",
        observe: |o| rate_over(o, o.window.failed_rate),
    },
    Builtin {
        name: "rate_over_largest",
        about: "log2 of the rate over the largest so far, / 4",
        observe: |o| rate_over(o, o.window.largest_rate),
    },
    Builtin {
        name: "rate_over_moved",
        about: "log2 of the rate over that at which the loss first moved in the search, / 4",
        observe: |o| rate_over(o, o.window.moved_rate),
    },
    Builtin {
        name: "loss_change_errors",
        about: "mean loss against the window before, in standard errors, / 4",
        observe: |o| match (o.values.get(0), o.values.get(1)) {
            (Some(now), Some(before)) if o.window.deviation > 0.0 => {
                let error = o.window.deviation * (2.0 / f64::from(o.window.steps.max(1))).sqrt();
                clip((now - before) / (4.0 * error), -2.0, 2.0)
            }
            _ => 0.0,
        },
    },
    Builtin {
        name: "has_failed",
        about: "1 once the guard or the policy has rolled back",
        observe: |o| if o.window.rollbacks > 0 { 1.0 } else { 0.0 },
    },
    Builtin {
        name: "rollback_recency",
        about: "1 right after a roll-back, falling with the windows since",
        observe: |o| {
            if o.window.rollbacks > 0 {
                recency(o.window.since_rollback)
            } else {
                0.0
            }
        },
    },
    Builtin {
        name: "change_recency",
        about: "1 right after a change of the rate by search, roll-back or policy, falling with the windows since",
        observe: |o| recency(o.window.since_change),
    },
    Builtin {
        name: "action_index",
        about: "index of the last action, / 5; -0.2 before the first",
        observe: |o| o.last_action.map_or(-0.2, |a| a as f64 / 5.0),
    },
    Builtin {
        name: "residual",
        about: "log2 of the policy's factor on the anchor's rate, / 2",
        observe: |o| {
            if o.window.residual > 0.0 {
                o.window.residual.log2() / 2.0
            } else {
                0.0
            }
        },
    },
    Builtin {
        name: "windows_since_best",
        about: "1 right after the best window, falling with the windows since",
        observe: |o| recency(o.window.since_best),
    },
    Builtin {
        name: "window_length",
        about: "log10 of the steps in a window, / 3",
        observe: |o| f64::from(o.window.steps.max(1)).log10() / 3.0,
    },
];

/// What needs gradient statistics.
pub(crate) const GRADIENT: &[Builtin] = &[
    Builtin {
        name: "step_cosine",
        about: "mean cosine of -gradient and the step before",
        observe: |o| o.window.step_cosine.now,
    },
    Builtin {
        name: "step_cosine_average",
        about: "moving average of the cosine of -gradient and the step before",
        observe: |o| o.window.step_cosine.average,
    },
    Builtin {
        name: "promised_decrease",
        about: "mean of -g.step / loss, signed log",
        observe: |o| signed_log(o.window.promised_decrease.now),
    },
    Builtin {
        name: "promised_decrease_average",
        about: "moving average of -g.step / loss, signed log",
        observe: |o| signed_log(o.window.promised_decrease.average),
    },
    Builtin {
        name: "relative_step",
        about: "log10 of |step| / |x|, / 4",
        observe: |o| clip(o.window.log_relative_step / 4.0, -3.0, 1.0),
    },
    Builtin {
        name: "log_gradient_change",
        about: "ln mean gradient norm against the window before",
        observe: |o| {
            clip(
                o.window.log_gradient.now - o.window.previous_log_gradient,
                -3.0,
                3.0,
            )
        },
    },
    Builtin {
        name: "log_gradient_over_average",
        about: "ln mean gradient norm against its moving average",
        observe: |o| {
            clip(
                o.window.log_gradient.now - o.window.log_gradient.average,
                -3.0,
                3.0,
            )
        },
    },
    Builtin {
        name: "log_gradient_progress",
        about: "ln mean gradient norm against the first window, / 5",
        observe: |o| {
            clip(
                (o.window.log_gradient.now - o.window.start_log_gradient) / 5.0,
                -2.0,
                2.0,
            )
        },
    },
];
