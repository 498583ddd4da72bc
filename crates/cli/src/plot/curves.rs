//! Lines over a common axis, in one or several panels with one legend beside them.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, Coordinate};
use super::style::{GRID, LABEL, LineStyle, Marker, TICK, TITLE, anchored, text, width};
use super::{Drawing, save};

/// How many points of a line get a marker.
const MARKS: usize = 6;

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the legend. Lines of the same name and number share an entry.
    pub label: String,
    /// (x, y); a pair that is not finite, or not above 0 on a logarithmic axis, leaves a gap.
    pub points: Vec<(f64, f64)>,
    style: LineStyle,
}

impl Series {
    /// A line whose colour, dash and marker follow from its number.
    pub fn line(label: impl Into<String>, number: usize, points: Vec<(f64, f64)>) -> Self {
        Self {
            label: label.into(),
            points,
            style: LineStyle::numbered(number),
        }
    }
}

/// A set of lines on a pair of axes.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// What it shows; may be empty.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines.
    pub series: Vec<Series>,
}

/// Draws panels side by side, with the legend on the right: `stem`.svg and `stem`.png.
///
/// # Errors
/// When a file cannot be written.
pub fn curves(stem: &Path, title: &str, panels: &[Panel]) -> Result<()> {
    save(stem, &Curves { title, panels })
}

struct Curves<'a> {
    title: &'a str,
    panels: &'a [Panel],
}

impl Curves<'_> {
    /// (rows, columns) of the panels.
    fn grid(&self) -> (usize, usize) {
        match self.panels.len() {
            0 | 1 => (1, 1),
            2 => (1, 2),
            3 | 4 => (2, 2),
            n @ 5..=9 => (n.div_ceil(3), 3),
            n => (n.div_ceil(4), 4),
        }
    }

    /// Each pair of name and style once.
    fn legend(&self) -> Vec<&Series> {
        let mut entries: Vec<&Series> = Vec::new();
        for series in self.panels.iter().flat_map(|panel| &panel.series) {
            if !entries
                .iter()
                .any(|e| e.label == series.label && e.style == series.style)
            {
                entries.push(series);
            }
        }
        entries
    }
}

impl Drawing for Curves<'_> {
    fn size(&self) -> (u32, u32) {
        match self.grid() {
            (1, 1) => (1000, 650),
            (1, _) => (1300, 620),
            (rows, 2) => (1300, 450 * rows as u32 + 50),
            (rows, 3) => (1600, 430 * rows as u32 + 50),
            (rows, _) => (1900, 400 * rows as u32 + 50),
        }
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let area = area.margin(8, 0, 0, 0).titled(self.title, text(TITLE))?;
        let entries = self.legend();
        let longest = entries
            .iter()
            .map(|e| width(&e.label, TICK))
            .max()
            .unwrap_or(0);
        let (all, _) = area.dim_in_pixel();
        let (plots, legend) = area.split_horizontally(all as i32 - longest - 70);
        for (panel, part) in self.panels.iter().zip(plots.split_evenly(self.grid())) {
            draw_panel(panel, &part)?;
        }
        draw_legend(&entries, &legend)
    }
}

fn draw_panel<B: DrawingBackend>(panel: &Panel, area: &DrawingArea<B, Shift>) -> Result<()>
where
    B::ErrorType: 'static,
{
    let shown = |&&(x, y): &&(f64, f64)| panel.x.shows(x) && panel.y.shows(y);
    let points = || panel.series.iter().flat_map(|s| &s.points).filter(shown);
    let x = panel.x.coordinate(points().map(|p| p.0));
    let y = panel.y.coordinate(points().map(|p| p.1));
    let mut builder = ChartBuilder::on(area);
    builder
        .margin(12)
        .x_label_area_size(50)
        .y_label_area_size(74);
    if !panel.title.is_empty() {
        builder.caption(&panel.title, text(LABEL));
    }
    let mut chart = builder.build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .x_desc(&panel.x.label)
        .y_desc(&panel.y.label)
        .axis_desc_style(text(LABEL))
        .label_style(text(TICK))
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .draw()?;
    for (index, series) in panel.series.iter().enumerate() {
        let style = series.style;
        for piece in series
            .points
            .split(|(x, y)| !(panel.x.shows(*x) && panel.y.shows(*y)))
        {
            let line = style.colour.stroke_width(2);
            match style.dash {
                // One by one: joined lines get long spikes at sharp turns.
                (_, 0) => {
                    chart.draw_series(piece.windows(2).map(|ends| PathElement::new(ends, line)))?
                }
                (length, gap) => chart.draw_series(DashedLineSeries::new(
                    piece.iter().copied(),
                    length,
                    gap,
                    line,
                ))?,
            };
        }
        let shown: Vec<(f64, f64)> = series.points.iter().filter(shown).copied().collect();
        for point in marked(&shown, x, index, panel.series.len()) {
            draw_marker(chart.plotting_area(), point, style)?;
        }
    }
    Ok(())
}

