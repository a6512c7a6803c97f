//! A place in a file that may be renamed, cut, or gone when somebody comes back to it.
//!
//! A file is known by device, inode and its first bytes: an inode may be another file's later. A
//! place is found again where that file is still in its folder, under its own name or one that
//! begins with it (as `log.1` does with `log`), with at least what was read of it.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Most bytes by which a file is known.
const HEAD: u64 = 256;

/// Device and inode.
pub(crate) type Identity = (u64, u64);

pub(crate) fn identity(metadata: &Metadata) -> Identity {
    (metadata.dev(), metadata.ino())
}

/// See the module's documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The name of the file when it was followed.
    path: PathBuf,
    identity: Identity,
    /// Its first bytes, of those that were read.
    head: Vec<u8>,
    pub(crate) position: u64,
}

impl Place {
    /// A place in an open file.
    pub(crate) fn of(
        path: &Path,
        file: &File,
        identity: Identity,
        position: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity,
            head: head(file, position)?,
            position,
        })
    }

    /// Whether the place is in this file.
    fn is_in(&self, file: &File) -> io::Result<bool> {
        let metadata = file.metadata()?;
        Ok(identity(&metadata) == self.identity
            && metadata.len() >= self.position
            && head(file, self.position)? == self.head)
    }
}

/// The first bytes of a file, of those before a position.
fn head(file: &File, position: u64) -> io::Result<Vec<u8>> {
    let mut head = vec![0; position.min(HEAD) as usize];
    match file.read_exact_at(&mut head, 0) {
        Ok(()) => Ok(head),
        // It was cut: then it is another file.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The file that a place is in, and those that were written after it under its name; the one that
/// has the name now is left out, unless the place is in it. None where the place is in no file.
pub(crate) fn successors(path: &Path, place: &Place) -> io::Result<VecDeque<File>> {
    let none = Ok(VecDeque::new());
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return none;
    };
    if place.path != path {
        return none;
    }
    match File::open(path) {
        Ok(file) if place.is_in(&file)? => return Ok(VecDeque::from([file])),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut renamed = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name();
        let begins = other
            .as_encoded_bytes()
            .starts_with(name.as_encoded_bytes());
        if begins && other != name && entry.file_type()?.is_file() && !is_packed(&entry.path()) {
            let file = File::open(entry.path())?;
            renamed.push((file.metadata()?.modified()?, file));
        }
    }
    renamed.sort_by_key(|(modified, _)| *modified);
    let mut found = VecDeque::new();
    for (_, file) in renamed {
        if !found.is_empty() || place.is_in(&file)? {
            found.push_back(file);
        }
    }
    Ok(found)
}

/// Whether a file's lines cannot be read, because a rotation has compressed it.
fn is_packed(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["gz", "bz2", "xz", "zst"]
        .iter()
        .any(|packed| extension == *packed)
}
