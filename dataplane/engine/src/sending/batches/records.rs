//! Logs in tables as trees: their resources and scopes as the host makes pdata of them.

use super::tree::{At, Group, Node};
use crate::sending::policy::Measure;
use std::collections::HashMap;
use strait_component::{Batch, BatchError};

/// The tree of one batch behind the other; its items are their rows.
pub(super) fn tree(pieces: &[Batch], by: Measure) -> Group {
    let mut all = Group::default();
    for (piece, batch) in pieces.iter().enumerate() {
        for resource in resources(piece, batch, by) {
            all.push(Node::Group(resource), by);
        }
    }
    all
}

/// A resource for each id, and in it a scope for each, in the order of their first logs.
fn resources(piece: usize, batch: &Batch, by: Measure) -> Vec<Group> {
    let mut places = HashMap::new();
    let mut of_scopes = HashMap::new();
    let mut resources: Vec<(u64, Vec<Group>)> = Vec::new();
    let measured = by == Measure::Bytes;
    for log in batch.logs().iter() {
        let (resource, scope) = (log.resource_id(), log.scope_id());
        let at = *places.entry(resource).or_insert_with(|| {
            resources.push((sized(measured, || log.resource_otlp_size()), Vec::new()));
            resources.len() - 1
        });
        let scopes = &mut resources[at].1;
        let of_scope = *of_scopes.entry((resource, scope)).or_insert_with(|| {
            scopes.push(Group::new(sized(measured, || log.scope_otlp_size())));
            scopes.len() - 1
        });
        let row = log.row();
        let item = Node::Item {
            size: sized(measured, || log.otlp_size()),
            at: At::Row { piece, row },
        };
        scopes[of_scope].push(item, by);
    }
    let group = |(own, scopes): (u64, Vec<Group>)| {
        let mut resource = Group::new(own);
        for scope in scopes {
            resource.push(Node::Group(scope), by);
        }
        resource
    };
    resources.into_iter().map(group).collect()
}

fn sized(measured: bool, size: impl FnOnce() -> u64) -> u64 {
    if measured { size() } else { 0 }
}

/// The rows of a batch, by scope and resource.
pub(in crate::sending) fn rows(batch: &Batch) -> Vec<Vec<Vec<usize>>> {
    let resources = resources(0, batch, Measure::Items).into_iter();
    let scopes = |resource: Group| resource.into_nodes().filter_map(Node::into_group);
    let rows = |scope: Group| {
        let mut rows = Vec::new();
        each_row(&scope, &mut |_, row| rows.push(row));
        rows
    };
    resources
        .map(|resource| scopes(resource).map(rows).collect())
        .collect()
}

/// The logs that a tree of these batches has, in as many batches.
pub(super) fn logs(tree: &Group, pieces: &[Batch]) -> Result<Vec<Batch>, BatchError> {
    let mut rows: Vec<(usize, Vec<usize>)> = Vec::new();
    each_row(tree, &mut |piece, row| match rows.last_mut() {
        Some((last, rows)) if *last == piece => rows.push(row),
        _ => rows.push((piece, vec![row])),
    });
    let taken = rows.into_iter().filter_map(|(piece, rows)| {
        let batch = pieces.get(piece)?;
        let all = rows.len() == batch.len() && rows.is_sorted();
        Some(if all {
            Ok(batch.clone())
        } else {
            batch.take(&rows)
        })
    });
    taken.collect()
}

fn each_row(group: &Group, take: &mut impl FnMut(usize, usize)) {
    for node in group.nodes() {
        match node {
            Node::Group(group) => each_row(group, take),
            Node::Item {
                at: At::Row { piece, row },
                ..
            } => take(*piece, *row),
            Node::Item { .. } => {}
        }
    }
}
