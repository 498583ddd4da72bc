//! The statistics of a comparison of methods on the same cases.
//!
//! A score or a cost is better the lower it is. Two rules hold everywhere:
//!
//! - A failure never vanishes. NaN counts as +∞, the worst score; two failures are equal. −∞ is the best score.
//! - What does not fit is an error. Rows of different lengths are refused, since nobody can know which case is missing;
//!   a method that failed on a case has a NaN (or `None`) there.
//!
//! Tables are `scores[method][case]`. Randomness comes in as a generator: the same seed gives the same interval, to the last bit.
//!
//! | question | answer |
//! |---|---|
//! | what share of the problems is solved, and how fast? | [`performance_profile`], [`data_profile`] |
//! | what is the typical score? | [`interquartile_mean()`], [`median`], [`mean`] |
//! | how sure is that? | [`Bootstrap`] |
//! | how likely is it that one method beats another? | [`probability_of_improvement`], [`share_won`] |
//! | which of many methods differ? | [`friedman()`], [`critical_difference`], [`groups`] |
//! | do two methods differ, on paired cases? | [`signed_rank_test`], with [`holm()`] where there are several pairs |

pub mod error;
pub mod score;

pub mod bootstrap;
pub mod friedman;
pub mod holm;
pub mod improvement;
pub mod interquartile_mean;
pub mod nemenyi;
pub mod profile;
pub mod ranks;
pub mod studentized_range;
mod tail;
pub mod wilcoxon;

pub use bootstrap::{Bootstrap, Interval};
pub use error::StatisticsError;
pub use friedman::{Friedman, friedman};
pub use holm::holm;
pub use improvement::{
    probability_of_improvement, probability_of_improvement_interval, share_won, share_won_interval,
};
pub use interquartile_mean::{interquartile_mean, mean, median};
pub use nemenyi::{critical_difference, groups};
pub use profile::{Profile, data_profile, performance_profile};
pub use ranks::{mean_ranks, ranks};
pub use wilcoxon::{Continuity, SignedRankTest, signed_rank_test};
