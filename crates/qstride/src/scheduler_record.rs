//! A scheduler's state in Burn's record, which holds scalars by name and nothing else.

use burn::lr_scheduler::LrSchedulerRecord;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of what is written; another one is refused.
pub(crate) const VERSION: u64 = 1;

/// JSON text, eight bytes a scalar: every float keeps its bits, and fields go by their names.
pub(crate) fn pack(state: &impl Serialize) -> Option<LrSchedulerRecord> {
    let text = serde_json::to_vec(state).ok()?;
    let mut record = LrSchedulerRecord::new()
        .with_scalar("qstride_version", VERSION)
        .with_scalar("bytes", text.len() as u64);
    for (index, chunk) in text.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        record = record.with_scalar(&format!("word_{index}"), u64::from_le_bytes(word));
    }
    Some(record)
}

/// What [`pack`] has written; none where it is of another version, cut or altered.
pub(crate) fn unpack<S: DeserializeOwned>(record: &LrSchedulerRecord) -> Option<S> {
    if record.scalar::<u64>("qstride_version") != Some(VERSION) {
        return None;
    }
    // A damaged length ends at the first word that is missing.
    let length = record.scalar::<u64>("bytes")? as usize;
    let mut text = Vec::new();
    for index in 0..length.div_ceil(8) {
        let word = record.scalar::<u64>(&format!("word_{index}"))?;
        text.extend(word.to_le_bytes());
    }
    text.truncate(length);
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_bit_comes_back(values in proptest::collection::vec(-1e300..1e300f64, 0..40)) {
            let record = pack(&values).unwrap();
            let bytes = record.into_bytes().unwrap();
            let record = LrSchedulerRecord::from_bytes(bytes).unwrap();
            prop_assert_eq!(unpack::<Vec<f64>>(&record), Some(values));
        }
    }

    #[test]
    fn another_version_and_a_cut_record_are_refused() {
        let record = pack(&vec![1.0, 2.0]).unwrap();
        assert!(unpack::<Vec<f64>>(&record.clone().with_scalar("qstride_version", 2u64)).is_none());
        assert!(unpack::<Vec<f64>>(&record.clone().with_scalar("bytes", 1u64 << 60)).is_none());
        assert!(unpack::<Vec<f64>>(&record.with_scalar("word_0", 0u64)).is_none());
        assert!(unpack::<Vec<f64>>(&LrSchedulerRecord::new()).is_none());
    }
}
