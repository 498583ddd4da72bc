//! The scheduler, the guard and the learner's wrapper in training runs on the handwritten digits.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail by a panic"
)]

#[path = "../../examples/digits/mod.rs"]
mod digits;

mod bad_input;
mod examples;
mod groups;
mod guarding;
mod late;
mod optimizers;
mod policy;
mod recorded;
mod resuming;
mod run;
mod staged;
mod two_ways;
