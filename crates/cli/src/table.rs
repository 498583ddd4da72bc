//! Tables, aligned for a terminal or as Markdown.

use std::collections::BTreeMap;

use crate::report::escape_markdown;

/// What a table on the terminal may take, in characters.
const WIDTH: usize = 100;

/// What is to be seen in a cell at once, in a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The best of its column or row.
    Best,
    /// A failure.
    Failed,
}

/// Rows of cells under a heading; the first column is left-aligned, the others right-aligned.
#[derive(Clone, Debug)]
pub struct Table {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    marks: BTreeMap<(usize, usize), Mark>,
}

impl Table {
    /// A table whose rows get as many cells as the header.
    pub fn new(title: String, header: Vec<String>, mut rows: Vec<Vec<String>>) -> Self {
        for row in &mut rows {
            row.resize(header.len(), String::new());
        }
        Self {
            title,
            header,
            rows,
            marks: BTreeMap::new(),
        }
    }

    /// Marks a cell; rows and columns are counted from 0, the header not among them.
    pub fn mark(&mut self, row: usize, column: usize, mark: Mark) {
        self.marks.insert((row, column), mark);
    }

    /// What it shows.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The cells.
    pub fn rows(&self) -> &[Vec<String>] {
        &self.rows
    }

    /// What a cell is marked as.
    pub fn mark_of(&self, row: usize, column: usize) -> Option<Mark> {
        self.marks.get(&(row, column)).copied()
    }

    /// Aligned with spaces. Where it is too wide, the further columns stand below, the first column again before them.
    pub fn text(&self) -> String {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|j| {
                self.all_rows()
                    .map(|row| row[j].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = format!("{}\n", self.title);
        let mut next = 1;
        while next < widths.len() {
            let mut columns = vec![0];
            let mut total = widths[0];
            while next < widths.len() && (columns.len() == 1 || total + 2 + widths[next] <= WIDTH) {
                total += 2 + widths[next];
                columns.push(next);
                next += 1;
            }
            for row in self.all_rows() {
                let cells = columns.iter().map(|&j| match j {
                    0 => format!("{:<1$}", row[j], widths[j]),
                    _ => format!("  {:>1$}", row[j], widths[j]),
                });
                text.push_str(cells.collect::<String>().trim_end());
                text.push('\n');
            }
            if next < widths.len() {
                text.push('\n');
            }
        }
        text
    }

    /// As Markdown without the title; the best in bold, failures in italics.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: &mut dyn Iterator<Item = String>| {
            text.push('|');
            for cell in cells {
                text.push_str(&format!(" {cell} |"));
            }
            text.push('\n');
        };
        line(&mut self.header.iter().map(|cell| escape_markdown(cell)));
        line(&mut (0..self.header.len()).map(|j| if j == 0 { "---" } else { "---:" }.to_owned()));
        for (i, row) in self.rows.iter().enumerate() {
            line(&mut row.iter().enumerate().map(|(j, cell)| {
                let cell = escape_markdown(cell);
                match self.mark_of(i, j) {
                    Some(Mark::Best) if !cell.is_empty() => format!("**{cell}**"),
                    Some(Mark::Failed) if !cell.is_empty() => format!("*{cell}*"),
                    _ => cell,
                }
            }));
        }
        text
    }

    fn all_rows(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }
}

/// The name, or its last characters behind an ellipsis: paths differ at their ends.
pub fn short(name: &str, width: usize) -> String {
    let length = name.chars().count();
    if length <= width {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length + 1 - width).collect();
    format!("…{tail}")
}

/// A number with its noun.
pub fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(columns: usize) -> Table {
        let row = |cell: &str| -> Vec<String> {
            std::iter::once("name".to_owned())
                .chain((0..columns).map(|_| cell.to_owned()))
                .collect()
        };
        Table::new("t".to_owned(), row("a column"), vec![row("-1.00")])
    }

    #[test]
    fn wide_tables_are_folded() {
        let text = table(12).text();
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("name")).count(),
            4
        );
        assert_eq!(text.matches("a column").count(), 12);
        assert_eq!(table(1).text(), "t\nname  a column\nname     -1.00\n");
        assert_eq!(
            table(1).markdown(),
            "| name | a column |\n| --- | ---: |\n| name | -1.00 |\n"
        );
    }

    #[test]
    fn cells_are_escaped_and_marked() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = vec![row(["a|b", "1", "yes"]), vec!["c".to_owned()]];
        let mut table = Table::new("t_1".to_owned(), row(["m", "n", "word"]), rows);
        table.mark(0, 1, Mark::Best);
        table.mark(0, 2, Mark::Failed);
        table.mark(1, 2, Mark::Best);
        assert_eq!(table.text(), "t_1\nm    n  word\na|b  1   yes\nc\n");
        assert_eq!(
            table.markdown(),
            "| m | n | word |\n| --- | ---: | ---: |\n| a\\|b | **1** | *yes* |\n| c |  |  |\n"
        );
    }

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(short("runs/a/policy", 8), "…/policy");
        assert_eq!(short("gll", 8), "gll");
    }
}
