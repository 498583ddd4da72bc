//! Which study in which storage.

use anyhow::{Context, Result, bail};
use clap::Args;
use qstride_study::pruner::Pruner;
use qstride_study::sampler::Sampler;
use qstride_study::storage::{Setter, Storage, open};
use qstride_study::{Study, named};
use serde_json::{Value, json};

use super::recipe::StudyRecipe;

/// The user attribute of a study that holds its recipe, so that a worker needs no file.
const RECIPE: &str = "qstride:recipe";

/// Which study in which storage.
#[derive(Debug, Args)]
pub struct Place {
    /// sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE; better in the environment than on a command line, which others can see.
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "QSTRIDE_STORAGE",
        hide_env_values = true,
        hide_default_value = true,
        default_value = "sqlite:///studies.db"
    )]
    pub storage: String,

    /// The study's name; needed where the storage has several.
    #[arg(long, value_name = "NAME")]
    pub study: Option<String>,
}

impl Place {
    /// The storage.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn storage(&self) -> Result<Box<dyn Storage>> {
        Ok(open(&self.storage)?)
    }

    /// The study, as it is: with no sampler of its own.
    ///
    /// # Errors
    /// When there is none, or none of this name, or several and none is named.
    pub fn study(&self) -> Result<Study> {
        let mut storage = self.storage()?;
        let name = match &self.study {
            Some(name) => name.clone(),
            None => {
                let names: Vec<String> = storage.studies()?.into_iter().map(|s| s.name).collect();
                match names.as_slice() {
                    [] => bail!(
                        "{} has no study yet: begin with `qstride study run`",
                        storage.address()
                    ),
                    [only] => only.clone(),
                    several => bail!(
                        "{} has several studies; say which with --study: {}",
                        storage.address(),
                        several.join(", ")
                    ),
                }
            }
        };
        Ok(Study::load(storage, &name)?)
    }

    /// The study that this recipe speaks of: made now, or continued.
    ///
    /// # Errors
    /// When a study of this name has another recipe.
    pub fn study_of(&self, recipe: &StudyRecipe, must_be_new: bool) -> Result<Study> {
        // A recipe that cannot be carried out leaves nothing behind.
        let equipment = Equipment::of(recipe)?;
        let name = self.study.as_ref().unwrap_or(&recipe.name);
        let storage = self.storage()?;
        let study = if must_be_new {
            Study::create(storage, name, recipe.direction)?
        } else {
            Study::open(storage, name, recipe.direction)?
        };
        match recipe_of(&study)? {
            Some(known) if !known.continues(recipe) => bail!(
                "the study {name} is there with another recipe: give this one another name with --study, or delete that one with \
                 `qstride study delete --study {name}`"
            ),
            _ => {}
        }
        let value = serde_json::to_value(recipe)?;
        set(&study, RECIPE, &value)?;
        set(&study, "qstride:version", &json!(env!("CARGO_PKG_VERSION")))?;
        set(&study, "qstride:commit", &json!(crate::train::COMMIT))?;
        Ok(equipment.fit(study))
    }
}

/// Who proposes and who stops, as a recipe names them.
pub struct Equipment {
    sampler: Box<dyn Sampler>,
    pruner: Box<dyn Pruner>,
    seed: u64,
}

impl Equipment {
    /// That of a recipe.
    ///
    /// # Errors
    /// A name that nobody has, or a setting that makes no sense.
    pub fn of(recipe: &StudyRecipe) -> Result<Self> {
        Ok(Self {
            sampler: named::sampler(&recipe.sampler, &recipe.space, recipe.seed)
                .context("`sampler`")?,
            pruner: named::pruner(&recipe.pruner).context("`pruner`")?,
            seed: recipe.seed,
        })
    }

    /// The study with it.
    pub fn fit(self, study: Study) -> Study {
        study
            .with_seed(self.seed)
            .with_sampler(self.sampler)
            .with_pruner(self.pruner)
    }
}

/// The recipe of a study, if it was made by `qstride study`.
///
/// # Errors
/// When the storage cannot be read, or the recipe is one of a newer program.
pub fn recipe_of(study: &Study) -> Result<Option<StudyRecipe>> {
    let attributes = study
        .lock_storage()
        .study_attributes(study.id(), Setter::User)?;
    let Some(value) = attributes.get(RECIPE) else {
        return Ok(None);
    };
    let recipe: StudyRecipe = serde_json::from_value(value.clone())
        .with_context(|| format!("the recipe of the study {}", study.name()))?;
    Ok(Some(recipe))
}

fn set(study: &Study, key: &str, value: &Value) -> Result<()> {
    let mut storage = study.lock_storage();
    Ok(storage.set_study_attribute(study.id(), Setter::User, key, value)?)
}
