//! What can go wrong, with the names of things and the way out.

use crate::TrialState;

/// A search space that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SpaceError {
    /// low > high, or one of them not finite.
    #[error(
        "the parameter {name} has the range [{low}, {high}]: low must be at most high, and both finite"
    )]
    Range {
        /// The parameter.
        name: String,
        /// Its least value.
        low: f64,
        /// Its greatest value.
        high: f64,
    },
    /// A logarithmic range that reaches 0.
    #[error(
        "the parameter {name} is logarithmic and starts at {low}: low must be above 0 (at least 1 for whole numbers)"
    )]
    LogOfNothing {
        /// The parameter.
        name: String,
        /// Its least value.
        low: f64,
    },
    /// Both a logarithmic scale and steps.
    #[error("the parameter {name} has both a logarithmic scale and a step: drop one of them")]
    LogAndStep {
        /// The parameter.
        name: String,
    },
    /// A step that leads nowhere.
    #[error(
        "the parameter {name} has the step {step}: it must be above 0, and whole for whole numbers"
    )]
    BadStep {
        /// The parameter.
        name: String,
        /// The step.
        step: f64,
    },
    /// Choices have no order, hence no scale and no step.
    #[error("the parameter {name} is one of several choices, which have neither scale nor step")]
    NoScale {
        /// The parameter.
        name: String,
    },
    /// No choice at all.
    #[error("the parameter {name} has no choices: give at least one")]
    NoChoice {
        /// The parameter.
        name: String,
    },
    /// The same choice twice.
    #[error("the parameter {name} has the choice {choice} twice")]
    ChoiceTwice {
        /// The parameter.
        name: String,
        /// The choice.
        choice: String,
    },
    /// One name, two meanings.
    #[error("the parameter {name} was {before} and is now {now}: give the new one another name")]
    Changed {
        /// The parameter.
        name: String,
        /// As it was.
        before: String,
        /// As it is asked for.
        now: String,
    },
    /// Two parameters of one name.
    #[error("the parameter {name} is given twice")]
    Twice {
        /// The parameter.
        name: String,
    },
    /// Neither a range nor choices, or both.
    #[error("the parameter {name} needs one of float, int and choices")]
    Kind {
        /// The parameter.
        name: String,
    },
    /// A condition on what is not there.
    #[error("the parameter {name} has a condition on {on}, which is no parameter")]
    NoSuchCondition {
        /// The parameter.
        name: String,
        /// What its condition speaks of.
        on: String,
    },
    /// Conditions in a circle.
    #[error("the conditions of the parameter {name} go in a circle")]
    Circle {
        /// The parameter.
        name: String,
    },
    /// A parameter as text.
    #[error(
        "`{text}` is no parameter, because of `{part}`: write NAME=LOW..HIGH[:log][:step=S] or NAME=A|B|C, with :default=V if wanted"
    )]
    Text {
        /// All of it.
        text: String,
        /// What cannot be read.
        part: String,
    },
    /// A value from outside.
    #[error("{value} is no value of the parameter {name}, which is {distribution}")]
    NotContained {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
        /// What is possible.
        distribution: String,
    },
}

/// What a sampler refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SamplerError {
    /// A grid does not know a parameter.
    #[error("the grid has no values for the parameter {name}: it has {known}")]
    NotInGrid {
        /// The parameter.
        name: String,
        /// What the grid has.
        known: String,
    },
    /// A setting out of its range.
    #[error("the sampler's {setting} is {value}: it must be {must}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What it is.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
    /// A grid value that the parameter cannot take, or a space that cannot be.
    #[error(transparent)]
    Space(#[from] SpaceError),
}

/// What a pruner refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrunerError {
    /// A setting out of its range.
    #[error("the pruner's {setting} is {value}: it must be {must}")]
    Setting {
        /// Which one.
        setting: &'static str,
        /// What it is.
        value: f64,
        /// What it must be.
        must: &'static str,
    },
}

impl PrunerError {
    /// An error unless the setting is as it must be.
    pub(crate) fn unless(
        right: bool,
        setting: &'static str,
        value: f64,
        must: &'static str,
    ) -> Result<(), Self> {
        if right {
            return Ok(());
        }
        Err(Self::Setting {
            setting,
            value,
            must,
        })
    }
}

