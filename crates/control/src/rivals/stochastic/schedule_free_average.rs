//! The three sequences of schedule-free learning.

/// y is where the gradient is taken, z takes the steps, x̄ is their average and the point that counts:
///
/// - z ← z - γ_t u
/// - x̄ ← (1 - c) x̄ + c z, with c = w_t / Σ_{i ≤ t} w_i and w_t = tʳ (max_{i ≤ t} γ_i)²
/// - y = (1 - β) z + β x̄
///
/// where u is the gradient at y, or what Adam makes of it, and γ_t the rate, times t / `warmup` in the first `warmup` steps.
///
/// Defazio et al., 'The road less scheduled', arXiv 2405.15682, with the weights of the authors'
/// github.com/facebookresearch/schedule_free.
#[derive(Clone, Debug)]
pub struct ScheduleFreeAverage {
    /// β.
    pub beta: f64,
    /// r.
    pub power: f64,
    /// Steps of linear warm-up.
    pub warmup: u64,
    z: Vec<f64>,
    average: Vec<f64>,
    steps: u64,
    largest_rate: f64,
    weight_sum: f64,
    rate_used: f64,
}

impl ScheduleFreeAverage {
    /// β = 0.9, r = 0, no warm-up; from `x0`.
    pub fn new(x0: &[f64]) -> Self {
        Self {
            beta: 0.9,
            power: 0.0,
            warmup: 0,
            z: x0.to_vec(),
            average: x0.to_vec(),
            steps: 0,
            largest_rate: 0.0,
            weight_sum: 0.0,
            rate_used: 0.0,
        }
    }

    /// The average, x̄.
    pub fn point(&self) -> &[f64] {
        &self.average
    }

    /// γ of the last step.
    pub fn rate_used(&self) -> f64 {
        self.rate_used
    }

    /// One step along -u = -`direction`; `y` holds the point of the gradient, before and after.
    pub fn advance(&mut self, rate: f64, direction: &[f64], y: &mut [f64]) {
        self.steps += 1;
        let warm = self.steps as f64 / self.warmup.max(1) as f64;
        let rate = rate * warm.min(1.0);
        self.rate_used = rate;
        self.largest_rate = self.largest_rate.max(rate);
        let weight = (self.steps as f64).powf(self.power) * self.largest_rate.powi(2);
        self.weight_sum += weight;
        let share = if self.weight_sum > 0.0 {
            weight / self.weight_sum
        } else {
            0.0
        };
        let beta = self.beta;
        let points = self.z.iter_mut().zip(&mut self.average);
        for ((y, u), (z, mean)) in y.iter_mut().zip(direction).zip(points) {
            *z -= rate * u;
            *mean += share * (*z - *mean);
            *y = (1.0 - beta) * *z + beta * *mean;
        }
    }
}
