//! Attribute tables: deletes, renames, new values and inserts, owner by owner.
//!
//! A rename that only changed the key dictionary is one operation. Otherwise rows are grouped by
//! owner and walked side by side. A key that is gone everywhere gives one operation for every
//! owner, tried first; what does not fit it is aligned owner by owner. Each list of steps is
//! replayed on the owner's attributes before it is accepted.

use super::columns::{TextColumn, ValuePair, Values, column, ordinals};
use super::renames::dictionary_renames;
use super::root::Live;
use super::{Keys, NotExpressible};
use crate::difference::{Action, DifferenceBuilder, Operation, Owner, Target, Value};
use arrow_array::{Array, RecordBatch};
use std::collections::HashMap;

/// Alignment compares each pair of an owner's attributes at worst.
const MAX_PAIRS: usize = 1 << 22;

/// Index of a key in [`Names`].
type Key = u32;
/// A row that is not compared.
const SKIP: Key = Key::MAX;

/// Adds the operations that turn the attributes of `before` into those of `after`.
pub(super) fn compare(
    before: Option<&RecordBatch>,
    after: Option<&RecordBatch>,
    target: Target,
    keys: Keys<'_>,
    live: &Live,
    into: &mut DifferenceBuilder,
) -> Result<(), NotExpressible> {
    if let (Some(before), Some(after)) = (before, after)
        && let Some(renames) = dictionary_renames(before, after, keys)?
    {
        for (key, to) in renames {
            let (owner, action) = (Owner::Every, Action::Rename(to));
            into.push(&Operation {
                target,
                owner,
                key,
                action,
            })?;
        }
        return Ok(());
    }
    let mut names = Names {
        keys,
        ids: HashMap::new(),
        names: Vec::new(),
    };
    let before = Table::new(before, &mut names)?;
    let after = Table::new(after, &mut names)?;
    let values = ValuePair::new(before.values, after.values);
    let mut walk = Walk {
        before,
        after,
        values,
        names: &names.names,
        target,
        live,
    };
    if walk.before.same_rows(&walk.after) {
        return walk.new_values(into);
    }
    walk.before.group();
    walk.after.group();
    let mark = into.mark();
    let global = walk.guess()?;
    if walk.run(&global, into).is_ok() {
        return Ok(());
    }
    into.truncate(mark);
    walk.run(&[], into)
}

/// Gives small numbers to keys; keys that are not compared are [`SKIP`].
struct Names<'a, 'k> {
    keys: Keys<'k>,
    ids: HashMap<&'a str, Key>,
    names: Vec<&'a str>,
}

impl<'a> Names<'a, '_> {
    fn id(&mut self, name: &'a str) -> Key {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = if self.keys.contains(name) {
            self.names.push(name);
            self.names.len() as Key - 1
        } else {
            SKIP
        };
        self.ids.insert(name, id);
        id
    }
}

/// An attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Attribute<'a> {
    key: Key,
    value: Value<'a>,
}

/// An attribute table.
#[derive(Default)]
struct Table<'a> {
    parents: &'a [u16],
    keys: Vec<Key>,
    values: Option<Values<'a>>,
    /// Once grouped: where each owner's rows begin in `rows`; one more than owners.
    starts: Vec<u32>,
    /// Once grouped: key and row, by owner and in row order within each. Skipped rows are left out.
    rows: Vec<(Key, u32)>,
}

impl<'a> Table<'a> {
    fn new(
        batch: Option<&'a RecordBatch>,
        names: &mut Names<'a, '_>,
    ) -> Result<Self, NotExpressible> {
        let Some(batch) = batch.filter(|batch| batch.num_rows() > 0) else {
            return Ok(Self::default());
        };
        let missing = |name| NotExpressible::new(format!("attributes have no column `{name}`"));
        let (field, parents) = column(batch, "parent_id").ok_or_else(|| missing("parent_id"))?;
        let parents = ordinals("parent_id", field, parents)?;
        let (_, keys) = column(batch, "key").ok_or_else(|| missing("key"))?;
        let values = Values::new(|name| column(batch, name).map(|(_, array)| array), None)?;
        let keys = row_keys(
            TextColumn::new("key", Some(keys))?,
            batch.num_rows(),
            &values,
            names,
        )?;
        Ok(Self {
            parents,
            keys,
            values: Some(values),
            ..Self::default()
        })
    }

    /// Whether each row has the owner and the key of the same row in `other`, and owners do not
    /// decrease.
    fn same_rows(&self, other: &Self) -> bool {
        self.keys == other.keys && self.parents == other.parents && self.parents.is_sorted()
    }

    /// Whether no row before it has the same owner and key. Owners do not decrease.
    fn is_first(&self, row: usize) -> bool {
        let mut before = (0..row)
            .rev()
            .take_while(|at| self.parents[*at] == self.parents[row]);
        !before.any(|at| self.keys[at] == self.keys[row])
    }

