//! A crate that forbids `unsafe` cannot get at text that is not text (S-13).
#![forbid(unsafe_code)]

mod plain {
    //! What such a crate can do with bytes: nothing of `tests/common`, which has `unsafe` of its
    //! own.

    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use std::sync::Arc;
    use strait_records::{Encoding, Header, ReceivedSchemas, Signal, Variable, Writer};

    /// A slot with a text that is not UTF-8, and the schemas to read it with.
    pub(crate) fn slot() -> (Vec<u8>, ReceivedSchemas) {
        let column: ArrayRef = Arc::new(StringArray::from(vec!["hostile"]));
        let batch = RecordBatch::try_from_iter([("text", column)]).expect("one column");
        let mut writer = Writer::new();
        let header = Header::new(Signal::None, Encoding::Arrow, 1);
        let plan = writer
            .plan(header, Variable::new(), &[(0, batch)])
            .expect("can be written");
        let mut slot = vec![0; plan.len()];
        plan.write(&mut slot).expect("room");
        let mut schemas = ReceivedSchemas::new();
        for schema in writer.schemas().unpublished() {
            schemas.publish(schema.preamble()).expect("a good preamble");
        }
        let at = slot
            .windows(7)
            .position(|w| w == b"hostile")
            .expect("the text");
        slot[at] = 0xff;
        (slot, schemas)
    }
}

use strait_records::{Batch, Error, ErrorKind, ReceivedSchemas, Slot, Trust};
use strait_ringbuf::{Geometry, HostPending, Identity, Message, Options, accept};

fn refused(batch: Result<Batch, Error>, schemas: &ReceivedSchemas) {
    let batch = batch.expect("the header is good");
    assert_eq!(batch.trust(), Trust::UNTRUSTED);
    let error = batch.records(schemas).expect_err("the text is not UTF-8");
    assert_eq!(error.kind(), ErrorKind::Value, "{error}");
}

/// Scenario: foreign bytes as they come, and over a ring, with nothing but safe code.
/// Guarantees: every way that leads to strings checks them.
#[test]
fn every_safe_way_checks_text() {
    let (slot, schemas) = plain::slot();
    refused(Batch::new(Slot::copy_of(&slot)), &schemas);

    let geometry = Geometry::new(64, 256).expect("a geometry");
    let options = Options::new(Identity {
        session: 7,
        epoch: 1,
        geometry,
    });
    let pending = HostPending::create(&options).expect("a host");
    let fds = pending
        .fds()
        .try_map(|fd| fd.try_clone_to_owned())
        .expect("duplicates");
    let (peer, answer) = accept(&options, fds).expect("a peer");
    let host = pending.complete(&answer).expect("a link");
    let (mut producer, _acks, _host) = host.split();
    let (_answers, mut consumer, _peer) = peer.split();
    for _ in 0..2 {
        let mut claim = producer.claim(slot.len()).expect("room");
        claim[..slot.len()].copy_from_slice(&slot);
        producer
            .publish(claim, 0, 42, slot.len())
            .expect("published");
    }
    let mut lease = || match consumer.try_recv() {
        Ok(Some(Message::Batch { lease, .. })) => lease,
        other => panic!("not a batch: {other:?}"),
    };
    refused(Batch::copied(&lease()), &schemas);
    refused(Batch::leased(lease()), &schemas);
}
