//! Performance profiles (Dolan and Moré, Math. Program. 91, 2002).

/// ρ(τ) of each method: the share of problems that it solves at a cost of at most τ times the least cost of any method.
///
/// `costs[m][p]` is the cost of method m on problem p, `None` where it did not solve it. Gives per method the points (τ, ρ) at
/// which ρ rises, τ ascending. A problem that nobody solves counts for nobody.
pub fn performance_profile(costs: &[Vec<Option<u64>>]) -> Vec<Vec<(f64, f64)>> {
    let problems = costs.first().map_or(0, Vec::len);
    let least = |p: usize| costs.iter().filter_map(|method| method[p]).min();
    costs
        .iter()
        .map(|method| {
            let ratio = |p: usize| Some(method[p]? as f64 / least(p)? as f64);
            let mut ratios: Vec<f64> = (0..problems).filter_map(ratio).collect();
            ratios.sort_by(f64::total_cmp);
            let mut points: Vec<(f64, f64)> = Vec::new();
            for (solved, tau) in ratios.into_iter().enumerate() {
                let share = (solved + 1) as f64 / problems as f64;
                match points.last_mut() {
                    Some(last) if last.0 == tau => last.1 = share,
                    _ => points.push((tau, share)),
                }
            }
            points
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Problem 0: 10 and 20; problem 1: only the second; problem 2: equal; problem 3: nobody.
        let costs = [
            vec![Some(10), None, Some(6), None],
            vec![Some(20), Some(50), Some(6), None],
        ];
        let profile = performance_profile(&costs);
        assert_eq!(profile[0], [(1.0, 0.5)]);
        assert_eq!(profile[1], [(1.0, 0.5), (2.0, 0.75)]);
        assert_eq!(performance_profile(&[]).len(), 0);
    }
}
