//! The root record: which rows stay, and the values that a row has itself.

use super::NotExpressible;
use super::columns::{IntColumn, TextColumn, Values, column, ordinals, same};
use crate::difference::{Action, DifferenceBuilder, Holds, Of, Operation, Owner};
use crate::difference::{Owners, Target, Value};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};

/// Which resource and scope each item of the ingress batch belongs to.
pub(super) struct Origin<'a> {
    root: u16,
    items: u32,
    resources: Option<&'a [u16]>,
    scopes: Option<&'a [u16]>,
}

/// The owners that stay, by ordinal.
pub(super) enum Live {
    /// All: the batch does not say which items belong to which.
    All,
    /// Those marked.
    Marked(Vec<bool>),
}

impl Live {
    pub(super) fn contains(&self, ordinal: u16) -> bool {
        match self {
            Self::All => true,
            Self::Marked(marks) => marks.get(usize::from(ordinal)).copied().unwrap_or(false),
        }
    }
}

impl<'a> Origin<'a> {
    pub(super) fn of(root: u16, table: &'a RecordBatch) -> Result<Self, NotExpressible> {
        Ok(Self {
            root,
            items: table.num_rows() as u32,
            resources: nested_ids(table, "resource")?,
            scopes: nested_ids(table, "scope")?,
        })
    }

    pub(super) fn count(&self) -> Owners {
        let count = |ids: Option<&[u16]>| {
            ids.and_then(|ids| ids.iter().max())
                .map_or(0, |last| u32::from(*last) + 1)
        };
        Owners {
            root: self.root,
            items: self.items,
            resources: count(self.resources),
            scopes: count(self.scopes),
        }
    }

    /// The owners of these attributes that stay.
    pub(super) fn owners(&self, target: Target, kept: &DifferenceBuilder) -> Live {
        let ids = match target.of() {
            Of::Resources => self.resources,
            Of::Scopes => self.scopes,
            Of::Rows(_) => {
                return Live::Marked((0..self.items).map(|item| kept.stays(item)).collect());
            }
        };
        let Some(ids) = ids else { return Live::All };
        let mut marks = Vec::new();
        for (item, id) in ids.iter().enumerate() {
            let id = usize::from(*id);
            if kept.stays(item as u32) {
                if marks.len() <= id {
                    marks.resize(id + 1, false);
                }
                marks[id] = true;
            }
        }
        Live::Marked(marks)
    }
}

/// The ordinals in a struct column, if it has them.
fn nested_ids<'a>(root: &'a RecordBatch, name: &str) -> Result<Option<&'a [u16]>, NotExpressible> {
    let Some((_, array)) = column(root, name) else {
        return Ok(None);
    };
    let wrong = || NotExpressible::new(format!("column `{name}` has type {}", array.data_type()));
    let group = array.as_struct_opt().ok_or_else(wrong)?;
    match group.fields().find("id") {
        Some((at, field)) => ordinals(name, field, group.column(at)).map(Some),
        None => Ok(None),
    }
}

/// The root before and after, and the ordinal of each row that stays.
pub(super) struct Rows<'a> {
    before: &'a RecordBatch,
    after: &'a RecordBatch,
    ordinals: &'a [u16],
}

/// Marks the rows that do not stay; `None` if no row stays.
pub(super) fn survivors<'a>(
    before: &'a RecordBatch,
    after: Option<&'a RecordBatch>,
    into: &mut DifferenceBuilder,
) -> Result<Option<Rows<'a>>, NotExpressible> {
    let rows_in = into.rows_in();
    let Some(after) = after.filter(|after| after.num_rows() > 0) else {
        (0..rows_in).for_each(|row| into.drop_row(row));
        return Ok(None);
    };
    let (field, ids) =
        column(after, "id").ok_or_else(|| NotExpressible::new("the rows came out without ids"))?;
    let ordinals = ordinals("id", field, ids)?;
    let unchanged = column(before, "id").is_some_and(|(_, ids_in)| same(Some(ids_in), Some(ids)));
    if !unchanged {
        let mut next = 0;
        for ordinal in ordinals.iter().map(|ordinal| u32::from(*ordinal)) {
            if ordinal < next || ordinal >= rows_in {
                let reason = format!("id {ordinal} came out, expected {next} to {rows_in}");
                return Err(NotExpressible::new(reason));
            }
            (next..ordinal).for_each(|row| into.drop_row(row));
            next = ordinal + 1;
        }
        (next..rows_in).for_each(|row| into.drop_row(row));
    }
    let rows = Rows {
        before,
        after,
        ordinals,
    };
    rows.check_origin("resource")?;
    rows.check_origin("scope")?;
    Ok(Some(rows))
}

