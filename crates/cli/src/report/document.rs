//! What a report says, apart from how it looks.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::svg::Svg;
use super::{html, markdown};
use crate::folder::Folder;
use crate::table::Table;

/// Longer tables are shown on demand.
const LONG: usize = 60;

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

/// Whether the table is shown on demand only.
pub(super) fn is_long(table: &Table) -> bool {
    table.rows().len() > LONG
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
        Ok(Self {
            file,
            svg,
            caption: String::new(),
            title: title.into(),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Mark;

    const SVG: &str = "<svg width=\"4\" height=\"3\"><rect id=\"r\" x=\"1\"/></svg>";

    fn table(rows: usize) -> Table {
        let header = vec!["method".to_owned(), "score".to_owned()];
        let row = |i| vec![format!("m_{i}"), format!("-{i}")];
        let mut table = Table::new("scores".to_owned(), header, (0..rows).map(row).collect());
        table.mark(0, 1, Mark::Best);
        table.mark(1, 1, Mark::Failed);
        table
    }

    fn document(folder: &Path) -> Document {
        fs::create_dir_all(folder.join("per problem")).unwrap();
        fs::write(folder.join("per problem/a.svg"), SVG).unwrap();
        let figure = || Figure::read(folder, "per problem/a", "A <figure>").unwrap();
        let mut document = Document::new("A & B", "");
        document
            .section("One")
            .paragraph("x < y")
            .note("a note")
            .settings([("seeds", "1, 2")])
            .preformatted("qstride compare\n")
            .table(table(2));
        document
            .section("Two")
            .figure(figure().caption("below"))
            .figures("More", vec![figure()])
            .table(table(LONG + 1));
        document
    }

    #[test]
    fn markdown_has_every_block() {
        let folder = tempfile::tempdir().unwrap();
        let text = document(folder.path()).markdown();
        let (start, end) = text.split_once("| m\\_2 |").unwrap();
        assert_eq!(
            start,
            "# A &amp; B\n\n## One\n\nx &lt; y\n\n> a note\n\n- **seeds**: 1, 2\n\n```text\nqstride compare\n```\n\n\
             **scores**\n\n| method | score |\n| --- | ---: |\n| m\\_0 | **-0** |\n| m\\_1 | *-1* |\n\n## Two\n\n\
             **A &lt;figure&gt;**\n\n![A &lt;figure&gt;](per%20problem/a.svg)\n\nbelow\n\n<details>\n<summary>More</summary>\n\n\
             **A &lt;figure&gt;**\n\n![A &lt;figure&gt;](per%20problem/a.svg)\n\n</details>\n\n\
             <details>\n<summary>scores</summary>\n\n| method | score |\n| --- | ---: |\n| m\\_0 | **-0** |\n| m\\_1 | *-1* |\n"
        );
        assert!(end.ends_with("| m\\_60 | -60 |\n\n</details>\n"));
    }

    #[test]
    fn html_has_every_block() {
        let folder = tempfile::tempdir().unwrap();
        let page = document(folder.path()).html();
        for piece in [
            "<title>A &amp; B</title>",
            "<li><a href=\"#section-2-two\">Two</a></li>",
            "<section id=\"section-2-two\">\n<h2>Two</h2>",
            "<p>x &lt; y</p>",
            "<p class=\"note\">a note</p>",
            "<dt>seeds</dt><dd>1, 2</dd>",
            "<pre>qstride compare\n</pre>",
            "<tr><th scope=\"row\">m_0</th><td class=\"number best\">-0</td></tr>",
            "<td class=\"number failed\">-1</td>",
            "aria-label=\"A &lt;figure&gt;\"><rect id=\"figure-1-r\" x=\"1\"/></svg>",
            "aria-label=\"A &lt;figure&gt;\"><rect id=\"figure-2-r\" x=\"1\"/></svg>",
            "<figcaption>below</figcaption>",
            "<summary>More</summary>",
            "<summary id=\"table-2\">scores (61 rows)</summary>",
        ] {
            assert!(page.contains(piece), "{piece}");
        }
        assert_eq!(page.matches("<figcaption>").count(), 1);
        assert!(!page.contains("class=\"subtitle\""));
    }

    #[test]
    fn both_files_are_written_and_a_bad_figure_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let document = document(folder.path());
        let out = Folder::prepare(Some(&folder.path().join("out")), "", "", false).unwrap();
        document.save(&out, "report").unwrap();
        let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
        assert_eq!(read("report.html"), document.html());
        assert_eq!(read("report.md"), document.markdown());

        let fault = |name| format!("{:#}", Figure::read(folder.path(), name, "").unwrap_err());
        assert!(fault("absent").contains("absent.svg"));
        fs::write(folder.path().join("bad.svg"), SVG.replace("rect", "script")).unwrap();
        let message = fault("bad");
        assert!(message.contains("bad.svg cannot stand in a report"));
        assert!(message.contains("an element <script>"), "{message}");
    }
}
