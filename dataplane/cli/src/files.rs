//! Files that a build writes, compares and links.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::error::StepError;

/// Folders that are no source of anything.
const NOT_SOURCES: [&str; 2] = ["target", ".git"];

/// Writes `content` unless the file holds it already, so that nothing
/// downstream takes it for changed. Never leaves half a file.
///
/// # Errors
/// The folder or the file cannot be written.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), StepError> {
    let content = content.as_ref();
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let failed = |e: io::Error| StepError::io("write", path, &e);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut name = path.file_name().unwrap_or(OsStr::new("file")).to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    fs::write(&part, content).map_err(failed)?;
    fs::rename(&part, path).map_err(failed)
}

/// Reads a text file.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub fn read(path: &Path) -> Result<String, StepError> {
    fs::read_to_string(path).map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => {
            StepError::new(format!("{} is no text in UTF-8", path.display()), "")
        }
        _ => StepError::io("read", path, &e),
    })
}

/// Makes `link` a symbolic link to `target`, replacing another link.
///
/// # Errors
/// The link cannot be made; a file or folder in its place is never removed.
pub fn link(target: &Path, link: &Path) -> Result<(), StepError> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    let failed = |e: io::Error| StepError::io("make the link", link, &e);
    if let Some(folder) = link.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    if fs::symlink_metadata(link).is_ok_and(|m| m.is_symlink()) {
        fs::remove_file(link).map_err(failed)?;
    }
    std::os::unix::fs::symlink(target, link).map_err(failed)
}

/// The path as it is, made absolute, links resolved where it exists.
///
/// # Errors
/// The working directory is gone.
pub fn absolute(path: &Path) -> Result<PathBuf, StepError> {
    if let Ok(real) = fs::canonicalize(path) {
        return Ok(real);
    }
    let full = std::path::absolute(path).map_err(|e| StepError::io("resolve", path, &e))?;
    // What exists of it may still go through links.
    let mut rest = Vec::new();
    let mut base = full.as_path();
    while let (Some(parent), Some(name)) = (base.parent(), base.file_name()) {
        rest.push(name.to_owned());
        base = parent;
        if let Ok(real) = fs::canonicalize(base) {
            return Ok(rest.iter().rev().fold(real, |path, name| path.join(name)));
        }
    }
    Ok(full)
}

/// The way from the folder `from` to `to`; both absolute.
#[must_use]
pub fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<Component<'_>>, Vec<_>) =
        (from.components().collect(), to.components().collect());
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut way = PathBuf::new();
    for _ in shared..from.len() {
        way.push("..");
    }
    way.extend(&to[shared..]);
    if way.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        way
    }
}

/// A running content hash.
#[derive(Debug, Default)]
pub struct Hash(Sha256);

impl Hash {
    /// Adds a part; its length is hashed too, so parts cannot run together.
    pub fn add(&mut self, part: impl AsRef<[u8]>) {
        let part = part.as_ref();
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// Adds the names and contents of all files below `folder`.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), StepError> {
        for file in sources(folder)? {
            self.add(
                file.strip_prefix(folder)
                    .unwrap_or(&file)
                    .as_os_str()
                    .as_encoded_bytes(),
            );
            self.add(fs::read(&file).map_err(|e| StepError::io("read", &file, &e))?);
        }
        Ok(())
    }

    /// Adds a file's content, read in pieces.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn add_file(&mut self, path: &Path) -> Result<(), StepError> {
        let failed = |e: io::Error| StepError::io("read", path, &e);
        let mut file = fs::File::open(path).map_err(failed)?;
        io::copy(&mut file, &mut Sink(&mut self.0)).map_err(failed)?;
        Ok(())
    }

    /// The SHA-256 of a file, as other tools compute it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn of_file(path: &Path) -> Result<String, StepError> {
        let mut hash = Self::default();
        hash.add_file(path)?;
        Ok(hash.finish())
    }

    /// The hash in hexadecimal.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

struct Sink<'a>(&'a mut Sha256);

impl io::Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All files below `folder` in order, without build output; links to files
/// and folders directly below it are followed.
///
/// # Errors
/// A folder cannot be read.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>, StepError> {
    let mut files = Vec::new();
    let mut folders = vec![(folder.to_owned(), true)];
    while let Some((folder, top)) = folders.pop() {
        let failed = |e: io::Error| StepError::io("read", &folder, &e);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed)?;
            let is_folder = kind.is_dir() || (top && kind.is_symlink() && path.is_dir());
            if is_folder {
                if !NOT_SOURCES.iter().any(|name| entry.file_name() == *name) {
                    folders.push((path, false));
                }
            } else if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_lead_there() {
        for (from, to, way) in [
            ("/a/b", "/a/c/d", "../c/d"),
            ("/a", "/a/b", "b"),
            ("/a/b/c", "/a", "../.."),
            ("/a", "/a", "."),
        ] {
            assert_eq!(relative(Path::new(from), Path::new(to)), Path::new(way));
        }
    }

    #[test]
    fn an_equal_file_is_not_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x/y");
        write(&file, "1").unwrap();
        let inode = |p: &Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(p).unwrap());
        let first = inode(&file);
        write(&file, "1").unwrap();
        assert_eq!(inode(&file), first);
        write(&file, "2").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "2");
    }

    #[test]
    fn a_link_never_replaces_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        fs::create_dir(&place).unwrap();
        assert!(link(Path::new("/nowhere"), &place).is_err());
        fs::remove_dir(&place).unwrap();
        link(Path::new("/nowhere"), &place).unwrap();
        link(Path::new("/elsewhere"), &place).unwrap();
        assert_eq!(fs::read_link(&place).unwrap(), Path::new("/elsewhere"));
    }

    #[test]
    fn the_hash_sees_names_and_contents() {
        let hash = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            for (name, content) in files {
                write(&dir.path().join(name), content).unwrap();
            }
            let mut hash = Hash::default();
            hash.add_folder(dir.path()).unwrap();
            hash.finish()
        };
        assert_eq!(
            hash(&[("a", "1"), ("b/c", "2")]),
            hash(&[("b/c", "2"), ("a", "1"), ("target/x", "3")])
        );
        assert_ne!(hash(&[("a", "1")]), hash(&[("b", "1")]));
        assert_ne!(hash(&[("a", "1")]), hash(&[("a", "2")]));
    }
}
