//! Objective functions with exact gradients, in plain Rust on `f64` slices.
//!
//! [`Objective`] is f: Rⁿ → R with its gradient; [`StochasticObjective`] adds minibatches. [`suite`] names every problem and
//! says which of them are for training, for validation and for the final test.

pub mod instance;
pub mod objective;
pub mod residuals;
pub mod streams;

mod cholesky;
mod inner_product;
mod normal;
pub mod rotation;

pub mod ackley;
pub mod booth;
pub mod himmelblau;
pub mod least_squares;
pub mod levy;
pub mod logistic_random;
pub mod mgh;
pub mod peer200;
pub mod quadratic;
pub mod rastrigin;
pub mod rosenbrock;
pub mod small_mlp;
pub mod styblinski_tang;

pub mod families;
pub mod suite;
pub mod wrap;

#[cfg(feature = "data")]
pub mod data;
pub mod data_error;
pub mod dataset;
pub mod generated;
#[cfg(feature = "data")]
pub mod idx;
pub mod near_match;
pub mod synthetic;
#[cfg(feature = "data")]
pub mod tasks;

#[cfg(feature = "data")]
mod csv_table;
mod dense;
mod network;
mod test_score;

pub mod activation;
pub mod huber_regression;
pub mod logistic_regression;
pub mod perceptron;
pub mod softmax_regression;
pub mod task;

pub use instance::{Formula, Instance};
pub use objective::{Objective, StochasticObjective};
pub use residuals::Residuals;
pub use streams::Streams;
pub use wrap::Transformed;
