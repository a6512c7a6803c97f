//! What the host is told of a unit: how batches cross each of its edges, how many, and what of them
//! it needs.

use crate::plan::projection::Plan;
use crate::unit::{Direction, Edge, Encoding, Unit};
use serde::Serialize;

/// What holds of a unit. In the replies to `validate` and `start`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Its edges, in the order of their numbers.
    pub edges: Vec<EdgeReport>,
}

/// What holds of one edge.
#[derive(Clone, Debug, Serialize)]
pub struct EdgeReport {
    /// The edge itself.
    #[serde(flatten)]
    pub edge: Edge,
    /// How batches cross.
    pub encoding: Encoding,
    /// Of an edge in: the calls of a lane that are in its engine at once; others wait in the ring.
    /// Of the edges out, all together: the batches of no call that a lane has unanswered.
    pub credit: u32,
    /// What of a batch the unit needs; only of an edge in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// Whether a node reads what crosses as OTLP bytes; only of an edge in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converts: Option<bool>,
}

impl Report {
    /// The report of a checked unit whose host takes so many batches of no call, per lane, before
    /// it has answered one.
    #[must_use]
    pub fn of(unit: &Unit, credit: u32) -> Self {
        let of_edge = |edge: &Edge| {
            let enters = edge.direction == Direction::In;
            EdgeReport {
                edge: edge.clone(),
                encoding: edge.encoding(),
                credit: if enters { unit.max_in_flight } else { credit },
                plan: enters.then(|| Plan::of(unit)),
                converts: enters.then(|| unit.converts()),
            }
        };
        Self {
            edges: unit.edges.iter().map(of_edge).collect(),
        }
    }
}
