//! The protocol's test vectors, every file and every vector by name.
//!
//! Scenario: what `vectors/v1` says. Guarantees: this side accepts what it must and refuses what it
//! must, with the right code and the right field. What it does not prove: that the checked values
//! are read from the right place, which the corruption and interop tests do.
#![cfg(not(loom))]

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use strait_ringbuf::cursor::{ConsumerCursor, ProducerCursor};
use strait_ringbuf::descriptor::{Limits, Run};
use strait_ringbuf::handshake::wire;
use strait_ringbuf::header::{self, Object};
use strait_ringbuf::layout::{Descriptor, Direction, Header, ObjectKind};
use strait_ringbuf::slab::Slab;
use strait_ringbuf::{Error, Geometry, Identity};

#[derive(Deserialize)]
struct File<V> {
    vectors: Vec<Vector<V>>,
}

#[derive(Deserialize)]
struct Vector<V> {
    id: String,
    result: String,
    code: Option<u32>,
    field: Option<String>,
    #[serde(flatten)]
    values: V,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/v1"))
}

/// Runs every vector of a file. `run` gives what the implementation answers, and whether that is
/// what an accepted vector wants.
fn run_all<V: DeserializeOwned>(file: &str, run: impl Fn(&V) -> Result<bool, Error>) {
    let text = std::fs::read_to_string(folder().join(file)).expect("read the vectors");
    let file: File<V> = serde_json::from_str(&text).expect("parse the vectors");
    assert!(!file.vectors.is_empty());
    for vector in &file.vectors {
        let id = &vector.id;
        match (run(&vector.values), vector.result.as_str()) {
            (Ok(as_wanted), "accept") => assert!(as_wanted, "{id}: accepted with another answer"),
            (Err(error), "reject") => check_rejection(vector, &error),
            (answer, wanted) => panic!("{id}: wanted {wanted}, found {answer:?}"),
        }
    }
}

fn check_rejection<V>(vector: &Vector<V>, error: &Error) {
    let id = &vector.id;
    let code = error.code().map(|code| code as u32);
    assert_eq!(code, vector.code, "{id}: {error}");
    if let Some(wanted) = &vector.field {
        let (Error::Header { field, .. } | Error::Descriptor { field, .. }) = error else {
            panic!("{id}: no field in {error:?}")
        };
        assert_eq!(field, wanted, "{id}: {error}");
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digit).collect()
}

fn number(text: &str) -> u64 {
    text.parse().expect("decimal text")
}

#[test]
fn every_file_has_a_test() {
    let tested = [
        "header",
        "sequence",
        "head",
        "descriptor",
        "release",
        "handshake",
        "state", // by `states.rs`
    ];
    let names = std::fs::read_dir(folder()).expect("list the vectors");
    let found: BTreeSet<_> = names
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .into_string()
                .expect("name")
        })
        .collect();
    assert_eq!(
        found,
        tested.iter().map(|name| format!("{name}.json")).collect()
    );
}

#[derive(Deserialize, Debug)]
struct HeaderVector {
    object: String,
    agreed: Agreed,
    header: String,
}

#[derive(Deserialize, Debug)]
struct Agreed {
    session: String,
    epoch: u32,
    descriptors: u32,
    blocks: u32,
}

fn object_named(name: &str) -> Object {
    let kinds = [
        ObjectKind::Producer,
        ObjectKind::Consumer,
        ObjectKind::Counters,
    ];
    let directions = [Direction::HostToPeer, Direction::PeerToHost];
    let mut all = kinds
        .iter()
        .flat_map(|kind| directions.map(|way| Object::new(*kind, way)));
    all.find(|object| object.name() == name)
        .expect("a name of R-3")
}

#[test]
fn headers() {
    assert_eq!(
        header::page_bytes(),
        4096,
        "the headers are those of pages of 4,096 bytes"
    );
    run_all("header.json", |vector: &HeaderVector| {
        let geometry = Geometry::new(vector.agreed.descriptors, vector.agreed.blocks)?;
        let session = number(&vector.agreed.session);
        let identity = Identity {
            session,
            epoch: vector.agreed.epoch,
            geometry,
        };
        let object = object_named(&vector.object);
        let found: Header = bytemuck::pod_read_unaligned(&bytes(&vector.header));
        header::check_header(object, &object.header(&identity), &found).map(|()| true)
    });
}

#[derive(Deserialize, Debug)]
struct SequenceVector {
    descriptors: u32,
    head: String,
    sequence: String,
    message: Option<bool>,
}

#[test]
fn sequences() {
    run_all("sequence.json", |vector: &SequenceVector| {
        let cursor = ConsumerCursor::at(vector.descriptors, number(&vector.head));
        cursor
            .has_message(number(&vector.sequence))
            .map(|found| vector.message == Some(found))
    });
}

#[derive(Deserialize, Debug)]
struct HeadVector {
    descriptors: u32,
    start: String,
    published: String,
    heads: Vec<String>,
    unread_acks: Option<u32>,
    unread_others: Option<u32>,
}

