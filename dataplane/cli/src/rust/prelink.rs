//! The static library as one object file that Go links.
//!
//! Go's `#cgo LDFLAGS` refuses the flags that a Rust library with link-time
//! registrations needs, and `go build` does not notice a changed `.a`; it does
//! notice a `.syso`. So the linking is done before: everything that
//! `strait_entry` and the registrations reach, no debug sections, and no
//! visible symbol but `strait_entry`, so that nothing can clash.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::error::StepError;
use crate::files::{self, Hash};
use crate::platform::Platform;
use crate::process;
use crate::ui::Ui;

/// The only symbol that the object shows.
pub const ENTRY: &str = "strait_entry";

const MERGE: &str = include_str!("merge.ld");

/// What an object was made from; kept beside it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Origin {
    /// Size and modification time of the library: equal means the same file.
    library: (u64, u128),
    /// Content hash of the library and of the linker script.
    content: String,
    /// Content hash of the object.
    object: String,
}

/// Makes `object` from `library` unless it was made from the same content.
/// Returns the object's content hash.
///
/// # Errors
/// A tool fails, or a file cannot be written.
pub fn prelink(
    library: &Path,
    object: &Path,
    platform: &Platform,
    ui: &Ui,
) -> Result<String, StepError> {
    let record = object.with_extension("json");
    let known: Option<Origin> = fs::read(&record)
        .ok()
        .and_then(|text| serde_json::from_slice(&text).ok());
    let known = known.filter(|known| hash(&[], object).is_ok_and(|now| now == known.object));
    let stat = fs::metadata(library).map_err(|e| StepError::io("read", library, &e))?;
    let modified = stat
        .modified()
        .ok()
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let place = (stat.len(), modified.map_or(0, |t| t.as_nanos()));
    if let Some(known) = known.as_ref().filter(|known| known.library == place) {
        return Ok(known.object.clone());
    }
    let content = hash(MERGE.as_bytes(), library)?;
    let made = match known.filter(|known| known.content == content) {
        Some(known) => known.object,
        None => {
            let progress = ui.start("prelinking the Rust side");
            match link(library, object, platform, ui) {
                Ok(()) => progress.done(ui, "one object"),
                Err(e) => {
                    progress.abandon();
                    return Err(e);
                }
            }
            hash(&[], object)?
        }
    };
    let origin = Origin {
        library: place,
        content,
        object: made,
    };
    let text = serde_json::to_string(&origin).map_err(|e| StepError::new(e.to_string(), ""))?;
    files::write(&record, text)?;
    Ok(origin.object)
}

fn hash(first: &[u8], file: &Path) -> Result<String, StepError> {
    let mut hash = Hash::default();
    hash.add(first);
    hash.add_file(file)?;
    Ok(hash.finish())
}

fn link(library: &Path, object: &Path, platform: &Platform, ui: &Ui) -> Result<(), StepError> {
    let folder = object.parent().unwrap_or(Path::new(".")).join("prelink");
    fs::create_dir_all(&folder).map_err(|e| StepError::io("make", &folder, &e))?;
    files::write(&folder.join("merge.ld"), MERGE)?;
    let run = |program: &str, arguments: &[&str], operands: &[&Path]| {
        let mut command = Command::new(platform.binutil(program));
        command.current_dir(&folder).args(arguments).args(operands);
        process::output(
            &mut command,
            &format!("prelinking the Rust side ({program})"),
            ui,
        )
        .map(drop)
    };
    // Everything is taken in, then what nothing reaches is dropped again.
    run(
        "ld",
        &[
            "-r",
            "-S",
            "-x",
            "--gc-sections",
            "-u",
            ENTRY,
            "--whole-archive",
            "-o",
            "reached.o",
        ],
        &[library],
    )?;
    let keep = format!("--keep-global-symbol={ENTRY}");
    run(
        "objcopy",
        &[
            &keep,
            "--remove-section=.llvmbc",
            "--remove-section=.llvmcmd",
            "reached.o",
            "hidden.o",
        ],
        &[],
    )?;
    run(
        "ld",
        &[
            "-r",
            "--force-group-allocation",
            "-T",
            "merge.ld",
            "hidden.o",
            "-o",
            "merged.o",
        ],
        &[],
    )?;
    fs::rename(folder.join("merged.o"), object).map_err(|e| StepError::io("write", object, &e))?;
    fs::remove_dir_all(&folder).map_err(|e| StepError::io("remove", &folder, &e))
}
