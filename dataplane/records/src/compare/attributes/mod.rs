//! Attribute tables: deletes, renames, new values and inserts, owner by owner.
//!
//! A rename that only changed the key dictionary is one operation. Otherwise rows are grouped by
//! owner and walked side by side. A key that is gone everywhere gives one operation for every
//! owner, tried first; what does not fit it is aligned owner by owner. Each list of steps is
//! replayed on the owner's attributes before it is accepted.

mod steps;
mod table;

use super::columns::ValuePair;
use super::renames::dictionary_renames;
use super::root::Live;
use super::{Keys, NotExpressible};
use crate::difference::{Action, DifferenceBuilder, Operation, Owner, Target};
use arrow_array::RecordBatch;
use steps::{Step, align, replace, replay};
use table::{Key, Names, SKIP, Table};

/// Alignment compares each pair of an owner's attributes at worst.
const MAX_PAIRS: usize = 1 << 22;

/// Adds the operations that turn the attributes of `before` into those of `after`.
pub(super) fn compare(
    before: Option<&RecordBatch>,
    after: Option<&RecordBatch>,
    target: Target,
    keys: &Keys,
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
    let mut names = Names::new(keys);
    let before = Table::new(before, &mut names)?;
    let after = Table::new(after, &mut names)?;
    let values = ValuePair::new(before.values, after.values);
    let names = names.into_list();
    let mut walk = Walk {
        before,
        after,
        values,
        names: &names,
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
            replay(&mut before, step);
        }
        let steps = [align(&before, &after), replace(&before, &after)]
            .into_iter()
            .find(|steps| {
                let mut list = before.clone();
                steps.iter().for_each(|step| replay(&mut list, step));
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
}
