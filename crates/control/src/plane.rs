//! The plane through a base point spanned by its gradient g and the last step s, and the quadratic model of f over it.
//!
//! A step in the plane is d = -αg + βs: gradient descent with a learning rate α and a momentum β of its own at each step (Polyak's
//! heavy ball has constants there; conjugate gradients are the choice that is exact on a quadratic).

/// Inner products of g, s and y = g - g₋ at a base point, where s led to it and g₋ is the gradient before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plane {
    /// gᵀg.
    pub gg: f64,
    /// gᵀs.
    pub gs: f64,
    /// gᵀy.
    pub gy: f64,
    /// sᵀs.
    pub ss: f64,
    /// sᵀy.
    pub sy: f64,
}

/// d = -αg + βs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlaneStep {
    /// α; it can be negative where β makes d a direction of descent all the same.
    pub rate: f64,
    /// β.
    pub momentum: f64,
}

/// ρ exceeds (gᵀy)²/sᵀy, below which the model has no minimum, by at least this factor.
const CONVEXITY: f64 = 1.1;
/// gᵀd is below -1e-10 |g||d|, or d counts as no direction of descent.
const LEAST_COSINE: f64 = 1e-10;

impl Plane {
    /// The minimiser of the model gᵀd + ½ dᵀHd over the plane, where sᵀHs = sᵀy and gᵀHs = gᵀy are read off the last step, which is
    /// exact on a quadratic, and gᵀHg = ρ is the caller's, raised to 1.1 (gᵀy)²/sᵀy where it is less:
    ///
    /// α = (gᵀg sᵀy - gᵀy gᵀs) / D, β = (gᵀy gᵀg - ρ gᵀs) / D with D = ρ sᵀy - (gᵀy)².
    ///
    /// None where sᵀy <= 0, where the step is not finite, and where rounding leaves no direction of descent. Its source is Yuan and
    /// Stoer, 'A subspace study on conjugate gradient algorithms' (ZAMM 75, 1995); ρ = 3/2 |g|²|y|²/sᵀy is the choice of Dai and Kou,
    /// 'A Barzilai-Borwein conjugate gradient method' (Sci. China Math. 59, 2016).
    ///
    /// ```
    /// use qstride_control::plane::Plane;
    ///
    /// // f = ½ (x₁² + 4 x₂²): from (4, 1), g₋ = (4, 4), the exact step .4 leads to (2.4, -.6) and g = (2.4, -2.4).
    /// let (s, y, g) = ([-1.6, -1.6], [-1.6, -6.4], [2.4, -2.4]);
    /// let dot = |a: [f64; 2], b: [f64; 2]| a[0] * b[0] + a[1] * b[1];
    /// let plane = Plane { gg: dot(g, g), gs: dot(g, s), gy: dot(g, y), ss: dot(s, s), sy: dot(s, y) };
    /// let step = plane.minimiser(28.8).unwrap(); // gᵀHg = 2.4² + 4 · 2.4²
    /// let d = [0, 1].map(|i| -step.rate * g[i] + step.momentum * s[i]);
    /// assert!((2.4 + d[0]).abs() < 1e-12 && (-0.6 + d[1]).abs() < 1e-12); // the minimum
    /// ```
    pub fn minimiser(&self, rho: f64) -> Option<PlaneStep> {
        if !(self.sy > 0.0) {
            return None;
        }
        // s is eliminated first: quotients of inner products neither over- nor underflow as their products do.
        let slope_of_s = self.gy / self.sy;
        let coupled = slope_of_s * self.gy;
        let rho = rho.max(CONVEXITY * coupled);
        let rate = (self.gg - slope_of_s * self.gs) / (rho - coupled);
        let step = PlaneStep {
            rate,
            momentum: slope_of_s * rate - self.gs / self.sy,
        };
        let descends =
            self.slope(&step) < -LEAST_COSINE * self.gg.sqrt() * self.squared_length(&step).sqrt();
        (descends && rate.is_finite() && step.momentum.is_finite()).then_some(step)
    }

    /// gᵀd.
    pub fn slope(&self, step: &PlaneStep) -> f64 {
        step.momentum * self.gs - step.rate * self.gg
    }

    /// |d|/|g|: the rate of the step along -g that is as long as d.
    pub fn length(&self, step: &PlaneStep) -> f64 {
        (self.squared_length(step) / self.gg).sqrt()
    }

