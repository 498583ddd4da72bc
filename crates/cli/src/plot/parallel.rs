//! Parallel coordinates: a vertical axis a quantity, a line a case.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Axis, tick_label};
use super::colour_scale::{Frame, draw_scale, scale_of};
use super::style::{LABEL, TICK, TITLE, anchored, text, viridis};
use super::{Drawing, save};

/// A vertical axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimension {
    /// Its scale and its name.
    pub axis: Axis,
    /// The names at 0, 1, ..., where it has no numbers.
    pub names: Option<Vec<String>>,
    /// One value a case; one that is not finite leaves a gap.
    pub values: Vec<f64>,
}

/// Draws a line a case through its values, coloured by `numbers`: `stem`.svg and `stem`.png.
///
/// # Errors
/// When a file cannot be written.
pub fn parallel(
    stem: &Path,
    title: &str,
    scale: &str,
    dimensions: &[Dimension],
    numbers: &[f64],
) -> Result<()> {
    save(
        stem,
        &Parallel {
            title,
            scale,
            dimensions,
            numbers,
        },
    )
}

struct Parallel<'a> {
    title: &'a str,
    scale: &'a str,
    dimensions: &'a [Dimension],
    numbers: &'a [f64],
}

impl Drawing for Parallel<'_> {
    fn size(&self) -> (u32, u32) {
        (300 + 170 * self.dimensions.len().max(3) as u32, 620)
    }

    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>) -> Result<()>
    where
        B::ErrorType: 'static,
    {
        let below = area.margin(8, 0, 0, 0).titled(self.title, text(TITLE))?;
        let (_, top) = below.get_base_pixel();
        let (all, height) = area.dim_in_pixel();
        let frame = Frame {
            left: 90,
            right: all as i32 - 190,
            top: top + 20,
            bottom: height as i32 - 60,
        };
        let scale = scale_of(self.numbers.iter().copied());
        let last = self.dimensions.len().saturating_sub(1).max(1);
        let across =
            |index: usize| frame.left + (frame.right - frame.left) * index as i32 / last as i32;
        let coordinates: Vec<_> = self
            .dimensions
            .iter()
            .map(|dimension| match &dimension.names {
                Some(names) => Axis::linear("")
                    .between(-0.5, names.len() as f64 - 0.5)
                    .coordinate(std::iter::empty()),
                None => dimension.axis.coordinate(dimension.values.iter().copied()),
            })
            .collect();
        let down = |index: usize, value: f64| {
            let share = coordinates[index].share(value);
            frame.bottom - (share * f64::from(frame.bottom - frame.top)).round() as i32
        };
        // The worst first, so that the best lie on top.
        let mut order: Vec<usize> = (0..self.numbers.len()).collect();
        order.sort_by(|&a, &b| self.numbers[b].total_cmp(&self.numbers[a]));
        for case in order {
            let style = viridis(1.0 - scale.share(self.numbers[case])).stroke_width(2);
            let places: Vec<Option<(i32, i32)>> = self
                .dimensions
                .iter()
                .enumerate()
                .map(|(index, dimension)| {
                    let value = *dimension.values.get(case)?;
                    dimension
                        .axis
                        .shows(value)
                        .then(|| (across(index), down(index, value)))
                })
                .collect();
            for ends in places.windows(2) {
                if let &[Some(from), Some(to)] = ends {
                    area.draw(&PathElement::new([from, to], style))?;
                }
            }
        }
        for (index, dimension) in self.dimensions.iter().enumerate() {
            let x = across(index);
            let axis = BLACK.stroke_width(1);
            area.draw(&PathElement::new([(x, frame.top), (x, frame.bottom)], axis))?;
            let ticks: Vec<(f64, String)> = match &dimension.names {
                Some(names) => names
                    .iter()
                    .enumerate()
                    .map(|(i, n)| (i as f64, n.clone()))
                    .collect(),
                None => {
                    let log = coordinates[index].log;
                    let ticks = coordinates[index].ticks().into_iter();
                    ticks.map(|tick| (tick, tick_label(tick, log))).collect()
                }
            };
            for (tick, label) in ticks {
                let y = down(index, tick);
                area.draw(&PathElement::new([(x - 4, y), (x, y)], BLACK))?;
                let style = anchored(TICK, HPos::Right, VPos::Center);
                area.draw(&Text::new(label, (x - 7, y), style))?;
            }
            let style = anchored(LABEL, HPos::Center, VPos::Top);
            // Two heights, so that long names do not meet.
            let at = (x, frame.bottom + if index % 2 == 0 { 10 } else { 32 });
            area.draw(&Text::new(dimension.axis.label.clone(), at, style))?;
        }
        draw_scale(area, frame, self.scale, scale, |share| viridis(1.0 - share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::tests::assert_drawn;

    #[test]
    fn numbers_and_names_are_drawn() {
        let folder = tempfile::tempdir().unwrap();
        let stem = folder.path().join("parallel");
        let dimension = |label: &str, values: [f64; 3]| Dimension {
            axis: Axis::linear(label),
            names: None,
            values: values.to_vec(),
        };
        let mut named = dimension("optimizer", [0.0, 1.0, 1.0]);
        named.names = Some(vec!["sgd".to_owned(), "adam".to_owned()]);
        let dimensions = [
            Dimension {
                axis: Axis::log("rate"),
                ..dimension("", [1e-3, 1e-2, 1.0])
            },
            named,
            dimension("momentum", [0.9, f64::NAN, 0.5]),
        ];
        parallel(&stem, "A test", "value", &dimensions, &[1.0, 2.0, 0.5]).unwrap();
        assert_drawn(&stem);
    }
}