/// What goes wrong where trials are kept. No message holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The name of a new study is taken.
    #[error("{storage} has a study called {name}: choose another name, or continue it")]
    NameTaken {
        /// Where.
        storage: String,
        /// The name.
        name: String,
    },
    /// No study has this name.
    #[error("{storage} has no study called {name}{}", did_you_mean(near))]
    UnknownStudy {
        /// Where.
        storage: String,
        /// The name.
        name: String,
        /// Names much like it.
        near: Vec<String>,
    },
    /// No trial has this number.
    #[error("the study has no trial {trial}")]
    UnknownTrial {
        /// Its id in the storage.
        trial: i64,
    },
    /// The storage has another schema.
    #[error("{storage} has the schema {found}, this program writes {expected}: {way_out}")]
    Schema {
        /// Where.
        storage: String,
        /// Its schema.
        found: String,
        /// Ours.
        expected: String,
        /// What can be done.
        way_out: &'static str,
    },
    /// An address that cannot be read.
    #[error(
        "{address} is no storage: {reason}; use sqlite:///FILE or postgresql://USER@HOST/DATABASE"
    )]
    Address {
        /// The address without its password.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The database is busy with others.
    #[error(
        "{storage} was locked by another process for {seconds} s while {doing}: try again, or use PostgreSQL for many workers"
    )]
    Locked {
        /// Where.
        storage: String,
        /// For how long it was tried.
        seconds: u64,
        /// What was to be done.
        doing: &'static str,
    },
    /// The file cannot be written.
    #[error(
        "{storage} is read-only, which fails while {doing}: check the permissions of the file and its folder"
    )]
    ReadOnly {
        /// Where.
        storage: String,
        /// What was to be done.
        doing: &'static str,
    },
    /// The server is gone, or was never there.
    #[error("{storage} cannot be reached while {doing}: {reason}")]
    Unreachable {
        /// Where.
        storage: String,
        /// What was to be done.
        doing: &'static str,
        /// What the driver says.
        reason: String,
    },
    /// A name for which the tables have no room.
    #[error("{storage} has room for {limit} characters in the {what}, which has {length}")]
    TooLong {
        /// Where.
        storage: String,
        /// Whose name.
        what: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Something in the database that cannot be.
    #[error("{storage}: {what} is {found}")]
    Content {
        /// Where.
        storage: String,
        /// Table, row, column.
        what: String,
        /// What stands there.
        found: String,
    },
    /// Everything else that a driver says.
    #[error("{storage} failed while {doing}: {reason}")]
    Failed {
        /// Where.
        storage: String,
        /// What was to be done.
        doing: &'static str,
        /// What the driver says.
        reason: String,
    },
}

/// What a study refuses.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The search space.
    #[error(transparent)]
    Space(#[from] SpaceError),
    /// The sampler.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The pruner.
    #[error(transparent)]
    Pruner(#[from] PrunerError),
    /// The storage.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The value of a trial must be a number.
    #[error(
        "trial {number} has the value {value}: a value must not be NaN; end the trial as failed instead"
    )]
    NotANumber {
        /// The trial.
        number: u64,
        /// Its value.
        value: f64,
    },
    /// A trial that is over cannot be changed.
    #[error("trial {number} is {state} already{}", if *taken { ": it was taken for dead and given to another worker" } else { "" })]
    Over {
        /// The trial.
        number: u64,
        /// How it ended.
        state: TrialState,
        /// Whether another process ended it.
        taken: bool,
    },
    /// Two studies of one name that search in different directions.
    #[error("the study {name} is there and wants to {found}, not to {asked}")]
    OtherDirection {
        /// The study.
        name: String,
        /// Its direction.
        found: crate::Direction,
        /// What was asked for.
        asked: crate::Direction,
    },
    /// A study that another program made for several objectives.
    #[error("the study {name} has {objectives} objectives: only a study of one can be opened")]
    Objectives {
        /// The study.
        name: String,
        /// How many.
        objectives: usize,
    },
    /// There is no completed trial.
    #[error("the study {name} has no completed trial yet")]
    NoBest {
        /// The study.
        name: String,
    },
    /// Nothing works.
    #[error("{trials} trials of the study {name} failed in a row, the last one with: {reason}")]
    OnlyFailures {
        /// The study.
        name: String,
        /// How many.
        trials: u64,
        /// Why.
        reason: String,
    },
}

fn did_you_mean(names: &[String]) -> String {
    if names.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", names.join(" or "))
    }
}