    /// |d|². Rounding can make it negative where αg and βs cancel; it is 0 then.
    fn squared_length(&self, step: &PlaneStep) -> f64 {
        let PlaneStep { rate, momentum } = *step;
        let along_s = momentum * self.ss - 2.0 * rate * self.gs;
        let squared = rate * rate * self.gg + momentum * along_s;
        if squared < 0.0 { 0.0 } else { squared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::dot;
    use proptest::prelude::*;

    fn plane(g: &[f64], s: &[f64], y: &[f64]) -> Plane {
        Plane {
            gg: dot(g, g),
            gs: dot(g, s),
            gy: dot(g, y),
            ss: dot(s, s),
            sy: dot(s, y),
        }
    }

    #[test]
    fn a_step_by_hand() {
        // gᵀg = 2, gᵀs = 1, gᵀy = 1, sᵀs = 1, sᵀy = 2 and ρ = 3: D = 5, α = (4 - 1)/5, β = (2 - 3)/5.
        let plane = plane(&[1.0, 1.0], &[1.0, 0.0], &[2.0, -1.0]);
        let step = plane.minimiser(3.0).unwrap();
        assert!((step.rate - 0.6).abs() < 1e-15 && (step.momentum + 0.2).abs() < 1e-15);
        // d = (-.8, -.6)
        assert!((plane.slope(&step) + 1.4).abs() < 1e-15);
        assert!((plane.length(&step) - 0.5f64.sqrt()).abs() < 1e-15);
        // ρ = 0 is raised to 1.1 · 1/2: D = .1, α = 30.
        let raised = plane.minimiser(0.0).unwrap();
        assert!((raised.rate - 30.0).abs() < 1e-12);
        // Infinite curvature along g leaves the line along s: β = -gᵀs/sᵀy.
        let along_s = plane.minimiser(f64::INFINITY).unwrap();
        assert_eq!((along_s.rate, along_s.momentum), (0.0, -0.5));
    }

    #[test]
    fn without_positive_curvature_there_is_no_minimiser() {
        assert_eq!(plane(&[1.0], &[1.0], &[-1.0]).minimiser(1.0), None);
        assert_eq!(plane(&[1.0], &[0.0], &[0.0]).minimiser(1.0), None);
        assert_eq!(plane(&[f64::NAN], &[1.0], &[1.0]).minimiser(1.0), None);
        assert_eq!(plane(&[0.0], &[1.0], &[1.0]).minimiser(1.0), None);
    }

    /// With gᵀHg itself for ρ these are conjugate gradients: n steps reach the minimum of ½ Σ hᵢ xᵢ².
    #[test]
    fn exact_curvature_gives_conjugate_gradients() {
        let h = [1.0, 3.0, 7.0, 20.0];
        let gradient = |x: &[f64; 4]| -> [f64; 4] { std::array::from_fn(|i| h[i] * x[i]) };
        let product = |v: &[f64; 4]| -> [f64; 4] { std::array::from_fn(|i| h[i] * v[i]) };
        let mut x = [3.0, -2.0, 1.0, 1.0];
        let mut g = gradient(&x);
        let cauchy = dot(&g, &g) / dot(&g, &product(&g));
        let mut s = g.map(|v| -cauchy * v);
        for step in 1..4 {
            x = std::array::from_fn(|i| x[i] + s[i]);
            g = gradient(&x);
            assert!(dot(&g, &g) > 1e-6, "not before step {step}");
            let plane = plane(&g, &s, &product(&s));
            let d = plane.minimiser(dot(&g, &product(&g))).unwrap();
            s = std::array::from_fn(|i| d.momentum * s[i] - d.rate * g[i]);
        }
        x = std::array::from_fn(|i| x[i] + s[i]);
        assert!(x.iter().all(|v| v.abs() < 1e-12), "{x:?}");
    }

    proptest! {
        #[test]
        fn a_minimiser_descends_and_satisfies_the_model(
            g in prop::array::uniform3(-10.0f64..10.0), s in prop::array::uniform3(-10.0f64..10.0),
            y in prop::array::uniform3(-10.0f64..10.0), rho in 1e-3f64..1e3,
        ) {
            let plane = plane(&g, &s, &y);
            if let Some(step) = plane.minimiser(rho) {
                let d: [f64; 3] = std::array::from_fn(|i| step.momentum * s[i] - step.rate * g[i]);
                let size = (step.momentum.abs() + step.rate.abs()) * 1e3;
                prop_assert!((plane.slope(&step) - dot(&g, &d)).abs() < 1e-12 * size);
                prop_assert!((plane.length(&step).powi(2) - dot(&d, &d) / plane.gg).abs() < 1e-10 * size * size / plane.gg);
                prop_assert!(plane.slope(&step) < 0.0);
                // The model's gradient vanishes along g and along s.
                let rho = rho.max(1.1 * plane.gy * plane.gy / plane.sy);
                let along_s = plane.gs - step.rate * plane.gy + step.momentum * plane.sy;
                let along_g = plane.gg - step.rate * rho + step.momentum * plane.gy;
                prop_assert!(along_s.abs() < 1e-9 * size && along_g.abs() < 1e-9 * size * (1.0 + rho));
            } else {
                prop_assert!(plane.sy <= 1e-9 || plane.gg <= 1e-9, "{plane:?}");
            }
        }

        /// In units of f and x that are powers of two the same step comes out, to the last bit.
        #[test]
        fn units_change_nothing(
            g in prop::array::uniform2(-10.0f64..10.0), s in prop::array::uniform2(-10.0f64..10.0),
            y in prop::array::uniform2(-10.0f64..10.0), rho in 1e-3f64..1e3, f in -60i32..60, x in -60i32..60,
        ) {
            let (f, x) = (2f64.powi(f), 2f64.powi(x));
            let scaled = plane(&g.map(|v| v * f / x), &s.map(|v| v * x), &y.map(|v| v * f / x));
            let there = scaled.minimiser(rho * f * f * f / (x * x * x * x));
            let here = plane(&g, &s, &y).minimiser(rho);
            let expected = here.map(|step| PlaneStep { rate: step.rate * x * x / f, ..step });
            prop_assert_eq!(there, expected);
        }
    }
}
