//! Trials in memory: they end with the process.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;
use time::OffsetDateTime;

use super::{Begun, Claim, Retry, Setter, Storage, StudyEntry};
use crate::{Attributes, Direction, FrozenTrial, Param, StorageError, TrialState};

/// Trials in memory: they end with the process. Trial ids count over all studies.
#[derive(Debug, Default)]
pub struct Memory {
    studies: Vec<Study>,
    // By trial id.
    trials: Vec<Stored>,
}

#[derive(Debug)]
struct Study {
    entry: StudyEntry,
    deleted: bool,
    user: Attributes,
    system: Attributes,
    // Ids by number.
    trials: Vec<i64>,
}

#[derive(Debug)]
struct Stored {
    frozen: FrozenTrial,
    reports: BTreeMap<i64, f64>,
    alive: Option<Instant>,
}

impl Memory {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn study(&mut self, id: i64) -> Result<&mut Study, StorageError> {
        self.studies
            .get_mut(id as usize)
            .filter(|study| !study.deleted)
            .ok_or_else(|| StorageError::UnknownStudy {
                storage: "memory".to_owned(),
                name: format!("with the id {id}"),
                near: Vec::new(),
            })
    }

    fn trial(&mut self, id: i64) -> Result<&mut Stored, StorageError> {
        self.trials
            .get_mut(id as usize)
            .ok_or(StorageError::UnknownTrial { trial: id })
    }

    fn running(&mut self, id: i64) -> Result<Option<&mut Stored>, StorageError> {
        let trial = self.trial(id)?;
        Ok((trial.frozen.state == TrialState::Running).then_some(trial))
    }

    fn of_study(&mut self, study: i64) -> Result<Vec<i64>, StorageError> {
        Ok(self.study(study)?.trials.clone())
    }

    fn add(&mut self, study: i64, state: TrialState) -> Result<&mut FrozenTrial, StorageError> {
        let id = self.trials.len() as i64;
        let numbers = &mut self.study(study)?.trials;
        let number = numbers.len() as u64;
        numbers.push(id);
        self.trials.push(Stored {
            frozen: FrozenTrial {
                id,
                number,
                state,
                value: None,
                start: (state == TrialState::Running).then(OffsetDateTime::now_utc),
                end: None,
                params: BTreeMap::new(),
                last_report: None,
                user: Attributes::new(),
                system: Attributes::new(),
            },
            reports: BTreeMap::new(),
            alive: None,
        });
        Ok(&mut self.trial(id)?.frozen)
    }
}

impl Storage for Memory {
    fn address(&self) -> String {
        "memory".to_owned()
    }

    fn studies(&mut self) -> Result<Vec<StudyEntry>, StorageError> {
        let studies = self.studies.iter().filter(|study| !study.deleted);
        Ok(studies.map(|study| study.entry.clone()).collect())
    }

    fn create_study(
        &mut self,
        name: &str,
        direction: Direction,
    ) -> Result<StudyEntry, StorageError> {
        if self.studies()?.iter().any(|study| study.name == name) {
            return Err(StorageError::NameTaken {
                storage: self.address(),
                name: name.to_owned(),
            });
        }
        let entry = StudyEntry {
            id: self.studies.len() as i64,
            name: name.to_owned(),
            direction,
            objectives: 1,
        };
        self.studies.push(Study {
            entry: entry.clone(),
            deleted: false,
            user: Attributes::new(),
            system: Attributes::new(),
            trials: Vec::new(),
        });
        Ok(entry)
    }

    fn delete_study(&mut self, study: i64) -> Result<(), StorageError> {
        self.study(study)?.deleted = true;
        Ok(())
    }

    fn study_attributes(&mut self, study: i64, by: Setter) -> Result<Attributes, StorageError> {
        let study = self.study(study)?;
        Ok(match by {
            Setter::User => study.user.clone(),
            Setter::System => study.system.clone(),
        })
    }

    fn set_study_attribute(
        &mut self,
        study: i64,
        by: Setter,
        key: &str,
        value: &Value,
    ) -> Result<(), StorageError> {
        let study = self.study(study)?;
        let attributes = match by {
            Setter::User => &mut study.user,
            Setter::System => &mut study.system,
        };
        attributes.insert(key.to_owned(), value.clone());
        Ok(())
    }

    fn begin_trial(&mut self, study: i64, claim: Claim) -> Result<Begun, StorageError> {
        let ids = self.of_study(study)?;
        let state = |id: &i64| self.trials.get(*id as usize).map(|t| t.frozen.state);
        let count = |wanted| ids.iter().filter(|id| state(id) == Some(wanted)).count() as u64;
        if let Some(cap) = claim.cap {
            let running = count(TrialState::Running);
            if count(TrialState::Complete) + count(TrialState::Pruned) + running >= cap {
                return Ok(Begun::Full { running });
            }
        }
        let waiting = ids
            .iter()
            .copied()
            .find(|id| state(id) == Some(TrialState::Waiting));
        let id = match waiting {
            Some(id) => id,
            None => self.add(study, TrialState::Waiting)?.id,
        };
        let trial = self.trial(id)?;
        trial.alive = claim.heartbeat.then(Instant::now);
        trial.frozen.state = TrialState::Running;
        trial.frozen.start = Some(OffsetDateTime::now_utc());
        Ok(Begun::Trial(trial.frozen.clone()))
    }

