//! The fields of a protobuf message, and how long they are. Bytes that are none end the walk with
//! an error; nothing is read beyond them.

/// Bytes that are not protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'b> {
    Number(u64),
    Eight(u64),
    Four(u32),
    Bytes(&'b [u8]),
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'b> {
    pub(crate) number: u64,
    pub(crate) value: Value<'b>,
    /// All of it, with its number.
    pub(crate) whole: &'b [u8],
}

/// The fields of a message, in their order.
pub(crate) fn fields(mut message: &[u8]) -> impl Iterator<Item = Result<Field<'_>, Broken>> {
    std::iter::from_fn(move || {
        if message.is_empty() {
            return None;
        }
        let read = field(&mut message).ok_or(Broken);
        if read.is_err() {
            message = &[];
        }
        Some(read)
    })
}

fn field<'b>(bytes: &mut &'b [u8]) -> Option<Field<'b>> {
    let before = *bytes;
    let key = varint(bytes)?;
    let value = match key & 7 {
        0 => Value::Number(varint(bytes)?),
        1 => Value::Eight(u64::from_le_bytes(take(bytes, 8)?.try_into().ok()?)),
        2 => {
            let length = varint(bytes)?;
            Value::Bytes(take(bytes, length)?)
        }
        5 => Value::Four(u32::from_le_bytes(take(bytes, 4)?.try_into().ok()?)),
        _ => return None,
    };
    let whole = &before[..before.len() - bytes.len()];
    Some(Field {
        number: key >> 3,
        value,
        whole,
    })
}

pub(crate) fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &mut &'b [u8], length: u64) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// How many bytes a number takes.
pub(crate) fn length_of(number: u64) -> u64 {
    let bits = 64 - u64::from((number | 1).leading_zeros());
    bits.div_ceil(7)
}

/// Appends a message as a field.
pub(crate) fn write(field: u64, message: &[u8], out: &mut Vec<u8>) {
    write_varint(field << 3 | 2, out);
    write_varint(message.len() as u64, out);
    out.extend_from_slice(message);
}

/// Appends a number.
pub(crate) fn write_varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        // Guarantees: what is written is read, and as long as was said; no bytes make it panic.
        #[test]
        fn what_is_written_is_read(field in 1..16u64, message: Vec<u8>, any: Vec<u8>) {
            let mut out = Vec::new();
            write(field, &message, &mut out);
            let length = message.len() as u64;
            prop_assert_eq!(out.len() as u64, 1 + length_of(length) + length);
            let found = fields(&out).map(|field| field.map(|f| (f.number, f.value)));
            let found: Vec<_> = found.collect();
            prop_assert_eq!(found, vec![Ok((field, Value::Bytes(&message)))]);
            let read: usize = fields(&any).map_while(Result::ok).map(|f| f.whole.len()).sum();
            prop_assert!(read <= any.len());
        }

        #[test]
        fn numbers_have_their_length(number: u64) {
            let mut bytes = Vec::new();
            write_varint(number, &mut bytes);
            prop_assert_eq!(length_of(number), bytes.len() as u64);
            prop_assert_eq!(varint(&mut &bytes[..]), Some(number));
        }
    }
}
