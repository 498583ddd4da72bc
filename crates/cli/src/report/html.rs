//! A report as one HTML page: style and drawings within, nothing fetched, nothing that runs.

use std::fmt::Write;

use super::document::{Block, Document, Figure, Section, is_long};
use crate::table::{Mark, Table};

/// How the page looks, on a screen, a phone and paper.
const STYLE: &str = include_str!("style.css");
/// Longer words may be broken, in bytes.
const SHORT: usize = 12;

/// The whole page. Its policy forbids everything but its own style, should anything foreign ever get into it.
pub(super) fn render(document: &Document) -> String {
    let title = escape(&document.title);
    let mut page = Page::default();
    page.line("<!DOCTYPE html>");
    page.line("<html lang=\"en\">");
    page.line("<head>");
    page.line("<meta charset=\"utf-8\">");
    page.line("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    page.line("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.line(&format!("<title>{title}</title>"));
    page.line(&format!("<style>\n{STYLE}</style>"));
    page.line("</head>");
    page.line("<body>");
    page.line("<header>");
    page.line(&format!("<h1>{title}</h1>"));
    if !document.subtitle.is_empty() {
        page.line(&format!(
            "<p class=\"subtitle\">{}</p>",
            escape(&document.subtitle)
        ));
    }
    page.line("</header>");
    page.contents(&document.sections);
    page.line("<main>");
    for (number, section) in document.sections.iter().enumerate() {
        page.section(number, section);
    }
    page.line("</main>");
    page.line("</body>");
    page.line("</html>");
    page.text
}

/// The page as far as it is written.
#[derive(Default)]
struct Page {
    text: String,
    tables: usize,
    figures: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn contents(&mut self, sections: &[Section]) {
        self.line("<nav aria-label=\"Contents\">");
        self.line("<ol>");
        for (number, section) in sections.iter().enumerate() {
            self.line(&format!(
                "<li><a href=\"#{}\">{}</a></li>",
                section_id(number, &section.heading),
                escape(&section.heading)
            ));
        }
        self.line("</ol>");
        self.line("</nav>");
    }

    fn section(&mut self, number: usize, section: &Section) {
        self.line(&format!(
            "<section id=\"{}\">",
            section_id(number, &section.heading)
        ));
        self.line(&format!("<h2>{}</h2>", escape(&section.heading)));
        for block in &section.blocks {
            self.block(block);
        }
        self.line("</section>");
    }

    fn block(&mut self, block: &Block) {
        match block {
            Block::Paragraph(text) => self.line(&format!("<p>{}</p>", escape(text))),
            Block::Note(text) => self.line(&format!("<p class=\"note\">{}</p>", escape(text))),
            Block::Settings(settings) => self.settings(settings),
            Block::Table(table) => self.table(table),
            Block::Figure(figure) => self.figure(figure),
            Block::Preformatted(text) => self.line(&format!("<pre>{}</pre>", escape(text))),
            Block::Figures { title, figures } => {
                self.line(&format!("<details>\n<summary>{}</summary>", escape(title)));
                for figure in figures {
                    self.figure(figure);
                }
                self.line("</details>");
            }
        }
    }

    fn settings(&mut self, settings: &[(String, String)]) {
        self.line("<dl>");
        for (key, value) in settings {
            self.line(&format!(
                "<dt>{}</dt><dd>{}</dd>",
                escape(key),
                escape(value)
            ));
        }
        self.line("</dl>");
    }

    fn table(&mut self, table: &Table) {
        self.tables += 1;
        let id = format!("table-{}", self.tables);
        let title = escape(table.title());
        if is_long(table) {
            let rows = table.rows().len();
            self.line(&format!(
                "<details>\n<summary id=\"{id}\">{title} ({rows} rows)</summary>"
            ));
        } else {
            self.line(&format!("<p class=\"caption\" id=\"{id}\">{title}</p>"));
        }
        self.line(&format!(
            "<div class=\"scroll\" role=\"region\" aria-labelledby=\"{id}\" tabindex=\"0\">"
        ));
        self.line(&format!("<table aria-labelledby=\"{id}\">"));
        let header = table.header().iter().enumerate();
        let cells: String = header
            .map(|(j, name)| format!("<th scope=\"col\"{}>{}</th>", class(j, None), heading(name)))
            .collect();
        self.line(&format!("<thead><tr>{cells}</tr></thead>"));
        self.line("<tbody>");
        for (i, row) in table.rows().iter().enumerate() {
            let mut cells = String::new();
            for (j, cell) in row.iter().enumerate() {
                let class = class(j, table.mark_of(i, j));
                let cell = escape(cell);
                // Writing to a String cannot fail.
                let _ = match j {
                    0 => write!(cells, "<th scope=\"row\"{class}>{cell}</th>"),
                    _ => write!(cells, "<td{class}>{cell}</td>"),
                };
            }
            self.line(&format!("<tr>{cells}</tr>"));
        }
        self.line("</tbody>");
        self.line("</table>\n</div>");
        if is_long(table) {
            self.line("</details>");
        }
    }

    /// The figure, scaled to the page; a box to tick shows it in its own size, which a phone needs.
    fn figure(&mut self, figure: &Figure) {
        self.figures += 1;
        let id = format!("figure-{}", self.figures);
        self.line(&format!("<figure id=\"{id}\">"));
        self.line(&format!(
            "<p class=\"caption\">{}</p>",
            escape(&figure.title)
        ));
        self.line("<label class=\"size\"><input type=\"checkbox\"> enlarge</label>");
        let drawing = figure.svg.inline(&format!("{id}-"), &figure.title);
        self.line(&format!("<div class=\"plot\">{drawing}</div>"));
        if !figure.caption.is_empty() {
            self.line(&format!(
                "<figcaption>{}</figcaption>",
                escape(&figure.caption)
            ));
        }
        self.line("</figure>");
    }
}

/// The name of a column; a short word such as `1e-6` is not broken at its hyphen.
fn heading(name: &str) -> String {
    let word = |word: &str| match word.len() {
        ..=SHORT if word.contains('-') => format!("<span>{}</span>", escape(word)),
        _ => escape(word),
    };
    name.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn class(column: usize, mark: Option<Mark>) -> String {
    let align = (column > 0).then_some("number");
    let mark = mark.map(|mark| match mark {
        Mark::Best => "best",
        Mark::Failed => "failed",
    });
    let classes: Vec<&str> = align.into_iter().chain(mark).collect();
    match classes.as_slice() {
        [] => String::new(),
        classes => format!(" class=\"{}\"", classes.join(" ")),
    }
}

/// The number of the section makes it unique, its heading readable.
fn section_id(number: usize, heading: &str) -> String {
    let plain = |c: char| match c {
        'a'..='z' | '0'..='9' => c,
        _ => '-',
    };
    let lower = heading.chars().flat_map(char::to_lowercase);
    let words: String = lower.map(plain).take(40).collect();
    let words: Vec<&str> = words.split('-').filter(|word| !word.is_empty()).collect();
    [
        &[format!("section-{}", number + 1).as_str()],
        words.as_slice(),
    ]
    .concat()
    .join("-")
}

/// Text that HTML shows as it is, within an element as within a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(c),
            // HTML has no place for them.
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_text() {
        assert_eq!(
            escape("<script>alert('1')</script>\0"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u{fffd}"
        );
        assert_eq!(
            escape("\"><img src=x onerror=a()> & |"),
            "&quot;&gt;&lt;img src=x onerror=a()&gt; &amp; |"
        );
    }

    #[test]
    fn ids_are_plain_and_unique() {
        assert_eq!(
            section_id(0, "Per problem: f(x) & g"),
            "section-1-per-problem-f-x-g"
        );
        assert_eq!(section_id(1, "\"><b>"), "section-2-b");
        assert_eq!(section_id(2, "«»"), "section-3");
    }
}
