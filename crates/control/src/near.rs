//! Names like a name that was not found.

/// Up to three of `names` that are like `name`, the likest first.
pub fn matches<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut scored: Vec<(f64, &str)> = names
        .map(|n| (strsim::jaro_winkler(name, n), n))
        .filter(|(s, _)| *s > 0.75)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored
        .into_iter()
        .take(3)
        .map(|(_, n)| n.to_owned())
        .collect()
}

/// '; did you mean `a` or `b`?', or nothing.
pub fn hint(near: &[String]) -> String {
    match near {
        [] => String::new(),
        names => format!("; did you mean `{}`?", names.join("` or `")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds_a_slip_of_the_hand() {
        let names = ["armijo", "armijo-warm", "gll", "zhang-hager"];
        assert_eq!(super::matches("armjio", names.into_iter())[0], "armijo");
        assert!(super::matches("xyz", names.into_iter()).is_empty());
        assert_eq!(
            super::hint(&["a".into(), "b".into()]),
            "; did you mean `a` or `b`?"
        );
    }
}
