//! Suites: named sets of problems, made of [`FAMILIES`], [`PROBLEMS`] and the [`peer200`] instances.

use std::collections::HashSet;
use std::sync::Arc;

use crate::near_match::hint;
use crate::{Objective, Streams, peer200};

pub use crate::families::{FAMILIES, Family, PROBLEMS, Problem, Split};

/// The suites and what they hold.
pub const SUITES: &[(&str, &str)] = &[
    ("train", "the train families: the pool for learning"),
    (
        "fresh",
        "the train families: instances that `train` does not hold",
    ),
    ("unseen", "the validation families, starts drawn at random"),
    (
        "peer200",
        "200 instances with fixed data, starts and first rates",
    ),
    ("validation", "fresh, unseen and peer200"),
    ("test", "the test families: final tables only"),
    ("classic", "every classic problem at its standard start"),
];

/// How many names an error lists when none resembles what was asked for.
const NAMES_LISTED: usize = 12;

/// Why a suite could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuiteError {
    /// No suite, family or problem has this name.
    #[error("no suite, family or problem is called '{name}'; {hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The near matches, or what there is.
        hint: String,
    },
    /// The names hold no problem at all.
    #[error(
        "'{names}' holds no problem: name a suite, a family or a problem, and draw at least one instance of a family"
    )]
    Empty {
        /// What was asked for.
        names: String,
    },
    /// The peer-200 file that was built into the program cannot be read.
    #[error(
        "the built-in data/peer200.jsonl is damaged at line {line}: {problem}; restore the file and build again"
    )]
    Embedded {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// The problems that `names` holds: a comma-separated union of
///
/// - suites ([`SUITES`]), with `per_family` instances of each family that they draw from;
/// - families (`quadratic`, `peer-quad`), with `per_family` instances, the same ones as in `fresh`, `unseen` and `test`;
/// - families of the training pool (`train/quadratic`);
/// - single instances (`quadratic/17`, `train/quadratic/17`, `peer200/quad/3`);
/// - classic problems (`classic/wood`, or just `booth` where no family has that name).
///
/// The peer-200 instances are fixed: all of them belong to `peer200`, whatever `per_family` says. What is named twice comes
/// once, in the order of the first naming.
///
/// Instance `i` of a family is drawn from its own stream of `seed`, `suite/{suite}/{family}/{i}`, so that it depends neither
/// on the other instances nor on `per_family`; `train` and `fresh` are disjoint because the suite is part of the stream.
///
/// # Errors
///
/// [`SuiteError::Unknown`] for a name that nothing has, with the near matches; [`SuiteError::Empty`] when nothing is left.
///
/// # Example
///
/// ```
/// use qstride_objectives::suite::suite;
///
/// # fn main() -> Result<(), qstride_objectives::suite::SuiteError> {
/// let problems = suite("fresh, classic/wood", 0, 20)?;
/// assert_eq!(problems.len(), 5 * 20 + 1);
/// assert_eq!(problems[17].name(), "quadratic/17");
///
/// let error = suite("quadratc", 0, 20).err().map(|e| e.to_string()).unwrap_or_default();
/// assert!(error.contains("did you mean 'quadratic'"));
/// # Ok(())
/// # }
/// ```
pub fn suite(
    names: &str,
    seed: u64,
    per_family: usize,
) -> Result<Vec<Arc<dyn Objective>>, SuiteError> {
    let draws = Draws {
        streams: Streams::new(seed),
        per_family,
    };
    let mut seen = HashSet::new();
    let mut chosen = Vec::new();
    for name in names.split(',').map(str::trim).filter(|n| !n.is_empty()) {
        for objective in draws.named(name)? {
            if seen.insert(objective.name().to_owned()) {
                chosen.push(objective);
            }
        }
    }
    if chosen.is_empty() {
        return Err(SuiteError::Empty {
            names: names.to_owned(),
        });
    }
    Ok(chosen)
}

/// What a name in [`list`] stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A set of families or problems.
    Suite,
    /// A distribution of problems.
    Family,
    /// A single problem.
    Problem,
}

/// One name that [`suite`] understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub kind: Kind,
    /// What it may be used for; `None` for a suite that mixes.
    pub split: Option<Split>,
    /// One line of description.
    pub about: &'static str,
}