    fn enqueue(
        &mut self,
        study: i64,
        system: &Attributes,
        user: &Attributes,
    ) -> Result<u64, StorageError> {
        let trial = self.add(study, TrialState::Waiting)?;
        trial.system.clone_from(system);
        trial.user.clone_from(user);
        Ok(trial.number)
    }

    fn read_trials(
        &mut self,
        study: i64,
        ids: &[i64],
        after: Option<i64>,
    ) -> Result<Vec<FrozenTrial>, StorageError> {
        let all = &self.study(study)?.trials;
        let new = all.partition_point(|&id| after.is_some_and(|after| id <= after));
        let mut wanted: Vec<i64> = ids.to_vec();
        wanted.extend_from_slice(&all[new..]);
        wanted
            .into_iter()
            .map(|id| Ok(self.trial(id)?.frozen.clone()))
            .collect()
    }

    fn set_param(&mut self, trial: i64, name: &str, param: &Param) -> Result<(), StorageError> {
        let params = &mut self.trial(trial)?.frozen.params;
        params.insert(name.to_owned(), param.clone());
        Ok(())
    }

    fn set_attribute(
        &mut self,
        trial: i64,
        by: Setter,
        key: &str,
        value: &Value,
    ) -> Result<(), StorageError> {
        let trial = &mut self.trial(trial)?.frozen;
        let attributes = match by {
            Setter::User => &mut trial.user,
            Setter::System => &mut trial.system,
        };
        attributes.insert(key.to_owned(), value.clone());
        Ok(())
    }

    fn report(&mut self, trial: i64, step: i64, value: f64) -> Result<(), StorageError> {
        let trial = self.trial(trial)?;
        trial.reports.insert(step, value);
        trial.frozen.last_report = trial.reports.last_key_value().map(|(s, v)| (*s, *v));
        Ok(())
    }

    fn reports(&mut self, trial: i64) -> Result<Vec<(i64, f64)>, StorageError> {
        let reports = &self.trial(trial)?.reports;
        Ok(reports
            .iter()
            .map(|(step, value)| (*step, *value))
            .collect())
    }

    fn reports_at(&mut self, study: i64, step: i64) -> Result<Vec<(u64, f64)>, StorageError> {
        let mut values = Vec::new();
        for id in self.of_study(study)? {
            let trial = self.trial(id)?;
            if let Some(value) = trial.reports.get(&step) {
                values.push((trial.frozen.number, *value));
            }
        }
        Ok(values)
    }

    fn end_trial(
        &mut self,
        trial: i64,
        state: TrialState,
        value: Option<f64>,
    ) -> Result<bool, StorageError> {
        let Some(trial) = self.running(trial)? else {
            return Ok(false);
        };
        trial.frozen.state = state;
        trial.frozen.value = value;
        trial.frozen.end = Some(OffsetDateTime::now_utc());
        Ok(true)
    }

    fn hand_back(&mut self, trial: i64) -> Result<bool, StorageError> {
        let Some(trial) = self.running(trial)? else {
            return Ok(false);
        };
        trial.reports.clear();
        let frozen = &mut trial.frozen;
        let fixed = frozen.fixed_params();
        frozen.system.insert("fixed_params".to_owned(), fixed);
        frozen.params.clear();
        frozen.last_report = None;
        frozen.start = None;
        frozen.state = TrialState::Waiting;
        trial.alive = None;
        Ok(true)
    }

    fn heartbeat(&mut self, trial: i64) -> Result<(), StorageError> {
        self.trial(trial)?.alive = Some(Instant::now());
        Ok(())
    }

    fn end_dead(
        &mut self,
        study: i64,
        grace: Duration,
        retry: Retry<'_>,
    ) -> Result<Vec<FrozenTrial>, StorageError> {
        let mut dead = Vec::new();
        for id in self.of_study(study)? {
            let trial = self.trial(id)?;
            let silent = trial.alive.is_some_and(|alive| alive.elapsed() > grace);
            if trial.frozen.state == TrialState::Running && silent {
                trial.frozen.state = TrialState::Fail;
                trial.frozen.end = Some(OffsetDateTime::now_utc());
                dead.push(trial.frozen.clone());
            }
        }
        for trial in &dead {
            if let Some((system, user)) = retry(trial) {
                self.enqueue(study, &system, &user)?;
            }
        }
        Ok(dead)
    }
}
