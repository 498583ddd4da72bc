//! Sums over slices, in a fixed order so that they give the same bits everywhere.

/// xᵀy, summed in four interleaved parts (fast, and always in the same order).
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut parts = [0.0; 4];
    let (x4, y4) = (x.chunks_exact(4), y.chunks_exact(4));
    let rest: f64 = x4
        .remainder()
        .iter()
        .zip(y4.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in x4.zip(y4) {
        for lane in 0..4 {
            parts[lane] += a[lane] * b[lane];
        }
    }
    (parts[0] + parts[1]) + (parts[2] + parts[3]) + rest
}

/// max |xᵢ|; NaN entries are passed over.
pub fn norm_inf(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest, v| f64::max(largest, v.abs()))
}
