//! Reports for people: one document, written as a self-contained HTML page and as Markdown.
//!
//! ```text
//! let mut document = Document::new("Comparison of 24 methods", "200 instances, budget 202");
//! let section = document.section("Overall");
//! section
//!     .paragraph("What was measured.")
//!     .note("Failures count with the worst score.")
//!     .settings([("seeds", "1 to 5"), ("commit", "269def6")])
//!     .preformatted("qstride compare --suite classic")
//!     .table(table)                              // crate::table::Table, with `words(column)` and `mark(row, column, Mark::Best)`
//!     .figure(Figure::read(folder, "profile", "Performance profiles")?.caption("..."))
//!     .figures("Curves of every problem", figures);            // collapsed
//! document.save(&folder, "report")?;                           // report.html, report.md
//! ```
//!
//! A figure is the SVG file that [`crate::plot`] wrote: HTML holds its text, Markdown a link to it. Every name and text may be
//! anything: both renderings escape what they are given.

mod document;
mod html;
mod markdown;
mod svg;

#[cfg(test)]
mod browser;

pub use document::{Document, Figure};
pub use markdown::escape as escape_markdown;
