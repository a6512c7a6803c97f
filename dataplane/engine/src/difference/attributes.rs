//! The difference of attributes whose values were not sent: rows are known by their numbers.
//!
//! Every row that entered the engine carried its number (`row_numbers.rs`), so what became of it is
//! read off, not guessed: it stays, it has another key, or it is gone; a row without a number was
//! set by a node. What happens to a key everywhere is one operation for every owner. Deletes come
//! first, then renames (the ones onto keys that are renamed themselves last), then values. Renames
//! in a circle have no order and are not expressible.

use crate::id_set::IdSet;
use crate::plan::projection::Numbered;
use arrow_array::cast::AsArray;
use arrow_array::types::{UInt8Type, UInt16Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use std::collections::HashMap;
use strait_component::{Attributes, Batch, Value as Found};
use strait_records::compare::NotExpressible;
use strait_records::difference::{Action, DifferenceBuilder, Operation, Owner, Target, Value};

/// Index of a key among those that the unit writes.
type Key = usize;

/// What became of a row.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It is gone.
    Gone,
    /// It is gone, and something else has its key now, which replaces it.
    Replaced,
    /// It has this key: its own, or another.
    Has(Key),
}

fn cannot(reason: impl Into<String>) -> NotExpressible {
    NotExpressible {
        reason: reason.into(),
    }
}

/// One attribute table: owners, keys, and rows that are looked at.
struct Table<'a> {
    parents: &'a [u16],
    /// `None`: not a key that the unit writes.
    keys: Vec<Option<Key>>,
}

impl<'a> Table<'a> {
    fn new(
        table: Option<&'a RecordBatch>,
        names: &HashMap<&str, Key>,
    ) -> Result<Self, NotExpressible> {
        let Some(table) = table else {
            return Ok(Self {
                parents: &[],
                keys: Vec::new(),
            });
        };
        let column = |name: &str| {
            table
                .column_by_name(name)
                .ok_or_else(|| cannot(format!("no column `{name}` came out")))
        };
        let parents = column("parent_id")?;
        let parents = parents
            .as_primitive_opt::<UInt16Type>()
            .ok_or_else(|| cannot(format!("parent_id is {}", parents.data_type())))?;
        Ok(Self {
            parents: parents.values(),
            keys: keys(column("key")?, names)?,
        })
    }
}

/// The key of each row; a dictionary's are looked up once each.
fn keys(column: &ArrayRef, names: &HashMap<&str, Key>) -> Result<Vec<Option<Key>>, NotExpressible> {
    let wrong = || cannot(format!("keys are {}", column.data_type()));
    let texts = match column.as_any_dictionary_opt() {
        Some(dictionary) => dictionary.values(),
        None => column,
    };
    let texts = texts.as_string_opt::<i32>().ok_or_else(wrong)?;
    let known: Vec<Option<Key>> = texts.iter().map(|key| names.get(key?).copied()).collect();
    Ok(match column.data_type() {
        DataType::Dictionary(key, _) if **key == DataType::UInt8 => {
            let codes = column.as_dictionary::<UInt8Type>().keys();
            codes.iter().map(|code| known[usize::from(code?)]).collect()
        }
        DataType::Dictionary(key, _) if **key == DataType::UInt16 => {
            let codes = column.as_dictionary::<UInt16Type>().keys();
            codes.iter().map(|code| known[usize::from(code?)]).collect()
        }
        DataType::Dictionary(..) => return Err(wrong()),
        _ => known,
    })
}

/// Adds the operations that turn the numbered attributes of `before` into those of `after`, for the
/// owners that `live` holds for.
pub(crate) fn compare(
    before: &Batch,
    after: &Batch,
    numbered: &Numbered,
    live: impl Fn(u16) -> bool,
    into: &mut DifferenceBuilder,
) -> Result<(), NotExpressible> {
    let Numbered { of, target, keys } = numbered;
    let index: HashMap<&str, Key> = keys
        .iter()
        .enumerate()
        .map(|(key, name)| (name.as_str(), key))
        .collect();
    let old = Table::new(before.table(of.payload()), &index)?;
    let new = Table::new(after.table(of.payload()), &index)?;
    let mut writer = Steps {
        names: keys,
        target: *target,
        into,
    };
    let values = after.attributes(*of);
    let became = Became::read(&old, &new, &values, keys.len(), &live)?;
    became.write(&old, &values, &live, &mut writer)
}

/// What became of the rows, and which are new.
struct Became {
    fates: Vec<Fate>,
    /// Owner, key and row of values that nodes have set.
    set: Vec<(u16, Key, usize)>,
}

