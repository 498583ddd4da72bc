//! The curve of a range test as an SVG file of its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io, process};

use crate::{RateCurve, Stopped};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = WIDTH - 24.0;
const TOP: f64 = 76.0;
const BOTTOM: f64 = HEIGHT - 60.0;

const INK: &str = "#222222";
const GRID: &str = "#dddddd";
const RAW: &str = "#8a94a0";
const SMOOTHED: &str = "#14477a";
const SUGGESTION: &str = "#b3261e";

/// A plot that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the plot {}: {source}", path.display())]
pub struct RatePlotError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

impl RateCurve {
    /// The curve as a self-contained SVG document: the losses and the smoothed losses over the rate on a logarithmic axis, with
    /// the suggestion marked. Losses far above those before the lowest point are cut off, so that an explosion does not flatten
    /// the rest.
    pub fn to_svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
             role=\"img\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
             <title>Learning-rate range test</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        );
        text(
            &mut svg,
            (LEFT, 28.0),
            "font-size=\"16\" font-weight=\"bold\"",
            "Learning-rate range test",
        );
        for (line, y) in self.summary().splitn(2, "; ").zip([46.0, 62.0]) {
            text(&mut svg, (LEFT, y), "", line);
        }
        if let Some(axes) = Axes::of(self) {
            axes.draw(&mut svg);
            axes.curve(&mut svg, self, &self.losses, RAW, 1.0);
            axes.curve(&mut svg, self, &self.smoothed, SMOOTHED, 2.4);
            legend(&mut svg);
            axes.suggestion(&mut svg, self);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// Writes [`to_svg`](Self::to_svg) under a temporary name beside the file and renames it, so that the file is whole or
    /// absent.
    ///
    /// # Errors
    /// [`RatePlotError`] names the file.
    pub fn save_svg(&self, path: impl AsRef<Path>) -> Result<(), RatePlotError> {
        let path = path.as_ref();
        let write = || {
            let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
            let name = format!(".{}.{}.tmp", name.to_string_lossy(), process::id());
            let temporary = path.with_file_name(name);
            fs::write(&temporary, self.to_svg())
                .and_then(|()| fs::rename(&temporary, path))
                .inspect_err(|_| drop(fs::remove_file(&temporary)))
        };
        write().map_err(|source| RatePlotError {
            path: path.to_owned(),
            source,
        })
    }

    /// The suggestion or its reason, what to do, and what ended the test.
    fn summary(&self) -> String {
        let advice = match self.suggest() {
            Ok(rate) => format!("suggested rate {rate:.2e}"),
            Err(reason) => format!("no suggestion: {reason}"),
        };
        let end = match self.stopped {
            Stopped::Largest => "the largest rate was tried",
            Stopped::Exploded => "stopped when the smoothed loss exploded",
            Stopped::NotFinite => "stopped at a loss that is not finite",
            Stopped::OutOfBatches => "stopped when the batches were used up",
        };
        format!("{advice}; {end}")
    }
}

/// Maps rates and losses to the paper.
struct Axes {
    /// Whole decades.
    decades: [i32; 2],
    losses: [f64; 2],
}

impl Axes {
    /// None if there is nothing to draw, or nothing that fits floating-point arithmetic.
    fn of(curve: &RateCurve) -> Option<Self> {
        let (first, last) = (curve.rates.first()?, curve.rates.last()?);
        let from = (first.log10() + 1e-9).floor() as i32;
        let to = ((last.log10() - 1e-9).ceil() as i32).max(from + 1);
        let lowest = curve.lowest()?;
        let before = curve
            .rates
            .iter()
            .take_while(|&&rate| rate <= lowest)
            .count();
        let all = || curve.losses.iter().chain(&curve.smoothed).copied();
        let floor = all().fold(f64::INFINITY, f64::min);
        let shown = curve
            .losses
            .iter()
            .take(before)
            .chain(curve.smoothed.first());
        let fall = shown.copied().fold(f64::NEG_INFINITY, f64::max) - floor;
        let rise = all().fold(f64::NEG_INFINITY, f64::max) - floor;
        // Less than a millionth of the loss itself could not be read off: such a curve is drawn flat.
        let least = 1e-6 * floor.abs();
        let span = match (fall, rise) {
            (fall, _) if fall > least => rise.min(1.3 * fall),
            (_, rise) if rise > least => rise,
            _ if floor != 0.0 => floor.abs(),
            _ => 1.0,
        };
        let losses = [floor - 0.05 * span, floor + 1.05 * span];
        let drawable = losses.iter().all(|l| l.is_finite()) && losses[0] < losses[1];
        drawable.then_some(Self {
            decades: [from, to],
            losses,
        })
    }

    fn x(&self, log_rate: f64) -> f64 {
        let [from, to] = self.decades.map(f64::from);
        LEFT + (RIGHT - LEFT) * (log_rate - from) / (to - from)
    }

