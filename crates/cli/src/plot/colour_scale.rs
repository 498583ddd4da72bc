//! Numbers as colours, and the scale that explains them.

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axis::{Coordinate, tick_label};
use super::style::{LABEL, TICK, anchored};

/// The scale of these values, from the least to the largest finite one.
pub fn scale_of(values: impl Iterator<Item = f64>) -> Coordinate {
    let finite = values.filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| {
        (l.min(v), h.max(v))
    });
    match low < high {
        true => Coordinate::linear(low, high),
        false if low.is_finite() && low == high => Coordinate::linear(low - 0.5, low + 0.5),
        false => Coordinate::linear(0.0, 1.0),
    }
}

/// The rectangle of a plot, in pixels.
#[derive(Clone, Copy)]
pub struct Frame {
    pub left: i32,
    pub right: i32,
    pub top: i32,
    pub bottom: i32,
}

impl Frame {
    /// The left and the right end of column `j` of `of`.
    pub fn column(self, j: usize, of: usize) -> (i32, i32) {
        part(self.left, self.right, j, of)
    }

    /// The upper and the lower end of row `i` of `of`.
    pub fn row(self, i: usize, of: usize) -> (i32, i32) {
        part(self.top, self.bottom, i, of)
    }
}

/// The ends of the part `index` of `of` equal parts.
fn part(low: i32, high: i32, index: usize, of: usize) -> (i32, i32) {
    let at = |i: usize| low + (f64::from(high - low) * i as f64 / of.max(1) as f64).round() as i32;
    (at(index), at(index + 1))
}

/// Draws the colour scale to the right of the frame; `colour` is that of a share of it.
pub fn draw_scale<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    plot: Frame,
    label: &str,
    scale: Coordinate,
    colour: impl Fn(f64) -> RGBColor,
) -> Result<()>
where
    B::ErrorType: 'static,
{
    const STEPS: usize = 100;
    let (x0, x1) = (plot.right + 20, plot.right + 38);
    for step in 0..STEPS {
        let (y0, y1) = part(plot.bottom, plot.top, step, STEPS);
        let share = (step as f64 + 0.5) / STEPS as f64;
        area.draw(&Rectangle::new(
            [(x0, y1), (x1, y0)],
            colour(share).filled(),
        ))?;
    }
    for tick in scale.ticks() {
        let y =
            plot.bottom - (scale.share(tick) * f64::from(plot.bottom - plot.top)).round() as i32;
        area.draw(&PathElement::new([(x1, y), (x1 + 5, y)], BLACK))?;
        let style = anchored(TICK, HPos::Left, VPos::Center);
        area.draw(&Text::new(tick_label(tick, false), (x1 + 8, y), style))?;
    }
    let style = anchored(LABEL, HPos::Center, VPos::Bottom).transform(FontTransform::Rotate270);
    let at = (plot.right + 112, (plot.top + plot.bottom) / 2);
    area.draw(&Text::new(label.to_owned(), at, style))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_always_has_two_ends() {
        for values in [vec![], vec![f64::NAN], vec![2.0, 2.0]] {
            let scale = scale_of(values.into_iter());
            assert!(scale.low < scale.high);
        }
        assert_eq!(part(0, 10, 2, 3), (7, 10));
    }
}