    fn group(&mut self) {
        let owners = self
            .parents
            .iter()
            .max()
            .map_or(0, |last| usize::from(*last) + 1);
        let pairs = || self.parents.iter().zip(&self.keys).zip(0..);
        let compared = || pairs().filter(|((_, key), _)| **key != SKIP);
        let mut starts = vec![0u32; owners + 1];
        compared().for_each(|((parent, _), _)| starts[usize::from(*parent) + 1] += 1);
        for owner in 0..owners {
            starts[owner + 1] += starts[owner];
        }
        self.rows = if self.parents.is_sorted() {
            compared().map(|((_, key), row)| (*key, row)).collect()
        } else {
            let mut next = starts.clone();
            let mut rows = vec![(SKIP, 0); starts[owners] as usize];
            for ((parent, key), row) in compared() {
                let at = &mut next[usize::from(*parent)];
                rows[*at as usize] = (*key, row);
                *at += 1;
            }
            rows
        };
        self.starts = starts;
    }

    fn owners(&self) -> usize {
        self.starts.len() - 1
    }

    fn rows(&self, owner: usize) -> &[(Key, u32)] {
        match (self.starts.get(owner), self.starts.get(owner + 1)) {
            (Some(from), Some(to)) => &self.rows[*from as usize..*to as usize],
            _ => &[],
        }
    }

    fn value(&self, row: u32) -> Result<Value<'a>, NotExpressible> {
        self.values
            .as_ref()
            .map_or(Ok(Value::Empty), |values| values.get(row as usize))
    }

    fn attributes(&self, owner: usize) -> Result<Vec<Attribute<'a>>, NotExpressible> {
        let attribute = |(key, row): &(Key, u32)| {
            Ok(Attribute {
                key: *key,
                value: self.value(*row)?,
            })
        };
        self.rows(owner).iter().map(attribute).collect()
    }
}

/// The key of each row.
fn row_keys<'a>(
    column: TextColumn<'a>,
    rows: usize,
    values: &Values<'a>,
    names: &mut Names<'a, '_>,
) -> Result<Vec<Key>, NotExpressible> {
    let dictionary: Option<Vec<Key>> = column.dictionary().map(|entries| {
        (0..entries.len())
            .map(|i| names.id(entries.value(i)))
            .collect()
    });
    let mut keys = Vec::with_capacity(rows);
    for row in 0..rows {
        let index = column.index(row);
        let key = match (&dictionary, index) {
            (Some(entries), Some(index)) => entries[index],
            _ => names.id(column.get(row)),
        };
        // A row without key and value is there for the engine's filter only.
        let placeholder =
            key != SKIP && names.names[key as usize].is_empty() && values.get(row)? == Value::Empty;
        keys.push(if placeholder { SKIP } else { key });
    }
    Ok(keys)
}

/// One change of an owner's attributes.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step<'a> {
    Set(Key, Value<'a>),
    Delete(Key),
    Rename(Key, Key),
}

/// What happens to a key everywhere.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Stays,
    Deleted,
    Renamed(Key),
}

struct Walk<'a, 'w> {
    before: Table<'a>,
    after: Table<'a>,
    values: ValuePair<'a>,
    names: &'w [&'a str],
    target: Target,
    live: &'w Live,
}

