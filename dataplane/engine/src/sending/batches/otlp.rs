//! Batches of OTLP bytes as trees, and back.

use super::messages::Message;
use super::tree::{At, Data, Group, Node};
use crate::sending::policy::Measure;
use crate::sending::wire::{Broken, Value, fields, write};
use bytes::Bytes;
use strait_component::Signal;

/// In a metric: its data points lie one deeper, in one of these.
const DATA: [u64; 5] = [5, 7, 9, 10, 11];

/// The tree of one request behind the other. Sizes are measured where bytes count.
///
/// # Errors
///
/// One is no OTLP.
pub(super) fn tree<'b>(
    signal: Signal,
    requests: impl IntoIterator<Item = &'b Bytes>,
    by: Measure,
) -> Result<Group, Broken> {
    let mut all = Group::default();
    for request in requests {
        let one = group(Message::request(signal), request, 1, 2, by)?;
        one.into_nodes().for_each(|node| all.push(node, by));
    }
    Ok(all)
}

/// A message whose nodes are the fields of this number; `depth` is how many groups lie between it
/// and the spans or metrics.
fn group(
    message: &'static Message,
    bytes: &Bytes,
    nodes_in: u64,
    depth: usize,
    by: Measure,
) -> Result<Group, Broken> {
    let mut group = Group::default();
    let mut head = Vec::new();
    for field in fields(bytes) {
        let field = field?;
        match field.value {
            Value::Bytes(within) if field.number == nodes_in => {
                let of = message.at(nodes_in).ok_or(Broken)?;
                let within = bytes.slice_ref(within);
                let node = if depth > 0 {
                    Node::Group(self::group(of, &within, 2, depth - 1, by)?)
                } else if of.is_metric() {
                    Node::Group(metric(of, &within, by)?)
                } else {
                    item(of, within, by)?
                };
                group.push(node, by);
            }
            _ => head.extend_from_slice(field.whole),
        }
    }
    group.head = head.into();
    if by == Measure::Bytes {
        group.own = message.size(bytes, |number| number == nodes_in)?;
    }
    Ok(group)
}

fn item(message: &Message, bytes: Bytes, by: Measure) -> Result<Node, Broken> {
    let size = match by {
        Measure::Items => 1,
        Measure::Bytes => message.size(&bytes, |_| false)?,
    };
    Ok(Node::Item {
        size,
        at: At::Bytes(bytes),
    })
}

/// A metric; its nodes are data points.
fn metric(message: &'static Message, bytes: &Bytes, by: Measure) -> Result<Group, Broken> {
    let mut metric = Group::default();
    let mut head = Vec::new();
    for field in fields(bytes) {
        let field = field?;
        match (field.value, message.at(field.number)) {
            (Value::Bytes(within), Some(of)) if DATA.contains(&field.number) => {
                let data = group(of, &bytes.slice_ref(within), 1, 0, by)?;
                metric.data = Some(Data {
                    field: field.number,
                    head: data.head.clone(),
                    own: data.own,
                });
                metric.adopt(data);
            }
            _ => head.extend_from_slice(field.whole),
        }
    }
    metric.head = head.into();
    if by == Measure::Bytes {
        metric.own = message.size(bytes, |number| DATA.contains(&number))?;
    }
    Ok(metric)
}

/// The bytes of a tree's request.
pub(super) fn request(tree: &Group) -> Bytes {
    message(tree, 1).into()
}

fn message(group: &Group, nodes_in: u64) -> Vec<u8> {
    let mut out = group.head.to_vec();
    let Some(data) = &group.data else {
        nodes(group, nodes_in, &mut out);
        return out;
    };
    let mut within = data.head.to_vec();
    nodes(group, 1, &mut within);
    write(data.field, &within, &mut out);
    out
}

fn nodes(group: &Group, field: u64, out: &mut Vec<u8>) {
    for node in group.nodes() {
        match node {
            Node::Group(group) => write(field, &message(group, 2), out),
            Node::Item {
                at: At::Bytes(item),
                ..
            } => write(field, item, out),
            Node::Item { .. } => {}
        }
    }
}
