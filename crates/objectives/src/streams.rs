//! Named random streams from one master seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// One master seed from which every generator of a run is derived by name, so that adding a stream never shifts another.
///
/// The seed of a stream is SHA-256(master seed, little endian ‖ name).
///
/// # Example
///
/// ```
/// use qstride_objectives::Streams;
/// use rand::RngExt;
///
/// let streams = Streams::new(7);
/// let a: u64 = streams.stream("replay").random();
/// assert_eq!(a, Streams::new(7).stream("replay").random::<u64>());
/// assert_ne!(a, streams.stream("exploration").random::<u64>());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    master: u64,
}

impl Streams {
    /// The streams of a run with this master seed.
    pub fn new(master: u64) -> Self {
        Self { master }
    }

    /// The master seed.
    pub fn master(&self) -> u64 {
        self.master
    }

    /// The generator called `name`, at its beginning.
    pub fn stream(&self, name: &str) -> ChaCha8Rng {
        let mut hash = Sha256::new();
        hash.update(self.master.to_le_bytes());
        hash.update(name.as_bytes());
        ChaCha8Rng::from_seed(hash.finalize().into())
    }
}
