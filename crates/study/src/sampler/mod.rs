//! Who proposes the values of parameters.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Attributes, Distribution, History, SamplerError};

mod cma_es;
mod gp;
mod grid;
pub(crate) mod normal;
mod random;
mod sobol;
mod tpe;

pub use cma_es::CmaEs;
pub use gp::{Gp, GpSettings};
pub use grid::Grid;
pub use random::Random;
pub use sobol::Sobol;
pub use tpe::{Tpe, TpeSettings};

/// Values by parameter name, in the internal representation of [`Distribution`].
pub type Values = BTreeMap<String, f64>;

/// What a sampler draws at the beginning of a trial.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Draw {
    /// Values of the parameters that it draws together. The trial takes those that it then asks for; one that lies outside what is asked
    /// for is drawn again by [`Sampler::draw_one`].
    pub values: Values,
    /// System attributes of the trial, for what the sampler must know of it later: a generation, a grid cell.
    pub attributes: Attributes,
}

/// Who proposes the values of parameters.
///
/// The search space is defined by running the objective: at the beginning of a trial a sampler draws what it can foresee
/// ([`draw_joint`](Self::draw_joint), usually the [joint space](History::joint_space)), and during the trial whatever else is asked for
/// ([`draw_one`](Self::draw_one)). Samplers minimise [`History::loss`]. All dice are those of `rng`, which is the trial's own: a study
/// that is loaded and continued draws what the one that never stopped would have drawn, so a sampler keeps no state that cannot be made
/// again from the history.
pub trait Sampler: Send {
    /// Its name on the command line.
    fn name(&self) -> &'static str;

    /// Draws at the beginning of the trial with this number.
    ///
    /// # Errors
    ///
    /// When the sampler cannot serve this study.
    fn draw_joint(
        &mut self,
        history: &History,
        number: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError>;

    /// Draws one parameter that was not drawn together with others; `so_far` are the trial's values. Uniform over its (logarithmic) range, unless
    /// the sampler knows better.
    ///
    /// # Errors
    ///
    /// When the sampler cannot serve this parameter.
    fn draw_one(
        &mut self,
        history: &History,
        so_far: &Values,
        name: &str,
        distribution: &Distribution,
        rng: &mut ChaCha8Rng,
    ) -> Result<f64, SamplerError> {
        let _ = (history, so_far, name);
        Ok(distribution.from_unit(rng.random()))
    }
}

impl<S: Sampler + ?Sized> Sampler for Box<S> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn draw_joint(
        &mut self,
        history: &History,
        number: u64,
        rng: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        (**self).draw_joint(history, number, rng)
    }

    fn draw_one(
        &mut self,
        history: &History,
        so_far: &Values,
        name: &str,
        distribution: &Distribution,
        rng: &mut ChaCha8Rng,
    ) -> Result<f64, SamplerError> {
        (**self).draw_one(history, so_far, name, distribution, rng)
    }
}
