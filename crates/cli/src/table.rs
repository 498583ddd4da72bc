//! Tables, aligned for a terminal or as Markdown.

/// What a table on the terminal may take, in characters.
const WIDTH: usize = 100;

/// Rows of cells under a heading; the first column is left-aligned, the others right-aligned.
pub struct Table {
    title: String,
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table whose rows have as many cells as the header.
    pub fn new(title: String, header: Vec<String>, rows: Vec<Vec<String>>) -> Self {
        Self {
            title,
            header,
            rows,
        }
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

    /// As Markdown.
    pub fn markdown(&self) -> String {
        let line = |row: &Vec<String>| format!("| {} |\n", row.join(" | "));
        let mut text = format!("{}\n\n{}", self.title, line(&self.header));
        text.push_str("| --- |");
        text.push_str(&" ---: |".repeat(self.header.len() - 1));
        text.push('\n');
        text.extend(self.rows.iter().map(line));
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
        Table {
            title: "t".to_owned(),
            header: row("a column"),
            rows: vec![row("-1.00")],
        }
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
            "t\n\n| name | a column |\n| --- | ---: |\n| name | -1.00 |\n"
        );
    }

    #[test]
    fn long_names_keep_their_ends() {
        assert_eq!(short("runs/a/policy", 8), "…/policy");
        assert_eq!(short("gll", 8), "gll");
    }
}
