//! The way back for a host that kept the original: what stays and what differs, not a copy.
//!
//! A batch that is flagged as projected holds only what the unit's plan names. It is checked
//! against the plan before it enters the engine (a node that dislikes its input would end the
//! pipeline), its arrays are kept until its call ends (they share memory with the slot, so the
//! lease lasts as long), and what comes out is compared with them in what the unit writes. When
//! nothing comes out, the call is acked without a difference: no row stays.
//!
//! What cannot be answered so fails the call with class `refused`, component [`COMPONENT`] and a
//! message that begins with [`NOT_EXPRESSIBLE`]: nothing was delivered, and the host sends the
//! whole batch instead. Only the ring's records of logs are understood here; the engine's errors
//! are not.

mod attributes;
mod row_numbers;
pub(crate) mod tables;

use crate::id_set::IdSet;
use crate::plan::projection::{Numbered, Plan, Projection};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt16Type;
use otel_arrow_dfe_pdata::OtapArrowRecords;
use otel_arrow_dfe_pdata::proto::opentelemetry::arrow::v1::ArrowPayloadType;
use row_numbers::RowNumbers;
use std::cell::RefCell;
use std::collections::HashMap;
use strait_component::{AttributeTable, Batch, Payload};
use strait_failure::{Class, Failure};
use strait_records::compare::{self, NotExpressible};
use strait_records::difference::DifferenceBuilder;
use tables::Tables;

/// The component that failures of this module name.
const COMPONENT: &str = "strait.difference";
/// How the messages of these failures begin.
const NOT_EXPRESSIBLE: &str = "not expressible:";

/// The root table.
const LOGS: u16 = ArrowPayloadType::Logs as u16;

const TABLES: [ArrowPayloadType; 4] = [
    ArrowPayloadType::Logs,
    ArrowPayloadType::LogAttrs,
    ArrowPayloadType::ResourceAttrs,
    ArrowPayloadType::ScopeAttrs,
];

/// The originals of one lane's projected calls.
pub(crate) struct Originals {
    projection: Projection,
    kept: RefCell<HashMap<u64, Original>>,
    builder: RefCell<DifferenceBuilder>,
    numbers: RefCell<RowNumbers>,
}

/// What a call's batch held when it entered the engine.
struct Original {
    tables: Tables,
    answered: bool,
}

/// A difference that is ready to be written.
pub(crate) struct Answer {
    /// Rows that stay.
    pub(crate) items: u32,
    /// The payload (format section 4).
    pub(crate) payload: Vec<u8>,
}

impl Originals {
    pub(crate) fn new(projection: Projection) -> Self {
        Self {
            projection,
            kept: RefCell::default(),
            builder: RefCell::default(),
            numbers: RefCell::default(),
        }
    }

    /// Checks a projected batch against the plan, and keeps it until [`end`](Self::end). Gives the
    /// tables that enter the engine.
    pub(crate) fn admit(&self, call_id: u64, tables: Tables) -> Result<Tables, Failure> {
        let plan = &self.projection.plan;
        if !plan.projectable {
            return Err(refused(&format!(
                "the unit takes whole batches only: {}",
                plan.reason
            )));
        }
        check(plan, &tables).map_err(|problem| refused(&problem))?;
        let mut numbers = self.numbers.borrow_mut();
        let tables = numbers
            .number(tables, &self.projection.numbered)
            .map_err(|error| refused(&error.to_string()))?;
        let original = Original {
            tables: tables.clone(),
            answered: false,
        };
        self.kept.borrow_mut().insert(call_id, original);
        Ok(tables)
    }

    /// Whether the host waits for a difference from this call.
    pub(crate) fn has(&self, call_id: u64) -> bool {
        self.kept.borrow().contains_key(&call_id)
    }

    /// The difference between what came out of a call's batch and what went in.
    pub(crate) fn answer(
        &self,
        call_id: u64,
        after: Option<&OtapArrowRecords>,
    ) -> Result<Answer, Failure> {
        let mut kept = self.kept.borrow_mut();
        let original = kept.get_mut(&call_id).ok_or_else(|| {
            Failure::new(Class::Internal, "the batch was not projected").at(COMPONENT)
        })?;
        if std::mem::replace(&mut original.answered, true) {
            // The host applies one difference; a second would be one of the first one's result.
            let message = "a projected batch came out of the unit twice";
            return Err(Failure::new(Class::Internal, message).at(COMPONENT));
        }
        let after = after.ok_or_else(|| refused("what came out is not records"))?;
        let after: Tables = TABLES
            .into_iter()
            .filter_map(|kind| Some((kind as u16, after.get(kind)?.clone())))
            .collect();
        let mut builder = self.builder.borrow_mut();
        self.compare(&original.tables, &after, &mut builder)
            .map_err(|problem| refused(&problem.reason))
    }

