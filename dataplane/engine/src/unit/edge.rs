//! A unit's edges: where batches cross between the host and the unit.
//!
//! At most one leads in, and at most one of each signal out; a connector has besides one to each
//! pipeline that it may choose. Which of them a kind of unit has is said in one place ([`check`]).

use crate::finding::Finding;
use serde::{Deserialize, Serialize};
use std::fmt;
use strait_component::{Kind, Signal};

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// Its place among the unit's edges: what descriptors carry.
    pub number: u16,
    /// Which way batches cross it.
    pub direction: Direction,
    /// What they hold.
    pub signal: Signal,
    /// The pipeline of the host's to which it leads, by its id; `None`: to all that are behind the
    /// unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
}

impl Edge {
    /// One of a member among several, whose edges have no numbers.
    pub(super) fn of(direction: Direction, signal: Signal) -> Self {
        Self {
            number: 0,
            direction,
            signal,
            pipeline: None,
        }
    }

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
        match (self.direction, &self.pipeline) {
            (Direction::In, _) => write!(f, "edge {number} (in, {signal})"),
            (Direction::Out, None) => write!(f, "edge {number} (out, {signal})"),
            (Direction::Out, Some(to)) => write!(f, "edge {number} (out, {signal}, to {to})"),
        }
    }
}

/// Finds edges that are numbered wrongly, or that a unit of this kind does not have.
pub(super) fn check(findings: &mut Vec<Finding>, edges: &[Edge], kind: Kind) {
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
    if let Some((edge, why)) = repeated(edges).or_else(|| unfit(edges, kind)) {
        findings.push(Finding::new(
            format!("edges::{}", edge.number),
            format!("{edge} {why}"),
        ));
    }
}

/// The first edge that another one stands for already.
fn repeated(edges: &[Edge]) -> Option<(&Edge, &'static str)> {
    edges.iter().enumerate().find_map(|(at, edge)| {
        let mut before = edges[..at].iter();
        let taken = before.any(|other| match edge.direction {
            Direction::In => other.direction == Direction::In,
            Direction::Out => {
                other.direction == Direction::Out
                    && (other.signal, &other.pipeline) == (edge.signal, &edge.pipeline)
            }
        });
        let why = match edge.direction {
            Direction::In => "is the second edge in: batches enter a unit by one",
            Direction::Out if edge.pipeline.is_some() => "is the second edge to its pipeline",
            Direction::Out => "is the second edge out of its signal: there is one for each",
        };
        taken.then_some((edge, why))
    })
}

