//! Samples' nested values to CBOR and back, in the engine's form: containers of
//! indefinite length, numbers as short as they go, doubles in full.

use super::Any;
use crate::nested::head;

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const BREAK: u8 = 0xff;

/// The value in CBOR.
pub(super) fn encode(value: &Any) -> Vec<u8> {
    let mut out = Vec::new();
    write(value, &mut out);
    out
}

fn write(value: &Any, out: &mut Vec<u8>) {
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
            items.iter().for_each(|item| write(item, out));
            out.push(BREAK);
        }
        Any::Map(entries) => {
            out.push(0xbf);
            for (key, value) in entries {
                write_bytes(TEXT, key.as_bytes(), out);
                write(value, out);
            }
            out.push(BREAK);
        }
    }
}

fn write_bytes(major: u8, bytes: &[u8], out: &mut Vec<u8>) {
    head(major, bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The value that starts at the front of `cbor`, which moves behind it; none where
/// that is not a value of the engine's form.
pub(super) fn decode(cbor: &mut &[u8]) -> Option<Any> {
    match *take(cbor, 1)?.first()? {
        0xf6 => Some(Any::Empty),
        flag @ 0xf4..=0xf5 => Some(Any::Bool(flag == 0xf5)),
        0xfb => Some(Any::Double(f64::from_be_bytes(
            take(cbor, 8)?.try_into().ok()?,
        ))),
        0x9f => items(cbor, decode).map(Any::Slice),
        0xbf => items(cbor, |cbor| Some((text(cbor)?, decode(cbor)?))).map(Any::Map),
        first => {
            let argument = argument(first, cbor)?;
            match first >> 5 {
                0 => Some(Any::Int(argument.cast_signed())),
                1 => Some(Any::Int(!argument.cast_signed())),
                BYTES => Some(Any::Bytes(take(cbor, argument)?.to_vec())),
                TEXT => String::from_utf8(take(cbor, argument)?.to_vec())
                    .ok()
                    .map(Any::Str),
                _ => None,
            }
        }
    }
}

fn items<T>(cbor: &mut &[u8], item: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let mut items = Vec::new();
    while *cbor.first()? != BREAK {
        items.push(item(cbor)?);
    }
    take(cbor, 1)?;
    Some(items)
}

fn text(cbor: &mut &[u8]) -> Option<String> {
    match decode(cbor)? {
        Any::Str(text) => Some(text),
        _ => None,
    }
}

fn argument(first: u8, cbor: &mut &[u8]) -> Option<u64> {
    match first & 0x1f {
        short @ 0..=23 => Some(u64::from(short)),
        size @ 24..=27 => {
            let bytes = take(cbor, 1 << (size - 24))?;
            Some(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
        }
        _ => None,
    }
}

fn take<'a>(cbor: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, rest) = cbor.split_at_checked(usize::try_from(length).ok()?)?;
    *cbor = rest;
    Some(taken)
}
