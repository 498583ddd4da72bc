//! Proposals: learning rates that the curvature along the path suggests.

use std::str::FromStr;

use crate::curvature::Curvature;
use crate::learning_rate::bounded;
use crate::plane::PlaneStep;

/// A learning rate read off [`Curvature`].
///
/// ```
/// use qstride_control::proposal::Proposal;
///
/// assert_eq!("ritz-mid".parse(), Ok(Proposal::MidRitz));
/// assert_eq!(Proposal::ShortBarzilaiBorwein.word(), "bb2");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proposal {
    /// `bb1`: the long Barzilai-Borwein step sᵀs/sᵀy.
    LongBarzilaiBorwein,
    /// `bb2`: the short one sᵀy/yᵀy.
    ShortBarzilaiBorwein,
    /// `ritz-short`: 1/θ_max of the Ritz values over the last three steps.
    ShortRitz,
    /// `ritz-mid`: the middle one.
    MidRitz,
    /// `ritz-long`: 1/θ_min.
    LongRitz,
}

/// A word that is no proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a proposal: bb1, bb2, ritz-short, ritz-mid and ritz-long are")]
pub struct UnknownProposal;

impl Proposal {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::LongBarzilaiBorwein,
        Self::ShortBarzilaiBorwein,
        Self::ShortRitz,
        Self::MidRitz,
        Self::LongRitz,
    ];

    /// How an action set writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::LongBarzilaiBorwein => "bb1",
            Self::ShortBarzilaiBorwein => "bb2",
            Self::ShortRitz => "ritz-short",
            Self::MidRitz => "ritz-mid",
            Self::LongRitz => "ritz-long",
        }
    }

    /// The rate after the newest step; none before the first one.
    pub fn rate(self, curvature: &Curvature) -> Option<f64> {
        match self {
            Self::LongBarzilaiBorwein => curvature.bb1(),
            Self::ShortBarzilaiBorwein => curvature.bb2(),
            Self::ShortRitz => curvature.ritz().map(|r| r.short),
            Self::MidRitz => curvature.ritz().map(|r| r.mid),
            Self::LongRitz => curvature.ritz().map(|r| r.long),
        }
    }

    /// The step in span{g, s} with gᵀHg = factor · |g|² / rate ([`Plane::minimiser`](crate::plane::Plane::minimiser)). None before the first
    /// step, where the last one met sᵀy <= 0, without a direction of descent, and where |d|/|g| is outside the bounds of a rate.
    pub fn span_step(self, factor: f64, curvature: &Curvature) -> Option<PlaneStep> {
        let plane = curvature.plane().filter(|_| !curvature.negative())?;
        let step = plane.minimiser(factor * plane.gg / self.rate(curvature)?)?;
        let length = plane.length(&step);
        (bounded(length) == length).then_some(step)
    }

    /// Whether it reads Ritz steps, which are taken only on demand.
    pub fn wants_ritz(self) -> bool {
        matches!(self, Self::ShortRitz | Self::MidRitz | Self::LongRitz)
    }
}

impl FromStr for Proposal {
    type Err = UnknownProposal;

    fn from_str(word: &str) -> Result<Self, UnknownProposal> {
        let mut all = Self::ALL.into_iter();
        all.find(|p| p.word() == word).ok_or(UnknownProposal)
    }
}
