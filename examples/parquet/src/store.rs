//! Files that are there whole, or not at all.
//!
//! A file is written in a folder beside the others, `.unfinished`, made durable, and then renamed
//! to its place: readers see a complete file or none, and after a crash what is in its place is
//! complete. What a crash leaves in `.unfinished` the next instance removes. Each instance has a
//! folder of its own there, whose lock the system releases with the process, so none removes what
//! another one still writes.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Its first letter hides it from some that read the folder as a data set (Arrow, Spark), and the
/// names of the files in it from others (DuckDB), which take all that end in `.parquet`.
const UNFINISHED: &str = ".unfinished";
const LOCK: &str = "lock";

/// One instance's way into a folder.
#[derive(Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    unfinished: PathBuf,
    /// What no other instance has: the names of its files begin so.
    name: String,
    files: u64,
    /// Locked as long as the instance lives.
    _lock: File,
}

impl Store {
    /// Opens the folder, and removes what instances that are gone have left unfinished.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        let all = folder.join(UNFINISHED);
        let missing = folder.ancestors().take_while(|above| !above.exists());
        let missing = missing.count();
        fs::create_dir_all(&all)?;
        for made in folder.ancestors().take(missing) {
            sync_entries(made.parent().unwrap_or(made))?;
        }
        clean(&all)?;
        let name = unique();
        let unfinished = all.join(&name);
        fs::create_dir(&unfinished)?;
        let lock = File::create(unfinished.join(LOCK))?;
        lock.lock()?;
        Ok(Self {
            folder: folder.to_owned(),
            unfinished,
            name,
            files: 0,
            _lock: lock,
        })
    }

    /// A new file for the folder `partition` below this one. It is not there until it is committed.
    pub(crate) fn create(&mut self, partition: &Path) -> io::Result<(File, Unfinished)> {
        let name = format!("{}-{}.parquet", self.name, self.files);
        self.files += 1;
        let path = self.unfinished.join(format!("{name}.part"));
        let file = File::create_new(&path)?;
        let place = self.folder.join(partition).join(name);
        Ok((file, Unfinished { path, place }))
    }

    /// Puts files in their places, all or none, and makes that durable.
    pub(crate) fn commit(&self, files: Vec<Unfinished>) -> io::Result<()> {
        let mut placed = Placed::default();
        let mut folders = BTreeSet::new();
        for file in &files {
            let folder = file.place.parent().unwrap_or(&self.folder);
            fs::create_dir_all(folder)?;
            fs::rename(&file.path, &file.place)?;
            placed.0.push(file.place.clone());
            let within = folder.ancestors();
            folders.extend(within.take_while(|above| above.starts_with(&self.folder)));
        }
        // The entry of a file is its folder's, the entry of that the folder's above it.
        folders.into_iter().try_for_each(sync_entries)?;
        placed.0.clear();
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What cannot be removed now is what a crash leaves: the next instance's to remove.
        let _ = fs::remove_dir_all(&self.unfinished);
    }
}

/// A file that is not in its place yet. Dropped, it is removed.
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    place: PathBuf,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // It is gone where it was committed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Files that are in their places, and are taken back unless all are.
#[derive(Default)]
struct Placed(Vec<PathBuf>);

impl Drop for Placed {
    fn drop(&mut self) {
        for place in &self.0 {
            let _ = fs::remove_file(place);
        }
    }
}

/// Makes durable which entries a folder has.
fn sync_entries(folder: &Path) -> io::Result<()> {
    let here = folder.as_os_str().is_empty();
    File::open(if here { Path::new(".") } else { folder })?.sync_all()
}

/// Removes the folders of instances that are gone.
fn clean(all: &Path) -> io::Result<()> {
    for entry in fs::read_dir(all)? {
        let left = entry?.path();
        match File::open(left.join(LOCK)).map(|lock| lock.try_lock()) {
            Ok(Err(TryLockError::WouldBlock)) => continue,
            Ok(Err(TryLockError::Error(error))) => return Err(error),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            // Nobody's: an instance that is about to take it finds it gone, and opens anew.
            Ok(Ok(())) | Err(_) => match fs::remove_dir_all(&left) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => tracing::info!(folder = %left.display(), "removed what was left unfinished"),
            },
        }
    }
    Ok(())
}

/// A name that no other instance has, of this process, another one, or one before.
fn unique() -> String {
    static INSTANCES: AtomicU64 = AtomicU64::new(0);
    let instance = INSTANCES.fetch_add(1, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_nanos();
    format!("{now}-{}-{instance}", process::id())
}
