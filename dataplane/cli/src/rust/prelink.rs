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

/// How it is made: programs with their arguments. The first also gets the library.
const STEPS: [(&str, &[&str]); 3] = [
    // Everything is taken in, then what nothing reaches is dropped again.
    (
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
    ),
    // ld leaves the undefined symbols of what it dropped, and makes strong ones of weak ones:
    // another Rust library in the program would lack functions of a newer C library, which std
    // looks for.
    (
        "objcopy",
        &[
            "--keep-global-symbol=strait_entry",
            "--keep-symbol=strait_entry",
            "--strip-unneeded",
            "--remove-section=.llvmbc",
            "--remove-section=.llvmcmd",
            "reached.o",
            "hidden.o",
        ],
    ),
    (
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
    ),
];

/// What an object was made from; kept beside it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Origin {
    /// Size and modification time of the library: equal means the same file.
    library: (u64, u128),
    /// Content hash of the library.
    content: String,
    /// Hash of how it is linked.
    steps: String,
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
    let mut steps = Hash::default();
    steps.add(MERGE.as_bytes());
    for (program, arguments) in STEPS {
        steps.add(program.as_bytes());
        steps.add(arguments.join(" ").as_bytes());
    }
    let steps = steps.finish();
    let known = known.filter(|known| {
        known.steps == steps && Hash::of_file(object).is_ok_and(|now| now == known.object)
    });
    let stat = fs::metadata(library).map_err(|e| StepError::io("read", library, &e))?;
    let modified = stat
        .modified()
        .ok()
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let place = (stat.len(), modified.map_or(0, |t| t.as_nanos()));
    if let Some(known) = known.as_ref().filter(|known| known.library == place) {
        return Ok(known.object.clone());
    }
    let content = Hash::of_file(library)?;
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
            Hash::of_file(object)?
        }
    };
    let origin = Origin {
        library: place,
        content,
        steps,
        object: made,
    };
    let text = serde_json::to_string(&origin).map_err(|e| StepError::new(e.to_string(), ""))?;
    files::write(&record, text)?;
    Ok(origin.object)
}

fn link(library: &Path, object: &Path, platform: &Platform, ui: &Ui) -> Result<(), StepError> {
    let folder = object.parent().unwrap_or(Path::new(".")).join("prelink");
    fs::create_dir_all(&folder).map_err(|e| StepError::io("make", &folder, &e))?;
    files::write(&folder.join("merge.ld"), MERGE)?;
    for (i, (program, arguments)) in STEPS.iter().enumerate() {
        let mut command = Command::new(platform.binutil(program));
        command.current_dir(&folder).args(*arguments);
        if i == 0 {
            command.arg(library);
        }
        let step = format!("prelinking the Rust side ({program})");
        process::output(&mut command, &step, ui)?;
    }
    fs::rename(folder.join("merged.o"), object).map_err(|e| StepError::io("write", object, &e))?;
    fs::remove_dir_all(&folder).map_err(|e| StepError::io("remove", &folder, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Level;

    /// Runs a program in `folder` and gives what it printed.
    fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program)
            .current_dir(folder)
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.status.success(), "{program}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    // Guarantees: of what is not reached no symbol is left, and what was weak is weak.
    #[test]
    fn an_object_asks_for_what_it_uses() {
        let folder = tempfile::tempdir().unwrap();
        let source = "extern int used(void) __attribute__((weak));\n\
                      extern int unused(void) __attribute__((weak));\n\
                      int other(void) { return 3; }\n\
                      int strait_entry(void) { return used ? used() + other() : 0; }\n\
                      int unreached(void) { return unused ? unused() : 1; }\n";
        files::write(&folder.path().join("a.c"), source).unwrap();
        let flags = ["-c", "-O0", "-ffunction-sections", "a.c"];
        run(folder.path(), "gcc", &flags);
        run(folder.path(), "ar", &["rc", "liba.a", "a.o"]);
        let object = folder.path().join("a.syso");
        link(
            &folder.path().join("liba.a"),
            &object,
            &Platform::machine(),
            &Ui::new(Level::Quiet),
        )
        .unwrap();
        let symbols = run(folder.path(), "nm", &["-g", "a.syso"]);
        let symbols: Vec<Vec<&str>> = symbols
            .lines()
            .map(|line| line.split_whitespace().rev().take(2).collect())
            .collect();
        assert_eq!(symbols, [["strait_entry", "T"], ["used", "w"]]);
    }
}