    fn compare(
        &self,
        before: &Tables,
        after: &Tables,
        builder: &mut DifferenceBuilder,
    ) -> Result<Answer, NotExpressible> {
        let Projection {
            compared, numbered, ..
        } = &self.projection;
        compare::records(LOGS, before, after, compared, builder)?;
        if !numbered.is_empty() {
            compare_numbered(numbered, before, after, builder)?;
        }
        let mut payload = vec![0; builder.payload_len()];
        builder.write(&mut payload)?;
        Ok(Answer {
            items: builder.rows_kept(),
            payload,
        })
    }

    /// Forgets a call's batch.
    pub(crate) fn end(&self, call_id: u64) {
        self.kept.borrow_mut().remove(&call_id);
    }
}

/// Compares attributes whose rows are numbered.
fn compare_numbered(
    numbered: &[Numbered],
    before: &Tables,
    after: &Tables,
    builder: &mut DifferenceBuilder,
) -> Result<(), NotExpressible> {
    let cannot = |reason| NotExpressible { reason };
    let (before, after) = (
        batch(before).map_err(cannot)?,
        batch(after).map_err(cannot)?,
    );
    for numbered in numbered {
        let logs = before.logs();
        let stays = logs
            .iter()
            .filter(|log| log.id().is_some_and(|id| builder.stays(id.into())));
        let live: IdSet = stays
            .filter_map(|log| match numbered.of {
                AttributeTable::Log => log.id(),
                AttributeTable::Resource => log.resource_id(),
                AttributeTable::Scope => log.scope_id(),
            })
            .collect();
        attributes::compare(
            &before,
            &after,
            numbered,
            |owner| live.contains(owner),
            builder,
        )?;
    }
    Ok(())
}

/// The tables as the SDK sees them.
fn batch(tables: &Tables) -> Result<Batch, String> {
    let known = tables.iter().map(|(payload, table)| {
        let payload = u8::try_from(*payload).unwrap_or(u8::MAX);
        let payload = Payload::from_code(payload).map_err(|error| error.to_string())?;
        Ok((payload, table.clone()))
    });
    Batch::from_tables(known.collect::<Result<Vec<_>, String>>()?)
        .map_err(|error| error.to_string())
}

/// The failure on which the host sends the whole batch.
fn refused(problem: &str) -> Failure {
    Failure::new(Class::Refused, format!("{NOT_EXPRESSIBLE} {problem}")).at(COMPONENT)
}

/// Checks that a projected batch is what the plan asks for: tables and types of the format, plain
/// ordinals, and every column that a node was promised.
fn check(plan: &Plan, tables: &Tables) -> Result<(), String> {
    let batch = batch(tables)?;
    let Some(root) = batch.table(Payload::Logs) else {
        return Err("the projected batch has no logs".into());
    };
    let missing = |column: &str| format!("the projected batch has no column `{column}`");
    let columns = plan.table(Payload::Logs).into_iter();
    let columns = columns.flat_map(|table| table.columns.iter().map(String::as_str));
    for column in columns.chain(["id", "resource"]) {
        root.column_by_name(column).ok_or_else(|| missing(column))?;
    }
    let ids = root
        .column_by_name("id")
        .and_then(|ids| ids.as_primitive_opt::<UInt16Type>());
    let ordinal = |(row, id): (usize, &u16)| usize::from(*id) == row;
    if !ids.is_some_and(|ids| ids.null_count() == 0 && ids.values().iter().enumerate().all(ordinal))
    {
        return Err("the ids of the projected batch are not its ordinals".into());
    }
    for (payload, owner) in [
        (Payload::ResourceAttributes, "resource"),
        (Payload::ScopeAttributes, "scope"),
    ] {
        let owner_ids = root
            .column_by_name(owner)
            .and_then(|owner| owner.as_struct_opt())
            .and_then(|owner| owner.column_by_name("id"));
        if batch.table(payload).is_some() && owner_ids.is_none_or(|ids| ids.null_count() > 0) {
            return Err(missing(&format!("{owner}.id")));
        }
    }
    for table in AttributeTable::ALL
        .into_iter()
        .filter_map(|of| batch.table(of.payload()))
    {
        for column in ["parent_id", "key", "type"] {
            if table
                .column_by_name(column)
                .is_none_or(|column| column.null_count() > 0)
            {
                return Err(format!(
                    "the attributes have no `{column}`, or not in each row"
                ));
            }
        }
    }
    Ok(())
}
