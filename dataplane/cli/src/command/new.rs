//! `strait new`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::args::New;
use crate::checkout::{Checkout, Place};
use crate::error::Error;
use crate::scaffold::{self, Name};
use crate::ui::{Level, Ui};

/// Makes a new component.
///
/// # Errors
/// A name that cannot be one, or a folder that is not empty or cannot be written.
pub fn run(args: New) -> Result<ExitCode, Error> {
    let name = Name::parse(&args.name)?;
    let checkout = Checkout::find(&Place {
        folder: args.strait_path,
        released: args.released,
    })?;
    let folder = args.path.unwrap_or_else(|| PathBuf::from(name.as_str()));
    scaffold::write(args.kind, &name, &folder, &checkout)?;
    let ui = Ui::new(Level::Normal);
    ui.say(&format!("made {}; next:", folder.display()));
    if folder != Path::new(".") {
        ui.say(&format!("  cd {}", folder.display()));
    }
    ui.say("  cargo test");
    ui.say("  strait test --config builder.yaml");
    ui.say("  strait run --config builder.yaml -- --config otelcol.yaml");
    Ok(ExitCode::SUCCESS)
}
