//! The 18 unconstrained minimisation problems of Moré, Garbow and Hillstrom with their standard starts and minima.
//!
//! Moré, Garbow and Hillstrom, "Testing unconstrained optimization software", *ACM Transactions on Mathematical Software* 7
//! (1981), 17–41, and Algorithm 566, 136–140. The extended Rosenbrock function, number 14, stands in
//! [`rosenbrock`](crate::rosenbrock).

pub mod beale;
pub mod biggs_exp6;
pub mod box_three_dimensional;
pub mod brown_badly_scaled;
pub mod brown_dennis;
pub mod chebyquad;
pub mod gaussian;
pub mod gulf;
pub mod helical_valley;
pub mod penalty_1;
pub mod penalty_2;
pub mod powell_badly_scaled;
pub mod powell_singular;
pub mod trigonometric;
pub mod variably_dimensioned;
pub mod watson;
pub mod wood;

pub use beale::beale;
pub use biggs_exp6::biggs_exp6;
pub use box_three_dimensional::box_three_dimensional;
pub use brown_badly_scaled::brown_badly_scaled;
pub use brown_dennis::brown_dennis;
pub use chebyquad::chebyquad;
pub use gaussian::gaussian;
pub use gulf::gulf;
pub use helical_valley::helical_valley;
pub use penalty_1::penalty_1;
pub use penalty_2::penalty_2;
pub use powell_badly_scaled::powell_badly_scaled;
pub use powell_singular::powell_singular;
pub use trigonometric::trigonometric;
pub use variably_dimensioned::variably_dimensioned;
pub use watson::watson;
pub use wood::wood;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inner_product::dot;
    use crate::rosenbrock::extended_rosenbrock;
    use crate::{Instance, Objective};

    /// f(x₀) and |∇f(x₀)| of Algorithm 566 in three digits, as the Julia interface to the Fortran code prints them
    /// (Toms566.jl, README).
    #[test]
    fn values_and_gradients_at_the_standard_starts_are_those_of_algorithm_566() {
        let printed: [(Instance, f64, f64); 18] = [
            (helical_valley(), 2.50e+03, 1.88e+03),
            (biggs_exp6(), 7.79e-01, 2.55e+00),
            (gaussian(), 3.89e-06, 7.45e-03),
            (powell_badly_scaled(), 1.14e+00, 2.00e+04),
            (box_three_dimensional(), 1.03e+03, 1.49e+02),
            (variably_dimensioned(40), 9.39e+10, 1.01e+11),
            (watson(9), 3.00e+01, 1.78e+02),
            (penalty_1(60), 5.45e+09, 8.02e+07),
            (penalty_2(65), 2.87e+05, 3.28e+05),
            (brown_badly_scaled(), 1.00e+12, 2.00e+06),
            (brown_dennis(), 7.93e+06, 2.14e+06),
            (gulf(), 1.21e+01, 3.97e+01),
            (trigonometric(40), 2.01e-03, 5.30e-02),
            (extended_rosenbrock(40), 4.84e+02, 1.04e+03),
            (powell_singular(60), 3.23e+03, 1.78e+03),
            (beale(), 1.42e+01, 2.78e+01),
            (wood(), 1.92e+04, 1.64e+04),
            (chebyquad(50), 1.39e-02, 2.65e+00),
        ];
        for (problem, value, slope) in printed {
            let x = problem.start();
            let mut g = vec![0.0; x.len()];
            problem.gradient(&x, &mut g);
            let length = dot(&g, &g).sqrt();
            let name = problem.name();
            assert!(
                (problem.value(&x) / value - 1.0).abs() < 5e-3,
                "{name}: {}",
                problem.value(&x)
            );
            assert!((length / slope - 1.0).abs() < 5e-3, "{name}: {length}");
        }
    }

    #[test]
    fn standard_starts_are_those_of_the_paper() {
        assert_eq!(helical_valley().start(), [-1.0, 0.0, 0.0]);
        assert_eq!(biggs_exp6().start(), [1.0, 2.0, 1.0, 1.0, 1.0, 1.0]);
        assert_eq!(gaussian().start(), [0.4, 1.0, 0.0]);
        assert_eq!(powell_badly_scaled().start(), [0.0, 1.0]);
        assert_eq!(box_three_dimensional().start(), [0.0, 10.0, 20.0]);
        assert_eq!(variably_dimensioned(4).start(), [0.75, 0.5, 0.25, 0.0]);
        assert_eq!(watson(6).start(), [0.0; 6]);
        assert_eq!(penalty_1(4).start(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(penalty_2(4).start(), [0.5; 4]);
        assert_eq!(brown_badly_scaled().start(), [1.0, 1.0]);
        assert_eq!(brown_dennis().start(), [25.0, 5.0, -5.0, -1.0]);
        assert_eq!(gulf().start(), [5.0, 2.5, 0.15]);
        assert_eq!(trigonometric(10).start(), [0.1; 10]);
        assert_eq!(extended_rosenbrock(4).start(), [-1.2, 1.0, -1.2, 1.0]);
        assert_eq!(
            powell_singular(8).start(),
            [3.0, -1.0, 0.0, 1.0, 3.0, -1.0, 0.0, 1.0]
        );
        assert_eq!(beale().start(), [1.0, 1.0]);
        assert_eq!(wood().start(), [-3.0, -1.0, -3.0, -1.0]);
        assert_eq!(chebyquad(3).start(), [0.25, 0.5, 0.75]);
    }

    /// Minima that are 0, at the minimisers of the paper.
    #[test]
    fn zero_minima_are_at_their_minimisers() {
        let exact: [(Instance, Vec<f64>); 14] = [
            (helical_valley(), vec![1.0, 0.0, 0.0]),
            (biggs_exp6(), vec![1.0, 10.0, 1.0, 5.0, 4.0, 3.0]),
            (
                powell_badly_scaled(),
                vec![1.098_159_329_699_817_5e-5, 9.106_146_739_866_524],
            ),
            (box_three_dimensional(), vec![1.0, 10.0, 1.0]),
            (box_three_dimensional(), vec![10.0, 1.0, -1.0]),
            (variably_dimensioned(10), vec![1.0; 10]),
            (brown_badly_scaled(), vec![1e6, 2e-6]),
            (gulf(), vec![50.0, 25.0, 1.5]),
            (trigonometric(10), vec![0.0; 10]),
            (extended_rosenbrock(10), vec![1.0; 10]),
            (powell_singular(12), vec![0.0; 12]),
            (beale(), vec![3.0, 0.5]),
            (wood(), vec![1.0; 4]),
            (
                chebyquad(2),
                vec![0.5 - 1.0 / 12f64.sqrt(), 0.5 + 1.0 / 12f64.sqrt()],
            ),
        ];
        for (problem, x) in exact {
            assert_eq!(problem.minimum(), Some(0.0));
            assert!(
                problem.value(&x) < 1e-20,
                "{}: {:e}",
                problem.name(),
                problem.value(&x)
            );
            let mut g = vec![0.0; x.len()];
            problem.gradient(&x, &mut g);
            assert!(dot(&g, &g).sqrt() < 1e-9, "{}: {g:?}", problem.name());
        }
    }

    /// Minima that are not 0: the figure of the paper in six digits, and a minimiser computed in 60 digits. Chebyquad with
    /// n = 10 stands here twice: the local minimum that the paper gives, and a lower one.
    #[test]
    fn other_minima_agree_with_the_paper_and_are_stationary() {
        let stationary: [(Instance, f64, Vec<f64>); 12] = [
            (
                gaussian(),
                1.12793e-8,
                vec![0.398_956_137_838_756_66, 1.000_019_084_487_805_6, 0.0],
            ),
            (
                watson(6),
                2.28767e-3,
                vec![
                    -0.015_725_086_401_458_456,
                    1.012_434_869_369_109_9,
                    -0.232_991_625_956_737_67,
                    1.260_430_087_799_608_2,
                    -1.513_728_922_722_279_7,
                    0.992_996_432_431_134_6,
                ],
            ),
            (
                watson(9),
                1.39976e-6,
                vec![
                    -1.530_703_652_139_434_2e-5,
                    0.999_789_703_931_948_3,
                    0.014_763_963_693_556_96,
                    0.146_342_328_299_362_22,
                    1.000_821_103_004_709_2,
                    -2.617_731_140_519_015,
                    4.104_403_164_478_857,
                    -3.143_612_278_556_442,
                    1.052_626_408_010_166_8,
                ],
            ),
            (
                watson(12),
                4.72238e-10,
                vec![
                    -6.638_060_464_520_687e-9,
                    1.000_001_644_117_862,
                    -0.000_563_932_210_342_305_8,
                    0.347_820_540_504_042_43,
                    -0.156_731_504_096_165_13,
                    1.052_815_177_207_177_9,
                    -3.247_271_153_459_667_7,
                    7.288_434_897_938_061,
                    -10.271_848_241_321_724,
                    9.074_113_647_075_317,
                    -4.541_375_466_692_512,
                    1.012_011_888_552_810_4,
                ],
            ),
            (penalty_1(4), 2.24997e-5, vec![0.250_007_499_587_537_9; 4]),
            (
                penalty_1(10),
                7.08765e-5,
                vec![0.158_122_301_113_116_37; 10],
            ),
            (
                penalty_2(4),
                9.37629e-6,
                vec![
                    0.199_999_333_350_380_4,
                    0.191_316_700_992_772_45,
                    0.480_101_485_332_623_15,
                    0.518_845_404_390_200_5,
                ],
            ),
            (
                penalty_2(10),
                2.93660e-4,
                vec![
                    0.199_983_605_197_823_6,
                    0.010_350_648_471_292_297,
                    0.0196049344804384,
                    0.032_089_067_220_685_65,
                    0.049_932_677_399_641_294,
                    0.076_513_995_153_993_61,
                    0.118_624_072_869_504_17,
                    0.192_144_872_335_576_67,
                    0.347_320_586_941_843_65,
                    0.369_164_374_159_350_8,
                ],
            ),
            (
                brown_dennis(),
                85822.2,
                vec![
                    -11.594_439_904_762_165,
                    13.203_630_051_207_204,
                    -0.403_439_488_176_859_54,
                    0.236_778_774_455_736_3,
                ],
            ),
            (
                chebyquad(8),
                3.51687e-3,
                vec![
                    0.043_152_760_151_016_63,
                    0.193_090_840_384_186_1,
                    0.266_328_706_890_272_94,
                    0.5,
                    0.5,
                    0.733_671_293_109_727_1,
                    0.806_909_159_615_813_9,
                    0.956_847_239_848_983_3,
                ],
            ),
            (
                chebyquad(10),
                6.50395e-3,
                vec![
                    0.059_619_900_535_812_7,
                    0.166_708_281_835_861_42,
                    0.239_170_658_942_608_5,
                    0.398_884_292_306_044_5,
                    0.398_884_292_306_044_5,
                    0.601_115_707_693_955_5,
                    0.601_115_707_693_955_5,
                    0.760_829_341_057_391_5,
                    0.833_291_718_164_138_6,
                    0.940_380_099_464_187_3,
                ],
            ),
            (
                chebyquad(10),
                4.77271e-3,
                vec![
                    0.074_748_166_214_602_48,
                    0.171_518_176_948_092_68,
                    0.286_434_152_584,
                    0.359_646_450_628_934_1,
                    0.470_750_522_866_593_47,
                    0.616_738_335_038_745,
                    0.616_738_335_038_745,
                    0.799_810_801_538_613_7,
                    0.844_854_642_240_926_7,
                    0.967_006_626_981_925_5,
                ],
            ),
        ];
        for (problem, figure, x) in stationary {
            let name = problem.name();
            let value = problem.value(&x);
            assert!((value / figure - 1.0).abs() < 5e-6, "{name}: {value:e}");
            let minimum = problem.minimum().unwrap();
            if figure != 6.50395e-3 {
                assert!((value / minimum - 1.0).abs() < 1e-9, "{name}: {value:e}");
            }
            let mut g = vec![0.0; x.len()];
            problem.gradient(&x, &mut g);
            assert!(dot(&g, &g).sqrt() < 1e-9 * (1.0 + value), "{name}: {g:?}");
        }
    }

    /// f is so large around the standard start that finite differences in x₂ drown in rounding; here it is moderate.
    #[test]
    fn the_gradient_of_brown_badly_scaled_by_hand() {
        let mut g = [0.0; 2];
        brown_badly_scaled().gradient(&[1e6, 1.0], &mut g);
        // r = (0, 1 − 2·10⁻⁶, 10⁶ − 2)
        assert_eq!(g[0], 2.0 * (1e6 - 2.0));
        assert!((g[1] / (2.0 * (1.0 - 2e-6) + 2e6 * (1e6 - 2.0)) - 1.0).abs() < 1e-15);
    }
}