#[test]
fn heads() {
    run_all("head.json", |vector: &HeadVector| {
        let mut cursor = ProducerCursor::at(vector.descriptors, number(&vector.start));
        for kind in vector.published.chars() {
            cursor.advance(kind == 'a');
        }
        let (last, before) = vector.heads.split_last().expect("a head");
        for head in before {
            cursor
                .observe_head(number(head))
                .expect("only the last may be rejected");
        }
        cursor.observe_head(number(last))?;
        let found = (Some(cursor.unread_acks()), Some(cursor.unread_others()));
        Ok(found == (vector.unread_acks, vector.unread_others))
    });
}

#[derive(Deserialize, Debug)]
struct DescriptorVector {
    blocks: u32,
    edges: u16,
    descriptor: String,
}

#[test]
fn descriptors() {
    run_all("descriptor.json", |vector: &DescriptorVector| {
        let found: Descriptor = bytemuck::pod_read_unaligned(&bytes(&vector.descriptor));
        let limits = Limits {
            blocks: vector.blocks,
            edges: vector.edges,
        };
        found.check(0, limits).map(|kind| kind as u8 == found.kind)
    });
}

#[derive(Deserialize, Debug)]
struct ReleaseVector {
    blocks: u32,
    slots: Vec<u32>,
    published: Vec<usize>,
    bitmaps: Vec<Vec<String>>,
    released: Option<BTreeSet<usize>>,
}

/// Reads a bitmap the way a producer does, words without a published slot too.
fn observe(slab: &mut Slab, bitmap: &[String]) -> Result<(), Error> {
    for (word, found) in bitmap.iter().enumerate() {
        slab.observe_release(word, u64::from_str_radix(found, 16).expect("hexadecimal"))?;
    }
    Ok(())
}

#[test]
fn releases() {
    run_all("release.json", |vector: &ReleaseVector| {
        let mut slab = Slab::new(vector.blocks);
        let mut next = 0;
        let mut runs = Vec::new();
        for blocks in &vector.slots {
            let run = slab.take(*blocks).expect("room");
            assert_eq!(
                run,
                Run {
                    block: next,
                    blocks: *blocks
                },
                "first fit"
            );
            next += blocks;
            runs.push(run);
        }
        for slot in &vector.published {
            slab.set_published(runs[*slot]);
        }
        let (last, before) = vector.bitmaps.split_last().expect("a reading");
        for bitmap in before {
            observe(&mut slab, bitmap).expect("only the last may be rejected");
        }
        observe(&mut slab, last)?;
        let released = vector.released.as_ref().expect("an accepted vector");
        let blocks = |slots: &mut dyn Iterator<Item = usize>| -> u32 {
            slots.map(|slot| vector.slots[slot]).sum()
        };
        let held = blocks(&mut (0..runs.len()).filter(|slot| !released.contains(slot)));
        // What has come back can be taken again, and nothing else.
        Ok(slab.blocks_in_use() == held)
    });
}

#[derive(Deserialize, Debug)]
struct HandshakeVector {
    kind: String,
    bytes: String,
    values: Option<serde_json::Value>,
}

#[test]
fn handshakes() {
    run_all("handshake.json", |vector: &HandshakeVector| {
        let given = bytes(&vector.bytes);
        let values = if vector.kind == "offer" {
            let given = given.try_into().expect("48 bytes");
            let offer = wire::Offer::parse(&given)?;
            serde_json::json!({
                "epoch": offer.identity.epoch,
                "session": offer.identity.session.to_string(),
                "descriptors": offer.identity.geometry.descriptors(),
                "blocks": offer.identity.geometry.blocks(),
                "edges_h2p": offer.edges_h2p,
                "edges_p2h": offer.edges_p2h,
                "clock_ns": offer.clock_ns.to_string(),
            })
        } else {
            let given = given.try_into().expect("32 bytes");
            let answer = wire::Answer::parse(&given)?;
            serde_json::json!({
                "code": answer.code,
                "clock_ns": answer.clock_ns.to_string(),
                "reason_bytes": answer.reason_bytes,
            })
        };
        Ok(Some(values) == vector.values)
    });
}

// Guarantees: what this side writes is what the vectors say.
#[test]
fn handshakes_are_written_as_the_vectors_say() {
    let text = std::fs::read_to_string(folder().join("handshake.json")).expect("read");
    let file: File<HandshakeVector> = serde_json::from_str(&text).expect("parse");
    for kind in ["offer", "answer"] {
        let vector = file.vectors.iter().find(|vector| vector.id == kind);
        let given = bytes(&vector.expect("the vector of this version").values.bytes);
        let written = if kind == "offer" {
            let given = given.clone().try_into().expect("48 bytes");
            wire::Offer::parse(&given)
                .expect("sound")
                .to_bytes()
                .to_vec()
        } else {
            let given = given.clone().try_into().expect("32 bytes");
            wire::Answer::parse(&given)
                .expect("sound")
                .to_bytes()
                .to_vec()
        };
        assert_eq!(written, given, "{kind}");
    }
}