impl<'a> Walk<'a, '_> {
    /// Sets the values that changed where rows, owners and keys are the same.
    fn new_values(&self, into: &mut DifferenceBuilder) -> Result<(), NotExpressible> {
        let table = &self.before;
        for (row, (parent, key)) in table.parents.iter().zip(&table.keys).enumerate() {
            if *key == SKIP || self.values.equal(row, row)? || !self.live.contains(*parent) {
                continue;
            }
            if !table.is_first(row) {
                let name = self.names[*key as usize];
                return Err(NotExpressible::new(format!(
                    "the key `{name}` occurs twice"
                )));
            }
            let step = Step::Set(*key, self.after.value(row as u32)?);
            self.push(Owner::One((*parent).into()), &step, into)?;
        }
        Ok(())
    }

    fn live_owners(&self) -> impl Iterator<Item = usize> + '_ {
        let owners = self.before.owners().max(self.after.owners());
        (0..owners).filter(|owner| self.live.contains(*owner as u16))
    }

    /// Steps for keys that no owner has any more, as the first owner that had one suggests.
    fn guess(&self) -> Result<Vec<Step<'a>>, NotExpressible> {
        let mut first = vec![None; self.names.len()];
        let mut there = vec![false; self.names.len()];
        for owner in self.live_owners() {
            for (key, _) in self.before.rows(owner) {
                first[*key as usize].get_or_insert(owner);
            }
            for (key, _) in self.after.rows(owner) {
                there[*key as usize] = true;
            }
        }
        let gone = first
            .iter()
            .zip(&there)
            .enumerate()
            .filter(|(_, (_, there))| !**there);
        let mut steps = Vec::new();
        for (key, owner) in gone.filter_map(|(key, (owner, _))| Some((key as Key, (*owner)?))) {
            let (before, after) = (
                self.before.attributes(owner)?,
                self.after.attributes(owner)?,
            );
            if before.len() * after.len() > MAX_PAIRS {
                continue;
            }
            let about = |step: &Step<'_>| match step {
                Step::Delete(k) | Step::Rename(k, _) => *k == key,
                Step::Set(..) => false,
            };
            steps.extend(align(&before, &after).into_iter().find(about));
        }
        Ok(steps)
    }

    /// Adds `global` for every owner, then what is left to do for each.
    fn run(
        &mut self,
        global: &[Step<'a>],
        into: &mut DifferenceBuilder,
    ) -> Result<(), NotExpressible> {
        let mut fates = vec![Fate::Stays; self.names.len()];
        for step in global {
            match step {
                Step::Delete(key) => fates[*key as usize] = Fate::Deleted,
                Step::Rename(key, to) => fates[*key as usize] = Fate::Renamed(*to),
                Step::Set(..) => {}
            }
            self.push(Owner::Every, step, into)?;
        }
        let mut seen = vec![usize::MAX; self.names.len()];
        let owners: Vec<usize> = self.live_owners().collect();
        for owner in owners {
            if !self.matches(owner, &fates, &mut seen)? {
                self.owner(owner, global, into)?;
            }
        }
        Ok(())
    }

    /// Whether the fates of the keys explain this owner's attributes.
    fn matches(
        &self,
        owner: usize,
        fates: &[Fate],
        seen: &mut [usize],
    ) -> Result<bool, NotExpressible> {
        let mut after = self.after.rows(owner).iter();
        for (key, row) in self.before.rows(owner) {
            let fate = fates[*key as usize];
            if let Fate::Renamed(_) = fate {
                // Only the first is renamed.
                if seen[*key as usize] == owner {
                    return Ok(false);
                }
                seen[*key as usize] = owner;
            }
            let expected = match fate {
                Fate::Deleted => continue,
                Fate::Stays => *key,
                Fate::Renamed(to) => to,
            };
            let Some((found, found_row)) = after.next() else {
                return Ok(false);
            };
            if *found != expected || !self.values.equal(*row as usize, *found_row as usize)? {
                return Ok(false);
            }
        }
        Ok(after.next().is_none())
    }

    /// Adds what is left to do for one owner after `global`.
    fn owner(
        &self,
        owner: usize,
        global: &[Step<'a>],
        into: &mut DifferenceBuilder,
    ) -> Result<(), NotExpressible> {
        let mut before = self.before.attributes(owner)?;
        let after = self.after.attributes(owner)?;
        if before.len().saturating_mul(after.len()) > MAX_PAIRS {
            return Err(NotExpressible::new(format!(
                "{} attributes changed",
                after.len()
            )));
        }
        for step in global {
            Self::replay(&mut before, step);
        }
        let steps = [align(&before, &after), replace(&before, &after)]
            .into_iter()
            .find(|steps| {
                let mut list = before.clone();
                steps.iter().for_each(|step| Self::replay(&mut list, step));
                list == after
            })
            .ok_or_else(|| NotExpressible::new("an attribute changed whose key occurs twice"))?;
        for step in &steps {
            self.push(Owner::One(owner as u32), step, into)?;
        }
        Ok(())
    }

    fn push(
        &self,
        owner: Owner,
        step: &Step<'a>,
        into: &mut DifferenceBuilder,
    ) -> Result<(), NotExpressible> {
        let name = |key: Key| self.names[key as usize];
        let (key, action) = match *step {
            Step::Set(key, value) => (key, Action::Set(value)),
            Step::Delete(key) => (key, Action::Delete),
            Step::Rename(key, to) => (key, Action::Rename(name(to))),
        };
        Ok(into.push(&Operation {
            target: self.target,
            owner,
            key: name(key),
            action,
        })?)
    }

    /// Does to a list what the host does with the operation.
    fn replay(list: &mut Vec<Attribute<'a>>, step: &Step<'a>) {
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
}

/// Steps from `before` to `after`, assuming that what stays keeps its order and what is new is at
/// the tail.
fn align<'a>(before: &[Attribute<'a>], after: &[Attribute<'a>]) -> Vec<Step<'a>> {
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
fn replace<'a>(before: &[Attribute<'a>], after: &[Attribute<'a>]) -> Vec<Step<'a>> {
    let deletes = before.iter().map(|old| Step::Delete(old.key));
    deletes
        .chain(after.iter().map(|new| Step::Set(new.key, new.value)))
        .collect()
}
