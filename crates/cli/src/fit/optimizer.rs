//! Burn's optimizers by their names.

use std::fmt;

use burn::module::ParamGroup;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdaGradConfig, AdafactorConfig, AdamConfig, AdamWConfig, AdanConfig, AdjustLrFn, LambConfig,
    LionConfig, ModuleOptimizer, MuonConfig, RmsPropConfig, SgdConfig,
};
use qstride::OptimizerFamily;
use qstride_objectives::near_match::hint;

/// An optimizer, with Burn's own settings unless its line below says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OptimizerKind {
    Sgd,
    Momentum,
    Nesterov,
    Adam,
    AdamW,
    RmsProp,
    AdaGrad,
    Adafactor,
    Adan,
    Lamb,
    Lion,
    Muon,
}

impl OptimizerKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Sgd,
        Self::Momentum,
        Self::Nesterov,
        Self::Adam,
        Self::AdamW,
        Self::RmsProp,
        Self::AdaGrad,
        Self::Adafactor,
        Self::Adan,
        Self::Lamb,
        Self::Lion,
        Self::Muon,
    ];

    /// Its name, what it is, and the rate where none is given.
    fn entry(self) -> (&'static str, &'static str, f64) {
        match self {
            Self::Sgd => ("sgd", "plain stochastic gradient descent", 1e-1),
            Self::Momentum => ("momentum", "SGD with momentum 0.9", 3e-2),
            Self::Nesterov => ("nesterov", "SGD with Nesterov's momentum 0.9", 3e-2),
            Self::Adam => ("adam", "Adam", 3e-3),
            Self::AdamW => ("adamw", "Adam with decoupled weight decay 1e-4", 3e-3),
            Self::RmsProp => ("rmsprop", "RMSProp with momentum 0.9", 3e-4),
            Self::AdaGrad => ("adagrad", "AdaGrad", 3e-2),
            Self::Adafactor => ("adafactor", "Adafactor with absolute rates", 3e-3),
            Self::Adan => ("adan", "Adan", 3e-3),
            Self::Lamb => ("lamb", "LAMB", 3e-3),
            Self::Lion => ("lion", "Lion", 3e-4),
            Self::Muon => (
                "muon",
                "Muon for matrices, in Adam's scale; AdamW for biases and kernels",
                3e-3,
            ),
        }
    }

    /// What the command line calls it.
    pub fn name(self) -> &'static str {
        self.entry().0
    }

    /// What it is.
    pub fn about(self) -> &'static str {
        self.entry().1
    }

    /// The rate where none is given: about half a decade below those at which small models on the digits begin to suffer.
    pub fn default_rate(self) -> f64 {
        self.entry().2
    }

    /// How its step grows with the gradient.
    pub fn family(self) -> OptimizerFamily {
        match self {
            Self::Sgd | Self::Momentum | Self::Nesterov => OptimizerFamily::Momentum,
            _ => OptimizerFamily::Adaptive,
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// The near matches, or else all names.
    pub fn parse(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        let names = Self::ALL.map(Self::name);
        found.ok_or_else(|| format!("unknown optimizer '{name}'; {}", hint(name, &names, 20)))
    }

    /// The optimizer before its first step.
    pub fn init(self) -> ModuleOptimizer {
        // Burn's default dampens the gradient by 0.1, which nobody else does.
        let momentum = MomentumConfig::new().with_dampening(0.0);
        match self {
            Self::Sgd => SgdConfig::new().init(),
            Self::Momentum => SgdConfig::new().with_momentum(Some(momentum)).init(),
            Self::Nesterov => SgdConfig::new()
                .with_momentum(Some(momentum.with_nesterov(true)))
                .init(),
            Self::Adam => AdamConfig::new().init(),
            Self::AdamW => AdamWConfig::new().init(),
            Self::RmsProp => RmsPropConfig::new().init(),
            Self::AdaGrad => AdaGradConfig::new().init(),
            Self::Adafactor => AdafactorConfig::new()
                .with_relative_step(false)
                .with_scale_parameter(false)
                .init(),
            Self::Adan => AdanConfig::new().init(),
            Self::Lamb => LambConfig::new().init(),
            Self::Lion => LionConfig::new().init(),
            Self::Muon => muon(),
        }
    }
}

/// Muon takes matrices only. K. Jordan's advice is AdamW for all else; updates of the same root mean square (Liu et al., arXiv
/// 2502.16982) let both share a rate.
fn muon() -> ModuleOptimizer {
    let matrices = ParamGroup::from_predicates(vec!["layers", "weight"]);
    let muon = MuonConfig::new()
        .with_adjust_lr_fn(AdjustLrFn::MatchRmsAdamW)
        .build();
    AdamWConfig::new().init().with_group(matrices, muon, None)
}

impl fmt::Display for OptimizerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for kind in OptimizerKind::ALL {
            assert_eq!(OptimizerKind::parse(kind.name()), Ok(kind));
            assert!(kind.default_rate() > 0.0 && !kind.about().is_empty());
        }
        let fault = OptimizerKind::parse("adma").unwrap_err();
        assert!(fault.contains("did you mean 'adam'"), "{fault}");
    }
}
