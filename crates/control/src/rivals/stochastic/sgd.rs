//! Stochastic gradient descent: plain, with momentum, with Nesterov's momentum.

/// v ← μ v + g; x ← x - α v, or x ← x - α (g + μ v) with Nesterov's momentum, in PyTorch's form: no dampening, v starts at 0,
/// the rate outside of v. μ = 0 is plain gradient descent.
///
/// Robbins and Monro, Ann. Math. Statist. 22 (1951); Polyak, USSR Comput. Math. 4 (1964); Nesterov, Dokl. 27 (1983) as in
/// Sutskever et al., ICML 2013.
#[derive(Clone, Debug)]
pub struct Sgd {
    momentum: f64,
    nesterov: bool,
    /// v; empty where μ = 0.
    velocity: Vec<f64>,
}

impl Sgd {
    /// μ = 0.
    pub fn plain() -> Self {
        Self {
            momentum: 0.0,
            nesterov: false,
            velocity: Vec::new(),
        }
    }

    /// μ = 0.9, for `dimension` parameters.
    pub fn momentum(dimension: usize) -> Self {
        Self {
            momentum: 0.9,
            nesterov: false,
            velocity: vec![0.0; dimension],
        }
    }

    /// Nesterov's, with μ = 0.9, for `dimension` parameters.
    pub fn nesterov(dimension: usize) -> Self {
        Self {
            nesterov: true,
            ..Self::momentum(dimension)
        }
    }

    /// Forgets v.
    pub fn reset(&mut self) {
        self.velocity.fill(0.0);
    }

    /// Writes the update Δ into `step`: x ← x + Δ.
    pub fn update(&mut self, rate: f64, gradient: &[f64], step: &mut [f64]) {
        if self.velocity.is_empty() {
            for (d, g) in step.iter_mut().zip(gradient) {
                *d = -rate * g;
            }
            return;
        }
        for ((d, g), v) in step.iter_mut().zip(gradient).zip(&mut self.velocity) {
            *v = self.momentum * *v + g;
            let direction = if self.nesterov {
                g + self.momentum * *v
            } else {
                *v
            };
            *d = -rate * direction;
        }
    }
}
