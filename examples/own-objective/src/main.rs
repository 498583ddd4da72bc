//! A chain of springs hangs between two nails. Its rest shape is the minimum of its energy, which the policy that ships and a
//! classic method look for at the same budget. A statistic that this file adds then takes its place in a state.

use std::error::Error;
use std::sync::Arc;

use qstride::{Controller, DeterministicEpisode, DeterministicSettings, Learned, pretrained, run};
use qstride_control::features::Features;
use qstride_control::policy::NetworkShape;
use qstride_control::rivals::BarzilaiBorwein;
use qstride_control::{ActionSet, FeatureSpec, Observation, Policy, StateSpec, Statistic};
use qstride_objectives::{Objective, Streams};

/// The potential energy of nodes p₁ … p_N in the plane, joined by springs to each other and to nails at p₀ = (0, 0) and p_{N+1} = (1, 0):
///
/// f = Σᵢ ½ k (|pᵢ₊₁ - pᵢ| - L)² + Σᵢ m g yᵢ
///
/// The variables are (x₁, y₁, x₂, y₂, …).
struct HangingChain {
    nodes: usize,
    /// k, in newtons per metre.
    stiffness: f64,
    /// L, in metres.
    rest_length: f64,
    /// m g of one node, in newtons.
    weight: f64,
}

impl HangingChain {
    /// A chain of 1.5 m and 1 N.
    fn of(nodes: usize) -> Self {
        Self {
            nodes,
            stiffness: 50.0,
            rest_length: 1.5 / (nodes + 1) as f64,
            weight: 1.0 / nodes as f64,
        }
    }

    /// Node `i` of 0 to N + 1, the nails included.
    fn node(&self, x: &[f64], i: usize) -> [f64; 2] {
        match i {
            0 => [0.0, 0.0],
            i if i <= self.nodes => [x[2 * i - 2], x[2 * i - 1]],
            _ => [1.0, 0.0],
        }
    }

    /// The vector along spring `i`, which joins the nodes i and i + 1, and its length.
    fn spring(&self, x: &[f64], i: usize) -> ([f64; 2], f64) {
        let ([ax, ay], [bx, by]) = (self.node(x, i), self.node(x, i + 1));
        let along = [bx - ax, by - ay];
        (along, along[0].hypot(along[1]))
    }
}

impl Objective for HangingChain {
    fn name(&self) -> &str {
        "hanging-chain"
    }

    fn dimension(&self) -> usize {
        2 * self.nodes
    }

    fn value(&self, x: &[f64]) -> f64 {
        let springs = (0..=self.nodes).map(|i| {
            let stretch = self.spring(x, i).1 - self.rest_length;
            0.5 * self.stiffness * stretch * stretch
        });
        let heights = x.iter().skip(1).step_by(2);
        springs.sum::<f64>() + self.weight * heights.sum::<f64>()
    }

    fn gradient(&self, x: &[f64], gradient: &mut [f64]) {
        for node in gradient.chunks_exact_mut(2) {
            node[0] = 0.0;
            node[1] = self.weight;
        }
        for i in 0..=self.nodes {
            let (along, length) = self.spring(x, i);
            // A spring of length 0 points nowhere: it pulls nobody.
            let tension = self.stiffness * (length - self.rest_length) / length.max(1e-300);
            for (axis, along) in along.into_iter().enumerate() {
                if i > 0 {
                    gradient[2 * (i - 1) + axis] -= tension * along;
                }
                if i < self.nodes {
                    gradient[2 * i + axis] += tension * along;
                }
            }
        }
    }

    /// Evenly along the line between the nails, where all springs are pressed together.
    fn start(&self) -> Vec<f64> {
        (1..=self.nodes)
            .flat_map(|i| [i as f64 / (self.nodes + 1) as f64, 0.0])
            .collect()
    }
}

/// The last accepted step's decrease as a share of the whole decrease so far. It knows neither the unit nor the zero of f.
struct LastShare;

impl Statistic for LastShare {
    fn name(&self) -> &str {
        "last_share"
    }

    fn about(&self) -> &str {
        "the last step's decrease over the whole decrease so far, within ±1"
    }