    /// Losses far outside are brought near the frame, which cuts them off; their coordinates stay readable.
    fn y(&self, loss: f64) -> f64 {
        let [low, high] = self.losses;
        BOTTOM - (BOTTOM - TOP) * ((loss - low) / (high - low)).clamp(-1.0, 2.0)
    }

    fn draw(&self, svg: &mut String) {
        let [from, to] = self.decades;
        let stride = 1 + (to - from) as usize / 13;
        for decade in (from..=to).step_by(stride) {
            let x = self.x(f64::from(decade));
            line(svg, [x, TOP, x, BOTTOM], GRID, "");
            let exponent = decade.to_string().replace('-', "\u{2212}");
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">10<tspan dy=\"-5\" font-size=\"9\">{exponent}</tspan></text>",
                BOTTOM + 20.0
            );
        }
        for (loss, label) in ticks(self.losses) {
            let y = self.y(loss);
            line(svg, [LEFT, y, RIGHT, y], GRID, "");
            text(svg, (LEFT - 8.0, y + 4.0), "text-anchor=\"end\"", &label);
        }
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"{INK}\"/>\n\
             <clipPath id=\"frame\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{0}\" height=\"{1}\"/></clipPath>",
            RIGHT - LEFT,
            BOTTOM - TOP
        );
        let middle = (0.5 * (LEFT + RIGHT), BOTTOM + 46.0);
        text(
            svg,
            middle,
            "text-anchor=\"middle\"",
            "learning rate (logarithmic)",
        );
        let (x, y) = (20.0, 0.5 * (TOP + BOTTOM));
        let turned = format!("text-anchor=\"middle\" transform=\"rotate(-90 {x} {y})\"");
        text(svg, (x, y), &turned, "training loss");
    }

    fn curve(&self, svg: &mut String, curve: &RateCurve, losses: &[f64], colour: &str, width: f64) {
        svg.push_str("<polyline points=\"");
        for (&rate, &loss) in curve.rates.iter().zip(losses) {
            let _ = write!(svg, "{:.1},{:.1} ", self.x(rate.log10()), self.y(loss));
        }
        let _ = writeln!(
            svg,
            "\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linejoin=\"round\" clip-path=\"url(#frame)\"/>"
        );
    }

    fn suggestion(&self, svg: &mut String, curve: &RateCurve) {
        let Some(rate) = curve.suggestion else { return };
        let x = self.x(rate.log10());
        line(
            svg,
            [x, TOP, x, BOTTOM],
            SUGGESTION,
            "stroke-width=\"1.6\" stroke-dasharray=\"6 4\"",
        );
        let (x, anchor) = if x > 0.5 * (LEFT + RIGHT) {
            (x - 6.0, "end")
        } else {
            (x + 6.0, "start")
        };
        let style = format!("text-anchor=\"{anchor}\" fill=\"{SUGGESTION}\"");
        text(svg, (x, BOTTOM - 10.0), &style, &format!("{rate:.2e}"));
    }
}

/// Round losses within the range, two to seven of them, with their labels.
fn ticks([low, high]: [f64; 2]) -> Vec<(f64, String)> {
    let raw = (high - low) / 7.0;
    let power = raw.log10().floor();
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|multiple| multiple * 10_f64.powf(power))
        .into_iter()
        .find(|step| *step >= raw)
        .unwrap_or(raw);
    let largest = low.abs().max(high.abs());
    let decimals = (-step.log10().floor()).max(0.0) as usize;
    let digits = (largest.log10().floor() - step.log10().floor()).max(0.0) as usize;
    let plain = decimals <= 6 && largest < 1e7;
    // A millionth of a step, so that rounding does not lose a tick at either end.
    let first = (low / step - 1e-6).ceil();
    (0..8)
        .map(|k| (first + f64::from(k)) * step)
        .take_while(|loss| *loss <= high + 1e-6 * step)
        .map(|loss| {
            let label = if plain {
                format!("{loss:.decimals$}")
            } else {
                format!("{loss:.digits$e}")
            };
            (loss, label)
        })
        .collect()
}

fn legend(svg: &mut String) {
    for (x, label, colour, width) in [
        (RIGHT - 200.0, "loss", RAW, 1.0),
        (RIGHT - 120.0, "smoothed loss", SMOOTHED, 2.4),
    ] {
        line(
            svg,
            [x, 24.0, x + 24.0, 24.0],
            colour,
            &format!("stroke-width=\"{width}\""),
        );
        text(svg, (x + 30.0, 28.0), "", label);
    }
}

fn line(svg: &mut String, [x1, y1, x2, y2]: [f64; 4], colour: &str, style: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{colour}\" {style}/>"
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), style: &str, content: &str) {
    let content = escaped(content);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{content}</text>"
    );
}

