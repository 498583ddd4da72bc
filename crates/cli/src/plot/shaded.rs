//! Points and lines whose colour says a further number, in one or several panels with one scale beside them.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::axis::{Axis, tick_label};
use super::colour_scale::{Frame, draw_scale, scale_of};
use super::style::{GRID, LABEL, TICK, TITLE, text, viridis};
use super::{Drawing, save};

/// A panel of points and lines.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaded {
    /// What it shows; may be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The names at 0, 1, ... of the horizontal axis, where it has no numbers.
    pub x_names: Option<Vec<String>>,
    /// The same for the vertical axis.
    pub y_names: Option<Vec<String>>,
    /// Lines of points with the number of each line.
    pub lines: Vec<(Vec<(f64, f64)>, f64)>,
    /// (x, y, number).
    pub points: Vec<(f64, f64, f64)>,
    /// Cells (x from, x to, y from, y to, number) below everything else.
    pub cells: Vec<([f64; 4], f64)>,
    /// A black line above everything else.
    pub outline: Vec<(f64, f64)>,
}

impl Shaded {
    /// An empty panel.
    pub fn new(x: Axis, y: Axis) -> Self {
        Self {
            title: String::new(),
            x,
            y,
            x_names: None,
            y_names: None,
            lines: Vec::new(),
            points: Vec::new(),
            cells: Vec::new(),
            outline: Vec::new(),
        }
    }

    fn numbers(&self) -> impl Iterator<Item = f64> {
        let lines = self.lines.iter().map(|(_, number)| *number);
        let points = self.points.iter().map(|(_, _, number)| *number);
        let cells = self.cells.iter().map(|(_, number)| *number);
        lines.chain(points).chain(cells)
    }

    fn places(&self) -> impl Iterator<Item = (f64, f64)> {
        let lines = self
            .lines
            .iter()
            .flat_map(|(points, _)| points.iter().copied());
        let points = self.points.iter().map(|(x, y, _)| (*x, *y));
        let corners = self
            .cells
            .iter()
            .flat_map(|([x0, x1, y0, y1], _)| [(*x0, *y0), (*x1, *y1)]);
        lines
            .chain(points)
            .chain(corners)
            .chain(self.outline.iter().copied())
    }
}

/// Draws panels side by side with the colour scale on the right: `stem`.svg and `stem`.png.
///
/// # Errors
/// When a file cannot be written.
pub fn shaded(stem: &Path, title: &str, scale: &str, panels: &[Shaded]) -> Result<()> {
    save(
        stem,
        &Drawn {
            title,
            scale,
            panels,
        },
    )
}

struct Drawn<'a> {
    title: &'a str,
    scale: &'a str,
    panels: &'a [Shaded],
}

impl Drawn<'_> {
    fn grid(&self) -> (usize, usize) {
        match self.panels.len() {
            0 | 1 => (1, 1),
            2 => (1, 2),
            n => (n.div_ceil(3), 3),
        }
    }
}

impl Drawing for Drawn<'_> {
    fn size(&self) -> (u32, u32) {
        match self.grid() {
            (1, 1) => (1000, 620),
            (1, 2) => (1300, 600),
            (rows, _) => (1600, 420 * rows as u32 + 60),
        }
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let area = area.margin(8, 0, 0, 0).titled(self.title, text(TITLE))?;
        let scale = scale_of(self.panels.iter().flat_map(Shaded::numbers));
        let (all, height) = area.dim_in_pixel();
        let (plots, beside) = area.split_horizontally(all as i32 - 140);
        for (panel, part) in self.panels.iter().zip(plots.split_evenly(self.grid())) {
            draw_panel(panel, &part, |number| viridis(1.0 - scale.share(number)))?;
        }
        let frame = Frame {
            left: 0,
            right: 0,
            top: 20,
            bottom: (height as i32 - 70).min(500),
        };
        // Dark is large: the good ones, small, shine.
        draw_scale(&beside, frame, self.scale, scale, |share| {
            viridis(1.0 - share)
        })
    }
}

