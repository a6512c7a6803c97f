//! Steps from one owner's attributes to others, as a host takes them.

use super::table::{Attribute, Key};
use crate::difference::Value;

/// One change of an owner's attributes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step<'a> {
    Set(Key, Value<'a>),
    Delete(Key),
    Rename(Key, Key),
}

/// Does to a list what the host does with the operation.
pub(super) fn replay<'a>(list: &mut Vec<Attribute<'a>>, step: &Step<'a>) {
    let find = |list: &[Attribute<'a>], key: Key| list.iter().position(|a| a.key == key);
    match *step {
        Step::Set(key, value) => match find(list, key) {
            Some(at) => list[at].value = value,
            None => list.push(Attribute { key, value }),
        },
        Step::Delete(key) => list.retain(|a| a.key != key),
        Step::Rename(key, to) => {
            if find(list, key).is_some() {
                list.retain(|a| a.key != to);
            }
            if let Some(at) = find(list, key) {
                list[at].key = to;
            }
        }
    }
}

/// Steps from `before` to `after`, assuming that what stays keeps its order and what is new is at
/// the tail.
pub(super) fn align<'a>(before: &[Attribute<'a>], after: &[Attribute<'a>]) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    let mut removed = Vec::new();
    let mut next = 0;
    for (at, old) in before.iter().enumerate() {
        if removed.contains(&old.key) {
            continue;
        }
        let rest = &before[at + 1..];
        match after.get(next) {
            Some(new) if new.key == old.key => {
                if new.value != old.value {
                    steps.push(Step::Set(old.key, new.value));
                }
                next += 1;
            }
            Some(new)
                if new.value == old.value
                    && !rest.contains(new)
                    && after[next..].iter().all(|new| new.key != old.key) =>
            {
                steps.push(Step::Rename(old.key, new.key));
                removed.push(new.key);
                next += 1;
            }
            _ => steps.push(Step::Delete(old.key)),
        }
    }
    steps.extend(
        after[next..]
            .iter()
            .map(|new| Step::Set(new.key, new.value)),
    );
    steps
}

/// Steps that delete everything and set everything anew, whatever the order.
pub(super) fn replace<'a>(before: &[Attribute<'a>], after: &[Attribute<'a>]) -> Vec<Step<'a>> {
    let deletes = before.iter().map(|old| Step::Delete(old.key));
    deletes
        .chain(after.iter().map(|new| Step::Set(new.key, new.value)))
        .collect()
}
