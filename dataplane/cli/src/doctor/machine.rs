//! The kernel, what the machine has to offer, and the caches.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Check, Need, Status};
use crate::builder_file::BuilderFile;
use crate::cache;
use crate::error::StepError;
use crate::golang::ocb;
use crate::rust::estimate::Estimate;

const KERNEL: &str = "kernel";
const MACHINE: &str = "machine";
const CACHES: &str = "caches";

/// Free space that a first build needs, as measured: the target folder grows
/// to 2 GB, Go's caches to less than one.
const COLD_BUILD: u64 = 3 << 30;

/// Descriptors that a lane of a Rust component holds (docs/decisions/0008).
const FILES_OF_LANE: u64 = 16;
/// Descriptors that the rest of a Collector may well need: files, connections, Go's own.
const OTHER_FILES: u64 = 256;
/// Pipelines that a Rust component may well stand in, with a lane in each.
const PIPELINES: u64 = 10;
/// Rust components of a Collector whose builder file is not known.
const COMPONENTS: u64 = 3;

/// Tries what the rings are made of.
#[cfg(target_os = "linux")]
pub(super) fn check_kernel() -> Vec<Check> {
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    use rustix::process::{PidfdFlags, getpid, pidfd_open};

    let seals = SealFlags::FUTURE_WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let sealed = memfd_create("strait-doctor", flags).and_then(|fd| fcntl_add_seals(&fd, seals));
    let hardened = memfd_create("strait-doctor", flags | MemfdFlags::NOEXEC_SEAL);
    let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    let watched = pidfd_open(getpid(), PidfdFlags::empty());
    let needed = |name: &str, tried: Result<(), rustix::io::Errno>, since: &str| {
        match tried {
            Ok(()) => Check::new(KERNEL, name, Status::Ok, "works"),
            Err(e) => {
                Check::new(KERNEL, name, Status::Missing, e.to_string()).advise(refused(e, since))
            }
        }
        .needed_for(Need::Rust)
    };
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    vec![
        Check::info(KERNEL, "release", release.trim()),
        needed("sealed memfd", sealed, "5.1"),
        needed("eventfd", bell.map(drop), "2.6.30"),
        needed("pidfd", watched.map(drop), "5.3"),
        match hardened {
            Ok(_) => Check::new(KERNEL, "MFD_NOEXEC_SEAL", Status::Ok, "works"),
            Err(e) => Check::new(KERNEL, "MFD_NOEXEC_SEAL", Status::Absent, e.to_string())
                .advise("rings work without it; Linux has it since 6.3"),
        },
    ]
}

/// What to do about a call that the rings need and the system refuses.
#[cfg(target_os = "linux")]
fn refused(errno: rustix::io::Errno, since: &str) -> String {
    use rustix::io::Errno;
    match errno {
        Errno::PERM | Errno::ACCESS | Errno::NOSYS => format!(
            "Linux has it since {since}; a sandbox may refuse it: allow memfd_create, ftruncate, \
             fcntl, fallocate, mmap, madvise, eventfd2, socketpair and pidfd_open in the seccomp \
             or security profile of the process or container"
        ),
        Errno::MFILE => "this process may open no more files: raise `ulimit -n`".to_owned(),
        Errno::NFILE => "no process may open more files: raise the sysctl fs.file-max".to_owned(),
        _ => format!("Linux has it since {since}"),
    }
}

/// Rings are Linux's.
#[cfg(not(target_os = "linux"))]
pub(super) fn check_kernel() -> Vec<Check> {
    let missing = Check::new(KERNEL, "Linux", Status::Missing, std::env::consts::OS);
    vec![
        missing
            .needed_for(Need::Rust)
            .advise("Rust components run on Linux only"),
    ]
}

/// Whether a process may open as many files as the Rust components of `file` will, or a few where
/// there is none.
fn check_files(limit: Option<u64>, file: Option<&BuilderFile>) -> Check {
    const NAME: &str = "open files";
    let Some(limit) = limit else {
        return Check::info(MACHINE, NAME, "unlimited");
    };
    let components = file.map_or(COMPONENTS, |file| file.count_in_rust() as u64);
    let lanes = components * PIPELINES;
    let needed = OTHER_FILES + lanes * FILES_OF_LANE;
    let room = limit.saturating_sub(OTHER_FILES) / FILES_OF_LANE;
    let found = format!("{limit}, room for {room} lanes of Rust components");
    if limit >= needed {
        return Check::info(MACHINE, NAME, found);
    }
    let advice = format!(
        "a lane holds {FILES_OF_LANE}; {components} Rust components in {PIPELINES} pipelines each \
         need {needed} with the rest: `ulimit -n {needed}`, or LimitNOFILE of the service"
    );
    Check::new(MACHINE, NAME, Status::Warning, found).advise(advice)
}

