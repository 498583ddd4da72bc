//! Near matches for a misspelt name.

/// The candidates that resemble `text` (Jaro-Winkler similarity of at least 0.75, case ignored), most similar first, at most
/// three.
///
/// # Example
///
/// ```
/// use qstride_objectives::near_match::near_matches;
///
/// assert_eq!(near_matches("sofmax", ["logistic", "softmax"]), ["softmax"]);
/// ```
pub fn near_matches<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = text.to_lowercase();
    let mut near: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&text, &c.to_lowercase()), c))
        .filter(|(similarity, _)| *similarity >= 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(3);
    near.into_iter().map(|(_, c)| c).collect()
}

/// The second half of an error message: the near matches, or else everything there is (at most `limit` names).
///
/// # Example
///
/// ```
/// use qstride_objectives::near_match::hint;
///
/// assert_eq!(hint("sofmax", &["logistic", "softmax"], 10), "did you mean 'softmax'?");
/// assert_eq!(hint("zzz", &["logistic", "softmax"], 10), "there are: logistic, softmax");
/// assert_eq!(hint("zzz", &["logistic", "softmax"], 1), "there are: logistic, ... (2 in all)");
/// ```
pub fn hint(text: &str, names: &[&str], limit: usize) -> String {
    let near = near_matches(text, names.iter().copied());
    if !near.is_empty() {
        let quoted: Vec<String> = near.iter().map(|n| format!("'{n}'")).collect();
        return format!("did you mean {}?", quoted.join(" or "));
    }
    let listed: Vec<&str> = names.iter().copied().take(limit).collect();
    let rest = if names.len() > limit {
        format!(", ... ({} in all)", names.len())
    } else {
        String::new()
    };
    format!("there are: {}{rest}", listed.join(", "))
}
