//! Profiles: the share of problems that a method solves, as a function of what it may spend.
//!
//! A cost is a number of evaluations, `None` where the problem was not solved. What counts as solved is the caller's choice; Moré and
//! Wild's test of tolerance τ is f(x) ≤ f_L + τ (f(x₀) − f_L), with f_L the best value that any method found.

use crate::error::{StatisticsError, row_length};

/// A step function that rises from 0 to at most 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    points: Vec<(f64, f64)>,
}

impl Profile {
    /// The profile of problems that are solved from these abscissas on, out of `problems`.
    fn new(mut solved_from: Vec<f64>, problems: usize) -> Self {
        solved_from.sort_by(f64::total_cmp);
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (before, x) in solved_from.into_iter().enumerate() {
            let share = (before + 1) as f64 / problems as f64;
            match points.last_mut() {
                Some(last) if last.0 == x => last.1 = share,
                _ => points.push((x, share)),
            }
        }
        Self { points }
    }

    /// The points (abscissa, share) at which the profile rises, ascending; none where nothing is solved.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }

    /// The share of problems solved within `x`; 0 where `x` is NaN.
    pub fn at(&self, x: f64) -> f64 {
        let risen = self.points.partition_point(|point| point.0 <= x);
        self.points[..risen].last().map_or(0.0, |point| point.1)
    }

    /// The mean share over `from..to`, the area under the profile over the width; in \[0, 1\].
    ///
    /// `None` unless both are finite and `from < to`.
    pub fn mean_share(&self, from: f64, to: f64) -> Option<f64> {
        self.mean_share_over(from, to, |x| x)
    }

    /// The mean share over `from..to` on a logarithmic axis, as performance profiles are drawn; in \[0, 1\].
    ///
    /// `None` unless both are finite and `0 < from < to`.
    pub fn log_mean_share(&self, from: f64, to: f64) -> Option<f64> {
        if from > 0.0 {
            self.mean_share_over(from, to, f64::ln)
        } else {
            None
        }
    }

    /// Every rise counts from where it stands on the `axis` to the end.
    fn mean_share_over(&self, from: f64, to: f64, axis: fn(f64) -> f64) -> Option<f64> {
        if !(from.is_finite() && to.is_finite() && from < to) {
            return None;
        }
        let mut below = 0.0;
        let mut area = 0.0;
        for &(x, share) in &self.points {
            area += (share - below) * (axis(to) - axis(x.clamp(from, to)));
            below = share;
        }
        Some((area / (axis(to) - axis(from))).clamp(0.0, 1.0))
    }
}

/// Performance profiles: ρ(τ) of each method is the share of problems that it solves at a cost of at most τ times the least cost
/// of any method.
///
/// ρ_m(τ) = |{p : c_mp ≤ τ min_m' c_m'p}| / |P| for τ ≥ 1. ρ_m(1) is the share of problems on which m is the fastest, ties included, and
/// ρ_m(∞) the share that it solves.
///
/// `costs[m][p]` is the cost of method m on problem p, `None` where it did not solve it. A problem that nobody solves counts for nobody,
/// but stays in the denominator. A cost of 0 counts as the least number above 0, so that ratios exist.
///
/// Source: Dolan and Moré, Benchmarking optimization software with performance profiles, Math. Program. 91, 2002.
///
/// ```
/// use qstride_statistics::performance_profile;
///
/// // Two methods, four problems; nobody solves the last.
/// let costs = [
///     vec![Some(10.0), None, Some(6.0), None],
///     vec![Some(20.0), Some(50.0), Some(6.0), None],
/// ];
/// let profiles = performance_profile(&costs)?;
/// assert_eq!(profiles[1].points(), [(1.0, 0.5), (2.0, 0.75)]);
/// assert_eq!(profiles[0].at(100.0), 0.5);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where two methods have different numbers of problems. No methods give no profiles.
pub fn performance_profile(costs: &[Vec<Option<f64>>]) -> Result<Vec<Profile>, StatisticsError> {
    let problems = row_length("method", costs)?;
    let least: Vec<Option<f64>> = (0..problems)
        .map(|p| costs.iter().filter_map(|method| method[p]).reduce(f64::min))
        .collect();
    let ratio = |(cost, least): (&Option<f64>, &Option<f64>)| {
        Some((*cost)?.max(f64::MIN_POSITIVE) / (*least)?.max(f64::MIN_POSITIVE))
    };
    Ok(costs
        .iter()
        .map(|method| {
            Profile::new(
                method.iter().zip(&least).filter_map(ratio).collect(),
                problems,
            )
        })
        .collect())
}