    fn observe(&self, o: &Observation) -> f64 {
        match (o.values.get(0), o.values.get(1)) {
            (Some(now), Some(before)) if o.best_value < o.start_value => {
                ((before - now) / (o.start_value - o.best_value)).clamp(-1.0, 1.0)
            }
            _ => 0.0,
        }
    }
}

/// A policy that has learnt nothing, on a state with the statistic above in it. How it acts is up to the seed: some always halve.
fn untrained() -> Result<Learned, Box<dyn Error>> {
    let mut features = Features::builtin();
    features.add(LastShare)?;
    let names = vec![
        FeatureSpec::new("gradient_cosine", 1),
        FeatureSpec::new("decrease_ratio", 1),
        FeatureSpec::new("last_share", 3),
    ];
    let state = StateSpec::new(names, &features)?;
    let actions = ActionSet::preset("multiplicative")?;
    let shape = NetworkShape {
        inputs: state.width(),
        hidden: vec![16],
        actions: actions.actions.len(),
    };
    let policy = Policy::untrained(shape, &mut Streams::new(2).stream("weights"))?;
    println!(
        "state of the untrained policy: {}\n",
        state.labels().join(", ")
    );
    Ok(Learned::new(policy, state, Arc::new(actions)))
}

/// Minimises under a budget of values and gradients; prints one line of the table.
fn minimise(name: &str, controller: &mut dyn Controller, budget: u64) {
    let chain = Arc::new(HangingChain::of(10));
    let settings = DeterministicSettings {
        budget,
        ..DeterministicSettings::default()
    };
    let mut episode = DeterministicEpisode::start(chain, settings, controller);
    let record = run(&mut episode, controller);
    let heights = episode.best_point().iter().skip(1).step_by(2);
    println!(
        "{name:<22} {:>7} {:>7} {:>10} {:>14.8} {:>10.4}",
        budget,
        record.evaluations.values,
        record.evaluations.gradients,
        record.best_value,
        heights.fold(0.0_f64, |least, y| least.min(*y)),
    );
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut proposals = pretrained("proposals")?.controller();
    let mut barzilai_borwein = BarzilaiBorwein::nonmonotone();
    let mut untrained = untrained()?;
    println!(
        "{:<22} {:>7} {:>7} {:>10} {:>14} {:>10}",
        "method", "budget", "values", "gradients", "energy [J]", "lowest [m]"
    );
    for budget in [102, 202, 402] {
        minimise("pretrained proposals", &mut proposals, budget);
        minimise("barzilai-borwein, gll", &mut barzilai_borwein, budget);
        minimise("untrained, own state", &mut untrained, budget);
    }
    println!(
        "\nlast state of the untrained policy: {:.4?}",
        untrained.last_state()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_equals_central_differences() {
        let chain = HangingChain::of(7);
        let mut generator = Streams::new(3).stream("points");
        for _ in 0..20 {
            // Weights of an untrained network are as good a source of random numbers as any.
            let shape = NetworkShape {
                inputs: 1,
                hidden: vec![],
                actions: chain.dimension(),
            };
            let noise = Policy::untrained(shape, &mut generator).unwrap().to_flat();
            let mut x = chain.start();
            for (x, noise) in x.iter_mut().zip(noise) {
                *x += f64::from(noise);
            }
            let mut gradient = vec![0.0; chain.dimension()];
            chain.gradient(&x, &mut gradient);
            for i in 0..x.len() {
                let h = 1e-6;
                let at = |v: f64| {
                    let mut moved = x.clone();
                    moved[i] = v;
                    chain.value(&moved)
                };
                let difference = (at(x[i] + h) - at(x[i] - h)) / (2.0 * h);
                assert!(
                    (gradient[i] - difference).abs() < 1e-6 * (1.0 + difference.abs()),
                    "variable {i}: {} and {difference}",
                    gradient[i]
                );
            }
        }
    }

    #[test]
    fn the_own_statistic_is_in_the_state() {
        let mut controller = untrained().unwrap();
        let chain = Arc::new(HangingChain::of(5));
        let settings = DeterministicSettings::default();
        let mut episode = DeterministicEpisode::start(chain, settings, &controller);
        run(&mut episode, &mut controller);
        let state = controller.last_state();
        assert_eq!(state.len(), 5);
        assert!(state[2..].iter().any(|share| *share != 0.0), "{state:?}");
    }
}
