//! Names like a name that was not found.

use qstride_objectives::near_match::near_matches;

/// Up to three of `names` that are like `name`, the likest first: [`near_matches`] as errors keep them.
pub fn matches<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    near_matches(name, names)
        .into_iter()
        .map(str::to_owned)
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
