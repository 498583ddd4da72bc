//! What a running trial was given, for the other workers.

use serde_json::{Map, Value};

use crate::{Attributes, Choice, FrozenTrial};

/// Optuna's system attributes with the values that a running trial was given but may not have asked for yet: the pieces, counted from 0,
/// of one JSON text.
const DRAWN: &str = "tpe:relative_params:";
/// Characters of a piece; a column of Optuna's database takes 2,048.
const PIECE: usize = 1000;

/// The attributes for these values by name, as people know them.
pub(super) fn attributes(values: Map<String, Value>) -> Attributes {
    if values.is_empty() {
        return Attributes::new();
    }
    let text: Vec<char> = Value::Object(values).to_string().chars().collect();
    let pieces = text.chunks(PIECE).enumerate();
    pieces
        .map(|(i, piece)| {
            (
                format!("{DRAWN}{i}"),
                piece.iter().collect::<String>().into(),
            )
        })
        .collect()
}

/// The values of such attributes; nothing where there are none, or none that can be read.
pub(super) fn read(trial: &FrozenTrial) -> Map<String, Value> {
    let pieces = (0..).map_while(|i| trial.system.get(&format!("{DRAWN}{i}"))?.as_str());
    let text: String = pieces.collect();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The value of a parameter, as far as it can be told.
pub(super) fn choice(values: &Map<String, Value>, name: &str) -> Option<Choice> {
    serde_json::from_value(values.get(name)?.clone()).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_texts_are_cut_into_pieces_and_put_together_again() {
        let values = json!({"ä": "ö".repeat(2500), "lr": 0.1});
        let Value::Object(values) = values else {
            panic!("an object");
        };
        let system = attributes(values.clone());
        assert_eq!(system.len(), 3);
        let trial = FrozenTrial {
            id: 0,
            number: 0,
            state: crate::TrialState::Running,
            value: None,
            start: None,
            end: None,
            params: std::collections::BTreeMap::new(),
            last_report: None,
            user: Attributes::new(),
            system,
        };
        assert_eq!(read(&trial), values);
        assert_eq!(choice(&values, "lr"), Some(Choice::Float(0.1)));
        assert_eq!(choice(&values, "momentum"), None);
    }
}