/// Every suite, family and classic problem, with descriptions.
pub fn list() -> Vec<Listing> {
    let suites = SUITES.iter().map(|&(name, about)| Listing {
        name: name.to_owned(),
        kind: Kind::Suite,
        split: match name {
            "train" => Some(Split::Train),
            "test" => Some(Split::Test),
            "classic" => None,
            _ => Some(Split::Validation),
        },
        about,
    });
    let families = FAMILIES.iter().map(|family| Listing {
        name: family.name.to_owned(),
        kind: Kind::Family,
        split: Some(family.split),
        about: family.about,
    });
    let peers = peer200::FAMILIES.iter().map(|family| Listing {
        name: (*family).to_owned(),
        kind: Kind::Family,
        split: Some(Split::Validation),
        about: "a quarter of peer200",
    });
    let problems = PROBLEMS.iter().map(|problem| Listing {
        name: format!("classic/{}", problem.name),
        kind: Kind::Problem,
        split: Some(problem.split),
        about: problem.about,
    });
    suites
        .chain(families)
        .chain(peers)
        .chain(problems)
        .collect()
}

/// A master seed and how many instances a family gives.
struct Draws {
    streams: Streams,
    per_family: usize,
}

impl Draws {
    fn named(&self, name: &str) -> Result<Vec<Arc<dyn Objective>>, SuiteError> {
        match name {
            "train" => Ok(self.split(Split::Train, true)),
            "fresh" => Ok(self.split(Split::Train, false)),
            "unseen" => Ok(self.split(Split::Validation, false)),
            "test" => Ok(self.split(Split::Test, false)),
            "classic" => Ok(PROBLEMS.iter().map(classic).collect()),
            "peer200" => Ok(peer200::instances()?.to_vec()),
            "validation" => {
                let mut all = self.split(Split::Train, false);
                all.extend(self.split(Split::Validation, false));
                all.extend_from_slice(peer200::instances()?);
                Ok(all)
            }
            _ => self.family_or_problem(name),
        }
    }

    fn split(&self, split: Split, pool: bool) -> Vec<Arc<dyn Objective>> {
        FAMILIES
            .iter()
            .filter(|family| family.split == split)
            .flat_map(|family| self.family(family, pool))
            .collect()
    }

    fn family(&self, family: &Family, pool: bool) -> Vec<Arc<dyn Objective>> {
        (0..self.per_family)
            .map(|index| self.instance(family, pool, index))
            .collect()
    }

    /// Instance `index` of a family; `pool` says that it is one of those for learning.
    fn instance(&self, family: &Family, pool: bool, index: usize) -> Arc<dyn Objective> {
        let suite = match family.split {
            Split::Train if pool => "train",
            Split::Train => "fresh",
            Split::Validation => "unseen",
            Split::Test => "test",
        };
        let prefix = if pool { "train/" } else { "" };
        let label = family.name;
        let mut rng = self
            .streams
            .stream(&format!("suite/{suite}/{label}/{index}"));
        let name = format!("{prefix}{label}/{index}");
        Arc::new((family.draw)(&mut rng).named(&name, label))
    }

    fn family_or_problem(&self, name: &str) -> Result<Vec<Arc<dyn Objective>>, SuiteError> {
        if let Some((family, pool)) = find_family(name) {
            return Ok(self.family(family, pool));
        }
        let indexed = name
            .rsplit_once('/')
            .and_then(|(family, index)| Some((find_family(family)?, index.parse().ok()?)));
        if let Some(((family, pool), index)) = indexed {
            return Ok(vec![self.instance(family, pool, index)]);
        }
        let bare = name.strip_prefix("classic/").unwrap_or(name);
        if let Some(problem) = PROBLEMS.iter().find(|problem| problem.name == bare) {
            return Ok(vec![classic(problem)]);
        }
        let peers = peer200::instances()?.iter();
        if peer200::FAMILIES.contains(&name) {
            let members = peers.filter(|peer| peer.family() == name);
            return Ok(members.take(self.per_family).cloned().collect());
        }
        match peers.clone().find(|peer| peer.name() == name) {
            Some(peer) => Ok(vec![peer.clone()]),
            None => Err(unknown(name)),
        }
    }
}

/// The family called `name`, and whether its training pool is meant (`train/…`).
fn find_family(name: &str) -> Option<(&'static Family, bool)> {
    let (bare, pool) = match name.strip_prefix("train/") {
        Some(bare) => (bare, true),
        None => (name, false),
    };
    FAMILIES
        .iter()
        .find(|family| family.name == bare && (!pool || family.split == Split::Train))
        .map(|family| (family, pool))
}

fn classic(problem: &Problem) -> Arc<dyn Objective> {
    let name = format!("classic/{}", problem.name);
    Arc::new((problem.make)().named(&name, problem.name))
}

