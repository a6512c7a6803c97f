//! How links end, and that every wait ends with them.
#![cfg(not(loom))]

mod common;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use common::{options, pair, soon};
use rustix::event::{EventfdFlags, eventfd};
use strait_ringbuf::{
    Claim, Code, Consumer, Error, Full, Handle, HostPending, Lease, Message, Options, Producer,
    Result, Side, Trust, accept,
};

fn untrusted() -> Options {
    Options {
        trust: Trust::UNTRUSTED,
        ..options(8, 16)
    }
}

/// Scenario: goaway while a claim is open and the ring is full. Guarantees: it is said at once, the
/// claim cannot be published any more and is given back.
#[test]
fn nothing_is_published_after_goaway() {
    let (host, peer) = pair(&options(8, 16));
    let (mut producer, _consumer, handle) = host.split();
    let (_answers, mut consumer, _) = peer.split();
    let claims: Vec<_> = (0..3).map(|_| producer.claim(1).expect("claim")).collect();
    producer.goaway().expect("room for goaway");
    producer.goaway().expect("once");
    for claim in claims {
        let refused = producer.publish(claim, 0, 1, 1);
        assert!(matches!(refused, Err(Error::Goaway)), "{refused:?}");
    }
    assert_eq!(handle.in_flight(), 0);
    assert!(matches!(consumer.try_recv(), Ok(Some(Message::Goaway))));
    assert!(matches!(consumer.try_recv(), Ok(None)));
}

/// Scenario: more messages than may be unanswered, but final. Guarantees: neither side counts them.
#[test]
fn final_messages_are_not_in_flight() {
    let (host, peer) = pair(&options(8, 16));
    let (mut producer, _acks, host) = host.split();
    let (_answers, mut consumer, peer) = peer.split();
    for call_id in 1..=20 {
        let claim = producer.claim_final(1).expect("claim");
        producer.publish(claim, 0, call_id, 1).expect("publish");
        let message = consumer.try_recv().expect("receive");
        let Some(Message::Batch { is_final: true, .. }) = message else {
            panic!("{message:?}")
        };
    }
    assert_eq!((host.in_flight(), peer.unanswered()), (0, 0));
}

