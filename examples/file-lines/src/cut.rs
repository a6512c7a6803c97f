//! Where the next line ends in what was read of a file; or, with a pattern, the next lines that are
//! one log: a line that the pattern finds, and those behind it that it does not.
//!
//! It looks at each byte once. A line of more than [`LONGEST`] bytes comes in pieces.

use regex::bytes::Regex;

/// Most bytes of what becomes one log.
pub(crate) const LONGEST: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct Cut {
    /// What the first line of a log has.
    start: Option<Regex>,
    /// How much of what was read was looked at, from its beginning; with a pattern whole lines.
    looked: usize,
}

impl Cut {
    pub(crate) fn at(start: Option<Regex>) -> Self {
        Self { start, looked: 0 }
    }

    /// Takes the next one off what was read, without its end; `None` where it is not whole.
    pub(crate) fn next(&mut self, read: &mut Vec<u8>) -> Option<Vec<u8>> {
        let end = match self.end(read) {
            Some(end) if end <= LONGEST => end,
            None if read.len() < LONGEST => return None,
            _ => LONGEST,
        };
        Some(self.take(read, end))
    }

    /// Takes the whole lines off what was read, which nothing has followed for a while; `None`
    /// where there are none.
    pub(crate) fn rest(&mut self, read: &mut Vec<u8>) -> Option<Vec<u8>> {
        let end = read.iter().rposition(|byte| *byte == b'\n')? + 1;
        Some(self.take(read, end))
    }

    /// Takes all of what was read, which nothing will follow; `None` where there is nothing.
    pub(crate) fn last(&mut self, read: &mut Vec<u8>) -> Option<Vec<u8>> {
        let end = read.len();
        (end > 0).then(|| self.take(read, end))
    }

    /// The end of the next one, with the end of its line.
    fn end(&mut self, read: &[u8]) -> Option<usize> {
        loop {
            let from = self.looked;
            let line = read[from..].iter().position(|byte| *byte == b'\n');
            let Some(start) = &self.start else {
                self.looked = read.len();
                return line.map(|line| from + line + 1);
            };
            let end = from + line? + 1;
            if from > 0 && start.is_match(without_end(&read[from..end])) {
                return Some(from);
            }
            self.looked = end;
        }
    }

    fn take(&mut self, read: &mut Vec<u8>, end: usize) -> Vec<u8> {
        self.looked = 0;
        let mut taken: Vec<u8> = read.drain(..end).collect();
        taken.truncate(without_end(&taken).len());
        taken
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(cut: &mut Cut, read: &mut Vec<u8>) -> Vec<String> {
        let taken = std::iter::from_fn(|| cut.next(read));
        taken.map(|one| String::from_utf8(one).unwrap()).collect()
    }

    // Guarantees: lines are cut at their ends, whichever they have, however they come; one that is
    // too long comes in pieces, and no byte of it is lost.
    #[test]
    fn lines() {
        let (mut cut, mut read) = (Cut::default(), b"one\ntwo\r\n\nth".to_vec());
        assert_eq!(all(&mut cut, &mut read), ["one", "two", ""]);
        read.extend_from_slice(b"ree\n");
        assert_eq!(all(&mut cut, &mut read), ["three"]);
        let mut long = vec![b'\r'; LONGEST + 1];
        assert_eq!(cut.next(&mut long).unwrap().len(), LONGEST);
        assert_eq!(cut.next(&mut long), None);
        assert_eq!(cut.last(&mut long).unwrap(), b"\r");
        assert_eq!(cut.last(&mut long), None);
    }

    // Guarantees: lines up to the next that the pattern finds are one, as soon as that is whole;
    // those before the first that it finds are one too; what nothing follows is whole lines only.
    #[test]
    fn several_lines() {
        let mut cut = Cut::at(Some(Regex::new(r"^\d").unwrap()));
        let mut read = b"head\r\n1 a\n  b\n2".to_vec();
        assert_eq!(all(&mut cut, &mut read), ["head"]);
        assert_eq!(all(&mut cut, &mut read), [""; 0]);
        read.extend_from_slice(b" c\n  d\n  e");
        assert_eq!(all(&mut cut, &mut read), ["1 a\n  b"]);
        assert_eq!(cut.rest(&mut read).unwrap(), b"2 c\n  d");
        assert_eq!(cut.rest(&mut read), None);
        assert_eq!(read, b"  e");
        let mut long = vec![b'x'; LONGEST + 1];
        long.extend_from_slice(b"\n1\n");
        assert_eq!(cut.next(&mut long).unwrap().len(), LONGEST);
        assert_eq!(all(&mut cut, &mut long), ["x"]);
    }
}
