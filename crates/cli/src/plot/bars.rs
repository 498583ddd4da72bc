//! Horizontal bars, one a name.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, Coordinate, tick_label};
use super::style::{GRID, LABEL, TICK, TITLE, anchored, colour, text, width};
use super::{Drawing, save};

/// Draws one bar a name, from 0 to its value, with the value beside it: `stem`.svg and `stem`.png.
///
/// # Errors
/// When a file cannot be written.
pub fn bars(stem: &Path, title: &str, axis: &Axis, bars: &[(String, f64)]) -> Result<()> {
    save(stem, &Bars { title, axis, bars })
}

struct Bars<'a> {
    title: &'a str,
    axis: &'a Axis,
    bars: &'a [(String, f64)],
}

impl Drawing for Bars<'_> {
    fn size(&self) -> (u32, u32) {
        (1000, (130 + 36 * self.bars.len() as u32).max(300))
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let below = area.margin(8, 0, 0, 0).titled(self.title, text(TITLE))?;
        let names = self
            .bars
            .iter()
            .map(|(name, _)| width(name, TICK))
            .max()
            .unwrap_or(0);
        let count = self.bars.len().max(1) as f64;
        let x = self
            .axis
            .coordinate(self.bars.iter().map(|(_, value)| *value).chain([0.0]));
        let mut chart = ChartBuilder::on(&below)
            .margin_left(names + 20)
            .margin_right(30)
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
        // Values stand inside a long bar and beside a short one.
        let plot = chart.plotting_area();
        for (index, (name, value)) in self.bars.iter().enumerate() {
            let middle = count - index as f64 - 0.5;
            let shown = if self.axis.shows(*value) { *value } else { 0.0 };
            plot.draw(&Rectangle::new(
                [(0.0, middle + 0.36), (shown, middle - 0.36)],
                colour(0).filled(),
            ))?;
            let (zero, y) = plot.map_coordinate(&(0.0, middle));
            let (end, _) = plot.map_coordinate(&(shown, middle));
            let (left, _) = plot.map_coordinate(&(x.low, middle));
            let number = tick_label((value * 100.0).round() / 100.0, false);
            let inside = (end - zero).abs() > width(&number, TICK) + 16;
            let (side, shift) = if (end < zero) == inside {
                (HPos::Left, 7)
            } else {
                (HPos::Right, -7)
            };
            let style = anchored(TICK, side, VPos::Center);
            let style = if inside { style.color(&WHITE) } else { style };
            area.draw(&Text::new(number, (end + shift, y), style))?;
            let style = anchored(TICK, HPos::Right, VPos::Center);
            area.draw(&Text::new(name.clone(), (left - 10, y), style))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::assert_drawn;

    #[test]
    fn bars_to_both_sides_and_without_a_value_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("bars");
        let values = [("left", -3.0), ("right", 0.5), ("none", f64::NAN)];
        let values = values.map(|(name, value)| (name.to_owned(), value));
        bars(&stem, "A test", &Axis::linear("score"), &values).unwrap();
        assert_drawn(&stem);
    }
}