impl Became {
    fn read(
        old: &Table<'_>,
        new: &Table<'_>,
        values: &Attributes<'_>,
        names: usize,
        live: &impl Fn(u16) -> bool,
    ) -> Result<Self, NotExpressible> {
        let mut fates = vec![Fate::Gone; old.keys.len()];
        let mut set = Vec::new();
        // The owners of each key in what came out: no key may be there twice.
        let mut owners: Vec<IdSet> = (0..names).map(|_| IdSet::default()).collect();
        for (row, key) in new.keys.iter().enumerate() {
            let (Some(key), owner) = (*key, new.parents[row]) else {
                continue;
            };
            if !live(owner) {
                continue;
            }
            if !owners[key].insert(owner) {
                return Err(cannot("an attribute came out twice"));
            }
            match values.value(row) {
                Found::Bytes(number) => {
                    let number = <[u8; 4]>::try_from(number).map(u32::from_le_bytes);
                    let from = number.map_or(usize::MAX, |number| number as usize);
                    let same = old.parents.get(from) == Some(&owner);
                    if !same || fates[from] != Fate::Gone || old.keys[from].is_none() {
                        return Err(cannot("an attribute moved to another owner"));
                    }
                    fates[from] = Fate::Has(key);
                }
                _ => set.push((owner, key, row)),
            }
        }
        for (row, fate) in fates
            .iter_mut()
            .enumerate()
            .filter(|(_, fate)| **fate == Fate::Gone)
        {
            if old.keys[row].is_some_and(|key| owners[key].contains(old.parents[row])) {
                *fate = Fate::Replaced;
            }
        }
        Ok(Self { fates, set })
    }

    fn write(
        &self,
        old: &Table<'_>,
        values: &Attributes<'_>,
        live: &impl Fn(u16) -> bool,
        writer: &mut Steps<'_, '_>,
    ) -> Result<(), NotExpressible> {
        let mut keys: Vec<Everywhere> =
            writer.names.iter().map(|_| Everywhere::default()).collect();
        let rows = || {
            let rows = old.keys.iter().zip(old.parents).zip(&self.fates);
            rows.filter_map(|((key, owner), fate)| Some(((*key)?, *owner, *fate)))
                .filter(|(_, owner, _)| live(*owner))
        };
        for (key, _, fate) in rows() {
            keys[key].add(key, fate);
        }
        for key in (0..keys.len()).filter(|key| keys[*key].deletes_all()) {
            writer.push(Owner::Every, key, Action::Delete)?;
        }
        for (key, owner, _) in
            rows().filter(|(key, _, fate)| *fate == Fate::Gone && !keys[*key].deletes_all())
        {
            writer.push(Owner::One(owner.into()), key, Action::Delete)?;
        }
        for key in order(&keys)? {
            if let Some(to) = keys[key].renames_all() {
                writer.push(Owner::Every, key, Action::Rename(&writer.names[to]))?;
                continue;
            }
            for (_, owner, fate) in rows().filter(|(found, ..)| *found == key) {
                if let Fate::Has(to) = fate
                    && to != key
                {
                    let action = Action::Rename(&writer.names[to]);
                    writer.push(Owner::One(owner.into()), key, action)?;
                }
            }
        }
        for (owner, key, row) in &self.set {
            let value = match values.value(*row) {
                Found::Empty => Value::Empty,
                Found::Str(text) => Value::Str(text),
                Found::Int(int) => Value::Int(int),
                Found::Double(double) => Value::Double(double),
                Found::Bool(bool) => Value::Bool(bool),
                _ => {
                    return Err(cannot(
                        "a node set a value that is no number, text or boolean",
                    ));
                }
            };
            writer.push(Owner::One((*owner).into()), *key, Action::Set(value))?;
        }
        Ok(())
    }
}

/// What becomes of the rows of one key, over all owners.
#[derive(Default)]
struct Everywhere {
    stay: bool,
    gone: bool,
    replaced: bool,
    /// The keys that some of them have now.
    renamed: Vec<Key>,
}

impl Everywhere {
    fn add(&mut self, key: Key, fate: Fate) {
        match fate {
            Fate::Gone => self.gone = true,
            Fate::Replaced => self.replaced = true,
            Fate::Has(now) if now == key => self.stay = true,
            Fate::Has(now) => {
                if !self.renamed.contains(&now) {
                    self.renamed.push(now);
                }
            }
        }
    }

    /// One delete does for all; what is replaced may go before.
    fn deletes_all(&self) -> bool {
        self.gone && !self.stay && self.renamed.is_empty()
    }

    /// One rename does for all.
    fn renames_all(&self) -> Option<Key> {
        match self.renamed[..] {
            [to] if !self.stay && !self.gone && !self.replaced => Some(to),
            _ => None,
        }
    }
}

/// The keys that are renamed, each behind the keys that it is renamed to.
fn order(keys: &[Everywhere]) -> Result<Vec<Key>, NotExpressible> {
    let mut waiting: Vec<Key> = (0..keys.len())
        .filter(|key| !keys[*key].renamed.is_empty())
        .collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = |key: &Key| !keys[*key].renamed.iter().any(|to| waiting.contains(to));
        let (ready, rest): (Vec<Key>, Vec<Key>) = waiting.iter().partition(|key| free(key));
        if ready.is_empty() {
            return Err(cannot("attributes were renamed in a circle"));
        }
        ordered.extend(ready);
        waiting = rest;
    }
    Ok(ordered)
}

/// Where operations go.
struct Steps<'n, 'b> {
    names: &'n [String],
    target: Target,
    into: &'b mut DifferenceBuilder,
}

impl Steps<'_, '_> {
    fn push(&mut self, owner: Owner, key: Key, action: Action<'_>) -> Result<(), NotExpressible> {
        let operation = Operation {
            target: self.target,
            owner,
            key: &self.names[key],
            action,
        };
        Ok(self.into.push(&operation)?)
    }
}
