//! Reading a file that grows, is renamed and made anew, or is cut.
//!
//! Guarantees: a line is given once and whole, those of the old file before those of the new one; a
//! rest without an end is a line when its file has its successor. So also by another follower that
//! goes on from a [`Place`], where the files that were renamed meanwhile are there. Where several
//! lines are one ([`Cut`]), what nothing has followed for [`QUIET`] is whole. Memory is bounded by
//! the longest line. It blocks for reads of local files only.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use regex::bytes::Regex;

use crate::cut::Cut;
use crate::place::{Identity, Place, identity, successors};

/// How long the lines of one log may keep it waiting for each other.
const QUIET: Duration = Duration::from_millis(500);
const CHUNK: usize = 64 << 10;

pub(crate) struct Follower {
    path: PathBuf,
    file: Option<Open>,
    /// Files that come before the one of this name: it had their content when it was left.
    before: VecDeque<File>,
    /// What was read, and is not a line yet.
    rest: Vec<u8>,
    cut: Cut,
    /// Since when nothing has followed the rest.
    quiet: Option<Instant>,
    /// The end of the file that was read last, where none is open.
    left: Option<Place>,
}

struct Open {
    file: File,
    /// The file's name may become another one's.
    identity: Identity,
    position: u64,
}

impl Follower {
    /// Follows the file of this name. With a pattern a line that it finds begins what the lines
    /// behind it belong to.
    pub(crate) fn new(path: impl Into<PathBuf>, start: Option<Regex>) -> Self {
        Self {
            path: path.into(),
            file: None,
            before: VecDeque::new(),
            rest: Vec::new(),
            cut: Cut::at(start),
            quiet: None,
            left: None,
        }
    }

    /// Goes on from where another follower was. Answers whether it finds the file that the place is
    /// in; if not, it begins with the one of its name.
    pub(crate) fn go_on(&mut self, place: &Place) -> io::Result<bool> {
        self.before = successors(&self.path, place)?;
        let Some(file) = self.before.pop_front() else {
            return Ok(false);
        };
        self.enter(file)?;
        if let Some(open) = &mut self.file {
            open.position = open.file.seek(SeekFrom::Start(place.position))?;
        }
        Ok(true)
    }

    /// The place behind the last line that was given; `None` where no file was there yet.
    pub(crate) fn place(&self) -> io::Result<Option<Place>> {
        let Some(open) = &self.file else {
            return Ok(self.left.clone());
        };
        let given = open.position - self.rest.len() as u64;
        Place::of(&self.path, &open.file, open.identity, given).map(Some)
    }

    /// Leaves out what is in the file now.
    pub(crate) fn skip(&mut self) -> io::Result<()> {
        if self.open()?
            && let Some(open) = &mut self.file
        {
            open.position = open.file.seek(SeekFrom::End(0))?;
        }
        Ok(())
    }

    /// The next lines, without their ends: at most `most`, and none where nothing has come.
    pub(crate) fn lines(&mut self, most: usize) -> io::Result<Vec<Vec<u8>>> {
        let mut lines = Vec::new();
        while lines.len() < most {
            if let Some(line) = self.cut.next(&mut self.rest) {
                lines.push(line);
            } else if self.open()? && !self.read()? {
                match self.ended()? {
                    Ended::Not => {
                        lines.extend(self.overdue());
                        break;
                    }
                    Ended::Grew => {}
                    Ended::Old => lines.extend(self.last()?),
                }
            } else if self.file.is_none() {
                break;
            }
        }
        Ok(lines)
    }

