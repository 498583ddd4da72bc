//! Plots as SVG and PNG in one call: curves, bars, intervals and heat maps that a colour-blind reader can read.
//!
//! The font is embedded, so that a machine without fonts draws them too.

mod axis;
mod bars;
mod colour_scale;
mod curves;
mod heat_map;
mod intervals;
mod parallel;
mod shaded;
mod style;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use plotters::coord::Shift;
use plotters::prelude::*;

pub use axis::Axis;
pub use bars::bars;
pub use curves::{Panel, Series, curves};
pub use heat_map::{Cells, Ticks, heat_map};
pub use intervals::{Estimate, intervals};
pub use parallel::{Dimension, parallel};
pub use shaded::{Shaded, shaded};

/// What can be drawn on any backend.
trait Drawing {
    /// Width and height in pixels.
    fn size(&self) -> (u32, u32);

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static;
}

/// Writes `stem`.svg and `stem`.png, each under a temporary name until it is whole.
fn save(stem: &Path, drawing: &impl Drawing) -> Result<()> {
    style::register_font()?;
    write(stem, "svg", |path| {
        draw_on(SVGBackend::new(path, drawing.size()), drawing)
    })?;
    write(stem, "png", |path| {
        draw_on(BitMapBackend::new(path, drawing.size()), drawing)
    })
}

fn draw_on<B: DrawingBackend>(backend: B, drawing: &impl Drawing) -> Result<()>
where
    B::ErrorType: 'static,
{
    let area = backend.into_drawing_area();
    area.fill(&WHITE)?;
    drawing.draw(&area)?;
    area.present()?;
    Ok(())
}

fn write(stem: &Path, extension: &str, draw: impl FnOnce(&PathBuf) -> Result<()>) -> Result<()> {
    let path = stem.with_added_extension(extension);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // The extension stays: it says which format is written.
    let temporary = path.with_file_name(format!(".tmp.{name}"));
    let written = draw(&temporary).and_then(|()| Ok(fs::rename(&temporary, &path)?));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
pub mod tests {
    use std::path::Path;

    /// Whether both files are there and whole.
    pub fn assert_drawn(stem: &Path) {
        let svg = std::fs::read_to_string(stem.with_extension("svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        let png = std::fs::read(stem.with_extension("png")).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 5_000);
        let left: Vec<_> = std::fs::read_dir(stem.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 2, "no temporary file is left");
    }
}
