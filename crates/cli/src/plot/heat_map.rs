//! A grid of coloured cells: numbers on a colour scale, or categories with a legend.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Coordinate, tick_label};
use super::colour_scale::{Frame, draw_scale, scale_of};
use super::style::{LABEL, TICK, TITLE, anchored, colour, text, viridis, width};
use super::{Drawing, save};

/// What stands along a side of the grid.
#[derive(Clone, Debug, PartialEq)]
#[allow(dead_code, reason = "maps over two features have ranges")]
pub enum Ticks {
    /// One name a column (from the left) or row (from the top).
    Names { label: String, names: Vec<String> },
    /// A quantity that grows from the left to the right, or from the bottom to the top.
    Range { label: String, low: f64, high: f64 },
}

/// The cells, row by row. The first row is the top one under [`Ticks::Names`], the bottom one under [`Ticks::Range`].
#[derive(Clone, Debug, PartialEq)]
#[allow(dead_code, reason = "policy maps have categories")]
pub enum Cells {
    /// A number a cell, on a colour scale with this label. Large cells have the number written into them.
    Values { label: String, rows: Vec<Vec<f64>> },
    /// An index into `names` a cell.
    Categories {
        names: Vec<String>,
        rows: Vec<Vec<usize>>,
    },
}

/// Draws the grid: `stem`.svg and `stem`.png.
///
/// # Errors
/// When a file cannot be written.
pub fn heat_map(stem: &Path, title: &str, x: &Ticks, y: &Ticks, cells: &Cells) -> Result<()> {
    save(stem, &HeatMap { title, x, y, cells })
}

/// Cells of at least this width and height, in pixels, have their numbers written into them.
const WRITTEN: (i32, i32) = (52, 20);
/// The least height of the grid, in pixels: the colour scale beside it needs room.
const LEAST_HEIGHT: u32 = 280;

struct HeatMap<'a> {
    title: &'a str,
    x: &'a Ticks,
    y: &'a Ticks,
    cells: &'a Cells,
}

/// A cell's colour, and its number where it has one.
struct Cell {
    colour: RGBColor,
    number: Option<String>,
}

impl HeatMap<'_> {
    fn cells(&self) -> Vec<Vec<Cell>> {
        match self.cells {
            Cells::Categories { rows, .. } => {
                let cell = |index: &usize| Cell {
                    colour: colour(*index),
                    number: None,
                };
                rows.iter()
                    .map(|row| row.iter().map(cell).collect())
                    .collect()
            }
            Cells::Values { rows, .. } => {
                let scale = scale_of(rows.iter().flatten().copied());
                let cell = |value: &f64| Cell {
                    colour: if value.is_finite() {
                        viridis(scale.share(*value))
                    } else {
                        RGBColor(200, 200, 200)
                    },
                    number: Some(format!("{value:.2}")),
                };
                rows.iter()
                    .map(|row| row.iter().map(cell).collect())
                    .collect()
            }
        }
    }

    /// Pixels that the names on the left and those below take.
    fn margins(&self) -> (i32, i32) {
        let longest = |ticks: &Ticks| match ticks {
            Ticks::Names { names, .. } => names.iter().map(|n| width(n, TICK)).max().unwrap_or(0),
            Ticks::Range { .. } => 40,
        };
        (
            longest(self.y) + 55,
            if tilted(self.x) {
                longest(self.x) + 45
            } else {
                60
            },
        )
    }
}

/// Whether names below the columns stand upright, because side by side they would run into each other.
fn tilted(ticks: &Ticks) -> bool {
    match ticks {
        Ticks::Names { names, .. } => {
            let longest = names.iter().map(|n| width(n, TICK)).max().unwrap_or(0);
            longest * names.len() as i32 > 620
        }
        Ticks::Range { .. } => false,
    }
}

impl Drawing for HeatMap<'_> {
    fn size(&self) -> (u32, u32) {
        let (_, below) = self.margins();
        let rows = match self.cells {
            Cells::Values { rows, .. } => rows.len(),
            Cells::Categories { rows, .. } => rows.len(),
        };
        let named = matches!(self.y, Ticks::Names { .. });
        (
            1000,
            if named {
                70 + below as u32 + (34 * rows as u32).max(LEAST_HEIGHT)
            } else {
                650
            },
        )
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let below = area.margin(8, 0, 0, 0).titled(self.title, text(TITLE))?;
        let (_, top) = below.get_base_pixel();
        let (all, height) = area.dim_in_pixel();
        let (left, bottom) = self.margins();
        let legend = match self.cells {
            Cells::Values { .. } => 130,
            Cells::Categories { names, .. } => {
                names.iter().map(|n| width(n, TICK)).max().unwrap_or(0) + 65
            }
        };
        let plot = Frame {
            left,
            right: all as i32 - legend,
            top: top + 12,
            bottom: height as i32 - bottom,
        };
        let cells = self.cells();
        let upwards = matches!(self.y, Ticks::Range { .. });
        for (i, row) in cells.iter().enumerate() {
            let from_top = if upwards { cells.len() - 1 - i } else { i };
            let (y0, y1) = plot.row(from_top, cells.len());
            for (j, cell) in row.iter().enumerate() {
                let (x0, x1) = plot.column(j, row.len());
                area.draw(&Rectangle::new([(x0, y0), (x1, y1)], cell.colour.filled()))?;
                let large = x1 - x0 >= WRITTEN.0 && y1 - y0 >= WRITTEN.1;
                if let Some(number) = cell.number.as_ref().filter(|_| large) {
                    let RGBColor(r, g, b) = cell.colour;
                    let bright =
                        0.3 * f64::from(r) + 0.6 * f64::from(g) + 0.1 * f64::from(b) > 120.0;
                    let style = anchored(TICK, HPos::Center, VPos::Center);
                    let style = style.color(if bright { &BLACK } else { &WHITE });
                    area.draw(&Text::new(
                        number.clone(),
                        ((x0 + x1) / 2, (y0 + y1) / 2),
                        style,
                    ))?;
                }
            }
        }
        self.draw_x(area, plot, height as i32)?;
        self.draw_y(area, plot)?;
        match self.cells {
            Cells::Values { label, rows } => {
                let scale = scale_of(rows.iter().flatten().copied());
                draw_scale(area, plot, label, scale, viridis)
            }
            Cells::Categories { names, .. } => draw_names(area, plot, names),
        }
    }
}