    /// Opens the file, unless it is open. Answers whether it is.
    fn open(&mut self) -> io::Result<bool> {
        if self.file.is_some() {
            return Ok(true);
        }
        if let Some(file) = self.before.pop_front() {
            self.enter(file)?;
            return Ok(true);
        }
        match File::open(&self.path) {
            Ok(file) => self.enter(file)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Makes a file the one that is read.
    fn enter(&mut self, file: File) -> io::Result<()> {
        let identity = identity(&file.metadata()?);
        self.file = Some(Open {
            file,
            identity,
            position: 0,
        });
        Ok(())
    }

    /// Reads on. Answers whether there was something.
    fn read(&mut self) -> io::Result<bool> {
        let Some(open) = &mut self.file else {
            return Ok(false);
        };
        let read = (&open.file)
            .take(CHUNK as u64)
            .read_to_end(&mut self.rest)?;
        open.position += read as u64;
        if read > 0 {
            self.quiet = None;
        }
        Ok(read > 0)
    }

    /// The lines that nothing has followed for long enough.
    fn overdue(&mut self) -> Option<Vec<u8>> {
        let quiet = self.quiet.get_or_insert_with(Instant::now);
        if quiet.elapsed() < QUIET {
            return None;
        }
        self.cut.rest(&mut self.rest)
    }

    /// What follows the end of the file that is open.
    fn ended(&mut self) -> io::Result<Ended> {
        let Some(open) = &mut self.file else {
            return Ok(Ended::Not);
        };
        let named = match fs::metadata(&self.path) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let has_successor = match &named {
            Some(named) => identity(named) != open.identity,
            // Renamed, and none is there yet: its writer may go on.
            None => !self.before.is_empty(),
        };
        if has_successor {
            // Something may have come between the read and the look.
            return Ok(if self.read()? {
                Ended::Grew
            } else {
                Ended::Old
            });
        }
        if named.is_some_and(|named| named.len() < open.position) {
            return Ok(Ended::Old);
        }
        Ok(Ended::Not)
    }

    /// Leaves the file; its rest, where there is one, is its last line.
    fn last(&mut self) -> io::Result<Option<Vec<u8>>> {
        let last = self.cut.last(&mut self.rest);
        self.left = self.place()?;
        self.file = None;
        Ok(last)
    }
}

/// What follows the end of a file.
enum Ended {
    /// Nothing: it is to be looked at again.
    Not,
    /// More of it.
    Grew,
    /// Another file of its name, or its own new beginning.
    Old,
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write as _;
    use std::path::Path;

    use super::*;

    fn append(path: &Path, text: &[u8]) {
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(path).unwrap();
        file.write_all(text).unwrap();
    }

    fn texts(follower: &mut Follower) -> Vec<String> {
        let lines = follower.lines(100).unwrap();
        let texts = lines.into_iter().map(String::from_utf8);
        texts.map(Result::unwrap).collect()
    }

    // Guarantees: lines come when they are whole, in order, whatever their ends are; a file that is
    // not there is waited for.
    #[test]
    fn lines_come_when_they_are_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut follower = Follower::new(&path, None);
        assert!(texts(&mut follower).is_empty());
        append(&path, b"one\ntwo\r\nthr");
        assert_eq!(texts(&mut follower), ["one", "two"]);
        append(&path, b"ee\n\n");
        assert_eq!(texts(&mut follower), ["three", ""]);
    }

    // Guarantees: after a rename the old file is read to its end, then the new one from its
    // beginning; nothing is read twice.
    #[test]
    fn a_renamed_file_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let old = folder.path().join("log.1");
        let mut follower = Follower::new(&path, None);
        append(&path, b"one\n");
        assert_eq!(texts(&mut follower), ["one"]);
        fs::rename(&path, &old).unwrap();
        append(&old, b"two\n");
        assert_eq!(texts(&mut follower), ["two"]);
        append(&old, b"three\nrest");
        append(&path, b"four\n");
        assert_eq!(texts(&mut follower), ["three", "rest", "four"]);
        append(&path, b"five\n");
        assert_eq!(texts(&mut follower), ["five"]);
    }

