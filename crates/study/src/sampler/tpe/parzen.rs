//! A density over several parameters from the places of trials.

use rand::{Rng, RngExt};

use super::TpeSettings;
use super::column::Column;
use crate::Distribution;

/// Terms that are smaller than the greatest by a factor e^−25, 1.4e-11, do not matter to which candidate is the best.
const NEGLIGIBLE: f64 = 25.0;

/// The mixture p(x) = Σₖ wₖ Πᵢ fₖᵢ(xᵢ): one kernel for each trial, and last the prior, which covers the range of every parameter.
///
/// Bergstra et al. 2011 (NIPS), with kernels over all parameters together as in Falkner et al. 2018 (arXiv 1807.01774): what makes TPE see
/// that parameters depend on each other.
#[derive(Debug)]
pub(super) struct Parzen {
    columns: Vec<Column>,
    // Σ_{j <= k} wⱼ.
    cumulative: Vec<f64>,
    // ln wₖ and whatever else of a kernel does not depend on x.
    constant: Vec<f64>,
}

impl Parzen {
    /// Kernels at the rows of `places`, which has a column for each parameter in the internal representation, all in range; rows from old
    /// to new.
    pub(super) fn new(
        space: &[&Distribution],
        places: &[Vec<f64>],
        settings: &TpeSettings,
    ) -> Self {
        let rows = places.first().map_or(0, Vec::len);
        let weights = weights(rows, settings);
        let total: f64 = weights.iter().sum();
        let mut constant: Vec<f64> = weights.iter().map(|w| libm::log(w / total)).collect();
        let columns = space.iter().zip(places).map(|(distribution, places)| {
            Column::new(distribution, places, settings.prior_weight, &mut constant)
        });
        let columns = columns.collect();
        let mut sum = 0.0;
        let cumulative = weights.iter().map(|weight| {
            sum += weight / total;
            sum
        });
        Self {
            columns,
            cumulative: cumulative.collect(),
            constant,
        }
    }

    /// Draws one value for each parameter.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Vec<f64> {
        let dice: f64 = rng.random();
        let kernel = self.cumulative.partition_point(|sum| *sum <= dice);
        let kernel = kernel.min(self.cumulative.len() - 1);
        let columns = self.columns.iter();
        columns.map(|column| column.draw(kernel, rng)).collect()
    }

    /// ln p at each of these places. Where parameters are discrete it is the mass of the cell.
    pub(super) fn log_density(&mut self, places: &[Vec<f64>]) -> Vec<f64> {
        let mut terms = vec![0.0; self.constant.len()];
        let mut density = |place: &Vec<f64>| {
            terms.copy_from_slice(&self.constant);
            for (column, x) in self.columns.iter_mut().zip(place) {
                column.add_log_density(*x, &mut terms);
            }
            log_sum(&terms)
        };
        places.iter().map(&mut density).collect()
    }
}

/// The weights of `rows` trials from old to new, and of the prior: the newest are worth 1, those before them less the older they are, so
/// that the density follows the search.
fn weights(rows: usize, settings: &TpeSettings) -> Vec<f64> {
    let old = rows.saturating_sub(settings.recent);
    let oldest = 1.0 / rows.max(1) as f64;
    let slope = (1.0 - oldest) / old.saturating_sub(1).max(1) as f64;
    let ramp = (0..old).map(|i| oldest + slope * i as f64);
    let flat = std::iter::repeat_n(1.0, rows - old);
    ramp.chain(flat).chain([settings.prior_weight]).collect()
}