impl HeatMap<'_> {
    fn draw_x<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        plot: Frame,
        height: i32,
    ) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let label = match self.x {
            Ticks::Names { label, names } => {
                for (j, name) in names.iter().enumerate() {
                    let (x0, x1) = plot.column(j, names.len());
                    let at = ((x0 + x1) / 2, plot.bottom + 8);
                    let style = if tilted(self.x) {
                        // Turned by a quarter, the text runs downwards from its anchor.
                        anchored(TICK, HPos::Left, VPos::Center).transform(FontTransform::Rotate90)
                    } else {
                        anchored(TICK, HPos::Center, VPos::Top)
                    };
                    area.draw(&Text::new(name.clone(), at, style))?;
                }
                label
            }
            Ticks::Range { label, low, high } => {
                let scale = Coordinate::linear(*low, *high);
                for tick in scale.ticks() {
                    let x = plot.left
                        + (scale.share(tick) * f64::from(plot.right - plot.left)).round() as i32;
                    area.draw(&PathElement::new(
                        [(x, plot.bottom), (x, plot.bottom + 5)],
                        BLACK,
                    ))?;
                    let style = anchored(TICK, HPos::Center, VPos::Top);
                    area.draw(&Text::new(
                        tick_label(tick, false),
                        (x, plot.bottom + 8),
                        style,
                    ))?;
                }
                label
            }
        };
        let style = anchored(LABEL, HPos::Center, VPos::Bottom);
        area.draw(&Text::new(
            label.clone(),
            ((plot.left + plot.right) / 2, height - 8),
            style,
        ))?;
        Ok(())
    }

    fn draw_y<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, plot: Frame) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let style = || anchored(TICK, HPos::Right, VPos::Center);
        let label = match self.y {
            Ticks::Names { label, names } => {
                for (i, name) in names.iter().enumerate() {
                    let (y0, y1) = plot.row(i, names.len());
                    area.draw(&Text::new(
                        name.clone(),
                        (plot.left - 8, (y0 + y1) / 2),
                        style(),
                    ))?;
                }
                label
            }
            Ticks::Range { label, low, high } => {
                let scale = Coordinate::linear(*low, *high);
                for tick in scale.ticks() {
                    let y = plot.bottom
                        - (scale.share(tick) * f64::from(plot.bottom - plot.top)).round() as i32;
                    area.draw(&PathElement::new(
                        [(plot.left - 5, y), (plot.left, y)],
                        BLACK,
                    ))?;
                    area.draw(&Text::new(
                        tick_label(tick, false),
                        (plot.left - 8, y),
                        style(),
                    ))?;
                }
                label
            }
        };
        let style = anchored(LABEL, HPos::Center, VPos::Top).transform(FontTransform::Rotate270);
        area.draw(&Text::new(
            label.clone(),
            (8, (plot.top + plot.bottom) / 2),
            style,
        ))?;
        Ok(())
    }
}

/// A legend of categories, on the right.
fn draw_names<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    plot: Frame,
    names: &[String],
) -> Result<()>
where
    B::ErrorType: 'static,
{
    for (index, name) in names.iter().enumerate() {
        let (x, y) = (plot.right + 20, plot.top + 10 + 26 * index as i32);
        area.draw(&Rectangle::new(
            [(x, y - 8), (x + 22, y + 8)],
            colour(index).filled(),
        ))?;
        area.draw(&Text::new(
            name.clone(),
            (x + 30, y),
            anchored(TICK, HPos::Left, VPos::Center),
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::assert_drawn;

    fn range(label: &str) -> Ticks {
        Ticks::Range {
            label: label.to_owned(),
            low: -2.0,
            high: 3.0,
        }
    }

    #[test]
    fn numbers_and_categories_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let rows = (0..30)
            .map(|i| (0..30).map(|j| f64::from(i * j)).collect())
            .collect();
        let values = Cells::Values {
            label: "q".to_owned(),
            rows,
        };
        heat_map(
            &folder.path().join("map"),
            "A test",
            &range("one"),
            &range("two"),
            &values,
        )
        .unwrap();
        assert_drawn(&folder.path().join("map"));
        let folder = tempfile::tempdir().unwrap();
        let categories = Cells::Categories {
            names: vec!["keep".to_owned(), "halve".to_owned()],
            rows: vec![vec![0, 1], vec![1, 1]],
        };
        let names = Ticks::Names {
            label: "state".to_owned(),
            names: vec!["a".to_owned(), "b".to_owned()],
        };
        heat_map(
            &folder.path().join("map"),
            "A test",
            &names,
            &range("two"),
            &categories,
        )
        .unwrap();
        assert_drawn(&folder.path().join("map"));
    }
}
