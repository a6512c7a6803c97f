//! The scan against ciborium, which the engine decodes with: whatever it reads,
//! the edit changes like a walk over ciborium's values, and no bytes make it panic.

use std::borrow::Cow;

use ciborium::Value;
use proptest::prelude::*;

use super::*;

fn upper(text: &str) -> Cow<'_, str> {
    Cow::Owned(text.replace('a', "AAA"))
}

fn run(cbor: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut out = b"before".to_vec();
    let changed = edit(cbor, &mut out, &mut upper)?;
    assert_eq!(&out[..6], b"before");
    assert!(
        changed || out.len() == 6,
        "an unchanged value appends nothing"
    );
    Ok(changed.then(|| out[6..].to_vec()))
}

/// The same edit on ciborium's values.
fn model(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(upper(&text).into_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(model).collect()),
        Value::Map(entries) => Value::Map(
            entries
                .into_iter()
                .map(|(key, value)| (key, model(value)))
                .collect(),
        ),
        Value::Tag(tag, value) => Value::Tag(tag, Box::new(model(*value))),
        other => other,
    }
}

/// CBOR in every form of container and text: of definite and indefinite length.
fn write(value: &Value, indefinite: &mut impl FnMut() -> bool, out: &mut Vec<u8>) {
    match value {
        Value::Array(items) => {
            let open = start(4, items.len(), indefinite, out);
            items.iter().for_each(|item| write(item, indefinite, out));
            out.extend(open.then_some(BREAK));
        }
        Value::Map(entries) => {
            let open = start(5, entries.len(), indefinite, out);
            for (key, value) in entries {
                write(key, indefinite, out);
                write(value, indefinite, out);
            }
            out.extend(open.then_some(BREAK));
        }
        Value::Text(text) if indefinite() => {
            out.push(0x7f);
            for character in text.chars() {
                head(TEXT, character.len_utf8() as u64, out);
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            out.push(BREAK);
        }
        Value::Tag(tag, value) => {
            head(6, *tag, out);
            write(value, indefinite, out);
        }
        other => ciborium::into_writer(other, out).unwrap(),
    }
}

fn start(major: u8, len: usize, indefinite: &mut impl FnMut() -> bool, out: &mut Vec<u8>) -> bool {
    let open = indefinite();
    if open {
        out.push(major << 5 | 31);
    } else {
        head(major, len as u64, out);
    }
    open
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Integer(n.into())),
        (-1e9..1e9).prop_map(Value::Float),
        "[ab]{0,4}|\\PC{0,300}".prop_map(Value::Text),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec(("[abc]{0,3}".prop_map(Value::Text), inner.clone()), 0..6)
                .prop_map(Value::Map),
            // Not the tags of big numbers, which ciborium folds into integers.
            (40u64..99, inner).prop_map(|(tag, value)| Value::Tag(tag, Box::new(value))),
        ]
    })
}

proptest! {
    #[test]
    fn edits_like_a_walk_over_the_decoded_value(value in value(), forms in any::<u64>()) {
        let mut forms = forms;
        let mut indefinite = || { forms = forms.rotate_left(1); forms & 1 == 1 };
        let mut cbor = Vec::new();
        write(&value, &mut indefinite, &mut cbor);
        prop_assert_eq!(&ciborium::from_reader::<Value, _>(&cbor[..]).unwrap(), &value);

        let expected = model(value.clone());
        match run(&cbor).unwrap() {
            None => prop_assert_eq!(expected, value),
            Some(new) => {
                prop_assert_ne!(&expected, &value);
                prop_assert_eq!(ciborium::from_reader::<Value, _>(&new[..]).unwrap(), expected);
            }
        }
        for cut in 0..cbor.len() {
            prop_assert!(run(&cbor[..cut]).is_err(), "cut at {} of {:02x?}", cut, cbor);
        }
    }

    #[test]
    fn any_bytes_are_edited_or_refused(cbor in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(Some(new)) = run(&cbor) {
            prop_assert!(run(&new).is_ok());
        }
    }
}

#[test]
fn what_is_not_text_keeps_its_bytes() {
    // [1 in eight bytes, a half float, "a", undefined]
    let cbor = [
        0x84, 0x1b, 0, 0, 0, 0, 0, 0, 0, 1, 0xf9, 0x3c, 0, 0x61, b'a', 0xf7,
    ];
    let mut expected = cbor[..13].to_vec();
    expected.extend_from_slice(&[0x63, b'A', b'A', b'A', 0xf7]);
    assert_eq!(run(&cbor), Ok(Some(expected)));
}

#[test]
fn wrong_bytes_are_named() {
    let deep = [0x81; DEPTH_MAX + 1];
    let cases: &[(&[u8], &str)] = &[
        (&[], "1 bytes expected, 0 left"),
        (&[0x61, 0xff], "invalid utf-8"),
        (&[0xa1, 0x80, 0x01], "a map key that is a container"),
        (&[0xbf, 0x61, b'k', 0xff], "a map key without a value"),
        (&[0xff], "a break out of place"),
        (&[0x81, 0xff], "a break out of place"),
        (&[0x9f, 0xc1, 0xff], "a break out of place"),
        (&[0x1c], "reserves"),
        (&[0x7f, 0x41, b'a', 0xff], "chunk"),
        (&[0x01, 0x02], "1 bytes follow the value"),
        (
            &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            "bytes expected, 0 left",
        ),
        (
            &[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            "impossible length",
        ),
        (&deep, "nested deeper than 256"),
    ];
    for (cbor, message) in cases {
        let error = run(cbor).unwrap_err();
        assert!(error.contains(message), "{cbor:02x?}: {error}");
    }
}
