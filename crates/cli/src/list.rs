//! `qstride list`: the names that the other commands understand.

use std::io::Write;

use anyhow::Result;
use clap::{Args, ValueEnum};
use qstride_control::ActionSet;
use qstride_control::features::Features;
use qstride_control::rivals::RIVALS;
use qstride_control::rivals::stochastic::STOCHASTIC_RIVALS;
use qstride_objectives::suite::{self, Kind, Split};
use qstride_objectives::tasks::{TASK_SETS, TASKS};
use qstride_study::named::{PRUNERS, SAMPLERS};
use serde::Serialize;

use crate::compare::method;
use crate::fit::optimizer::OptimizerKind;
use crate::fit::schedule::ScheduleKind;

/// What `qstride list` takes.
#[derive(Debug, Args)]
pub struct Options {
    /// Only these; everything where nothing is named.
    #[arg(value_enum)]
    topics: Vec<Topic>,

    /// Print one JSON object, with a list for each topic.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topic {
    Suites,
    Families,
    Problems,
    Tasks,
    Methods,
    Actions,
    Features,
    Models,
    Optimizers,
    Schedules,
    Samplers,
    Pruners,
}

/// A name and what it stands for.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    about: String,
}

/// Prints the names.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(options: &Options) -> Result<()> {
    let topics = if options.topics.is_empty() {
        Topic::value_variants()
    } else {
        &options.topics
    };
    let mut out = std::io::stdout().lock();
    if options.json {
        let object: serde_json::Map<String, serde_json::Value> = topics
            .iter()
            .map(|topic| Ok((topic.name(), serde_json::to_value(topic.entries())?)))
            .collect::<Result<_>>()?;
        writeln!(out, "{}", serde_json::to_string_pretty(&object)?)?;
        return Ok(());
    }
    for (index, topic) in topics.iter().enumerate() {
        let gap = if index > 0 { "\n" } else { "" };
        writeln!(out, "{gap}{}", topic.name())?;
        let entries = topic.entries();
        let width = entries.iter().map(|e| e.name.len()).max().unwrap_or(0);
        for Entry { name, about } in entries {
            writeln!(out, "  {name:width$}  {about}")?;
        }
    }
    Ok(())
}

impl Topic {
    fn name(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |v| v.get_name().to_owned())
    }

    fn entries(self) -> Vec<Entry> {
        match self {
            Self::Suites => listings(Kind::Suite),
            Self::Families => listings(Kind::Family),
            Self::Problems => listings(Kind::Problem),
            Self::Tasks => tasks(),
            Self::Methods => methods(),
            Self::Actions => action_sets(),
            Self::Features => Features::builtin()
                .iter()
                .map(|s| entry(s.name(), s.about()))
                .collect(),
            Self::Models => models(),
            Self::Optimizers => OptimizerKind::ALL
                .iter()
                .map(|o| entry(o.name(), o.about()))
                .collect(),
            Self::Schedules => ScheduleKind::ALL
                .iter()
                .map(|s| entry(s.name(), s.about()))
                .collect(),
            Self::Samplers => named(SAMPLERS),
            Self::Pruners => named(PRUNERS),
        }
    }
}

fn named(entries: &[(&str, &str)]) -> Vec<Entry> {
    let entries = entries.iter();
    entries.map(|(name, about)| entry(name, about)).collect()
}

fn entry(name: &str, about: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        about: about.to_owned(),
    }
}

fn listings(kind: Kind) -> Vec<Entry> {
    suite::list()
        .into_iter()
        .filter(|listing| listing.kind == kind)
        .map(|listing| match listing.split {
            Some(split) if kind != Kind::Suite => entry(
                &listing.name,
                &format!("[{}] {}", word(split), listing.about),
            ),
            _ => entry(&listing.name, listing.about),
        })
        .collect()
}

/// Sets first, then their members.
fn tasks() -> Vec<Entry> {
    let sets = TASK_SETS.iter().map(|set| {
        let about = format!("[{}] all of these: {}", word(set.split), set.about);
        entry(set.name, &about)
    });
    let members = TASKS.iter().map(|task| {
        let about = format!(
            "[{}] {}; {}, {} passes, minibatches of {}",
            word(task.split()),
            task.about,
            task.model,
            task.passes,
            task.batch
        );
        entry(task.name, &about)
    });
    sets.chain(members).collect()
}

fn word(split: Split) -> &'static str {
    match split {
        Split::Train => "train",
        Split::Validation => "validation",
        Split::Test => "test",
    }
}

/// Methods of exact minimisation first, then optimizers, which run in both regimes, then schedules, which train by minibatches, then the
/// forms of words.
fn methods() -> Vec<Entry> {
    let exact = RIVALS.iter().map(|rival| entry(rival.name, rival.about));
    let policies = qstride::PRETRAINED
        .into_iter()
        .map(|name| entry(name, "a policy that ships with qstride"));
    let stochastic = STOCHASTIC_RIVALS.iter().map(|rival| {
        let rate = match rival.tunable {
            true => format!("; rate {} where none is given", rival.rate),
            false => String::new(),
        };
        entry(rival.name, &format!("[both regimes] {}{rate}", rival.about))
    });
    let schedules = qstride::PRETRAINED_SCHEDULES.into_iter().map(|name| {
        let about = "[minibatches] a policy that ships with qstride, on the scripted schedule";
        entry(name, about)
    });
    let forms = method::FORMS.iter().map(|(form, about)| entry(form, about));
    exact
        .chain(policies)
        .chain(stochastic)
        .chain(schedules)
        .chain(forms)
        .collect()
}

fn action_sets() -> Vec<Entry> {
    ActionSet::PRESETS
        .iter()
        .filter_map(|name| ActionSet::preset(name).ok())
        .map(|set| {
            let words: Vec<String> = set.actions.iter().map(ToString::to_string).collect();
            entry(&set.name, &words.join(", "))
        })
        .collect()
}

fn models() -> Vec<Entry> {
    vec![
        entry("logistic", "logistic regression, for two classes"),
        entry("softmax", "softmax regression, for classes"),
        entry("huber", "Huber regression, for numbers"),
        entry(
            "mlp[:WIDTHS[:ACTIVATION]]",
            "multilayer perceptron for classes or numbers, e.g. mlp:64,32:relu; 32 and tanh where nothing is said",
        ),
        entry(
            "cnn",
            "small convolutional network for square images; in `qstride compare` and `qstride fit`",
        ),
    ]
}
