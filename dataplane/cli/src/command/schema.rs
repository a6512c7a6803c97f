//! `strait schema`

use std::process::ExitCode;

use super::build::{request, ui};
use super::print;
use crate::args::Schema;
use crate::build::{self, Request};
use crate::builder_file::Kind;
use crate::error::{Error, StepError};
use crate::rust::describe::{self, Described};
use crate::schema;
use crate::ui::Ui;

/// Prints what a component's configuration is, or all of them.
///
/// # Errors
/// Findings in the builder file, a type that is not in it, or a component that does not compile.
pub fn run(args: Schema) -> Result<ExitCode, Error> {
    let ui = ui(&args.options);
    let request = request(args.options);
    let name = args.name.as_deref();
    let file = build::read(&request)?;
    let otap = schema::otap::described(&file)?;
    let is_otap = |name| otap.iter().any(|otap| schema::is(otap, name));
    let all_is_otap = !otap.is_empty() && file.rust_entries().next().is_none();
    let all = if all_is_otap || name.is_some_and(is_otap) {
        otap
    } else {
        asked(name, &request, otap, &ui)?
    };
    known(all.iter().map(Described::name), name)?;
    let chosen = all.iter().filter(|c| name.is_none_or(|n| schema::is(c, n)));
    let chosen: Vec<_> = chosen.collect();
    let text = match (args.markdown, name.is_some()) {
        (true, _) => chosen.iter().map(|c| schema::page(c)).collect(),
        (false, true) => chosen.iter().map(|c| schema::of_one(c)).collect(),
        (false, false) => schema::of_all(&chosen),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// What `otap`, of each kind, and the crates of the builder file say of themselves.
fn asked(
    name: Option<&str>,
    request: &Request,
    otap: Vec<Described>,
    ui: &Ui,
) -> Result<Vec<Described>, Error> {
    let workspace = build::workspace(request, ui)?;
    let components = workspace.components.iter();
    let names = components.map(|c| (c.component.kind, c.component.type_name.as_str()));
    // Before minutes of compiling.
    known(names.chain(otap.iter().map(Described::name)), name)?;
    let described = describe::describe(&workspace, request.offline, ui)?;
    Ok(otap.into_iter().chain(described).collect())
}

fn known<'a>(
    names: impl Iterator<Item = (Kind, &'a str)>,
    name: Option<&str>,
) -> Result<(), StepError> {
    name.map_or(Ok(()), |name| schema::check(names, name))
}