fn escaped(content: &str) -> String {
    content
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RangeTest, find_rate};

    fn svg(loss: impl FnMut(f64) -> f64) -> String {
        find_rate(&RangeTest::default(), loss).unwrap().to_svg()
    }

    /// Every element is closed, in order, and no markup is left in the text.
    fn assert_well_formed(svg: &str) {
        let mut open = Vec::new();
        for tag in svg.split('<').skip(1) {
            let (tag, content) = tag.split_once('>').unwrap();
            assert!(!content.contains('>'), "{content}");
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name)),
                None if tag.ends_with('/') => {}
                None => open.push(tag.split_whitespace().next().unwrap()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{svg}");
    }

    #[test]
    fn a_full_curve_has_decades_curves_and_the_suggestion() {
        let svg = svg(|rate| 1.0 / (1.0 + 1e3 * rate));
        assert_well_formed(&svg);
        assert_eq!(svg.matches("<polyline").count(), 2);
        for decade in ["\u{2212}7", "\u{2212}1", "0", "1"] {
            assert!(svg.contains(&format!("\"9\">{decade}</tspan>")), "{decade}");
        }
        assert!(svg.contains("stroke-dasharray") && svg.contains("suggested rate"));
        assert!(svg.len() < 10_000, "{}", svg.len());
    }

    #[test]
    fn points_stand_where_the_axes_say() {
        let mut losses = [2.0, 1.0, 1.0].into_iter();
        let test = RangeTest {
            least: 0.01,
            largest: 1.0,
            steps: 3,
            smoothing: 0.0,
            ..RangeTest::default()
        };
        let curve = find_rate(&test, |_| losses.next().unwrap()).unwrap();
        // From 0.01 to 1 are two decades; losses from 1 - 5 % to 2 + 5 % of their span.
        let middle = 0.5 * (LEFT + RIGHT);
        let inset = (BOTTOM - TOP) * 0.05 / 1.1;
        let points = format!(
            "{LEFT:.1},{:.1} {middle:.1},{:.1} {RIGHT:.1},{1:.1} ",
            TOP + inset,
            BOTTOM - inset
        );
        assert!(
            curve.to_svg().contains(&points),
            "{points}\n{}",
            curve.to_svg()
        );
    }

    #[test]
    fn an_explosion_does_not_flatten_the_rest() {
        let svg = svg(|rate| {
            if rate > 1.0 {
                1e300
            } else {
                1.0 / (1.0 + 1e3 * rate)
            }
        });
        assert_well_formed(&svg);
        assert!(svg.contains(">1.0</text>") && svg.contains("exploded"));
        assert!(svg.len() < 10_000, "{}", svg.len());
    }

    #[test]
    fn empty_constant_and_huge_curves_can_be_drawn() {
        let empty = svg(|_| f64::NAN);
        assert_well_formed(&empty);
        assert!(!empty.contains("polyline") && empty.contains("too short"));
        for constant in [0.0, -3.0, 2e7, 1e-12, 0.1] {
            let flat = svg(|_| constant);
            assert_well_formed(&flat);
            let curves: Vec<_> = flat.split("points=\"").skip(1).collect();
            let heights: Vec<_> = curves[1]
                .split('"')
                .next()
                .unwrap()
                .split_whitespace()
                .map(|p| p.split(',').next_back())
                .collect();
            assert!(
                heights.len() == 100 && heights.iter().all(|y| *y == heights[0]),
                "{constant}"
            );
        }
        let widest = RangeTest {
            least: f64::from_bits(1),
            largest: f64::MAX,
            ..RangeTest::default()
        };
        let wide = find_rate(&widest, |_| 1.0).unwrap().to_svg();
        assert_well_formed(&wide);
        assert!(wide.contains("\"9\">\u{2212}324</tspan>"), "{wide}");
        let mut sign = -1.0;
        assert_well_formed(&svg(|_| {
            sign = -sign;
            sign * f64::MAX
        }));
    }

    #[test]
    fn ticks_are_round_and_within() {
        let labels = |low, high| {
            ticks([low, high])
                .into_iter()
                .map(|t| t.1)
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(0.0, 2.4), ["0.0", "0.5", "1.0", "1.5", "2.0"]);
        assert_eq!(labels(-1.0, 1.0), ["-1.0", "-0.5", "0.0", "0.5", "1.0"]);
        assert_eq!(labels(30.0, 900.0), ["200", "400", "600", "800"]);
        assert_eq!(labels(0.0, 1e-9)[1], "2.0e-10");
        assert_eq!(labels(2.0e9, 2.4e9)[0], "2.0e9");
        assert_eq!(labels(0.1, 0.10001)[1], "0.100002");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a < b & c > d"), "a &lt; b &amp; c &gt; d");
    }

    #[test]
    fn the_file_is_whole_or_the_error_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let curve = find_rate(&RangeTest::default(), |rate| 1.0 / (1.0 + rate)).unwrap();
        let path = folder.path().join("curve.svg");
        curve.save_svg(&path).unwrap();
        curve.save_svg(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), curve.to_svg());
        for wrong in [
            folder.path().join("absent/curve.svg"),
            folder.path().to_owned(),
            PathBuf::from("/"),
        ] {
            let error = curve.save_svg(&wrong).unwrap_err().to_string();
            assert!(error.contains(&*wrong.to_string_lossy()), "{error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
