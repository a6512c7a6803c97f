//! What a unit reads and writes: the plan by which the host sends only that, and keeps the rest.
//!
//! Pure: computed from a checked unit's configuration, without a pipeline. A plan is projectable
//! only if every node of the unit is known to be exact on a part of the data: it reads nothing but
//! what the plan names, writes nothing but what the [projection](projection::Projection) compares,
//! keeps ids and order, and neither retains nor retries batches. Whatever is not known is not
//! projectable: always correct, only slower. The JSON form is the contract with the host
//! (`go/otap`, type Plan).

mod builder;
pub(crate) mod projection;
mod report;

pub use projection::{Plan, Table};
pub use report::{EdgeReport, Report};

use crate::unit::Unit;
use builder::Builder;
use projection::Projection;
use strait_component::{Kind, Signal};

impl Projection {
    /// The projection of a unit whose configuration has passed its checks.
    pub(crate) fn of(unit: &Unit) -> Self {
        match build(unit) {
            Ok(projection) => projection,
            Err(reason) => {
                let plan = Plan {
                    filters: true,
                    edits: true,
                    reason,
                    ..Plan::default()
                };
                Self {
                    plan,
                    ..Self::default()
                }
            }
        }
    }
}

/// The error says why the unit takes whole batches only.
fn build(unit: &Unit) -> Result<Projection, String> {
    if unit.entry().map(|entry| entry.signal) != Some(Signal::Logs) {
        return Err("only logs are sent in part".into());
    }
    if unit.kind != Kind::Processor {
        return Err(format!(
            "its member is {}, which sends no batch back",
            unit.kind
        ));
    }
    if unit.exits().next().is_none() {
        return Err("its last member is exporter, which sends no batch back".into());
    }
    if !unit.topology.is_chain() {
        return Err("the unit is a graph".into());
    }
    let mut builder = Builder::default();
    for node in &unit.topology.nodes {
        builder
            .node(node)
            .map_err(|reason| format!("{}: {reason}", node.name))?;
    }
    builder.finish()
}

impl Plan {
    /// The plan of a unit whose configuration has passed its checks.
    #[must_use]
    pub fn of(unit: &Unit) -> Self {
        Projection::of(unit).plan
    }
}

#[cfg(test)]
mod tests;
