//! A drawing that can stand within a page.

use anyhow::{Context, Result, bail, ensure};

use super::html::escape;

/// The elements that drawings are made of; none of them runs or fetches anything.
const ELEMENTS: [&str; 18] = [
    "svg",
    "g",
    "defs",
    "title",
    "desc",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "path",
    "text",
    "tspan",
    "clipPath",
    "linearGradient",
    "stop",
    "use",
];

/// A drawing that fetches and runs nothing, and whose ids can be told apart from those of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Svg {
    width: f64,
    height: f64,
    /// What stands within the outermost element, cut where an id begins.
    parts: Vec<String>,
}

impl Svg {
    /// Reads a file as `plot` writes it: shapes and text, in pixels.
    ///
    /// # Errors
    /// What is no SVG of this kind; above all scripts, event handlers and links to anything outside.
    pub fn parse(text: &str) -> Result<Self> {
        const BROKEN: &str = "it is no whole SVG";
        let start = text.find("<svg").context(BROKEN)?;
        let (root, rest) = next_tag(text[start..].trim_end()).context(BROKEN)?;
        let mut inner = rest.strip_suffix("</svg>").context(BROKEN)?;
        let size = |name: &'static str| {
            let value = attributes(root)
                .find(|(key, _)| *key == name)
                .and_then(|(_, value)| value.parse::<f64>().ok());
            let sound = value.filter(|v| v.is_finite() && *v > 0.0);
            sound.with_context(|| format!("its <svg> has no {name} in pixels"))
        };
        let mut parts = vec![String::new()];
        while let Some(at) = inner.find('<') {
            append(&mut parts, &inner[..at]);
            let (tag, rest) = next_tag(&inner[at..]).context(BROKEN)?;
            append_tag(&mut parts, tag)?;
            inner = rest;
        }
        append(&mut parts, inner);
        Ok(Self {
            width: size("width")?,
            height: size("height")?,
            parts,
        })
    }

    /// The drawing as an element of a page, with `prefix` before each of its ids and `label` for those who cannot see it.
    pub fn inline(&self, prefix: &str, label: &str) -> String {
        let Self {
            width,
            height,
            parts,
        } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\" aria-label=\"{}\">{}</svg>",
            escape(label),
            parts.join(prefix)
        )
    }
}

/// What stands between the angle brackets at the start of the text, and what follows; a bracket within quotes ends nothing.
fn next_tag(text: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '>') => return Some((text.get(1..at)?, &text[at + 1..])),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    None
}

/// The attributes of a tag with their values. What is not of this form ends them.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag
        .split_once(char::is_whitespace)
        .map_or("", |(_, rest)| rest);
    std::iter::from_fn(move || {
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let quote = value.chars().next().filter(|c| "\"'".contains(*c))?;
        let (value, after) = value[1..].split_once(quote)?;
        rest = after;
        Some((key.trim(), value))
    })
}

fn append(parts: &mut [String], text: &str) {
    if let Some(last) = parts.last_mut() {
        last.push_str(text);
    }
}

/// Writes the tag anew from what was read of it, so that nothing unread gets through.
fn append_tag(parts: &mut Vec<String>, tag: &str) -> Result<()> {
    let closing = tag.starts_with('/');
    let name = tag.strip_prefix('/').unwrap_or(tag);
    let name = name.split(|c: char| c.is_whitespace() || c == '/').next();
    let name = name.unwrap_or_default();
    ensure!(
        ELEMENTS.contains(&name),
        "it has an element <{name}>, which is not among those of a plot"
    );
    append(parts, if closing { "</" } else { "<" });
    append(parts, name);
    if !closing {
        for (key, value) in attributes(tag) {
            append_attribute(parts, key, value)?;
        }
    }
    append(parts, if tag.ends_with('/') { "/>" } else { ">" });
    Ok(())
}

fn append_attribute(parts: &mut Vec<String>, key: &str, value: &str) -> Result<()> {
    let refused = || format!("it has an attribute {key}=\"{value}\", which no plot has");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_:".contains(c);
    if key.is_empty() || !key.chars().all(plain) || key.to_ascii_lowercase().starts_with("on") {
        bail!(refused());
    }
    let value = value.replace('"', "&quot;").replace('<', "&lt;");
    append(parts, &format!(" {key}=\""));
    match key {
        "id" => cut(parts, &value),
        "href" | "xlink:href" => {
            append(parts, "#");
            cut(parts, value.strip_prefix('#').with_context(refused)?);
        }
        _ => {
            let mut pieces = value.split("url(");
            append(parts, pieces.next().unwrap_or_default());
            for piece in pieces {
                append(parts, "url(#");
                cut(parts, piece.strip_prefix('#').with_context(refused)?);
            }
        }
    }
    append(parts, "\"");
    Ok(())
}

/// Begins a new part: an id stands here.
fn cut(parts: &mut Vec<String>, text: &str) {
    parts.push(text.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(inner: &str) -> Result<Svg> {
        Svg::parse(&format!(
            "<?xml version=\"1.0\"?>\n<svg width=\"20\" height='10'>{inner}</svg>\n"
        ))
    }

    #[test]
    fn ids_get_the_prefix_and_nothing_else_changes() {
        let inner = "<g id=\"a\" clip-path=\"url(#b)\"><use href='#c'/><text x=\"1\">id=\"a\" > url(#b)</text></g>";
        let text = svg(inner).unwrap().inline("f1-", "a \"label\"");
        assert_eq!(
            text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\" viewBox=\"0 0 20 10\" role=\"img\" \
             aria-label=\"a &quot;label&quot;\"><g id=\"f1-a\" clip-path=\"url(#f1-b)\"><use href=\"#f1-c\"/>\
             <text x=\"1\">id=\"a\" > url(#b)</text></g></svg>"
        );
    }

    #[test]
    fn what_runs_or_fetches_is_refused() {
        let fault = |inner| svg(inner).unwrap_err().to_string();
        for (inner, named) in [
            ("<script>alert(1)</script>", "<script>"),
            ("<image href='#a'/>", "<image>"),
            ("<!-- a --><g/>", "<!-->"),
            ("< script>", "<>"),
            ("<g onload=\"x()\"/>", "onload=\"x()\""),
            ("<g a b=\"1\"/>", "a b="),
            ("<use href=\"x.svg#a\"/>", "href="),
            ("<rect fill='url(x.svg#a)'/>", "fill="),
            ("<g", "no whole SVG"),
        ] {
            assert!(fault(inner).contains(named), "{}", fault(inner));
        }
        let fault = |text| Svg::parse(text).unwrap_err().to_string();
        assert_eq!(fault("no svg"), "it is no whole SVG");
        assert_eq!(fault("<svg><g>"), "it is no whole SVG");
        assert_eq!(
            fault("<svg width=\"3\" height=\"100%\"></svg>"),
            "its <svg> has no height in pixels"
        );
    }

    #[test]
    fn an_unquoted_handler_does_not_get_through() {
        for inner in ["<g x=\"1\" onload=x()></g>", "<g x=\"1\"onload></g>"] {
            assert_eq!(svg(inner).unwrap().parts, ["<g x=\"1\"></g>"]);
        }
        assert_eq!(svg("<g/onload=\"x()\"/>").unwrap().parts, ["<g/>"]);
    }
}