fn unknown(name: &str) -> SuiteError {
    let listed: Vec<String> = list().into_iter().map(|entry| entry.name).collect();
    let names: Vec<&str> = listed.iter().map(String::as_str).collect();
    SuiteError::Unknown {
        name: name.to_owned(),
        hint: hint(name, &names, NAMES_LISTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::normals;

    fn names(text: &str, per_family: usize) -> Vec<String> {
        let problems = suite(text, 0, per_family).unwrap();
        problems.iter().map(|p| p.name().to_owned()).collect()
    }

    fn gradient(f: &dyn Objective, x: &[f64]) -> Vec<f64> {
        let mut g = vec![f64::NAN; x.len()];
        f.gradient(x, &mut g);
        g
    }

    /// The difference between ∇f·d and the best of several central differences, relative to what ∇f·d is made of.
    fn slope_error(f: &dyn Objective, x: &[f64], direction: &[f64]) -> f64 {
        let terms = gradient(f, x).into_iter().zip(direction);
        let (slope, size) = terms.fold((0.0, 0.0), |(slope, size), (g, d)| {
            (slope + g * d, size + (g * d).abs())
        });
        let along = |t: f64| -> f64 {
            let y: Vec<f64> = x.iter().zip(direction).map(|(v, d)| v + t * d).collect();
            f.value(&y)
        };
        // Fourth-order differences; the step that suits depends on the problem's scale. What the rounding of f explains counts
        // a millionth.
        let errors = (2..7).map(|k| {
            let h = 10f64.powi(-k);
            let near = along(h) - along(-h);
            let far = along(2.0 * h) - along(-2.0 * h);
            let rounding = f64::EPSILON * (along(h).abs() + along(-h).abs()) / h;
            ((8.0 * near - far) / (12.0 * h) - slope).abs() / (size + 1e6 * rounding)
        });
        errors.fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn every_gradient_agrees_with_finite_differences() {
        let mut rng = Streams::new(11).stream("directions");
        let all = "train, validation, test, classic";
        for problem in suite(all, 3, 4).unwrap() {
            let start = problem.start();
            let n = start.len();
            let nearby: Vec<f64> = start
                .iter()
                .zip(normals(n, &mut rng))
                .map(|(v, z)| v + 0.05 * z)
                .collect();
            for x in [start, nearby] {
                let mut directions = vec![normals(n, &mut rng)];
                for axis in 0..n.min(12) {
                    let mut direction = vec![0.0; n];
                    direction[axis] = 1.0;
                    directions.push(direction);
                }
                for direction in directions {
                    let error = slope_error(problem.as_ref(), &x, &direction);
                    assert!(error < 1e-6, "{}: {error:e} at {x:?}", problem.name());
                }
            }
        }
    }

    #[test]
    fn every_problem_starts_finite_and_above_its_minimum() {
        for problem in suite("train, validation, test, classic", 5, 20).unwrap() {
            let x = problem.start();
            assert_eq!(x.len(), problem.dimension());
            let value = problem.value(&x);
            let name = problem.name();
            assert!(value.is_finite(), "{name}: {value}");
            assert!(
                gradient(problem.as_ref(), &x).iter().all(|g| g.is_finite()),
                "{name}"
            );
            let minimum = problem
                .minimum()
                .unwrap_or_else(|| panic!("{name} has no minimum"));
            assert!(value > minimum, "{name}: {value} is not above {minimum}");
        }
    }

    /// f* of the families whose minimum is not 0 by construction: gradient descent cannot get below it.
    #[test]
    fn the_minimum_of_a_logistic_regression_is_a_floor() {
        for problem in suite("logistic", 9, 10).unwrap() {
            let minimum = problem.minimum().unwrap();
            let mut x = problem.start();
            for _ in 0..500 {
                let g = gradient(problem.as_ref(), &x);
                x.iter_mut().zip(&g).for_each(|(v, g)| *v -= 0.05 * g);
                assert!(problem.value(&x) >= minimum);
            }
        }
    }

    #[test]
    fn classic_values_at_known_points() {
        let by_name = |name: &str| suite(name, 0, 1).unwrap().remove(0);
        for (name, x, value) in [
            ("booth", vec![1.0, 3.0], 0.0),
            ("booth", vec![0.0, 0.0], 74.0),
            ("classic/himmelblau", vec![0.0, 0.0], 170.0),
            ("classic/himmelblau", vec![3.0, 2.0], 0.0),
            (
                "classic/himmelblau",
                vec![-2.805_118_086_952_745, 3.131_312_518_250_573],
                0.0,
            ),
            (
                "classic/himmelblau",
                vec![-3.779_310_253_377_747, -3.283_185_991_286_17],
                0.0,
            ),
            (
                "classic/himmelblau",
                vec![3.584_428_340_330_492, -1.848_126_526_964_404],
                0.0,
            ),
            ("rastrigin-10", vec![0.0; 10], 0.0),
            ("rastrigin-2", vec![1.0, 0.5], 21.25),
            ("ackley-10", vec![0.0; 10], 0.0),
            ("levy-10", vec![1.0; 10], 0.0),
            (
                "styblinski-tang-10",
                vec![-2.903_534_027_771_177; 10],
                -391.661_657_037_714_2,
            ),
            ("classic/beale", vec![1.0, 1.0], 14.203_125),
            ("classic/wood", vec![-3.0, -1.0, -3.0, -1.0], 19_192.0),
        ] {
            let f = by_name(name);
            assert!(
                (f.value(&x) - value).abs() < 1e-12 * (1.0 + value.abs()),
                "{name}: {}",
                f.value(&x)
            );
            if f.minimum() == Some(value) {
                let g = gradient(f.as_ref(), &x);
                assert!(g.iter().all(|g| g.abs() < 1e-10), "{name}: {g:?}");
            }
        }
    }

    #[test]
    fn instances_depend_on_seed_family_and_index_alone() {
        let bits = |text: &str, seed, per_family| -> Vec<(String, u64, u64)> {
            let problems = suite(text, seed, per_family).unwrap();
            let print = |p: &Arc<dyn Objective>| {
                let x = p.start();
                (p.name().to_owned(), x[0].to_bits(), p.value(&x).to_bits())
            };
            problems.iter().map(print).collect()
        };
        assert_eq!(bits("validation", 4, 6), bits("validation", 4, 6));
        let (few, many) = (bits("wood", 4, 3), bits("wood", 4, 9));
        assert_eq!(few[..], many[..3]);
        assert_eq!(bits("wood/2", 4, 0)[0], many[2]);
        assert_ne!(bits("wood/2", 5, 1)[0].1, many[2].1);
        // The training pool is another draw than the fresh instances of the same family and index.
        let (pool, fresh) = (bits("train", 4, 10), bits("fresh", 4, 10));
        assert_eq!(pool.len(), fresh.len());
        assert!(
            pool.iter()
                .zip(&fresh)
                .all(|(a, b)| a.1 != b.1 && a.0 == format!("train/{}", b.0))
        );
        assert_eq!(bits("train/small-mlp/3", 4, 1)[0], pool[43]);
    }

    #[test]
    fn suites_have_their_sizes_and_unique_names() {
        for (text, size) in [
            ("train", 50),
            ("fresh", 50),
            ("unseen", 80),
            ("peer200", 200),
            ("validation", 330),
            ("peer-quad, peer-rosen", 20),
            ("classic", PROBLEMS.len()),
            ("quadratic, quadratic/3, quadratic", 10),
            ("train, fresh, classic/wood, classic", 100 + PROBLEMS.len()),
        ] {
            let all = names(text, 10);
            assert_eq!(all.len(), size, "{text}");
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), size, "{text}");
        }
        assert_eq!(names("quadratic/17", 0), ["quadratic/17"]);
        assert_eq!(names("peer200/beale/49", 0), ["peer200/beale/49"]);
        assert_eq!(names("wood", 1), ["wood/0"]);
        assert_eq!(names("watson-6", 1), ["classic/watson-6"]);
    }

    #[test]
    fn the_split_is_disjoint_and_every_listed_name_resolves() {
        let families = |text: &str| -> HashSet<String> {
            let problems = suite(text, 0, 1).unwrap();
            problems.iter().map(|p| p.family().to_owned()).collect()
        };
        let (train, unseen, test) = (families("train"), families("unseen"), families("test"));
        assert_eq!((train.len(), unseen.len(), test.len()), (5, 8, 19));
        assert!(
            train.is_disjoint(&unseen) && train.is_disjoint(&test) && unseen.is_disjoint(&test)
        );
        assert_eq!(families("fresh"), train);
        let listed = list();
        let unique: HashSet<&str> = listed.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(unique.len(), listed.len());
        for entry in &listed {
            assert!(
                !suite(&entry.name, 0, 1).unwrap().is_empty(),
                "{}",
                entry.name
            );
            assert!(!entry.about.is_empty());
        }
    }

    #[test]
    fn unknown_names_come_with_near_matches() {
        let error = |text: &str| suite(text, 0, 2).err().unwrap().to_string();
        let message = error("fresh, rosenbrok");
        assert!(
            message.contains("'rosenbrok'") && message.contains("'rosenbrock'"),
            "{message}"
        );
        assert!(error("classic/wod").contains("classic/wood"));
        assert!(error("quadratic/x").contains("quadratic"));
        assert!(error("train/wood").contains("'train/wood'"));
        assert!(error("quadratic/-1").contains("'quadratic/-1'"));
        assert!(error("peer200/quad/50").contains("'peer200/quad/50'"));
        assert!(error(" , ").contains("holds no problem"));
        assert!(suite("quadratic", 0, 0).is_err());
    }
}
