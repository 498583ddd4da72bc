//! A report as Markdown (CommonMark with GitHub's tables), with links to the figures' files.

use super::document::{Block, Document, Figure, is_long};
use super::html;
use crate::table::Table;

/// The document; blocks are parted by empty lines.
pub(super) fn render(document: &Document) -> String {
    let mut blocks = vec![
        format!("# {}", escape(&document.title)),
        escape(&document.subtitle),
    ];
    for section in &document.sections {
        blocks.push(format!("## {}", escape(&section.heading)));
        blocks.extend(section.blocks.iter().map(block));
    }
    blocks.retain(|block| !block.is_empty());
    blocks.join("\n\n") + "\n"
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(text) => escape(text),
        Block::Note(text) => format!("> {}", escape(text)),
        Block::Settings(settings) => {
            let lines = settings
                .iter()
                .map(|(key, value)| format!("- **{}**: {}", escape(key), escape(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Block::Table(table) => self::table(table),
        Block::Figure(figure) => self::figure(figure),
        Block::Preformatted(text) => fenced(text),
        Block::Figures { title, figures } => {
            let figures: Vec<String> = figures.iter().map(self::figure).collect();
            collapsed(title, &figures.join("\n\n"))
        }
    }
}

fn table(table: &Table) -> String {
    let rows = table.markdown();
    if is_long(table) {
        collapsed(table.title(), rows.trim_end())
    } else {
        format!("**{}**\n\n{}", escape(table.title()), rows.trim_end())
    }
}

fn figure(figure: &Figure) -> String {
    let link = format!(
        "**{}**\n\n![{}]({})",
        escape(&figure.title),
        escape(&figure.title),
        address(&figure.file)
    );
    match figure.caption.as_str() {
        "" => link,
        caption => format!("{link}\n\n{}", escape(caption)),
    }
}

fn collapsed(title: &str, content: &str) -> String {
    let title = html::escape(title);
    format!("<details>\n<summary>{title}</summary>\n\n{content}\n\n</details>")
}

/// Between fences that are longer than any in the text.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

/// Text that Markdown shows as it is, on one line.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // At the start of a line these make a list, a rule or a heading of it.
            '-' | '+' | '=' if escaped.is_empty() && !starts_a_number(text) => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A sign with a digit behind it, and `-` alone, are common cells and mean nothing else.
fn starts_a_number(text: &str) -> bool {
    let mut rest = text.trim().chars().skip(1);
    rest.next().is_none_or(|c| c.is_ascii_digit() || c == '.')
}

/// A path as the target of a link.
fn address(path: &str) -> String {
    let mut address = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => {
                address.push(char::from(byte));
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_text() {
        for (text, wanted) in [
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            ("a|b", "a\\|b"),
            (
                "\"><img src=x onerror=\"a()\">",
                "\"&gt;&lt;img src=x onerror=\"a()\"&gt;",
            ),
            (
                "[x](javascript:a) `b` *c* __d__",
                "\\[x\\](javascript:a) \\`b\\` \\*c\\* \\_\\_d\\_\\_",
            ),
            ("a\r\nb\tc", "a  b c"),
            ("&lt; \\", "&amp;lt; \\\\"),
            ("# h", "\\# h"),
            ("- item", "\\- item"),
            ("-1.5", "-1.5"),
            ("-", "-"),
            ("a-b", "a-b"),
        ] {
            assert_eq!(escape(text), wanted);
        }
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fenced("a\nb\n"), "```text\na\nb\n```");
        assert_eq!(fenced("````"), "`````text\n````\n`````");
    }

    #[test]
    fn addresses_have_no_spaces_and_no_scheme() {
        assert_eq!(address("curves/a b).svg"), "curves/a%20b%29.svg");
        assert_eq!(address("javascript:x"), "javascript%3Ax");
    }
}
