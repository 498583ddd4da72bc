//! Adam.

/// m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; x ← x - α m̂ / (√v̂ + ε), with m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) (Kingma and
/// Ba, arXiv 1412.6980).
#[derive(Clone, Debug)]
pub struct Adam {
    beta: (f64, f64),
    /// 1 - β₁ and 1 - β₂, given apart: in floating point 1 - 0.9 is not 0.1.
    gain: (f64, f64),
    epsilon: f64,
    first: Vec<f64>,
    second: Vec<f64>,
    steps: i32,
}

impl Adam {
    /// β = (0.9, 0.999), ε = 1e-8, for `dimension` parameters.
    pub fn new(dimension: usize) -> Self {
        Self {
            beta: (0.9, 0.999),
            gain: (0.1, 0.001),
            epsilon: 1e-8,
            first: vec![0.0; dimension],
            second: vec![0.0; dimension],
            steps: 0,
        }
    }

    /// Forgets the moments and counts from 0.
    pub fn reset(&mut self) {
        self.first.fill(0.0);
        self.second.fill(0.0);
        self.steps = 0;
    }

    /// Writes the update Δ into `step`: x ← x + Δ.
    pub fn update(&mut self, rate: f64, gradient: &[f64], step: &mut [f64]) {
        self.steps = self.steps.saturating_add(1);
        let (beta, gain) = (self.beta, self.gain);
        let (c1, c2) = (1.0 - beta.0.powi(self.steps), 1.0 - beta.1.powi(self.steps));
        let moments = self.first.iter_mut().zip(&mut self.second);
        for ((d, g), (m, v)) in step.iter_mut().zip(gradient).zip(moments) {
            *m = beta.0 * *m + gain.0 * g;
            *v = beta.1 * *v + gain.1 * g * g;
            *d = -rate * (*m / c1) / ((*v / c2).sqrt() + self.epsilon);
        }
    }
}
