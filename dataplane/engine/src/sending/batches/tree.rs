//! A batch as the tree that OTLP has of it, and how the exporter helper takes a part of it off its
//! front: resources, scopes, metrics and items, each as far as there is room.
//!
//! Guarantees: items leave in their order, each once; a resource, scope or metric that is cut
//! stands in both parts, which differ in their items only. Sizes are the helper's estimates where
//! it estimates: what is left is not measured anew.

use crate::sending::policy::Measure;
use crate::sending::wire::length_of;
use bytes::Bytes;
use std::collections::VecDeque;

/// An item, or what holds some.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Item { size: u64, at: At },
    Group(Group),
}

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// A row of one of the batches that the tree was made of.
    Row { piece: usize, row: usize },
    /// Its own bytes.
    Bytes(Bytes),
}

/// A request, resource, scope or metric.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// What it has beside its nodes; empty where these are rows.
    pub(super) head: Bytes,
    /// How many bytes that are in OTLP.
    pub(super) own: u64,
    /// What holds the data points of a metric.
    pub(super) data: Option<Data>,
    nodes: VecDeque<Node>,
    /// How much its nodes take in it, by the measure that it was made with.
    taken: i64,
    /// How many items they have.
    items: u64,
}

/// A metric's gauge, sum, histogram, exponential histogram or summary.
#[derive(Clone, Debug)]
pub(super) struct Data {
    pub(super) field: u64,
    pub(super) head: Bytes,
    pub(super) own: u64,
}

impl Measure {
    /// How much a node of this size takes in another.
    fn added(self, size: i64) -> i64 {
        match self {
            Self::Items => size,
            Self::Bytes => size + 1 + length_of(size.cast_unsigned()).cast_signed(),
        }
    }
}

impl Node {
    pub(super) fn size(&self, by: Measure) -> i64 {
        match self {
            Self::Item { size, .. } => match by {
                Measure::Items => 1,
                Measure::Bytes => size.cast_signed(),
            },
            Self::Group(group) => group.size(by),
        }
    }

    pub(super) fn into_group(self) -> Option<Group> {
        match self {
            Self::Group(group) => Some(group),
            Self::Item { .. } => None,
        }
    }

    fn items(&self) -> u64 {
        match self {
            Self::Item { .. } => 1,
            Self::Group(group) => group.items(),
        }
    }
}

impl Group {
    /// One without nodes, which has so many bytes of its own.
    pub(super) fn new(own: u64) -> Self {
        Self {
            own,
            ..Self::default()
        }
    }

    /// How many items it has.
    pub(super) fn items(&self) -> u64 {
        self.items
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter()
    }

    pub(super) fn into_nodes(self) -> impl Iterator<Item = Node> {
        self.nodes.into_iter()
    }

    /// Puts a node behind the others.
    pub(super) fn push(&mut self, node: Node, by: Measure) {
        self.taken += by.added(node.size(by));
        self.items += node.items();
        self.nodes.push_back(node);
    }

    /// Has the nodes of another one in the place of its own.
    pub(super) fn adopt(&mut self, other: Self) {
        (self.nodes, self.taken, self.items) = (other.nodes, other.taken, other.items);
    }

    pub(super) fn size(&self, by: Measure) -> i64 {
        match by {
            Measure::Items => self.taken,
            Measure::Bytes => {
                let own = self.own.cast_signed();
                match &self.data {
                    None => own + self.taken,
                    Some(data) => own + by.added(data.own.cast_signed() + self.taken),
                }
            }
        }
    }

    /// What it takes before it has any node. Of a metric's data only that it is there.
    fn empty_size(&self, by: Measure) -> i64 {
        match by {
            Measure::Items => 0,
            Measure::Bytes if self.data.is_some() => self.own.cast_signed() + by.added(0),
            Measure::Bytes => self.own.cast_signed(),
        }
    }

    /// The same without its nodes.
    pub(super) fn emptied(&self) -> Self {
        Self {
            head: self.head.clone(),
            own: self.own,
            data: self.data.clone(),
            ..Self::default()
        }
    }

    /// Takes off its front what `room` has place for, and says by how much this has become
    /// smaller.
    pub(super) fn take(&mut self, room: u64, by: Measure) -> (Self, i64) {
        let mut taken = self.emptied();
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        let removed = self.take_into(&mut taken, room, by);
        (taken, removed)
    }

    fn take_into(&mut self, taken: &mut Self, mut left: i64, by: Measure) -> i64 {
        let mut removed = 0;
        while left != 0
            && let Some(first) = self.nodes.front_mut()
        {
            let size = first.size(by);
            let added = by.added(size);
            if added <= left {
                left -= added;
                removed += added;
                self.taken -= added;
                self.items -= first.items();
                if let Some(first) = self.nodes.pop_front() {
                    taken.push(first, by);
                }
                continue;
            }
            let Node::Group(first) = first else {
                break;
            };
            let mut part = first.emptied();
            // Its length in the group that it is put into may take as much as this.
            let room = left - (by.added(left) - left) - part.empty_size(by);
            let of_part = first.take_into(&mut part, room, by);
            removed += of_part + (added - size) - (by.added(size - of_part) - (size - of_part));
            self.taken -= added - by.added(first.size(by));
            self.items -= part.items;
            if !part.nodes.is_empty() {
                taken.push(Node::Group(part), by);
            }
            break;
        }
        removed
    }
}
