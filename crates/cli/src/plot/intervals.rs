//! Estimates with intervals, one a name.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, Coordinate, tick_label};
use super::style::{GRID, LABEL, TICK, TITLE, anchored, colour, text, width};
use super::{Drawing, save};

/// A name with its estimate and the ends of its interval.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// What it is of.
    pub label: String,
    /// The value.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Draws a dot and a bar from end to end for each name, with the value beside it: `stem`.svg and `stem`.png.
///
/// # Errors
/// When a file cannot be written.
pub fn intervals(stem: &Path, title: &str, axis: &Axis, estimates: &[Estimate]) -> Result<()> {
    save(
        stem,
        &Intervals {
            title,
            axis,
            estimates,
        },
    )
}

struct Intervals<'a> {
    title: &'a str,
    axis: &'a Axis,
    estimates: &'a [Estimate],
}

impl Drawing for Intervals<'_> {
    fn size(&self) -> (u32, u32) {
        (1000, (130 + 26 * self.estimates.len() as u32).max(260))
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let below = area.margin(8, 0, 0, 0).titled(self.title, text(TITLE))?;
        let labels = self.estimates.iter().map(|e| width(&e.label, TICK));
        let names = labels.max().unwrap_or(0);
        let count = self.estimates.len().max(1) as f64;
        let ends = self.estimates.iter().flat_map(|e| [e.value, e.low, e.high]);
        let x = self.axis.coordinate(ends);
        let mut chart = ChartBuilder::on(&below)
            .margin_left(names + 20)
            .margin_right(80)
            .margin_bottom(8)
            .x_label_area_size(50)
            .build_cartesian_2d(x, Coordinate::linear(0.0, count))?;
        chart
            .configure_mesh()
            .disable_y_mesh()
            .disable_y_axis()
            .x_desc(&self.axis.label)
            .axis_desc_style(text(LABEL))
            .label_style(text(TICK))
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .draw()?;
        let plot = chart.plotting_area();
        for (index, estimate) in self.estimates.iter().enumerate() {
            let y = count - index as f64 - 0.5;
            let (left, row) = plot.map_coordinate(&(x.low, y));
            let name = anchored(TICK, HPos::Right, VPos::Center);
            area.draw(&Text::new(estimate.label.clone(), (left - 10, row), name))?;
            let shown = [estimate.value, estimate.low, estimate.high]
                .iter()
                .all(|v| self.axis.shows(*v));
            if !shown {
                continue;
            }
            let style = colour(0).stroke_width(3);
            let ends = vec![(estimate.low, y), (estimate.high, y)];
            plot.draw(&PathElement::new(ends, style))?;
            plot.draw(&Circle::new((estimate.value, y), 5, colour(1).filled()))?;
            let (right, _) = plot.map_coordinate(&(x.high, y));
            let number = tick_label((estimate.value * 100.0).round() / 100.0, false);
            let value = anchored(TICK, HPos::Left, VPos::Center);
            area.draw(&Text::new(number, (right + 10, row), value))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::assert_drawn;

    #[test]
    fn intervals_and_what_has_none_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("intervals");
        let estimate = |label: &str, value: f64| Estimate {
            label: label.to_owned(),
            value,
            low: value - 1.0,
            high: value + 0.5,
        };
        let estimates = [
            estimate("one", -3.0),
            estimate("other", -4.0),
            estimate("none", f64::NAN),
        ];
        intervals(&stem, "A test", &Axis::linear("score"), &estimates).unwrap();
        assert_drawn(&stem);
    }
}
