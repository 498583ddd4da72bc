//! The normal distribution, with the same bits on every platform.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// P(Z <= z): erfc(−z/√2)/2, with the relative precision of small values.
pub(crate) fn cdf(z: f64) -> f64 {
    0.5 * libm::erfc(-z * FRAC_1_SQRT_2)
}

/// P(a <= Z <= b), taken on the side of the smaller tail, so that little is lost far from the middle.
pub(crate) fn mass(a: f64, b: f64) -> f64 {
    let mass = if a > 0.0 {
        cdf(-a) - cdf(-b)
    } else {
        cdf(b) - cdf(a)
    };
    mass.max(0.0)
}

/// ln √(2π): what the logarithm of the density lacks besides −z²/2.
pub(crate) fn log_root_two_pi() -> f64 {
    0.5 * libm::log(2.0 * PI)
}

/// The z with P(Z <= z) = p, to 16 digits; infinite at 0 and 1.
///
/// Wichura 1988, *Algorithm AS 241: The percentage points of the normal distribution*, Applied Statistics 37: ratios of polynomials, one
/// for the middle and two for the tails.
pub(crate) fn quantile(p: f64) -> f64 {
    let from_middle = p - 0.5;
    if from_middle.abs() <= 0.425 {
        let r = 0.180_625 - from_middle * from_middle;
        return from_middle * ratio(&MIDDLE, r);
    }
    let tail = if from_middle < 0.0 { p } else { 1.0 - p };
    if !(tail > 0.0) {
        return f64::INFINITY.copysign(from_middle);
    }
    let r = (-libm::log(tail)).sqrt();
    let z = if r <= 5.0 {
        ratio(&TAIL, r - 1.6)
    } else {
        ratio(&FAR_TAIL, r - 5.0)
    };
    z.copysign(from_middle)
}

/// Numerator and denominator, coefficients ascending.
type Ratio = [[f64; 8]; 2];

fn ratio(of: &Ratio, x: f64) -> f64 {
    let [above, below] = of.map(|terms| terms.iter().rev().fold(0.0, |sum, term| sum * x + term));
    above / below
}

const MIDDLE: Ratio = [
    [
        3.387_132_872_796_366_6,
        133.141_667_891_784_38,
        1_971.590_950_306_551_4,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
];
const TAIL: Ratio = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];
const FAR_TAIL: Ratio = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_of_the_tables() {
        // AS 241's own check values.
        for (p, z) in [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_407),
        ] {
            assert!((quantile(p) - z).abs() < 1e-14, "{} for {p}", quantile(p));
        }
        assert_eq!(quantile(0.5), 0.0);
        assert_eq!(
            [quantile(0.0), quantile(1.0)],
            [f64::NEG_INFINITY, f64::INFINITY]
        );
    }

    #[test]
    fn masses_keep_their_precision_in_the_tail() {
        assert!((mass(-1.0, 1.0) - 0.682_689_492_137_085_9).abs() < 1e-15);
        // scipy.stats.norm: sf(9) - sf(10).
        assert!((mass(9.0, 10.0) / 1.128_512_207_423_590_7e-19 - 1.0).abs() < 1e-12);
        assert_eq!(mass(9.0, 10.0), mass(-10.0, -9.0));
    }

    proptest! {
        #[test]
        fn the_quantile_undoes_the_distribution(z in -8.0..5.0) {
            let again = quantile(cdf(z));
            prop_assert!((again - z).abs() < 1e-9, "{again} for {z}");
        }
    }
}