/// About [`MARKS`] points, evenly spaced along x; lines of other numbers are marked elsewhere.
fn marked(points: &[(f64, f64)], x: Coordinate, number: usize, of: usize) -> Vec<(f64, f64)> {
    let shift = (number as f64 + 0.5) / of.max(1) as f64;
    let mut chosen: Vec<(f64, f64)> = Vec::new();
    for mark in 0..MARKS {
        let wanted = (mark as f64 + shift) / MARKS as f64;
        let next = points.iter().find(|(value, _)| x.share(*value) >= wanted);
        chosen.extend(next.filter(|next| chosen.last() != Some(next)));
    }
    chosen
}

fn draw_marker<B: DrawingBackend, C: CoordTranslate>(
    area: &DrawingArea<B, C>,
    at: C::From,
    style: LineStyle,
) -> Result<()>
where
    B::ErrorType: 'static,
    C::From: Clone,
{
    let fill = style.colour.filled();
    let polygon = |corners: &[(i32, i32)]| Polygon::new(corners.to_vec(), fill);
    let origin = || EmptyElement::at(at.clone());
    match style.marker {
        Marker::Circle => area.draw(&(origin() + Circle::new((0, 0), 4, fill)))?,
        Marker::Square => area.draw(&(origin() + Rectangle::new([(-4, -4), (4, 4)], fill)))?,
        Marker::Triangle => area.draw(&(origin() + polygon(&[(0, -6), (5, 4), (-5, 4)])))?,
        Marker::Cross => {
            area.draw(&(origin() + Cross::new((0, 0), 4, style.colour.stroke_width(2))))?
        }
        Marker::Diamond => area.draw(&(origin() + polygon(&[(0, -6), (5, 0), (0, 6), (-5, 0)])))?,
    }
    Ok(())
}

fn draw_legend<B: DrawingBackend>(entries: &[&Series], area: &DrawingArea<B, Shift>) -> Result<()>
where
    B::ErrorType: 'static,
{
    for (index, series) in entries.iter().enumerate() {
        let y = 45 + 25 * index as i32;
        let ends = [(4, y), (44, y)];
        let style = series.style;
        let line = style.colour.stroke_width(2);
        match style.dash {
            (_, 0) => area.draw(&PathElement::new(ends, line))?,
            (length, gap) => area.draw(&DashedPathElement::new(ends, length, gap, line))?,
        }
        draw_marker(area, (24, y), style)?;
        area.draw(&Text::new(
            series.label.clone(),
            (52, y),
            anchored(TICK, HPos::Left, VPos::Center),
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::assert_drawn;

    #[test]
    fn panels_with_gaps_and_without_points_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("a.curve");
        let series = vec![
            Series::line(
                "falling",
                0,
                vec![(1.0, 1.0), (2.0, f64::NAN), (3.0, 1e-3), (9.0, 0.0)],
            ),
            Series::line("empty", 1, Vec::new()),
        ];
        let panel = Panel {
            title: String::new(),
            x: Axis::linear("step"),
            y: Axis::log("loss"),
            series,
        };
        curves(
            &folder.path().join("curve"),
            "A test",
            &[panel.clone(), panel.clone(), panel.clone()],
        )
        .unwrap();
        assert_drawn(&folder.path().join("curve"));
        assert_eq!(
            Curves {
                title: "",
                panels: &[panel.clone(), panel]
            }
            .legend()
            .len(),
            2
        );
        assert!(
            curves(&stem.join("nowhere"), "A test", &[])
                .unwrap_err()
                .to_string()
                .starts_with("cannot write")
        );
    }

    #[test]
    fn marks_are_few_and_in_order() {
        let points: Vec<(f64, f64)> = (0..100).map(|i| (f64::from(i), 0.0)).collect();
        let marks = marked(&points, Coordinate::linear(0.0, 99.0), 0, 2);
        assert_eq!(marks.len(), MARKS);
        assert!(marks.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert_eq!(
            marked(&points[..1], Coordinate::linear(-5.0, 5.0), 0, 2).len(),
            1
        );
    }
}
