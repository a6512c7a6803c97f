//! Durations against Go's.

use proptest::prelude::*;
use serde::Deserialize;

use crate::config::Duration;

#[derive(Deserialize)]
struct DurationVector {
    text: String,
    /// Absent: Go refuses the text.
    nanos: Option<i64>,
    #[serde(default)]
    printed: String,
}

/// The file is made, and checked, by Go's own `time` package: `go/rustconfig`.
#[test]
fn durations_are_gos() {
    let vectors: Vec<DurationVector> =
        serde_json::from_str(include_str!("../../../vectors/durations.json")).unwrap();
    assert!(vectors.len() > 60);
    for DurationVector {
        text,
        nanos,
        printed,
    } in vectors
    {
        let read = text.parse::<Duration>();
        assert_eq!(
            read.clone().ok().map(Duration::as_nanos),
            nanos,
            "{text:?}: {read:?}"
        );
        if let Ok(duration) = read {
            assert_eq!(duration.to_string(), printed, "{text:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_duration_that_is_printed_reads_the_same(nanos: i64) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }
}