fn draw_panel<B: DrawingBackend>(
    panel: &Shaded,
    area: &DrawingArea<B, Shift>,
    colour: impl Fn(f64) -> RGBColor,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    let shows = |(x, y): &(f64, f64)| panel.x.shows(*x) && panel.y.shows(*y);
    let places: Vec<(f64, f64)> = panel.places().filter(shows).collect();
    let named = |names: &Option<Vec<String>>| {
        let names = names.as_ref()?;
        Some(Axis::linear("").between(-0.5, names.len() as f64 - 0.5))
    };
    let x_axis = named(&panel.x_names).unwrap_or_else(|| panel.x.clone());
    let y_axis = named(&panel.y_names).unwrap_or_else(|| panel.y.clone());
    let x = x_axis.coordinate(places.iter().map(|p| p.0));
    let y = y_axis.coordinate(places.iter().map(|p| p.1));
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(12)
        .x_label_area_size(50)
        .y_label_area_size(84);
    if !panel.title.is_empty() {
        builder.caption(&panel.title, text(LABEL));
    }
    let mut chart = builder.build_cartesian_2d(x, y)?;
    let tick = |names: &Option<Vec<String>>, value: f64, log: bool| match names {
        Some(names) if (value - value.round()).abs() < 1e-9 && value > -0.5 => names
            .get(value.round() as usize)
            .cloned()
            .unwrap_or_default(),
        Some(_) => String::new(),
        None => tick_label(value, log),
    };
    chart
        .configure_mesh()
        .x_desc(&panel.x.label)
        .y_desc(&panel.y.label)
        .x_label_formatter(&|value| tick(&panel.x_names, *value, x.log))
        .y_label_formatter(&|value| tick(&panel.y_names, *value, y.log))
        .axis_desc_style(text(LABEL))
        .label_style(text(TICK))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .draw()?;
    for ([x0, x1, y0, y1], number) in &panel.cells {
        let fill = colour(*number).mix(0.85).filled();
        chart.draw_series([Rectangle::new([(*x0, *y0), (*x1, *y1)], fill)])?;
    }
    for (points, number) in &panel.lines {
        let style = colour(*number).stroke_width(1);
        for piece in points.split(|place| !shows(place)) {
            chart.draw_series(piece.windows(2).map(|ends| PathElement::new(ends, style)))?;
        }
    }
    for (x, y, number) in &panel.points {
        if shows(&(*x, *y)) {
            let edge = BLACK.mix(0.4).stroke_width(1);
            chart.draw_series([Circle::new((*x, *y), 5, colour(*number).filled())])?;
            chart.draw_series([Circle::new((*x, *y), 5, edge)])?;
        }
    }
    let outline: Vec<(f64, f64)> = panel.outline.iter().copied().filter(shows).collect();
    let style = BLACK.stroke_width(2);
    chart.draw_series(outline.windows(2).map(|ends| PathElement::new(ends, style)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::assert_drawn;

    #[test]
    fn points_lines_cells_and_names_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("shaded");
        let mut panel = Shaded::new(Axis::log("rate"), Axis::linear("value"));
        panel.points = vec![(1e-3, 1.0, 1.0), (1e-1, 0.5, 0.5), (0.0, 3.0, f64::NAN)];
        panel.lines = vec![(
            vec![(1e-3, 1.0), (1e-2, f64::NAN), (1e-1, 2.0), (1.0, 1.0)],
            0.7,
        )];
        panel.outline = vec![(1e-3, 1.0), (1.0, 0.5)];
        let mut named = Shaded::new(Axis::linear("optimizer"), Axis::linear("value"));
        named.x_names = Some(vec!["sgd".to_owned(), "adam".to_owned()]);
        named.points = vec![(0.0, 1.0, 1.0), (1.0, 2.0, 0.0)];
        named.cells = vec![([-0.5, 0.5, 0.0, 1.0], 0.2)];
        shaded(&stem, "A test", "value", &[panel, named]).unwrap();
        assert_drawn(&stem);
    }
}
