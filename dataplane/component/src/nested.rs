//! Text inside nested values: maps and lists, which OTAP keeps as CBOR in the
//! column `ser`.
//!
//! The bytes are edited where they stand. Lengths of CBOR containers count items,
//! not bytes, so a text can be replaced without touching what is around it:
//! numbers keep their width, containers their form (the engine writes them with
//! indefinite lengths), and what is not text its bytes. The scan keeps a stack of
//! its own, so depth cannot exhaust the thread's.

use std::borrow::Cow;

/// Containers may lie this deep in each other; the engine's decoder stops there too.
pub(crate) const DEPTH_MAX: usize = 256;

const TEXT: u8 = 3;
const BREAK: u8 = 0xff;

/// Applies `edit` to every text in the value `cbor`, except the keys of maps.
/// Appends the edited value to `out` and answers true, or answers false and leaves
/// `out` as it was when no text changed.
///
/// # Errors
///
/// What is wrong with `cbor`, and where; `out` may then hold a part.
pub(crate) fn edit(
    cbor: &[u8],
    out: &mut Vec<u8>,
    edit: &mut impl for<'t> FnMut(&'t str) -> Cow<'t, str>,
) -> Result<bool, String> {
    let mut scan = Scan {
        cbor,
        at: 0,
        stack: Vec::new(),
    };
    // Everything before `copied` is in `out` already, edited.
    let mut copied = 0;
    loop {
        if let Some((start, text)) = scan.item()? {
            let new = edit(&text);
            if *new != *text {
                out.extend_from_slice(&cbor[copied..start]);
                head(TEXT, new.len() as u64, out);
                out.extend_from_slice(new.as_bytes());
                copied = scan.at;
            }
        }
        if scan.stack.is_empty() {
            break;
        }
    }
    if scan.at != cbor.len() {
        return Err(format!("{} bytes follow the value", cbor.len() - scan.at));
    }
    if copied > 0 {
        out.extend_from_slice(&cbor[copied..]);
    }
    Ok(copied > 0)
}

/// Writes an item's head in its shortest form.
pub(crate) fn head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(major | bytes[7]),
        24..=0xff => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

struct Scan<'a> {
    cbor: &'a [u8],
    at: usize,
    stack: Vec<Container>,
}

/// A container that is open.
struct Container {
    /// Items that are still to come; none where a break ends it.
    left: Option<u64>,
    is_map: bool,
    /// Whether the next item is a map's key.
    at_key: bool,
}

impl<'a> Scan<'a> {
    /// Moves past one item's head and content, or, of a container, past its head.
    /// Answers the text and where its head starts, where the item is one that may
    /// be edited. Afterwards an empty stack means that the value has ended.
    fn item(&mut self) -> Result<Option<(usize, Cow<'a, str>)>, String> {
        if self.stack.last().is_some_and(|c| c.left.is_none())
            && self.cbor.get(self.at) == Some(&BREAK)
        {
            return self.close().map(|()| None);
        }
        let (start, major, argument) = self.untagged_head()?;
        let at_key = self.stack.last().is_some_and(|c| c.at_key);
        match (major, argument) {
            (0 | 1, Some(_)) | (7, Some(_)) => {}
            (2, Some(length)) => drop(self.take(length)?),
            (2, None) => drop(self.chunks(2)?),
            (TEXT, _) => {
                let text = match argument {
                    Some(length) => Cow::Borrowed(self.take(length)?),
                    None => Cow::Owned(self.chunks(TEXT)?),
                };
                let text = utf8(text).map_err(|e| self.wrong(&e))?;
                self.ended();
                return Ok((!at_key).then_some((start, text)));
            }
            (4 | 5, _) if at_key => return Err(self.wrong("a map key that is a container")),
            (4 | 5, length) => return self.open(major == 5, length).map(|()| None),
            _ => return Err(self.wrong("an item that CBOR does not have")),
        }
        self.ended();
        Ok(None)
    }

    fn open(&mut self, is_map: bool, length: Option<u64>) -> Result<(), String> {
        if self.stack.len() == DEPTH_MAX {
            return Err(self.wrong(&format!("containers nested deeper than {DEPTH_MAX}")));
        }
        let left = match (length, is_map) {
            (Some(pairs), true) => Some(
                pairs
                    .checked_mul(2)
                    .ok_or_else(|| self.wrong("an impossible length"))?,
            ),
            (length, _) => length,
        };
        if left == Some(0) {
            self.ended();
        } else {
            self.stack.push(Container {
                left,
                is_map,
                at_key: is_map,
            });
        }
        Ok(())
    }

    /// Reads the break that ends the innermost container.
    fn close(&mut self) -> Result<(), String> {
        if self.stack.last().is_some_and(|c| c.is_map && !c.at_key) {
            return Err(self.wrong("a map key without a value"));
        }
        self.at += 1;
        self.stack.pop();
        self.ended();
        Ok(())
    }

    /// Counts an item that has ended, and with it every container it completes.
    fn ended(&mut self) {
        while let Some(container) = self.stack.last_mut() {
            container.at_key = container.is_map && !container.at_key;
            match &mut container.left {
                Some(1) => drop(self.stack.pop()),
                Some(left) => {
                    *left -= 1;
                    return;
                }
                None => return,
            }
        }
    }

    /// The next head that is not a tag: its place, its major type, and its
    /// argument, or none for an indefinite length.
    fn untagged_head(&mut self) -> Result<(usize, u8, Option<u64>), String> {
        loop {
            let start = self.at;
            match self.head()? {
                (6, Some(_)) => {}
                (0 | 1 | 6 | 7, None) => return Err(self.wrong("a break out of place")),
                (major, argument) => return Ok((start, major, argument)),
            }
        }
    }

    fn head(&mut self) -> Result<(u8, Option<u64>), String> {
        let first = self.take(1)?[0];
        let argument = match first & 0x1f {
            short @ 0..=23 => u64::from(short),
            size @ 24..=27 => {
                let bytes = self.take(1 << (size - 24))?;
                bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
            }
            31 => return Ok((first >> 5, None)),
            _ => return Err(self.wrong("a head that CBOR reserves")),
        };
        Ok((first >> 5, Some(argument)))
    }

    /// The chunks of a text or byte string of indefinite length, joined.
    fn chunks(&mut self, major: u8) -> Result<Vec<u8>, String> {
        let mut joined = Vec::new();
        while self.cbor.get(self.at) != Some(&BREAK) {
            match self.head()? {
                (m, Some(length)) if m == major => joined.extend_from_slice(self.take(length)?),
                _ => return Err(self.wrong("a chunk of another type than its string")),
            }
        }
        self.at += 1;
        Ok(joined)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], String> {
        let rest = &self.cbor[self.at..];
        match usize::try_from(length)
            .ok()
            .and_then(|length| rest.get(..length))
        {
            Some(bytes) => {
                self.at += bytes.len();
                Ok(bytes)
            }
            None => Err(self.wrong(&format!("{length} bytes expected, {} left", rest.len()))),
        }
    }

    fn wrong(&self, problem: &str) -> String {
        format!("not valid CBOR near byte {}: {problem}", self.at)
    }
}

fn utf8(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, str>, String> {
    match bytes {
        Cow::Borrowed(b) => std::str::from_utf8(b)
            .map(Cow::Borrowed)
            .map_err(|e| e.to_string()),
        Cow::Owned(b) => String::from_utf8(b)
            .map(Cow::Owned)
            .map_err(|e| e.to_string()),
    }
}

#[cfg(test)]
mod tests;