    // Guarantees: a file that was cut is read from its beginning.
    #[test]
    fn a_cut_file_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut follower = Follower::new(&path, None);
        append(&path, b"a long line\n");
        assert_eq!(texts(&mut follower), ["a long line"]);
        fs::write(&path, b"new\n").unwrap();
        assert_eq!(texts(&mut follower), ["new"]);
    }

    // Guarantees: what is skipped is not read, and the limit of a batch loses nothing.
    #[test]
    fn skipped_lines_and_limits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        append(&path, b"old\n");
        let mut follower = Follower::new(&path, None);
        follower.skip().unwrap();
        append(&path, b"one\ntwo\nthree\n");
        assert_eq!(follower.lines(2).unwrap().len(), 2);
        assert_eq!(texts(&mut follower), ["three"]);
    }

    // Guarantees: lines that belong together are one; the last of them too, when nothing has
    // followed for a while, or its file has its successor.
    #[test]
    fn lines_that_belong_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut follower = Follower::new(&path, Some(Regex::new("^at ").unwrap()));
        append(&path, b"at 1\n  a\nat 2\n  b\n");
        assert_eq!(texts(&mut follower), ["at 1\n  a"]);
        let place = follower.place().unwrap();
        assert_eq!(texts(&mut goes_on(&path, place)), ["at 2", "  b"]);
        std::thread::sleep(QUIET);
        assert_eq!(texts(&mut follower), ["at 2\n  b"]);
        append(&path, b"at 3\n  c\n");
        fs::rename(&path, folder.path().join("log.1")).unwrap();
        append(&path, b"at 4\n");
        assert_eq!(texts(&mut follower), ["at 3\n  c"]);
    }

    fn goes_on(path: &Path, place: Option<Place>) -> Follower {
        let mut follower = Follower::new(path, None);
        let kept = serde_json::to_vec(&place.unwrap()).unwrap();
        assert!(
            follower
                .go_on(&serde_json::from_slice(&kept).unwrap())
                .unwrap()
        );
        follower
    }

    // Guarantees: a follower goes on behind the last line that the one before gave, whatever it had
    // read beyond.
    #[test]
    fn a_place_is_behind_the_last_line_that_was_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut follower = Follower::new(&path, None);
        assert_eq!(follower.place().unwrap(), None);
        append(&path, b"one\ntwo\nthr");
        assert_eq!(follower.lines(1).unwrap(), [b"one"]);
        let mut next = goes_on(&path, follower.place().unwrap());
        assert_eq!(texts(&mut next), ["two"]);
        append(&path, b"ee\n");
        let mut last = goes_on(&path, next.place().unwrap());
        assert_eq!(texts(&mut last), ["three"]);
    }

    // Guarantees: files that were renamed meanwhile are read from the place on, each once, in the
    // order in which they were written, and other files not at all.
    #[test]
    fn a_place_in_a_renamed_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let at = |name: &str| folder.path().join(name);
        let mut follower = Follower::new(&path, None);
        append(&path, b"one\n");
        assert_eq!(texts(&mut follower), ["one"]);
        append(&path, b"two\n");
        append(&at("other"), b"not ours\n");
        let old = |path: &Path, seconds| {
            let file = File::options().append(true).open(path).unwrap();
            let time = std::time::SystemTime::now() - std::time::Duration::from_secs(seconds);
            file.set_modified(time).unwrap();
        };
        append(&at("log.9"), b"older\n");
        old(&at("log.9"), 60);
        fs::rename(&path, at("log.2")).unwrap();
        old(&at("log.2"), 40);
        append(&at("log.1"), b"three\n");
        old(&at("log.1"), 20);
        append(&path, b"four\n");
        let mut next = goes_on(&path, follower.place().unwrap());
        assert_eq!(next.lines(1).unwrap(), [b"two"]);
        let mut last = goes_on(&path, next.place().unwrap());
        assert_eq!(texts(&mut last), ["three", "four"]);
    }

    // Guarantees: a file that was cut meanwhile, and another that has its inode, begin anew.
    #[test]
    fn a_place_in_a_file_that_is_another_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut follower = Follower::new(&path, None);
        append(&path, b"one\ntwo\n");
        assert_eq!(texts(&mut follower).len(), 2);
        let place = follower.place().unwrap().unwrap();
        for content in ["new\n", "as long as before\n"] {
            fs::write(&path, content).unwrap();
            let mut next = Follower::new(&path, None);
            assert!(!next.go_on(&place).unwrap());
            assert_eq!(texts(&mut next), [content.trim_end()]);
        }
    }
}