/// Data profiles: d(κ) of each method is the share of problems that it solves within κ (n_p + 1) evaluations.
///
/// d_m(κ) = |{p : c_mp / (n_p + 1) ≤ κ}| / |P|, with n_p the number of variables of problem p. The unit of κ is the cost of a simplex gradient,
/// n_p + 1 evaluations. Unlike a performance profile it does not depend on which other methods take part.
///
/// `costs[m][p]` is the cost of method m on problem p, `None` where it did not solve it; `dimensions[p]` is n_p.
///
/// Source: Moré and Wild, Benchmarking derivative-free optimization algorithms, SIAM J. Optim. 20, 2009.
///
/// ```
/// use qstride_statistics::data_profile;
///
/// let profiles = data_profile(&[vec![Some(30.0), None, Some(22.0)]], &[2, 2, 10])?;
/// assert_eq!(profiles[0].points(), [(2.0, 1.0 / 3.0), (10.0, 2.0 / 3.0)]);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where a method does not have one cost for each of `dimensions`.
pub fn data_profile(
    costs: &[Vec<Option<f64>>],
    dimensions: &[usize],
) -> Result<Vec<Profile>, StatisticsError> {
    for (index, method) in costs.iter().enumerate() {
        StatisticsError::length("method", index, method.len(), dimensions.len())?;
    }
    let kappa = |(cost, &n): (&Option<f64>, &usize)| Some((*cost)? / (n as f64 + 1.0));
    Ok(costs
        .iter()
        .map(|method| {
            Profile::new(
                method.iter().zip(dimensions).filter_map(kappa).collect(),
                dimensions.len(),
            )
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn by_hand() {
        // Problem 0: 10 and 20; problem 1: only the second; problem 2: equal; problem 3: nobody.
        let costs = [
            vec![Some(10.0), None, Some(6.0), None],
            vec![Some(20.0), Some(50.0), Some(6.0), None],
        ];
        let profiles = performance_profile(&costs).unwrap();
        assert_eq!(profiles[0].points(), [(1.0, 0.5)]);
        assert_eq!(profiles[1].points(), [(1.0, 0.5), (2.0, 0.75)]);
        assert_eq!(profiles[1].at(0.99), 0.0);
        assert_eq!(profiles[1].at(1.99), 0.5);
        assert_eq!(profiles[1].at(f64::INFINITY), 0.75);
        assert_eq!(profiles[1].at(f64::NAN), 0.0);
        // 0.5 on [1, 2) and 0.75 on [2, 4): the mean on both axes.
        assert_eq!(profiles[1].log_mean_share(1.0, 4.0), Some(0.625));
        assert!((profiles[1].mean_share(1.0, 4.0).unwrap() - 2.0 / 3.0).abs() < 1e-15);
    }

    /// Three methods, twelve problems, and the dimensions of these.
    fn example() -> ([Vec<Option<f64>>; 3], [usize; 12]) {
        let cost = |m: u64, p: u64| {
            (!(p * 3 + m * 5).is_multiple_of(7))
                .then_some(((7 * p * p + 13 * m * p + 5 * m) % 50 + 10) as f64)
        };
        (
            [0, 1, 2].map(|m| (0..12).map(|p| cost(m, p)).collect()),
            [2, 3, 5, 2, 10, 4, 6, 2, 8, 3, 2, 20],
        )
    }

    #[test]
    fn performance_as_in_numpy() {
        let profiles = performance_profile(&example().0).unwrap();
        // numpy: np.mean(costs[m] / costs.min(0) <= tau) with inf where not solved, in twelfths
        for (tau, solved) in [
            (1.0, [4.0, 3.0, 5.0]),
            (1.5, [7.0, 6.0, 6.0]),
            (2.0, [8.0, 6.0, 8.0]),
            (3.0, [9.0, 9.0, 10.0]),
            (10.0, [10.0, 10.0, 11.0]),
        ] {
            for (profile, solved) in profiles.iter().zip(solved) {
                assert_eq!(profile.at(tau), solved / 12.0, "{tau}");
            }
        }
        // numpy: the mean of the profile at 2,000,000 midpoints of log tau in [0, log 10]
        for (profile, mean) in profiles.iter().zip([0.713232, 0.685742, 0.757124]) {
            assert!((profile.log_mean_share(1.0, 10.0).unwrap() - mean).abs() < 1e-6);
        }
    }

    #[test]
    fn data_as_in_numpy() {
        let (costs, dimensions) = example();
        let profiles = data_profile(&costs, &dimensions).unwrap();
        // numpy: np.mean(costs[m] / (dimensions + 1) <= kappa), in twelfths
        for (kappa, solved) in [
            (1.0, [0.0, 0.0, 0.0]),
            (2.0, [2.0, 1.0, 0.0]),
            (5.0, [5.0, 5.0, 5.0]),
            (10.0, [10.0, 7.0, 9.0]),
            (20.0, [10.0, 10.0, 11.0]),
        ] {
            for (profile, solved) in profiles.iter().zip(solved) {
                assert_eq!(profile.at(kappa), solved / 12.0, "{kappa}");
            }
        }
        // numpy: the mean of the profile at 2,000,000 midpoints of kappa in [0, 20]
        for (profile, mean) in profiles.iter().zip([0.632474, 0.541363, 0.600616]) {
            assert!((profile.mean_share(0.0, 20.0).unwrap() - mean).abs() < 1e-6);
        }
    }

    #[test]
    fn nothing_and_what_does_not_fit() {
        assert!(performance_profile(&[]).unwrap().is_empty());
        let unsolved = &performance_profile(&[vec![None, None]]).unwrap()[0];
        assert!(unsolved.points().is_empty());
        assert_eq!(unsolved.at(1e9), 0.0);
        assert_eq!(unsolved.log_mean_share(1.0, 10.0), Some(0.0));
        assert_eq!(data_profile(&[vec![]], &[]).unwrap()[0].at(1.0), 0.0);
        assert!(performance_profile(&[vec![Some(1.0)], vec![]]).is_err());
        assert!(data_profile(&[vec![Some(1.0)]], &[2, 3]).is_err());
        for (from, to) in [
            (1.0, 1.0),
            (2.0, 1.0),
            (0.0, f64::INFINITY),
            (f64::NAN, 1.0),
        ] {
            assert_eq!(unsolved.mean_share(from, to), None);
        }
        assert_eq!(unsolved.log_mean_share(0.0, 10.0), None);
    }

    #[test]
    fn beside_a_cost_of_nothing_others_have_finite_ratios() {
        let profiles = performance_profile(&[vec![Some(0.0)], vec![Some(1.0)]]).unwrap();
        assert_eq!(profiles[0].points(), [(1.0, 1.0)]);
        let (ratio, share) = profiles[1].points()[0];
        assert!(ratio.is_finite() && ratio > 1e300 && share == 1.0);
    }

    proptest! {
        #[test]
        fn rises_within_0_and_1_whatever_the_order(
            costs in (1_usize..8).prop_flat_map(|problems| {
                proptest::collection::vec(
                    proptest::collection::vec(proptest::option::of((1_u32..30).prop_map(f64::from)), problems),
                    1..5,
                )
            }),
        ) {
            let profiles = performance_profile(&costs).unwrap();
            let reversed: Vec<Vec<_>> =
                costs.iter().map(|method| method.iter().rev().copied().collect()).collect();
            prop_assert_eq!(&profiles, &performance_profile(&reversed).unwrap());
            let dimensions = vec![3; costs[0].len()];
            for profile in profiles.iter().chain(&data_profile(&costs, &dimensions).unwrap()) {
                let points = profile.points();
                prop_assert!(points.windows(2).all(|p| p[0].0 < p[1].0 && p[0].1 < p[1].1));
                prop_assert!(points.iter().all(|p| p.1 > 0.0 && p.1 <= 1.0));
                let mean = profile.mean_share(0.0, 40.0).unwrap();
                prop_assert!(mean <= profile.at(40.0) + 1e-12);
            }
            // Every problem that somebody solves has a fastest method.
            let solvable = (0..costs[0].len()).filter(|&p| costs.iter().any(|m| m[p].is_some()));
            let fastest: f64 = profiles.iter().map(|profile| profile.at(1.0)).sum();
            prop_assert!(fastest * costs[0].len() as f64 > solvable.count() as f64 - 1e-9);
        }
    }
}
