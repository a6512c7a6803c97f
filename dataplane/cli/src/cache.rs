//! Where the command keeps what can be made again: ocb, the estimate, and what
//! is compiled.

use std::path::{Path, PathBuf};

use crate::error::StepError;
use crate::files;

/// `$XDG_CACHE_HOME/strait`, by default `~/.cache/strait`.
///
/// # Errors
/// Neither variable is set.
pub fn folder() -> Result<PathBuf, StepError> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .map(|cache| cache.join("strait"))
        .ok_or_else(|| {
            StepError::new(
                "there is no place for a cache",
                "set HOME or XDG_CACHE_HOME",
            )
        })
}

/// `CARGO_TARGET_DIR`, by default `target` in the cache folder.
///
/// # Errors
/// Those of [`folder`].
pub fn target_folder() -> Result<PathBuf, StepError> {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|v| !v.is_empty()) {
        Some(place) => files::absolute(Path::new(&place)),
        None => Ok(folder()?.join("target")),
    }
}
