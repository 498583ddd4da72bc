//! Random search.

use rand_chacha::ChaCha8Rng;

use super::{Draw, Sampler};
use crate::{History, SamplerError};

/// Every value uniform over its (logarithmic) range: Bergstra and Bengio 2012, JMLR 13.
#[derive(Clone, Copy, Debug, Default)]
pub struct Random;

impl Sampler for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn draw_joint(
        &mut self,
        _: &History,
        _: u64,
        _: &mut ChaCha8Rng,
    ) -> Result<Draw, SamplerError> {
        Ok(Draw::default())
    }
}
