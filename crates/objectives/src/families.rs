//! Every analytic problem by name, one line each: the families that instances are drawn from, and the classic problems.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::Instance;
use crate::ackley::ackley;
use crate::booth::booth;
use crate::himmelblau::himmelblau;
use crate::least_squares::{random_quadratic_least_squares, random_tanh_least_squares};
use crate::levy::levy;
use crate::logistic_random::{random_large_logistic, random_logistic};
use crate::mgh::{
    beale, biggs_exp6, box_three_dimensional, brown_badly_scaled, brown_dennis, chebyquad,
    gaussian, gulf, helical_valley, penalty_1, penalty_2, powell_badly_scaled, powell_singular,
    trigonometric, variably_dimensioned, watson, wood,
};
use crate::quadratic::{random_large_quadratic, random_quadratic};
use crate::rastrigin::rastrigin;
use crate::rosenbrock::{chained_rosenbrock, extended_rosenbrock};
use crate::small_mlp::random_small_mlp;
use crate::styblinski_tang::styblinski_tang;

use Split::{Test, Train, Validation};

/// What a problem may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// Learning.
    Train,
    /// Every choice that is made, and the tables.
    Validation,
    /// Final tables only: nothing is chosen on it.
    Test,
}

/// A distribution of problems.
#[derive(Clone, Copy)]
pub struct Family {
    /// The name, such as `quadratic`; its instances are `quadratic/0`, `quadratic/1`, …
    pub name: &'static str,
    /// What the family may be used for.
    pub split: Split,
    /// One line for a list.
    pub about: &'static str,
    /// Draws an instance; whoever draws gives it its name.
    pub draw: fn(&mut ChaCha8Rng) -> Instance,
}

/// A single problem at its standard start.
#[derive(Clone, Copy)]
pub struct Problem {
    /// The name, such as `watson-6`; the instance is `classic/watson-6`.
    pub name: &'static str,
    /// What the problem may be used for.
    pub split: Split,
    /// One line for a list.
    pub about: &'static str,
    /// Makes it.
    pub make: fn() -> Instance,
}

