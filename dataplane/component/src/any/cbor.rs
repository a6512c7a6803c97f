//! Nested values to CBOR and back. Written in the engine's form: containers of
//! indefinite length, numbers as short as they go, doubles in full. Read in any form
//! that stands for an OTLP value.

use super::Any;
use crate::nested::{DEPTH_MAX, head};

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const BREAK: u8 = 0xff;

/// Appends the value in CBOR.
pub(crate) fn encode(value: &Any, out: &mut Vec<u8>) {
    match value {
        Any::Empty => out.push(0xf6),
        Any::Bool(flag) => out.push(0xf4 | u8::from(*flag)),
        Any::Int(n) if *n >= 0 => head(0, n.cast_unsigned(), out),
        Any::Int(n) => head(1, (!*n).cast_unsigned(), out),
        Any::Double(n) => {
            out.push(0xfb);
            out.extend_from_slice(&n.to_be_bytes());
        }
        Any::Str(text) => write_bytes(TEXT, text.as_bytes(), out),
        Any::Bytes(bytes) => write_bytes(BYTES, bytes, out),
        Any::Slice(items) => {
            out.push(0x9f);
            items.iter().for_each(|item| encode(item, out));
            out.push(BREAK);
        }
        Any::Map(entries) => {
            out.push(0xbf);
            for (key, value) in entries {
                write_bytes(TEXT, key.as_bytes(), out);
                encode(value, out);
            }
            out.push(BREAK);
        }
    }
}

fn write_bytes(major: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(major, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The value that the bytes stand for.
///
/// # Errors
///
/// What is wrong with them, and near which byte.
pub(crate) fn decode(cbor: &[u8]) -> Result<Any, String> {
    let mut rest = cbor;
    let read = item(&mut rest, 0).and_then(|value| {
        let behind = (!rest.is_empty()).then(|| format!("{} bytes follow the value", rest.len()));
        behind.map_or(Ok(value), Err)
    });
    read.map_err(|problem| {
        let at = cbor.len() - rest.len();
        format!("not valid CBOR near byte {at}: {problem}")
    })
}

/// The value at the front of `cbor`, which moves behind it.
fn item(cbor: &mut &[u8], depth: usize) -> Result<Any, String> {
    if depth > DEPTH_MAX {
        return Err(format!("containers nested deeper than {DEPTH_MAX}"));
    }
    let (major, argument, first) = untagged(cbor)?;
    let integer = |n: Option<u64>| {
        let n = n.and_then(|n| i64::try_from(n).ok());
        n.ok_or_else(|| "a number that is not of 64 bits".to_owned())
    };
    Ok(match major {
        0 => Any::Int(integer(argument)?),
        1 => Any::Int(!integer(argument)?),
        BYTES => Any::Bytes(string(cbor, BYTES, argument)?),
        TEXT => Any::Str(text(string(cbor, TEXT, argument)?)?),
        LIST => Any::Slice(items(cbor, argument, |cbor| item(cbor, depth + 1))?),
        MAP => Any::Map(items(cbor, argument, |cbor| {
            Ok((key(cbor)?, item(cbor, depth + 1)?))
        })?),
        _ => simple(first, argument)?,
    })
}

fn key(cbor: &mut &[u8]) -> Result<String, String> {
    match untagged(cbor)? {
        (TEXT, argument, _) => text(string(cbor, TEXT, argument)?),
        _ => Err("a map key that is no text".into()),
    }
}

/// What major type 7 holds: `null` and its like, booleans, floating point numbers.
fn simple(first: u8, argument: Option<u64>) -> Result<Any, String> {
    let bits = argument.unwrap_or_default();
    match first & 0x1f {
        20 | 21 => Ok(Any::Bool(bits == 21)),
        22 | 23 => Ok(Any::Empty),
        26 => Ok(Any::Double(f32::from_bits(bits as u32).into())),
        27 => Ok(Any::Double(f64::from_bits(bits))),
        _ => Err("an item that is no value of OTLP".into()),
    }
}

/// The items of a container: as many as `count` says, or up to a break.
fn items<'a, T>(
    cbor: &mut &'a [u8],
    count: Option<u64>,
    mut item: impl FnMut(&mut &'a [u8]) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let mut found = Vec::new();
    // Each item takes a byte or more, so that a length that lies ends with the bytes.
    while count.map_or_else(
        || cbor.first() != Some(&BREAK),
        |n| (found.len() as u64) < n,
    ) {
        found.push(item(cbor)?);
    }
    if count.is_none() {
        take(cbor, 1)?;
    }
    Ok(found)
}

/// A string of a known length, or the chunks of one of which the length is not known.
fn string(cbor: &mut &[u8], major: u8, length: Option<u64>) -> Result<Vec<u8>, String> {
    if let Some(length) = length {
        return take(cbor, length).map(<[u8]>::to_vec);
    }
    let chunks = items(cbor, None, |cbor| match read_head(cbor)? {
        (found, Some(length), _) if found == major => take(cbor, length),
        _ => Err("a chunk of another type than its string".into()),
    })?;
    Ok(chunks.concat())
}

fn text(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// The next head that is no tag.
fn untagged(cbor: &mut &[u8]) -> Result<(u8, Option<u64>, u8), String> {
    loop {
        match read_head(cbor)? {
            (TAG, Some(_), _) => {}
            (0 | 1 | TAG | 7, None, _) => return Err("a break out of place".into()),
            head => return Ok(head),
        }
    }
}

/// Major type, argument (none: of indefinite length), and the byte itself.
fn read_head(cbor: &mut &[u8]) -> Result<(u8, Option<u64>, u8), String> {
    let first = take(cbor, 1)?[0];
    let argument = match first & 0x1f {
        short @ 0..=23 => Some(u64::from(short)),
        size @ 24..=27 => {
            let bytes = take(cbor, 1 << (size - 24))?;
            Some(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
        }
        31 => None,
        _ => return Err("a head that CBOR reserves".into()),
    };
    Ok((first >> 5, argument, first))
}

fn take<'a>(cbor: &mut &'a [u8], length: u64) -> Result<&'a [u8], String> {
    let split = usize::try_from(length).ok();
    let split = split.and_then(|length| cbor.split_at_checked(length));
    let (taken, rest) =
        split.ok_or_else(|| format!("{length} bytes expected, {} left", cbor.len()))?;
    *cbor = rest;
    Ok(taken)
}