impl<'a> Rows<'a> {
    /// Each row that stays, before and after.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.ordinals
            .iter()
            .enumerate()
            .map(|(after, before)| ((*before).into(), after))
    }

    /// Checks that no row has moved to another resource or scope.
    fn check_origin(&self, name: &str) -> Result<(), NotExpressible> {
        let Some(before) = nested_ids(self.before, name)? else {
            return Ok(());
        };
        let Some(after) = nested_ids(self.after, name)? else {
            return Err(NotExpressible::new(format!(
                "the ordinals of column `{name}` are gone"
            )));
        };
        if before.as_ptr_range() == after.as_ptr_range()
            || self.pairs().all(|(b, a)| before[b] == after[a])
        {
            return Ok(());
        }
        Err(NotExpressible::new(format!(
            "a row moved to another {name}"
        )))
    }

    /// The columns of this name, unless they are the same memory.
    fn changed(&self, name: &str) -> Option<[Option<&'a ArrayRef>; 2]> {
        let [before, after] =
            [self.before, self.after].map(|batch| column(batch, name).map(|(_, array)| array));
        (!same(before, after)).then_some([before, after])
    }
}

/// Adds an operation for each value of a column that changed.
pub(super) fn column_values(
    rows: &Rows<'_>,
    target: Target,
    into: &mut DifferenceBuilder,
) -> Result<(), NotExpressible> {
    let name = target.name();
    let Some([before, after]) = rows.changed(name) else {
        return Ok(());
    };
    match target.holds() {
        Holds::Any => {
            let (before, after) = (Any::new(name, before)?, Any::new(name, after)?);
            let pair = |b, a| Ok((before.get(b)?, after.get(a)?));
            each(rows, target, into, pair)
        }
        Holds::Int => {
            let (before, after) = (IntColumn::new(name, before)?, IntColumn::new(name, after)?);
            let pair = |b, a| Ok((Value::Int(before.get(b)), Value::Int(after.get(a))));
            each(rows, target, into, pair)
        }
        Holds::Text => {
            let (before, after) = (
                TextColumn::new(name, before)?,
                TextColumn::new(name, after)?,
            );
            let pair = |b, a| Ok((Value::Str(before.get(b)), Value::Str(after.get(a))));
            each(rows, target, into, pair)
        }
        Holds::Attributes => Ok(()),
    }
}

fn each<'v>(
    rows: &Rows<'_>,
    target: Target,
    into: &mut DifferenceBuilder,
    pair: impl Fn(usize, usize) -> Result<(Value<'v>, Value<'v>), NotExpressible>,
) -> Result<(), NotExpressible> {
    for (before, after) in rows.pairs() {
        let (old, new) = pair(before, after)?;
        if old != new {
            let owner = Owner::One(before as u32);
            into.push(&Operation {
                target,
                owner,
                key: "",
                action: Action::Set(new),
            })?;
        }
    }
    Ok(())
}

/// A column of values of any type; absent and null read as the empty value.
struct Any<'a>(Option<Values<'a>>);

impl<'a> Any<'a> {
    fn new(name: &str, array: Option<&'a ArrayRef>) -> Result<Self, NotExpressible> {
        let Some(array) = array else {
            return Ok(Self(None));
        };
        let wrong =
            || NotExpressible::new(format!("column `{name}` has type {}", array.data_type()));
        let group = array.as_struct_opt().ok_or_else(wrong)?;
        Values::new(|name| group.column_by_name(name), group.nulls())
            .map(|values| Self(Some(values)))
    }

    fn get(&self, row: usize) -> Result<Value<'a>, NotExpressible> {
        self.0
            .as_ref()
            .map_or(Ok(Value::Empty), |values| values.get(row))
    }
}