/// All families. A new one is a file and a line here.
#[rustfmt::skip]
pub const FAMILIES: &[Family] = &[
    family("quadratic", Train, "rotated convex quadratics, n 2-30, condition to 10^4.5", random_quadratic),
    family("logistic", Train, "ridge logistic regressions, n 2-12, 20-60 samples", random_logistic),
    family("tanh-least-squares", Train, "one tanh neuron fitted to a teacher, n 2-10", random_tanh_least_squares),
    family("quadratic-least-squares", Train, "least squares of quadratic residuals, n 2-10", random_quadratic_least_squares),
    family("small-mlp", Train, "perceptrons of 2-4 tanh units fitted to a teacher, n 7-21", random_small_mlp),

    family("rosenbrock", Validation, "chained Rosenbrock, n 2-10, start perturbed by 0.3", |rng| chained_rosenbrock(rng.random_range(2..=10)).perturbed(0.3, rng)),
    family("rosenbrock-large", Validation, "chained Rosenbrock, n 11-100, start perturbed by 0.3", |rng| chained_rosenbrock(rng.random_range(11..=100)).perturbed(0.3, rng)),
    family("rosenbrock-extended", Validation, "extended Rosenbrock, n 2-20 even, start perturbed by 0.3", |rng| extended_rosenbrock(2 * rng.random_range(1..=10)).perturbed(0.3, rng)),
    family("beale", Validation, "Beale, n 2, start perturbed by 0.5", |rng| beale().perturbed(0.5, rng)),
    family("powell-singular", Validation, "Powell singular, n 4, start perturbed by 0.3", |rng| powell_singular(4).perturbed(0.3, rng)),
    family("wood", Validation, "Wood, n 4, start perturbed by 0.3", |rng| wood().perturbed(0.3, rng)),
    family("himmelblau", Validation, "Himmelblau, n 2, start uniform in [-4, 4]^2", |rng| himmelblau().started_within(4.0, rng)),
    family("helical-valley", Validation, "helical valley, n 3, start perturbed by 0.3", |rng| helical_valley().perturbed(0.3, rng)),

    family("biggs-exp6", Test, "Biggs EXP6, n 6, start perturbed by 0.1", |rng| biggs_exp6().perturbed(0.1, rng)),
    family("gaussian", Test, "Gaussian, n 3, start perturbed by 0.1", |rng| gaussian().perturbed(0.1, rng)),
    family("powell-badly-scaled", Test, "Powell badly scaled, n 2, start perturbed by 0.1", |rng| powell_badly_scaled().perturbed(0.1, rng)),
    family("box-three-dimensional", Test, "Box three-dimensional, n 3, start perturbed by 0.1", |rng| box_three_dimensional().perturbed(0.1, rng)),
    family("variably-dimensioned", Test, "variably dimensioned, n 2-30, start perturbed by 0.1", |rng| variably_dimensioned(rng.random_range(2..=30)).perturbed(0.1, rng)),
    family("watson", Test, "Watson, n 6, 9 or 12, start perturbed by 0.1", |rng| watson(3 * rng.random_range(2..=4)).perturbed(0.1, rng)),
    family("penalty-1", Test, "penalty I, n 4 or 10, start perturbed by 0.1", |rng| penalty_1(if rng.random() { 4 } else { 10 }).perturbed(0.1, rng)),
    family("penalty-2", Test, "penalty II, n 4 or 10, start perturbed by 0.1", |rng| penalty_2(if rng.random() { 4 } else { 10 }).perturbed(0.1, rng)),
    family("brown-badly-scaled", Test, "Brown badly scaled, n 2, start perturbed by 0.1", |rng| brown_badly_scaled().perturbed(0.1, rng)),
    family("brown-dennis", Test, "Brown and Dennis, n 4, start perturbed by 0.1", |rng| brown_dennis().perturbed(0.1, rng)),
    family("gulf", Test, "Gulf research and development, n 3, start perturbed by 0.03", |rng| gulf().perturbed(0.03, rng)),
    family("trigonometric", Test, "trigonometric, n 2-30, start perturbed by 0.1/n", |rng| { let n: u32 = rng.random_range(2..=30); trigonometric(n as usize).perturbed(0.1 / f64::from(n), rng) }),
    family("chebyquad", Test, "Chebyquad, n 2-9, start perturbed by 0.02", |rng| chebyquad(rng.random_range(2..=9)).perturbed(0.02, rng)),
    family("styblinski-tang", Test, "Styblinski-Tang, n 2-20, start uniform in [-5, 5]^n", |rng| styblinski_tang(rng.random_range(2..=20)).started_within(5.0, rng)),
    family("levy", Test, "Levy, n 2-20, start uniform in [-10, 10]^n", |rng| levy(rng.random_range(2..=20)).started_within(10.0, rng)),
    family("quadratic-large", Test, "rotated convex quadratics, n 31-1000, condition to 10^6", random_large_quadratic),
    family("logistic-large", Test, "ridge logistic regressions, n 30-120, 2n-4n samples", random_large_logistic),
    family("rosenbrock-huge", Test, "chained Rosenbrock, n 101-1000, start perturbed by 0.3", |rng| chained_rosenbrock(rng.random_range(101..=1000)).perturbed(0.3, rng)),
    family("powell-singular-large", Test, "extended Powell singular, n 8-1000, start perturbed by 0.3", |rng| powell_singular(4 * rng.random_range(2..=250)).perturbed(0.3, rng)),
];

