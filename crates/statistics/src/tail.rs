//! Upper tails of the distributions under the tests, with the relative precision of small p-values.

use std::f64::consts::SQRT_2;

use libm::{erfc, lgamma};

/// P(Z > z) of the standard normal distribution: erfc(z/√2)/2.
pub(crate) fn normal(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// P(X > x) of the chi-square distribution with ν degrees of freedom.
///
/// Q(ν/2, h) with h = x/2, by the recurrence Q(s + 1, h) = Q(s, h) + h^s e^{−h}/Γ(s + 1) from Q(1/2, h) = erfc(√h) or Q(0, h) = 0
/// (DLMF 8.8.6). All terms are positive.
pub(crate) fn chi_square(x: f64, freedom: usize) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let h = 0.5 * x;
    let (first, start) = if freedom.is_multiple_of(2) {
        (0.0, 0.0)
    } else {
        (0.5, erfc(h.sqrt()))
    };
    let rise = |step: usize| {
        let s = first + step as f64;
        (s * h.ln() - h - lgamma(s + 1.0)).exp()
    };
    (start + (0..freedom / 2).map(rise).sum::<f64>()).min(1.0)
}

/// P(X > x) of the F distribution with ν₁ and ν₂ degrees of freedom: I_t(ν₂/2, ν₁/2) at t = ν₂/(ν₂ + ν₁ x).
pub(crate) fn f(x: f64, numerator: f64, denominator: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x == f64::INFINITY {
        return 0.0;
    }
    let odds = numerator * x / denominator;
    let (t, rest) = (1.0 / (1.0 + odds), odds / (1.0 + odds));
    let (a, b) = (0.5 * denominator, 0.5 * numerator);
    // The continued fraction converges fast below the mean of the beta distribution.
    if t < (a + 1.0) / (a + b + 2.0) {
        beta(a, b, t, rest)
    } else {
        1.0 - beta(b, a, rest, t)
    }
}

/// The regularised incomplete beta function I_t(a, b), with `rest` = 1 − t, by its continued fraction
/// t^a (1 − t)^b/(a B(a, b)) · 1/(1 + d₁/(1 + d₂/(1 + …))) (DLMF 8.17.22), evaluated forwards (modified Lentz).
fn beta(a: f64, b: f64, t: f64, rest: f64) -> f64 {
    const TINY: f64 = 1e-300;
    const MOST_TERMS: usize = 100_000;
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let coefficient = |term: usize| {
        let m = (term / 2) as f64;
        if term.is_multiple_of(2) {
            m * (b - m) * t / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * t / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    };
    let (mut value, mut c, mut d) = (1.0, 1.0, 0.0);
    for term in 1..MOST_TERMS {
        let coefficient = coefficient(term);
        d = 1.0 / away_from_zero(1.0 + coefficient * d);
        c = away_from_zero(1.0 + coefficient / c);
        value *= c * d;
        if (c * d - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    let log_beta = lgamma(a) + lgamma(b) - lgamma(a + b);
    (a * t.ln() + b * rest.ln() - log_beta).exp() / (a * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, expected: f64, relative: f64) {
        assert!(
            (found / expected - 1.0).abs() < relative,
            "{found:e} {expected:e}"
        );
    }

    #[test]
    fn normal_as_in_r() {
        // R 4.2: pnorm(z, lower = FALSE)
        for (z, p) in [
            (0.0, 0.5),
            (0.5, 0.30853753872598694),
            (1.96, 0.024997895148220428),
            (5.0, 2.866515718791939e-07),
            (10.0, 7.619853024160527e-24),
        ] {
            close(normal(z), p, 1e-13);
        }
    }

    #[test]
    fn chi_square_as_in_r() {
        // R 4.2: pchisq(x, freedom, lower = FALSE)
        for (x, freedom, p) in [
            (0.1, 1, 0.7518296340458493),
            (1.0, 3, 0.8012519569012008),
            (3.0, 7, 0.8850022316431506),
            (10.0, 19, 0.9529457975866219),
            (100.0, 19, 5.355560750435118e-13),
            (700.0, 2, 9.92959039626498e-153),
        ] {
            close(chi_square(x, freedom), p, 1e-13);
        }
        assert_eq!(chi_square(0.0, 3), 1.0);
        assert_eq!(chi_square(f64::INFINITY, 2), 0.0);
    }

    #[test]
    fn f_as_in_r() {
        // R 4.2: pf(x, numerator, denominator, lower = FALSE)
        for (x, numerator, denominator, p) in [
            (0.2, 3.0, 39.0, 0.8957509966337361),
            (1.0, 3.0, 39.0, 0.4030738485711288),
            (3.69, 3.0, 39.0, 0.019744099689488873),
            (40.0, 19.0, 100.0, 3.3446181799156816e-38),
            (2.5, 19.0, 3781.0, 0.00032244588294434994),
            (1.01, 19.0, 189981.0, 0.4447167177615939),
        ] {
            close(f(x, numerator, denominator), p, 1e-9);
        }
        assert_eq!(f(0.0, 3.0, 39.0), 1.0);
        assert_eq!(f(f64::INFINITY, 3.0, 39.0), 0.0);
    }
}
