//! A unit's edges: where batches cross between the host and the unit.
//!
//! A unit may have any; which of them this version runs is said in one place ([`check`]).

use crate::finding::Finding;
use serde::{Deserialize, Serialize};
use std::fmt;
use strait_component::Signal;

/// Which way batches cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the host into the unit.
    In,
    /// Out of the unit to the host.
    Out,
}

/// How batches cross an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// OTAP records (format.md, encoding 1).
    Records,
    /// OTLP bytes (format.md, encoding 2).
    Otlp,
}

/// One crossing point of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// Its place among the unit's edges: what descriptors carry.
    pub number: u16,
    /// Which way batches cross it.
    pub direction: Direction,
    /// What they hold.
    pub signal: Signal,
}

impl Edge {
    /// How batches cross it.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match self.signal {
            Signal::Logs => Encoding::Records,
            Signal::Traces | Signal::Metrics => Encoding::Otlp,
        }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, signal, .. } = self;
        match self.direction {
            Direction::In => write!(f, "edge {number} (in, {signal})"),
            Direction::Out => write!(f, "edge {number} (out, {signal})"),
        }
    }
}

/// Finds edges that are numbered wrongly, or that this version cannot run.
pub(super) fn check(findings: &mut Vec<Finding>, edges: &[Edge]) {
    for (expected, edge) in edges.iter().enumerate() {
        if usize::from(edge.number) != expected {
            findings.push(Finding::new(
                format!("edges::{expected}::number"),
                format!(
                    "edges are numbered in their order: expected {expected}, found {}",
                    edge.number
                ),
            ));
            return;
        }
    }
    if let Some((edge, why)) = not_run(edges) {
        findings.push(Finding::new(
            format!("edges::{}", edge.number),
            format!(
                "{edge} {why}: this version runs units with one edge in and one edge out, both of \
                 one signal"
            ),
        ));
    }
}

/// The first edge that this version does not run, and why not.
fn not_run(edges: &[Edge]) -> Option<(&Edge, String)> {
    let towards = |direction| edges.iter().filter(move |edge| edge.direction == direction);
    let (mut entries, mut exits) = (towards(Direction::In), towards(Direction::Out));
    match (entries.next(), exits.next()) {
        (None, None) => None,
        (Some(entry), None) => Some((entry, "has no edge out beside it, as in an exporter".into())),
        (None, Some(exit)) => Some((exit, "has no edge in beside it, as in a receiver".into())),
        (Some(entry), Some(exit)) if entry.signal != exit.signal => {
            let why = format!("is of another signal than {entry}, as in a connector");
            Some((exit, why))
        }
        _ => {
            let second = entries.next().or_else(|| exits.next())?;
            Some((second, "is the second of its direction".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(list: &[(Direction, Signal)]) -> Vec<Edge> {
        let numbered = (0..).zip(list);
        let edge = |(number, (direction, signal)): (u16, &(Direction, Signal))| Edge {
            number,
            direction: *direction,
            signal: *signal,
        };
        numbered.map(edge).collect()
    }

    fn found(edges: &[Edge]) -> Vec<String> {
        let mut findings = Vec::new();
        check(&mut findings, edges);
        findings.iter().map(ToString::to_string).collect()
    }

    // Guarantees: what this version cannot run is refused, with the edge and the reason; what it
    // can is not.
    #[test]
    fn edges_are_run_or_refused_by_name() {
        use Direction::{In, Out};
        use Signal::{Logs, Metrics, Traces};
        for signal in Signal::ALL {
            assert_eq!(found(&edges(&[(In, signal), (Out, signal)])), [""; 0]);
            assert_eq!(found(&edges(&[(Out, signal), (In, signal)])), [""; 0]);
        }
        assert_eq!(found(&[]), [""; 0]);
        for (list, place, reason) in [
            (
                &[(In, Logs)][..],
                "edges::0: edge 0 (in, logs)",
                "as in an exporter",
            ),
            (
                &[(Out, Traces)][..],
                "edges::0: edge 0 (out, traces)",
                "as in a receiver",
            ),
            (
                &[(In, Traces), (Out, Metrics)][..],
                "edges::1: edge 1 (out, metrics)",
                "of another signal than edge 0 (in, traces), as in a connector",
            ),
            (
                &[(In, Logs), (Out, Logs), (Out, Logs)][..],
                "edges::2: edge 2 (out, logs)",
                "the second of its direction",
            ),
        ] {
            let found = found(&edges(list));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with(place), "{found:?}");
            assert!(found[0].contains(reason), "{found:?}");
        }
    }

    #[test]
    fn numbers_are_places() {
        let mut two = edges(&[
            (Direction::In, Signal::Logs),
            (Direction::Out, Signal::Logs),
        ]);
        two[1].number = 4;
        assert_eq!(
            found(&two),
            ["edges::1::number: edges are numbered in their order: expected 1, found 4"]
        );
    }
}