/// All classic problems. A new one is a file and a line here.
#[rustfmt::skip]
pub const PROBLEMS: &[Problem] = &[
    problem("rosenbrock-chained-2", Validation, "chained Rosenbrock, n 2", || chained_rosenbrock(2)),
    problem("rosenbrock-chained-10", Validation, "chained Rosenbrock, n 10", || chained_rosenbrock(10)),
    problem("rosenbrock-chained-100", Validation, "chained Rosenbrock, n 100", || chained_rosenbrock(100)),
    problem("rosenbrock-extended-10", Validation, "extended Rosenbrock, n 10 (More-Garbow-Hillstrom 14)", || extended_rosenbrock(10)),
    problem("helical-valley", Validation, "helical valley, n 3 (More-Garbow-Hillstrom 1)", helical_valley),
    problem("powell-singular-4", Validation, "Powell singular, n 4 (More-Garbow-Hillstrom 15)", || powell_singular(4)),
    problem("beale", Validation, "Beale, n 2 (More-Garbow-Hillstrom 16)", beale),
    problem("wood", Validation, "Wood, n 4 (More-Garbow-Hillstrom 17)", wood),
    problem("himmelblau", Validation, "Himmelblau, n 2", himmelblau),

    problem("powell-singular-60", Test, "extended Powell singular, n 60 (More-Garbow-Hillstrom 15)", || powell_singular(60)),
    problem("biggs-exp6", Test, "Biggs EXP6, n 6 (More-Garbow-Hillstrom 2)", biggs_exp6),
    problem("gaussian", Test, "Gaussian, n 3 (More-Garbow-Hillstrom 3)", gaussian),
    problem("powell-badly-scaled", Test, "Powell badly scaled, n 2 (More-Garbow-Hillstrom 4)", powell_badly_scaled),
    problem("box-three-dimensional", Test, "Box three-dimensional, n 3 (More-Garbow-Hillstrom 5)", box_three_dimensional),
    problem("variably-dimensioned-10", Test, "variably dimensioned, n 10 (More-Garbow-Hillstrom 6)", || variably_dimensioned(10)),
    problem("watson-6", Test, "Watson, n 6 (More-Garbow-Hillstrom 7)", || watson(6)),
    problem("watson-9", Test, "Watson, n 9 (More-Garbow-Hillstrom 7)", || watson(9)),
    problem("watson-12", Test, "Watson, n 12 (More-Garbow-Hillstrom 7)", || watson(12)),
    problem("penalty-1-4", Test, "penalty I, n 4 (More-Garbow-Hillstrom 8)", || penalty_1(4)),
    problem("penalty-1-10", Test, "penalty I, n 10 (More-Garbow-Hillstrom 8)", || penalty_1(10)),
    problem("penalty-2-4", Test, "penalty II, n 4 (More-Garbow-Hillstrom 9)", || penalty_2(4)),
    problem("penalty-2-10", Test, "penalty II, n 10 (More-Garbow-Hillstrom 9)", || penalty_2(10)),
    problem("brown-badly-scaled", Test, "Brown badly scaled, n 2 (More-Garbow-Hillstrom 10)", brown_badly_scaled),
    problem("brown-dennis", Test, "Brown and Dennis, n 4 (More-Garbow-Hillstrom 11)", brown_dennis),
    problem("gulf", Test, "Gulf research and development, n 3 (More-Garbow-Hillstrom 12)", gulf),
    problem("trigonometric-10", Test, "trigonometric, n 10 (More-Garbow-Hillstrom 13)", || trigonometric(10)),
    problem("chebyquad-8", Test, "Chebyquad, n 8 (More-Garbow-Hillstrom 18)", || chebyquad(8)),
    problem("chebyquad-9", Test, "Chebyquad, n 9 (More-Garbow-Hillstrom 18)", || chebyquad(9)),
    problem("chebyquad-10", Test, "Chebyquad, n 10 (More-Garbow-Hillstrom 18)", || chebyquad(10)),
    problem("booth", Test, "Booth, n 2", booth),
    problem("rastrigin-2", Test, "Rastrigin, n 2", || rastrigin(2)),
    problem("rastrigin-10", Test, "Rastrigin, n 10", || rastrigin(10)),
    problem("ackley-2", Test, "Ackley, n 2", || ackley(2)),
    problem("ackley-10", Test, "Ackley, n 10", || ackley(10)),
    problem("styblinski-tang-10", Test, "Styblinski-Tang, n 10", || styblinski_tang(10)),
    problem("levy-10", Test, "Levy, n 10", || levy(10)),
];

const fn family(
    name: &'static str,
    split: Split,
    about: &'static str,
    draw: fn(&mut ChaCha8Rng) -> Instance,
) -> Family {
    Family {
        name,
        split,
        about,
        draw,
    }
}

const fn problem(
    name: &'static str,
    split: Split,
    about: &'static str,
    make: fn() -> Instance,
) -> Problem {
    Problem {
        name,
        split,
        about,
        make,
    }
}
