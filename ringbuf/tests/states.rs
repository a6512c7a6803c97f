//! What each operation answers in each state of a link, as `vectors/v1/state.json` says it.
//!
//! Scenario: the steps of a vector, on a link of its own. Guarantees: every answer is the vector's
//! . What it does not prove: what operations answer that run while the link
//! ends, which `ending.rs` races.
#![cfg(not(loom))]

mod common;

use common::{options, pair};
use serde::Deserialize;
use strait_ringbuf::{
    Claim, Code, Consumer, Error, Handle, Lease, Link, Message, Producer, Result, Side,
};

#[derive(Deserialize)]
struct File {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    side: String,
    r#do: String,
    is: String,
}

/// One side of the link, with what it holds.
struct OneSide {
    producer: Producer,
    consumer: Consumer,
    handle: Handle,
    claims: Vec<(Claim, bool)>,
    leases: Vec<Lease>,
}

impl OneSide {
    fn new(link: Link) -> Self {
        let (producer, consumer, handle) = link.split();
        Self {
            producer,
            consumer,
            handle,
            claims: Vec::new(),
            leases: Vec::new(),
        }
    }

    fn perform(&mut self, operation: &str) -> Result<&'static str> {
        if let Some(code) = operation.strip_prefix("end_") {
            self.end(code.parse().expect("a code"));
            return Ok("done");
        }
        match operation {
            "claim" => self.claim(false, |producer| producer.claim(1)),
            "final" => self.claim(false, |producer| producer.claim_final(1)),
            "preamble" => self.claim(true, |producer| producer.claim_preamble(1)),
            "publish" => {
                let (claim, is_preamble) = self.claims.remove(0);
                let call_id = u64::from(!is_preamble);
                self.producer.publish(claim, 0, call_id, 1)?;
                Ok("published")
            }
            "give_back" => {
                drop(self.claims.remove(0));
                Ok("done")
            }
            "inline" => self.producer.send_inline(0, 1, b"").map(|()| "published"),
            "ack" => self.producer.send_ack(1).map(|()| "published"),
            "goaway" => self.producer.goaway().map(|()| "published"),
            "receive" => self.receive(),
            "answered" => {
                self.handle.answered();
                Ok("done")
            }
            "settled" => {
                self.handle.settle();
                Ok("done")
            }
            "release" => {
                drop(self.leases.remove(0));
                Ok("done")
            }
            other => panic!("the operation {other:?} is not known"),
        }
    }

    fn claim(
        &mut self,
        is_preamble: bool,
        claim: fn(&mut Producer) -> Result<Claim>,
    ) -> Result<&'static str> {
        self.claims.push((claim(&mut self.producer)?, is_preamble));
        Ok("claimed")
    }

    fn receive(&mut self) -> Result<&'static str> {
        Ok(match self.consumer.try_recv()? {
            None => "none",
            Some(Message::Batch { lease, .. }) => {
                self.leases.push(lease);
                "batch"
            }
            Some(Message::Inline { .. }) => "inline",
            Some(Message::Ack { .. }) => "ack",
            Some(Message::Preamble(_)) => "preamble",
            Some(Message::Goaway) => "goaway",
        })
    }

    fn end(&self, number: u32) {
        match [Code::Closed, Code::Release, Code::Content, Code::PeerLost]
            .into_iter()
            .find(|code| *code as u32 == number)
        {
            Some(Code::PeerLost) => self.handle.peer_lost(),
            Some(code) => self.handle.close(code),
            None => panic!("no vector ends with {number}"),
        }
    }
}

/// An error in the words of the vectors.
fn answer(error: &Error) -> String {
    match error {
        Error::Full(_) => "full".into(),
        Error::Goaway => "goaway".into(),
        Error::Closed { side, code } => {
            let who = match side {
                Side::Own => "itself",
                Side::Other => "the other side",
            };
            format!("closed {code} by {who}")
        }
        // Whoever finds a broken rule is told which, and has ended the link with its code.
        found => match found.code() {
            Some(code) => format!("closed {} by itself", code as u32),
            None => panic!("{found}"),
        },
    }
}

#[test]
fn every_operation_in_every_state() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/v1/state.json");
    let text = std::fs::read_to_string(path).expect("read the vectors");
    let file: File = serde_json::from_str(&text).expect("parse the vectors");
    assert!(!file.vectors.is_empty());
    for vector in file.vectors {
        let (host, peer) = pair(&options(8, 16));
        let (mut host, mut peer) = (OneSide::new(host), OneSide::new(peer));
        for (at, step) in vector.steps.iter().enumerate() {
            let side = match step.side.as_str() {
                "host" => &mut host,
                "peer" => &mut peer,
                other => panic!("the side {other:?} is not known"),
            };
            let found = match side.perform(&step.r#do) {
                Ok(answer) => answer.to_owned(),
                Err(error) => answer(&error),
            };
            let (id, place) = (&vector.id, at + 1);
            assert_eq!(
                found, step.is,
                "{id}, step {place}: {} {}",
                step.side, step.r#do
            );
        }
    }
}
