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
/// but stays in the denominator. A cost of 0 counts as 1, so that ratios exist.
///
/// Source: Dolan and Moré, Benchmarking optimization software with performance profiles, Math. Program. 91, 2002.
///
/// ```
/// use qstride_statistics::performance_profile;
///
/// // Two methods, four problems; nobody solves the last.
/// let costs = [
///     vec![Some(10), None, Some(6), None],
///     vec![Some(20), Some(50), Some(6), None],
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
pub fn performance_profile(costs: &[Vec<Option<u64>>]) -> Result<Vec<Profile>, StatisticsError> {
    let problems = row_length("method", costs)?;
    let least: Vec<Option<u64>> = (0..problems)
        .map(|p| costs.iter().filter_map(|method| method[p]).min())
        .collect();
    let ratio = |(cost, least): (&Option<u64>, &Option<u64>)| {
        Some((*cost)?.max(1) as f64 / (*least)?.max(1) as f64)
    };
    Ok(costs
        .iter()
        .map(|method| Profile::new(method.iter().zip(&least).filter_map(ratio).collect(), problems))
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
/// let profiles = data_profile(&[vec![Some(30), None, Some(22)]], &[2, 2, 10])?;
/// assert_eq!(profiles[0].points(), [(2.0, 1.0 / 3.0), (10.0, 2.0 / 3.0)]);
/// # Ok::<(), qstride_statistics::StatisticsError>(())
/// ```
///
/// # Errors
///
/// [`StatisticsError::Length`] where a method does not have one cost for each of `dimensions`.
pub fn data_profile(
    costs: &[Vec<Option<u64>>],
    dimensions: &[usize],
) -> Result<Vec<Profile>, StatisticsError> {
    for (index, method) in costs.iter().enumerate() {
        StatisticsError::length("method", index, method.len(), dimensions.len())?;
    }
    let kappa = |(cost, &n): (&Option<u64>, &usize)| Some((*cost)? as f64 / (n as f64 + 1.0));
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
