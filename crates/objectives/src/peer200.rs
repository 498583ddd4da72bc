//! The peer-200 instances: 200 problems with fixed data, starts and first learning rates.
//!
//! Families: `quad` (½ xᵀHx), `rosen` (chained Rosenbrock), `beale` and `logreg` (ridge logistic regression), 50 of each.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::logistic_random::RandomLogistic;
use crate::mgh::beale;
use crate::quadratic::Quadratic;
use crate::rosenbrock::chained_rosenbrock;
use crate::suite::SuiteError;
use crate::{Instance, Objective};

const RECORDS: &str = include_str!("../data/peer200.jsonl");

/// The families, as the instances name theirs.
pub const FAMILIES: [&str; 4] = ["peer-quad", "peer-rosen", "peer-beale", "peer-logreg"];

/// One line of the file.
#[derive(Deserialize)]
struct Record {
    n: usize,
    f_star: f64,
    alpha0: f64,
    x0: Vec<f64>,
    #[serde(flatten)]
    data: Data,
}

#[derive(Deserialize)]
#[serde(tag = "family", rename_all = "lowercase")]
enum Data {
    Quad {
        h: Vec<Vec<f64>>,
    },
    Rosen,
    Beale,
    Logreg {
        a: Vec<Vec<f64>>,
        y: Vec<f64>,
        ridge: f64,
    },
}

/// All instances, in the order of the file: `peer200/quad/0` … `peer200/logreg/49`.
///
/// # Errors
///
/// [`SuiteError::Embedded`] when the file that was built into the program is damaged.
pub fn instances() -> Result<&'static [Arc<dyn Objective>], SuiteError> {
    static INSTANCES: OnceLock<Result<Vec<Arc<dyn Objective>>, SuiteError>> = OnceLock::new();
    match INSTANCES.get_or_init(read) {
        Ok(instances) => Ok(instances),
        Err(error) => Err(error.clone()),
    }
}

fn read() -> Result<Vec<Arc<dyn Objective>>, SuiteError> {
    let mut counts = [0; FAMILIES.len()];
    let mut instances: Vec<Arc<dyn Objective>> = Vec::new();
    for (line, text) in RECORDS.lines().enumerate() {
        let damaged = |problem: String| SuiteError::Embedded {
            line: line + 1,
            problem,
        };
        let record: Record = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
        let rows_fit = match &record.data {
            Data::Quad { h } => h.len() == record.n && h.iter().all(|row| row.len() == record.n),
            Data::Logreg { a, y, .. } => {
                a.len() == y.len() && a.iter().all(|row| row.len() == record.n)
            }
            Data::Rosen | Data::Beale => true,
        };
        if record.x0.len() != record.n || !rows_fit {
            return Err(damaged(format!("the arrays do not fit n = {}", record.n)));
        }
        let family = match record.data {
            Data::Quad { .. } => 0,
            Data::Rosen => 1,
            Data::Beale => 2,
            Data::Logreg { .. } => 3,
        };
        let short = FAMILIES[family].trim_start_matches("peer-");
        let name = format!("peer200/{short}/{}", counts[family]);
        counts[family] += 1;
        instances.push(Arc::new(instance(record).named(&name, FAMILIES[family])));
    }
    Ok(instances)
}

fn instance(record: Record) -> Instance {
    let Record {
        n,
        f_star,
        alpha0,
        x0,
        data,
    } = record;
    let instance = match data {
        Data::Quad { h } => Instance::new("quad", Quadratic::Dense(h.concat()), x0),
        Data::Rosen => chained_rosenbrock(n).started_at(x0),
        Data::Beale => beale().started_at(x0),
        Data::Logreg { a, y, ridge } => {
            Instance::new("logreg", RandomLogistic::new(a.concat(), &y, ridge), x0)
        }
    };
    instance.with_minimum(f_star).with_start_rate(alpha0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_fifty_of_each_family() {
        let all = instances().unwrap();
        assert_eq!(all.len(), 200);
        for family in FAMILIES {
            assert_eq!(all.iter().filter(|i| i.family() == family).count(), 50);
        }
        assert_eq!(all[0].name(), "peer200/quad/0");
        assert_eq!(all[0].start_rate(), Some(0.061_195_326_890_329_02));
    }

    /// f* is the least value: the stored figure for the regressions is what Newton's method finds.
    #[test]
    fn minima_of_the_regressions_are_those_of_newton() {
        for line in RECORDS.lines() {
            let record: Record = serde_json::from_str(line).unwrap();
            if let Data::Logreg { a, y, ridge } = record.data {
                let (_, minimum) = RandomLogistic::new(a.concat(), &y, ridge).solve(record.n);
                assert!((minimum - record.f_star).abs() < 1e-13 * record.f_star.max(1e-3));
            }
        }
    }
}
