//! The bookkeeping of a method allocates nothing per step: a search twice as long allocates as often.
#![allow(clippy::unwrap_used, reason = "a test may fail by a panic")]

use std::sync::Arc;

use qstride_control::DeterministicSettings;
use qstride_control::rivals::{RIVALS, Rival, Setup};
use qstride_objectives::rosenbrock::chained_rosenbrock;
use qstride_objectives::{Objective, Streams};

/// How often memory was allocated, and how often f and its gradient were evaluated.
fn allocations(rival: &Rival, objective: &Arc<dyn Objective>, budget: u64) -> (u64, f64) {
    let setup = Setup {
        rate: None,
        minimum: Some(0.0),
        generator: Streams::new(1).stream("allocations"),
    };
    let settings = DeterministicSettings {
        budget,
        floor: 0.0,
        ..Default::default()
    };
    let mut cost = 0.0;
    let count = allocation_counter::measure(|| {
        let (record, _) = rival.minimise(objective.clone(), settings, &setup);
        cost = record.evaluations.cost(1.0);
    });
    (count.count_total, cost)
}

#[test]
fn twice_the_steps_allocate_as_often() {
    let objective: Arc<dyn Objective> = Arc::new(chained_rosenbrock(100));
    for rival in RIVALS {
        let (short, short_cost) = allocations(rival, &objective, 202);
        let (long, long_cost) = allocations(rival, &objective, 402);
        assert_eq!((short_cost, long_cost), (202.0, 402.0), "{}", rival.name);
        assert_eq!(short, long, "{}", rival.name);
    }
}
