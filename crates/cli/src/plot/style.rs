//! Colours, dashes, markers and letters.

use anyhow::{Result, anyhow};
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font as register, text_anchor};

/// The family of all text: in an SVG the reader's own, in a PNG and for measuring DejaVu Sans.
pub const FONT: &str = "sans-serif";
/// Headings.
pub const TITLE: i32 = 22;
/// Panel titles and axis names.
pub const LABEL: i32 = 16;
/// Tick labels and legends.
pub const TICK: i32 = 14;
/// Grid lines.
pub const GRID: RGBColor = RGBColor(225, 225, 225);

/// Okabe and Ito's palette, which the common forms of colour blindness leave distinct; yellow, pale on white, comes last.
const PALETTE: [RGBColor; 8] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
    RGBColor(86, 180, 233),
    RGBColor(200, 184, 40),
];

/// (length, gap) of dashes in pixels; a gap of 0 is a solid line. As many as make every pair with a colour new for long.
const DASHES: [(i32, i32); 4] = [(0, 0), (9, 5), (3, 4), (16, 6)];

/// What marks points of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    Circle,
    Square,
    Triangle,
    Cross,
    Diamond,
}

const MARKERS: [Marker; 5] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Cross,
    Marker::Diamond,
];

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineStyle {
    pub colour: RGBColor,
    pub dash: (i32, i32),
    pub marker: Marker,
}

impl LineStyle {
    /// The style of the line with this number: neighbours differ in colour, dash and marker; 160 lines differ in something.
    pub fn numbered(number: usize) -> Self {
        Self {
            colour: colour(number),
            dash: DASHES[number % DASHES.len()],
            marker: MARKERS[number % MARKERS.len()],
        }
    }
}

/// The colour with this number.
pub fn colour(number: usize) -> RGBColor {
    // From the second round on darker, so that 16 categories stay apart.
    let RGBColor(r, g, b) = PALETTE[number % PALETTE.len()];
    if (number / PALETTE.len()).is_multiple_of(2) {
        RGBColor(r, g, b)
    } else {
        RGBColor(r / 2 + 20, g / 2 + 20, b / 2 + 20)
    }
}

/// Text of a size in black.
pub fn text(size: i32) -> TextStyle<'static> {
    (FONT, size).into_font().color(&BLACK)
}

/// Text of a size, anchored.
pub fn anchored(
    size: i32,
    horizontal: text_anchor::HPos,
    vertical: text_anchor::VPos,
) -> TextStyle<'static> {
    text(size).pos(text_anchor::Pos::new(horizontal, vertical))
}

/// About what the text takes, in pixels.
pub fn width(text: &str, size: i32) -> i32 {
    (0.54 * f64::from(size) * text.chars().count() as f64).ceil() as i32
}

/// Makes the embedded font known under [`FONT`].
pub fn register_font() -> Result<()> {
    register(FONT, FontStyle::Normal, dejavu::sans::regular())
        .map_err(|_| anyhow!("the embedded font is damaged"))
}

/// Viridis (S. van der Walt and N. Smith) at t in [0, 1], linear between nine of its colours.
pub fn viridis(t: f64) -> RGBColor {
    const ANCHORS: [(u8, u8, u8); 9] = [
        (68, 1, 84),
        (71, 44, 122),
        (59, 81, 139),
        (44, 113, 142),
        (33, 144, 141),
        (39, 173, 129),
        (92, 200, 99),
        (170, 220, 50),
        (253, 231, 37),
    ];
    let t = if t.is_finite() {
        t.clamp(0.0, 1.0)
    } else {
        0.0
    } * (ANCHORS.len() - 1) as f64;
    let i = (t as usize).min(ANCHORS.len() - 2);
    let (low, high, share) = (ANCHORS[i], ANCHORS[i + 1], t - i as f64);
    let mix = |a: u8, b: u8| (f64::from(a) + share * (f64::from(b) - f64::from(a))).round() as u8;
    RGBColor(mix(low.0, high.0), mix(low.1, high.1), mix(low.2, high.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_lines_differ() {
        for i in 0..40 {
            for j in 0..i {
                assert_ne!(LineStyle::numbered(i), LineStyle::numbered(j));
            }
        }
    }

    #[test]
    fn viridis_has_its_ends() {
        assert_eq!(viridis(0.0), RGBColor(68, 1, 84));
        assert_eq!(viridis(2.0), RGBColor(253, 231, 37));
        assert_eq!(viridis(0.5), RGBColor(33, 144, 141));
    }
}