/// Processors, memory, limits, disk.
pub(super) fn check_resources(file: Option<&BuilderFile>) -> Result<Vec<Check>, StepError> {
    use rustix::process::{Resource, getrlimit};

    let processors = std::thread::available_parallelism()
        .map_or_else(|_| "unknown".to_owned(), |n| n.to_string());
    let limit = |resource| getrlimit(resource).current;
    let mut checks = vec![Check::info(MACHINE, "processors", processors)];
    checks.extend(memory().map(|text| Check::info(MACHINE, "memory", text)));
    checks.push(check_files(limit(Resource::Nofile), file));
    #[cfg(target_os = "linux")]
    {
        let locked = limit(Resource::Memlock).map_or_else(|| "unlimited".to_owned(), bytes);
        checks.push(Check::info(
            MACHINE,
            "locked memory",
            format!("{locked} (rings lock none)"),
        ));
    }
    let target = cache::target_folder()?;
    checks.extend(free_space(&target).map(|free| {
        let found = format!("{} free for {}", bytes(free), target.display());
        if free < COLD_BUILD {
            let advice = format!(
                "a first build takes about {}; CARGO_TARGET_DIR chooses another place",
                bytes(COLD_BUILD)
            );
            Check::new(MACHINE, "disk", Status::Warning, found).advise(advice)
        } else {
            Check::new(MACHINE, "disk", Status::Ok, found)
        }
    }));
    Ok(checks)
}

/// What earlier builds have left, and what the first one costs.
pub(super) fn check_caches() -> Result<Vec<Check>, StepError> {
    let (cache, target) = (cache::folder()?, cache::target_folder()?);
    let estimate = Estimate::read(&target)?;
    let size = folder_size(&target);
    let ocb = ocb::place()?;
    let installed = if ocb.is_file() {
        ocb.display().to_string()
    } else {
        "not yet; a build installs it".to_owned()
    };
    let engine = if estimate.cold {
        format!("not yet; the first build takes {}", estimate.text)
    } else {
        "compiled".to_owned()
    };
    Ok(vec![
        Check::info(CACHES, "folder", cache.display().to_string()),
        Check::info(
            CACHES,
            "target folder",
            format!("{}, {}", target.display(), bytes(size)),
        ),
        Check::info(CACHES, "engine", engine),
        Check::info(CACHES, "ocb", installed),
    ])
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib = |key: &str| -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (total, free) = (kib("MemTotal:")?, kib("MemAvailable:")?);
    Some(format!(
        "{}, {} available",
        bytes(total * 1024),
        bytes(free * 1024)
    ))
}

/// Free space where `folder` is, or will be.
fn free_space(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|folder| folder.is_dir())?;
    let disk = rustix::fs::statvfs(there).ok()?;
    Some(disk.f_bavail * disk.f_frsize)
}

/// The size of all files below `folder`; what cannot be read counts nothing.
fn folder_size(folder: &Path) -> u64 {
    let mut size = 0;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(data) if data.is_dir() => folders.push(entry.path()),
                Ok(data) => size += data.len(),
                Err(_) => {}
            }
        }
    }
    size
}

/// A size in the unit people use: `412 MB`, `2.1 GB`.
fn bytes(n: u64) -> String {
    match n {
        0..1_000_000 => format!("{} kB", n / 1000),
        1_000_000..1_000_000_000 => format!("{} MB", n / 1_000_000),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_the_units_of_people() {
        for (n, text) in [
            (0, "0 kB"),
            (8_388_608, "8 MB"),
            (999_999_999, "999 MB"),
            (2_140_000_000, "2.1 GB"),
        ] {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn open_files_are_counted_for_the_components_there_are() {
        let text = "dist: {name: x}\nprocessors:\n  \
                    - {gomod: github.com/strait-data/strait/go v0.1.0, \
                    import: github.com/strait-data/strait/go/otapprocessor}\n  \
                    - cargo: a = \"1\"\n";
        let file = BuilderFile::parse(text, Path::new("b.yaml")).unwrap();
        let check = |limit, file| check_files(limit, file);
        assert_eq!(check(None, None).found, "unlimited");
        assert_eq!(check(Some(1024), None).status, Status::Info);
        assert_eq!(check(Some(576), Some(&file)).status, Status::Info);
        let few = check(Some(575), Some(&file));
        assert_eq!(few.found, "575, room for 19 lanes of Rust components");
        assert!(few.advice.contains("2 Rust components"), "{}", few.advice);
        assert!(few.advice.contains("`ulimit -n 576`"), "{}", few.advice);
        assert_eq!(
            check(Some(3), None).found,
            "3, room for 0 lanes of Rust components"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_sandbox_is_told_what_to_allow() {
        use rustix::io::Errno;
        for errno in [Errno::PERM, Errno::NOSYS] {
            let advice = refused(errno, "5.1");
            assert!(advice.contains("allow memfd_create"), "{advice}");
        }
        assert!(refused(Errno::MFILE, "5.1").contains("ulimit -n"));
    }

    #[test]
    fn space_is_known_before_the_folder_is_there() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_space(&dir.path().join("not/yet")).is_some_and(|free| free > 0));
        fs::create_dir(dir.path().join("x")).unwrap();
        fs::write(dir.path().join("x/y"), [0; 1000]).unwrap();
        assert_eq!(folder_size(dir.path()), 1000);
        assert_eq!(folder_size(&dir.path().join("not/yet")), 0);
    }
}