/// The first edge that a unit of this kind does not have, or that wants another one beside it.
fn unfit(edges: &[Edge], kind: Kind) -> Option<(&Edge, &'static str)> {
    let towards = |direction| edges.iter().filter(move |edge| edge.direction == direction);
    let chosen = |edge: &&Edge| edge.pipeline.is_some();
    let (entry, mut exits) = (
        towards(Direction::In).next(),
        towards(Direction::Out).filter(|edge| !chosen(edge)),
    );
    let exit = exits.next();
    let misplaced =
        |edge: &&Edge| chosen(edge) && (kind != Kind::Connector || edge.direction == Direction::In);
    if let Some(edge) = edges.iter().find(misplaced) {
        return Some((
            edge,
            "has a pipeline of its own, as only connectors' out have",
        ));
    }
    let differs = |edge: &&Edge| chosen(edge) && Some(edge.signal) != exit.map(|it| it.signal);
    if let Some(edge) = edges.iter().find(differs) {
        let why = "leads to a pipeline, and no edge of its signal to all of them";
        return Some((edge, why));
    }
    let wrong = match kind {
        Kind::Extension => (entry.or(exit)?, "is an extension's, which has no data"),
        Kind::Receiver => (
            entry?,
            "leads into a receiver, which makes its batches itself",
        ),
        Kind::Exporter => (exit?, "leads out of an exporter, which passes nothing on"),
        Kind::Processor | Kind::Connector => match (entry, exit, exits.next()) {
            (_, _, Some(second)) => (
                second,
                "is the second edge out, and only receivers have two",
            ),
            (Some(entry), None, _) => (entry, "has no edge out beside it, as only exporters do"),
            (None, Some(exit), _) => (exit, "has no edge in beside it, as only receivers do"),
            (Some(entry), Some(exit), _) => {
                let differ = kind == Kind::Processor && entry.signal != exit.signal;
                let why = "is of another signal than the edge in, as only connectors have it";
                return differ.then_some((exit, why));
            }
            (None, None, _) => return None,
        },
    };
    Some(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Drawn = (Direction, Signal, Option<&'static str>);

    fn edges(list: &[Drawn]) -> Vec<Edge> {
        let numbered = (0..).zip(list);
        let edge = |(number, (direction, signal, pipeline)): (u16, &Drawn)| Edge {
            number,
            direction: *direction,
            signal: *signal,
            pipeline: pipeline.map(str::to_owned),
        };
        numbered.map(edge).collect()
    }

    fn found(edges: &[Edge], kind: Kind) -> Vec<String> {
        let mut findings = Vec::new();
        check(&mut findings, edges, kind);
        findings.iter().map(ToString::to_string).collect()
    }

    /// What a unit of this kind may have: entries, exits.
    fn allowed(kind: Kind, edges: &[Edge]) -> bool {
        let signals = |direction, chosen| {
            let towards = edges
                .iter()
                .filter(|edge| edge.direction == direction && edge.pipeline.is_some() == chosen);
            towards.map(|edge| edge.signal).collect::<Vec<_>>()
        };
        let (entries, exits) = (
            signals(Direction::In, false),
            signals(Direction::Out, false),
        );
        let chosen = signals(Direction::Out, true);
        let leads = |edge: &Edge| {
            (edge.direction == Direction::Out).then(|| (edge.signal, edge.pipeline.clone()))
        };
        let out: Vec<_> = edges.iter().filter_map(leads).collect();
        let distinct = out.iter().collect::<BTreeSet<_>>().len() == out.len();
        edges.is_empty()
            || distinct
                && signals(Direction::In, true).is_empty()
                && (chosen.is_empty() || kind == Kind::Connector)
                && chosen.iter().all(|signal| exits.contains(signal))
                && match kind {
                    Kind::Extension => false,
                    Kind::Receiver => entries.is_empty(),
                    Kind::Exporter => entries.len() == 1 && exits.is_empty(),
                    Kind::Processor => entries.len() == 1 && exits == entries,
                    Kind::Connector => entries.len() == 1 && exits.len() == 1,
                }
    }

    proptest! {
        // Guarantees: edges that a unit of this kind has are accepted, in any order, and any others
        // are refused, once and with the edge's place.
        #[test]
        fn edges_are_those_of_the_kind(
            kind in prop::sample::select(Kind::ALL.to_vec()),
            list in prop::collection::vec(
                (
                    prop::sample::select(vec![Direction::In, Direction::Out]),
                    prop::sample::select(Signal::ALL.to_vec()),
                    prop::sample::select(vec![None, None, Some("logs/a"), Some("logs/b")]),
                ),
                0..5,
            ),
        ) {
            let edges = edges(&list);
            let found = found(&edges, kind);
            prop_assert_eq!(found.is_empty(), allowed(kind, &edges), "{:?}", found);
            prop_assert!(found.len() <= 1);
            for found in found {
                let place = edges.iter().any(|edge| {
                    found.starts_with(&format!("edges::{}: {edge} ", edge.number))
                });
                prop_assert!(place, "{}", found);
            }
        }
    }

    // Guarantees: what a unit cannot have is refused by the edge, with the reason.
    #[test]
    fn an_edge_is_refused_by_name() {
        use Direction::{In, Out};
        use Signal::{Logs, Metrics, Traces};
        for (kind, list, expected) in [
            (
                Kind::Processor,
                &[(In, Logs, None)][..],
                "edges::0: edge 0 (in, logs) has no edge out beside it, as only exporters do",
            ),
            (
                Kind::Processor,
                &[(In, Traces, None), (Out, Metrics, None)][..],
                "edges::1: edge 1 (out, metrics) is of another signal than the edge in, as only \
                 connectors have it",
            ),
            (
                Kind::Receiver,
                &[(Out, Logs, None), (Out, Logs, None)][..],
                "edges::1: edge 1 (out, logs) is the second edge out of its signal: there is one \
                 for each",
            ),
            (
                Kind::Exporter,
                &[(In, Logs, None), (Out, Logs, None)][..],
                "edges::1: edge 1 (out, logs) leads out of an exporter, which passes nothing on",
            ),
            (
                Kind::Processor,
                &[
                    (In, Logs, None),
                    (Out, Logs, None),
                    (Out, Logs, Some("logs/a")),
                ][..],
                "edges::2: edge 2 (out, logs, to logs/a) has a pipeline of its own, as only \
                 connectors' out have",
            ),
            (
                Kind::Connector,
                &[
                    (In, Logs, None),
                    (Out, Logs, None),
                    (Out, Traces, Some("traces/a")),
                ][..],
                "edges::2: edge 2 (out, traces, to traces/a) leads to a pipeline, and no edge of \
                 its signal to all of them",
            ),
        ] {
            assert_eq!(found(&edges(list), kind), [expected]);
        }
    }

    #[test]
    fn numbers_are_places() {
        let mut two = edges(&[
            (Direction::In, Signal::Logs, None),
            (Direction::Out, Signal::Logs, None),
        ]);
        two[1].number = 4;
        assert_eq!(
            found(&two, Kind::Processor),
            ["edges::1::number: edges are numbered in their order: expected 1, found 4"]
        );
    }
}