/// Scenario: the ends of a side are dropped, by an orderly return and by a panic, on a trusted and
/// an untrusted link. Guarantees: the other side's wait ends, with the code of R-23.
#[test]
fn dropped_ends_tell_the_other_side() {
    for options in [options(8, 16), untrusted()] {
        for (panics, code) in [(false, Code::Closed), (true, Code::Abandoned)] {
            let (host, peer) = pair(&options);
            let (_producer, mut consumer, _handle) = host.split();
            let dropper = thread::spawn(move || {
                let (_answers, _consumer, _handle) = peer.split();
                assert!(!panics, "as a component would");
            });
            let ended = consumer.recv_until_blocking(soon()).expect_err("ended");
            assert_eq!(dropper.join().is_err(), panics);
            assert_eq!(ended.code(), Some(code), "{ended}");
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Scenario: a hostile host fills the doorbell of a peer that waits, and the peer's process learns
/// that the host is lost. Guarantees: the wait ends (finding 23: it never did).
#[test]
fn a_full_doorbell_keeps_no_wait_from_ending() {
    let options = options(8, 16);
    let pending = HostPending::create(&options).expect("host's objects");
    let fds = pending.fds();
    let bell = fds.h2p_data.try_clone_to_owned().expect("duplicate");
    let fds = fds
        .try_map(|fd| fd.try_clone_to_owned())
        .expect("duplicate");
    let (peer, answer) = accept(&options, fds).expect("peer's end");
    let _host = pending.complete(&answer).expect("host's end");
    let (_answers, mut consumer, handle) = peer.split();
    runtime().block_on(async {
        for _ in 0..3 {
            let _ = rustix::io::write(&bell, &(u64::MAX - 1).to_ne_bytes());
            let wait = tokio::time::timeout(Duration::from_millis(1), consumer.recv());
            assert!(wait.await.is_err(), "there is nothing to receive");
        }
        let _ = rustix::io::write(&bell, &(u64::MAX - 1).to_ne_bytes());
        let other = thread::spawn(move || handle.peer_lost());
        let ended = tokio::time::timeout(Duration::from_secs(20), consumer.recv()).await;
        let ended = ended.expect("the wait ends").expect_err("lost");
        assert_eq!(ended.code(), Some(Code::PeerLost));
        other.join().expect("the thread that noticed");
    });
}

/// Scenario: the host of an untrusted link is gone without a word (its doorbells are closed).
/// Guarantees: a wait ends as `peer_lost`, blocking and not; it does not spin.
#[test]
fn a_hang_up_is_the_loss_of_the_other_side() {
    for blocking in [true, false] {
        let options = untrusted();
        let pending = HostPending::create(&options).expect("host's objects");
        let fds = pending.fds().try_map(|fd| fd.try_clone_to_owned());
        let (peer, _answer) = accept(&options, fds.expect("duplicate")).expect("peer's end");
        drop(pending);
        let (_answers, mut consumer, _handle) = peer.split();
        let ended = if blocking {
            consumer.recv_until_blocking(soon()).map(|_| ())
        } else {
            runtime().block_on(consumer.recv()).map(|_| ())
        };
        assert_eq!(ended.expect_err("lost").code(), Some(Code::PeerLost));
    }
}

/// Scenario: descriptors that are no doorbell of the link. Guarantees: refused by name.
#[test]
fn other_descriptors_are_refused_as_doorbells() {
    let event = |flags| eventfd(0, flags).expect("eventfd");
    let (reader, _writer) = std::io::pipe().expect("pipe");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("socket");
    let lone = rustix::net::socket(
        rustix::net::AddressFamily::UNIX,
        rustix::net::SocketType::STREAM,
        None,
    );
    let (connected, _other) = UnixStream::pair().expect("sockets");
    let cases: [(Options, OwnedFd, Option<&str>); 8] = [
        (options(8, 16), reader.into(), Some("a pipe")),
        (
            options(8, 16),
            event(EventfdFlags::empty()),
            Some("one that may block"),
        ),
        (
            options(8, 16),
            event(EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE),
            Some("a semaphore"),
        ),
        (
            options(8, 16),
            listener.into(),
            Some("a socket of another kind"),
        ),
        (
            options(8, 16),
            lone.expect("socket"),
            Some("a socket that is not connected"),
        ),
        (
            untrusted(),
            event(EventfdFlags::NONBLOCK),
            Some("no socket"),
        ),
        (options(8, 16), event(EventfdFlags::NONBLOCK), None),
        (untrusted(), connected.into(), None),
    ];
    for (options, fd, wanted) in cases {
        let pending = HostPending::create(&options).expect("host's objects");
        let fds = pending.fds().try_map(|fd| fd.try_clone_to_owned());
        let mut fds = fds.expect("duplicate");
        fds.p2h_data = fd;
        let refused = accept(&options, fds).map(|_| ()).err();
        match (refused, wanted) {
            (None, None) => {}
            (
                Some(Error::Doorbell {
                    name: "p2h_data",
                    found,
                    ..
                }),
                Some(wanted),
            ) => {
                assert_eq!(found, wanted);
            }
            (refused, wanted) => panic!("{refused:?} instead of {wanted:?}"),
        }
    }
}

/// A side with something of everything that an operation needs.
struct Ready {
    producer: Producer,
    consumer: Consumer,
    handle: Handle,
    claim: Option<Claim>,
    lease: Option<Lease>,
}

/// The other side.
type Other = (Producer, Consumer, Handle);
type End = fn(&Handle, Other);
type OnProducer = fn(&mut Producer, Option<Claim>) -> Result<()>;
type OnConsumer = fn(&mut Consumer, Option<Lease>) -> Result<()>;
type OnHandle = fn(&Handle) -> Result<()>;

const PRODUCING: [(&str, OnProducer); 7] = [
    ("claim", |p, _| p.claim(1).map(|_| ())),
    ("publish", |p, claim| {
        claim.map_or(Ok(()), |claim| p.publish(claim, 0, 1, 1))
    }),
    ("abort", |_, claim| {
        drop(claim);
        Ok(())
    }),
    ("ack", |p, _| p.send_ack(1)),
    ("inline", |p, _| p.send_inline(0, 1, b"x")),
    ("goaway", |p, _| p.goaway()),
    ("wait", |p, _| {
        p.until_blocking(soon(), |p| p.claim(16 * 4096)).map(|_| ())
    }),
];
const CONSUMING: [(&str, OnConsumer); 3] = [
    ("receive", |c, _| c.try_recv().map(|_| ())),
    ("release", |_, lease| {
        drop(lease);
        Ok(())
    }),
    ("wait", |c, _| {
        loop {
            c.recv_until_blocking(soon())?.ok_or(Error::NoCall)?;
        }
    }),
];
const HANDLING: [(&str, OnHandle); 3] = [
    ("settle", |h| {
        h.settle();
        Ok(())
    }),
    ("answered", |h| {
        h.answered();
        Ok(())
    }),
    ("check", |h| h.check_open()),
];
/// How the own handle or the other side's link ends it.
const ENDS: [(&str, End); 6] = [
    ("own close", |h, other| {
        h.close(Code::Closed);
        drop(other);
    }),
    ("own error", |h, other| {
        h.close(Code::Content);
        drop(other);
    }),
    ("lost", |h, other| {
        h.peer_lost();
        drop(other);
    }),
    ("other's close", |_, other| other.2.close(Code::Closed)),
    ("other's error", |_, other| other.2.close(Code::Content)),
    ("other's drop", |_, other| drop(other)),
];

fn ready(options: &Options) -> (Ready, Other) {
    let (own, other) = pair(options);
    let (mut producer, mut consumer, handle) = own.split();
    let claim = producer.claim(8).expect("claim");
    let other = {
        let (mut theirs, back, their_handle) = other.split();
        let given = theirs.claim(8).expect("claim");
        theirs.publish(given, 0, 1, 8).expect("publish");
        theirs.send_ack(7).expect("ack");
        (theirs, back, their_handle)
    };
    let Ok(Some(Message::Batch { lease, .. })) = consumer.try_recv() else {
        panic!("a batch was published")
    };
    let (claim, lease) = (Some(claim), Some(lease));
    (
        Ready {
            producer,
            consumer,
            handle,
            claim,
            lease,
        },
        other,
    )
}

/// An operation that runs while the link ends answers as before it or as after.
fn allowed(result: &Result<()>) -> bool {
    match result {
        Ok(()) | Err(Error::Full(Full::Slab) | Error::Goaway) => true,
        Err(Error::Closed {
            side: Side::Own | Side::Other,
            code,
        }) => matches!(code, 1 | 8 | 9),
        Err(_) => false,
    }
}

/// Scenario: each pair of operations of different owners (and a handle's) races with each way to
/// end. Guarantees: every call returns, with an answer of R-24; what follows finds the link ended,
/// once; open claims and leases stay usable.
#[test]
fn every_pair_of_operations_races_every_end() {
    let mut pairs = 0;
    for options in [options(8, 16), untrusted()] {
        for (end, ends) in ENDS {
            for (first, produce) in PRODUCING {
                for (second, consume) in CONSUMING {
                    let (third, handling) = HANDLING[pairs % HANDLING.len()];
                    pairs += 1;
                    race(&options, ends, produce, consume, handling, &|| {
                        format!("{first}, {second}, {third} against {end}")
                    });
                }
            }
        }
    }
}

fn race(
    options: &Options,
    ends: End,
    produce: OnProducer,
    consume: OnConsumer,
    handling: OnHandle,
    name: &dyn Fn() -> String,
) {
    let (mut side, other) = ready(options);
    let (claim, lease) = (side.claim.take(), side.lease.take());
    let barrier = Barrier::new(4);
    let (producer, consumer, handle) = (&mut side.producer, &mut side.consumer, &side.handle);
    let results = thread::scope(|scope| {
        let a = scope.spawn(|| {
            barrier.wait();
            produce(producer, claim)
        });
        let b = scope.spawn(|| {
            barrier.wait();
            consume(consumer, lease)
        });
        let c = scope.spawn(|| {
            barrier.wait();
            handling(handle)
        });
        barrier.wait();
        ends(handle, other);
        [a, b, c].map(|thread| thread.join().expect("no panic"))
    });
    for result in &results {
        assert!(allowed(result), "{}: {result:?}", name());
    }
    let closed = |error: &Error| error.is_closed();
    let first = side.handle.check_open().expect_err("ended");
    let started = Instant::now();
    let last = loop {
        match side.consumer.recv_until_blocking(soon()) {
            Ok(Some(_)) => {}
            Ok(None) => panic!("{}: no end after {:?}", name(), started.elapsed()),
            Err(error) => break error,
        }
    };
    assert_eq!(first.to_string(), last.to_string(), "{}", name());
    assert!(closed(&first), "{}", name());
    assert!(side.producer.send_ack(1).is_err_and(|error| closed(&error)));
    assert!(side.producer.claim(1).is_err_and(|error| closed(&error)));
}