/// ln Σ e^term.
fn log_sum(terms: &[f64]) -> f64 {
    let greatest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let counted = terms.iter().filter(|term| **term > greatest - NEGLIGIBLE);
    let sum: f64 = counted.map(|term| libm::exp(term - greatest)).sum();
    greatest + libm::log(sum)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::Choice;

    fn kinds() -> Vec<Distribution> {
        vec![
            Distribution::float("a", -5.0, 10.0).unwrap(),
            Distribution::float("b", 1e-4, 1.0)
                .unwrap()
                .log("b")
                .unwrap(),
            Distribution::float("c", 0.0, 1.0)
                .unwrap()
                .step("c", 0.25)
                .unwrap(),
            Distribution::int("d", 1, 9)
                .unwrap()
                .step("d", 2.0)
                .unwrap(),
            Distribution::int("e", 1, 40).unwrap().log("e").unwrap(),
            Distribution::categorical("f", (0..3).map(Choice::Int).collect()).unwrap(),
        ]
    }

    fn rows(space: &[Distribution], count: usize) -> Vec<Vec<f64>> {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut column = |d: &Distribution| (0..count).map(|_| d.from_unit(rng.random())).collect();
        space.iter().map(&mut column).collect()
    }

    /// ∫ p over one parameter: a sum over its values where it is discrete.
    fn integral(d: &Distribution, parzen: &mut Parzen) -> f64 {
        let (low, high) = d.scaled_range();
        let discrete = !matches!(d, Distribution::Float { step: None, .. });
        let cells = 20_000;
        let width = (high - low) / cells as f64;
        let mut places: Vec<f64> = (0..cells)
            .map(|i| d.from_scaled(low + (i as f64 + 0.5) * width))
            .collect();
        if discrete {
            places.dedup();
        }
        let places: Vec<Vec<f64>> = places.into_iter().map(|x| vec![x]).collect();
        let density = parzen.log_density(&places);
        let sum: f64 = density.into_iter().map(f64::exp).sum();
        if discrete { sum } else { sum * width }
    }

    #[test]
    fn every_density_integrates_to_one() {
        for d in kinds() {
            for count in [0, 1, 2, 7, 60] {
                let places = rows(std::slice::from_ref(&d), count);
                let mut parzen = Parzen::new(&[&d], &places, &TpeSettings::default());
                let integral = integral(&d, &mut parzen);
                assert!((integral - 1.0).abs() < 1e-4, "{integral} for {d}, {count}");
            }
        }
    }

    #[test]
    fn draws_follow_the_density() {
        // The mean of 1/p over draws from p is the size of the range.
        for d in kinds() {
            let places = rows(std::slice::from_ref(&d), 12);
            let mut parzen = Parzen::new(&[&d], &places, &TpeSettings::default());
            let mut rng = ChaCha8Rng::seed_from_u64(2);
            let draws: Vec<Vec<f64>> = (0..20_000).map(|_| parzen.draw(&mut rng)).collect();
            assert!(draws.iter().all(|draw| d.contains(draw[0])));
            let density = parzen.log_density(&draws);
            let mean: f64 = density.iter().map(|p| (-p).exp()).sum::<f64>() / 20_000.0;
            let (low, high) = d.scaled_range();
            let size = match &d {
                Distribution::Float { step: None, .. } => high - low,
                Distribution::Float { .. } | Distribution::Int { step: 2, .. } => 5.0,
                Distribution::Int { .. } => 40.0,
                Distribution::Categorical { .. } => 3.0,
            };
            assert!((mean / size - 1.0).abs() < 0.05, "{mean} for {d}");
        }
    }

    #[test]
    fn kernels_are_products_over_the_parameters() {
        let space = kinds();
        let space: Vec<&Distribution> = space.iter().collect();
        let places = vec![
            vec![1.0],
            vec![0.1],
            vec![0.5],
            vec![3.0],
            vec![7.0],
            vec![2.0],
        ];
        let settings = TpeSettings::default();
        let mut joint = Parzen::new(&space, &places, &settings);
        let at = [2.0, 0.3, 0.75, 5.0, 9.0, 1.0];
        // p = (k + u)/2 of each alone, with u the prior's; the joint one is (Πk + Πu)/2.
        let (mut kernels, mut priors) = (1.0, 1.0);
        for (i, d) in space.iter().enumerate() {
            let mut prior = Parzen::new(&[*d], &[vec![]], &settings);
            let mut both = Parzen::new(&[*d], &[places[i].clone()], &settings);
            let prior = prior.log_density(&[vec![at[i]]])[0].exp();
            priors *= prior;
            kernels *= 2.0 * both.log_density(&[vec![at[i]]])[0].exp() - prior;
        }
        let density = joint.log_density(&[at.to_vec()])[0].exp();
        assert!((density / (0.5 * (kernels + priors)) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn old_trials_fade() {
        let settings = TpeSettings::default();
        assert_eq!(weights(0, &settings), [1.0]);
        assert_eq!(weights(3, &settings), [1.0; 4]);
        let many = weights(100, &settings);
        assert_eq!(many.len(), 101);
        assert_eq!(
            [many[0], many[74], many[75], many[100]],
            [0.01, 1.0, 1.0, 1.0]
        );
        assert!((many[37] - 0.505).abs() < 1e-12);
        assert_eq!(weights(26, &settings)[0], 1.0 / 26.0);
    }

    #[test]
    fn a_sum_in_logarithms_neither_overflows_nor_vanishes() {
        assert_eq!(log_sum(&[-1e4, -1e4]), -1e4 + 2.0_f64.ln());
        assert_eq!(log_sum(&[1e4, f64::NEG_INFINITY]), 1e4);
    }
}
