//! `strait schema`

use std::process::ExitCode;

use super::build::{request, ui};
use super::print;
use crate::args::Schema;
use crate::build;
use crate::error::Error;
use crate::rust::describe;
use crate::schema;

/// Prints what a component's configuration is, or all of them.
///
/// # Errors
/// Findings in the builder file, a type that is not in it, or a component that does not compile.
pub fn run(args: Schema) -> Result<ExitCode, Error> {
    let ui = ui(&args.options);
    let request = request(args.options);
    let workspace = build::workspace(&request, &ui)?;
    if let Some(name) = &args.name {
        // Before minutes of compiling.
        let known = workspace.components.iter();
        let known = known.map(|c| (c.component.kind.as_str(), c.component.type_name.as_str()));
        schema::check(known, name)?;
    }
    let all = describe::describe(&workspace, request.offline, &ui)?;
    let chosen = all
        .iter()
        .filter(|c| args.name.as_ref().is_none_or(|n| schema::is(c, n)));
    let chosen: Vec<_> = chosen.collect();
    let text = match (args.markdown, args.name.is_some()) {
        (true, _) => chosen.iter().map(|c| schema::page(c)).collect(),
        (false, true) => chosen.iter().map(|c| schema::of_one(c)).collect(),
        (false, false) => schema::of_all(&chosen),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}
