//! The table driven through whatever may happen to a lane, against an oracle that knows the rules.
//!
//! The host here keeps its rules: no more calls in flight than the ring holds, one cancel for each,
//! after its batch was published; and the engine acks a call when its outputs were answered. What
//! happens between them is random. After every step the oracle says which calls must have ended,
//! and how; no other may have.

mod operation;
mod oracle;
mod steps;

use super::{Limits, Origin, Table};
use crate::calls::tag::Tag;
use operation::{Operation, operations};
use oracle::{Lane, Woken};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    // Guarantees: whatever happens, in whatever order: each call that was read ends once, and as
    // what happened to it says; every output is answered to the engine once, or given up with its
    // pipeline; credit is neither exceeded nor lost; a cancel ahead of its batch is kept until that
    // is read, and what is kept is bounded; at the end nothing is left.
    #[test]
    fn every_call_ends_once_whatever_happens(
        operations in proptest::collection::vec(operations(), 1..200),
    ) {
        let mut lane = Lane::new();
        for operation in operations {
            let woken = match operation {
                Operation::Restart(_) => Woken::ALL,
                _ => Woken::of(&lane.table),
            };
            let mut expected = lane.step(operation);
            expected.sort_by_key(|(id, _)| *id);
            lane.compare(&expected, &woken);
            lane.check();
        }
        lane.end();
    }
}

// Guarantees: what comes late out of a unit that is sent parts of batches is of no use; out of any
// other, and what is of no call, it is as if the engine had made it.
#[test]
fn late_outputs_of_parts_are_unwanted() {
    for (projects, expected) in [(true, Origin::Unwanted), (false, Origin::Engine)] {
        let mut table = Table::<()>::new(Limits {
            calls: 1,
            max_in_flight: 1,
            credit: 1,
            token_base: 0,
            projects,
        });
        table.begin_generation(3);
        let tag = |call_id, generation| {
            Some(Tag {
                call_id,
                generation,
            })
        };
        let call = 7 << 48 | 1;
        assert_eq!(table.origin_of(tag(call, 3)), expected);
        assert_eq!(table.origin_of(tag(call, 2)), Origin::Engine);
        assert_eq!(table.origin_of(tag(Tag::own(1), 3)), Origin::Engine);
        assert_eq!(table.origin_of(None), Origin::Engine);
    }
}
