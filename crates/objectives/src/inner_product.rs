//! The inner product of two slices.

/// a·b, summed in four lanes so that the compiler can vectorise it.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_chunks, a_rest) = a.as_chunks::<4>();
    let (b_chunks, b_rest) = b.as_chunks::<4>();
    let mut lanes = [0.0; 4];
    for (u, v) in a_chunks.iter().zip(b_chunks) {
        for (lane, (p, q)) in lanes.iter_mut().zip(u.iter().zip(v)) {
            *lane += p * q;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(p, q)| p * q).sum();
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]) + rest
}

/// target += factor · direction.
pub(crate) fn add_scaled(target: &mut [f64], factor: f64, direction: &[f64]) {
    for (t, d) in target.iter_mut().zip(direction) {
        *t += factor * d;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_the_lanes_and_the_rest() {
        let a: Vec<f64> = (1..=7).map(f64::from).collect();
        assert_eq!(dot(&a, &a), 140.0);
        assert_eq!(dot(&[], &[]), 0.0);
        let mut t = [1.0, 1.0];
        add_scaled(&mut t, 2.0, &[3.0, 4.0]);
        assert_eq!(t, [7.0, 9.0]);
    }
}
