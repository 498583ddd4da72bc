//! What a report says, apart from how it looks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::svg::Svg;
use super::{html, markdown};
use crate::folder::Folder;
use crate::table::Table;

/// A title and sections.
#[derive(Clone, Debug)]
pub struct Document {
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) sections: Vec<Section>,
}

/// A heading with what stands below it.
#[derive(Clone, Debug)]
pub struct Section {
    pub(super) heading: String,
    pub(super) blocks: Vec<Block>,
}

/// A piece of a section.
#[derive(Clone, Debug)]
pub(super) enum Block {
    Paragraph(String),
    /// A remark, set apart.
    Note(String),
    /// Keys with their values.
    Settings(Vec<(String, String)>),
    /// Its title is its caption.
    Table(Table),
    Figure(Figure),
    /// Commands, as they are typed.
    Preformatted(String),
    /// Figures that are shown on demand.
    Figures {
        title: String,
        figures: Vec<Figure>,
    },
}

/// A drawing with its words.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The file, seen from the folder of the report.
    pub(super) file: String,
    pub(super) svg: Svg,
    pub(super) title: String,
    pub(super) caption: String,
    pub(super) alternative: String,
}

impl Document {
    /// A document without sections.
    pub fn new(title: impl Into<String>, subtitle: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            subtitle: subtitle.into(),
            sections: Vec::new(),
        }
    }

    /// A further section, to be filled.
    pub fn section(&mut self, heading: impl Into<String>) -> &mut Section {
        self.sections.push(Section {
            heading: heading.into(),
            blocks: Vec::new(),
        });
        let last = self.sections.len() - 1;
        &mut self.sections[last]
    }

    /// The document as one HTML page that needs no other file.
    pub fn html(&self) -> String {
        html::render(self)
    }

    /// The document as Markdown, with links to the figures' files.
    pub fn markdown(&self) -> String {
        markdown::render(self)
    }

    /// Writes `name`.html and `name`.md.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn save(&self, folder: &Folder, name: &str) -> Result<()> {
        folder.write(&format!("{name}.html"), self.html().as_bytes())?;
        folder.write(&format!("{name}.md"), self.markdown().as_bytes())
    }
}

impl Section {
    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: impl Into<String>) -> &mut Self {
        self.add(Block::Paragraph(text.into()))
    }

    /// Adds a remark, set apart.
    pub fn note(&mut self, text: impl Into<String>) -> &mut Self {
        self.add(Block::Note(text.into()))
    }

    /// Adds keys with their values.
    pub fn settings<K: Into<String>, V: Into<String>>(
        &mut self,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        let settings = settings
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()));
        self.add(Block::Settings(settings.collect()))
    }

    /// Adds a table under its title; a long one is collapsed.
    pub fn table(&mut self, table: Table) -> &mut Self {
        self.add(Block::Table(table))
    }

    /// Adds a figure.
    pub fn figure(&mut self, figure: Figure) -> &mut Self {
        self.add(Block::Figure(figure))
    }

    /// Adds text as it stands: commands.
    pub fn preformatted(&mut self, text: impl Into<String>) -> &mut Self {
        self.add(Block::Preformatted(text.into()))
    }

    /// Adds figures that are shown on demand, under a title of their own.
    pub fn figures(&mut self, title: impl Into<String>, figures: Vec<Figure>) -> &mut Self {
        self.add(Block::Figures {
            title: title.into(),
            figures,
        })
    }

    fn add(&mut self, block: Block) -> &mut Self {
        self.blocks.push(block);
        self
    }
}

impl Figure {
    /// The drawing in `folder`/`name`.svg. `folder` is where the report will lie; `name` may lead into a folder below it.
    ///
    /// # Errors
    /// When the file cannot be read, or is no plot of ours (see [`Svg::parse`]).
    pub fn read(folder: &Path, name: &str, title: impl Into<String>) -> Result<Self> {
        let file = format!("{name}.svg");
        let path = folder.join(&file);
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let svg = Svg::parse(&text)
            .with_context(|| format!("{} cannot stand in a report", path.display()))?;
        let title = title.into();
        Ok(Self {
            file,
            svg,
            caption: String::new(),
            alternative: title.clone(),
            title,
        })
    }

    /// With a text below it.
    #[must_use]
    pub fn caption(self, caption: impl Into<String>) -> Self {
        Self {
            caption: caption.into(),
            ..self
        }
    }

    /// With what is said to those who cannot see it; the title unless given.
    #[must_use]
    pub fn alternative(self, alternative: impl Into<String>) -> Self {
        Self {
            alternative: alternative.into(),
            ..self
        }
    }
}
