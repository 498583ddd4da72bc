//! A coin flip between the two Barzilai-Borwein steps: what a policy that chooses between them has to beat.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::acceptance::Acceptance;
use crate::controller::{Controller, Decision};
use crate::observation::Observation;

/// At each trial sᵀs/sᵀy or sᵀy/yᵀy, equally often, under the nonmonotone rule; after a rejection at most half of the rejected rate.
///
/// Where sᵀy <= 0: as [`Curvature`](crate::curvature::Curvature) replaces the two. The same thing as a random choice among the
/// actions of the set `barzilai-borwein`.
#[derive(Clone, Debug)]
pub struct CoinFlip {
    coin: ChaCha8Rng,
}

impl CoinFlip {
    /// The coin is drawn from `generator`.
    pub fn new(generator: ChaCha8Rng) -> Self {
        Self { coin: generator }
    }
}

impl Controller for CoinFlip {
    fn acceptance(&self) -> Acceptance {
        Acceptance::GLL
    }

    fn decide(&mut self, o: &Observation) -> Decision {
        let step = match self.coin.random_range(0..2) {
            0 => o.curvature.bb1(),
            _ => o.curvature.bb2(),
        };
        let mut rate = step.unwrap_or(o.start_rate);
        if o.rejections > 0 {
            rate = rate.min(0.5 * o.rate);
        }
        Decision::rate(rate, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learned::Blind;
    use crate::{ActionSet, DeterministicEpisode, DeterministicSettings, run};
    use qstride_objectives::{Streams, rosenbrock::chained_rosenbrock};
    use std::sync::Arc;

    #[test]
    fn it_is_a_random_choice_among_the_two_actions() {
        let coin = || Streams::new(1).stream("coin");
        let set = Arc::new(ActionSet::preset("barzilai-borwein").unwrap());
        let values = |controller: &mut dyn Controller| {
            let objective = Arc::new(chained_rosenbrock(6));
            let settings = DeterministicSettings::default();
            let mut episode = DeterministicEpisode::start(objective, settings, controller);
            let record = run(&mut episode, controller);
            (record.evaluations, record.best_value)
        };
        assert_eq!(
            values(&mut CoinFlip::new(coin())),
            values(&mut Blind::random(set, coin()))
        );
    }
}
