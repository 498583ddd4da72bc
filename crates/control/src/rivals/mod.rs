//! Classic methods behind the [`Controller`] trait, one file each, found by name.

mod abbmin;
mod adgd;
mod armijo;
mod barzilai_borwein;
mod fixed;
mod nonmonotone;
pub mod stochastic;
mod zhang_hager;

pub use abbmin::AbbMin;
pub use adgd::AdGd;
pub use armijo::Armijo;
pub use barzilai_borwein::BarzilaiBorwein;
pub use fixed::FixedRate;
pub use nonmonotone::Nonmonotone;
pub use zhang_hager::ZhangHager;

use crate::controller::Controller;

/// A line in the register of classic methods.
pub struct Rival {
    /// The name on the command line.
    pub name: &'static str,
    /// One sentence.
    pub about: &'static str,
    /// Builds it. The argument is the rate at which line searches that restart begin each search.
    pub build: fn(f64) -> Box<dyn Controller>,
}

/// Every classic method.
pub const RIVALS: &[Rival] = &[
    Rival {
        name: "armijo",
        about: "Armijo's rule; each search restarts at the start rate (at 1 where none is given)",
        build: |restart| Box::new(Armijo::restarting_at(restart)),
    },
    Rival {
        name: "armijo-warm",
        about: "Armijo's rule; each search starts from twice the last accepted rate",
        build: |_| Box::new(Armijo::from_twice_the_last()),
    },
    Rival {
        name: "gll",
        about: "nonmonotone rule over 10 values; each search restarts at the start rate (at 1 where none is given)",
        build: |restart| Box::new(Nonmonotone::restarting_at(restart)),
    },
    Rival {
        name: "gll-warm",
        about: "nonmonotone rule over 10 values; from twice the last accepted rate",
        build: |_| Box::new(Nonmonotone::from_twice_the_last()),
    },
    Rival {
        name: "zhang-hager",
        about: "rule on a moving average of values, eta 0.85; from twice the last accepted rate",
        build: |_| Box::new(ZhangHager::default()),
    },
    Rival {
        name: "armijo-bb",
        about: "Barzilai-Borwein steps under Armijo's rule",
        build: |_| Box::new(BarzilaiBorwein::monotone()),
    },
    Rival {
        name: "gll-bb",
        about: "Barzilai-Borwein steps under the nonmonotone rule (Raydan's GBB)",
        build: |_| Box::new(BarzilaiBorwein::nonmonotone()),
    },
    Rival {
        name: "abbmin",
        about: "short or long Barzilai-Borwein steps by their ratio, under the nonmonotone rule",
        build: |_| Box::new(AbbMin::guarded()),
    },
    Rival {
        name: "adgd",
        about: "adaptive gradient descent without line search; its first rate is 1e-6 whatever the start rate",
        build: |_| Box::new(AdGd::default()),
    },
    Rival {
        name: "fixed",
        about: "the start rate at every step, no safeguard",
        build: |_| Box::new(FixedRate),
    },
];

/// The classic method called `name`.
pub fn find(name: &str) -> Option<&'static Rival> {
    RIVALS.iter().find(|r| r.name == name)
}
