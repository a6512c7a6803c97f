//! The handshake over a socket: what is refused, that the other side hears why, and that nothing
//! stays open. One test, because it counts the descriptors of its process.
#![cfg(not(loom))]

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use strait_ringbuf::handshake::wire::{ANSWER_BYTES, Answer, OFFER_BYTES, Offer};
use strait_ringbuf::handshake::{clock_ns, socket};
use strait_ringbuf::{Code, Error, Geometry, Identity, Options};

fn options() -> Options {
    Options::new(Identity {
        session: 7,
        epoch: 1,
        geometry: Geometry::new(8, 16).expect("a geometry"),
    })
}

fn sockets() -> (UnixStream, UnixStream) {
    UnixStream::pair().expect("a socket pair")
}

fn offer() -> [u8; OFFER_BYTES] {
    let offer = Offer {
        identity: options().identity,
        edges_h2p: 1,
        edges_p2h: 1,
        clock_ns: clock_ns(),
    };
    offer.to_bytes()
}

fn send(to: &UnixStream, message: &[u8], fds: &[BorrowedFd<'_>]) {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(7))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    assert!(fds.is_empty() || ancillary.push(SendAncillaryMessage::ScmRights(fds)));
    let part = std::io::IoSlice::new(message);
    sendmsg(to, &[part], &mut ancillary, SendFlags::empty()).expect("sent");
}

/// Scenario: an offer that is none, or whose descriptors are not as many as they should be, or are
/// something else. Guarantees: refused by the field's name, and the host hears it.
fn offers_that_are_refused() {
    let none = |_: &mut [u8; OFFER_BYTES]| {};
    type Change = fn(&mut [u8; OFFER_BYTES]);
    let cases: [(&str, Change, usize); 6] = [
        ("magic", |b| b[0] ^= 1, 7),
        ("major", |b| b[8] = 2, 7),
        ("epoch", |b| b[12..16].fill(0), 7),
        ("descriptors", none, 6),
        ("descriptors", none, 0),
        ("seals", none, 7), // they are sockets
    ];
    for (field, change, count) in cases {
        let (here, there) = sockets();
        let mut bytes = offer();
        change(&mut bytes);
        send(&here, &bytes, &vec![here.as_fd(); count]);
        let error = socket::peer(&there, Options::new).expect_err(field);
        assert_eq!(error.code(), Some(Code::Header), "{error}");
        assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
        drop(there);
        let (mut answer, mut rest) = ([0; ANSWER_BYTES], String::new());
        (&here).read_exact(&mut answer).expect("an answer");
        (&here).read_to_string(&mut rest).expect("a reason");
        let answer = Answer::parse(&answer).expect("a sound one");
        assert_eq!(answer.code, Code::Header as u32, "{field}");
        assert_eq!(
            (rest.len(), rest),
            (answer.reason_bytes as usize, error.to_string())
        );
    }
}

fn answer(code: u32, clock_ns: u64, reason_bytes: u32) -> Vec<u8> {
    let answer = Answer {
        code,
        clock_ns,
        reason_bytes,
    };
    answer.to_bytes().to_vec()
}

fn refused() -> Vec<u8> {
    [answer(2, 0, 4), b"nope".to_vec()].concat()
}

fn half_refused() -> Vec<u8> {
    refused()[..ANSWER_BYTES + 1].to_vec()
}

/// Scenario: a peer that refuses, answers something else, or goes away in the middle. Guarantees:
/// the host hears why, or that it is alone.
fn answers_that_are_refused() {
    type Says = fn() -> Vec<u8>;
    let cases: [(Says, &str); 6] = [
        (refused, "the peer has refused the link: nope (header)"),
        (half_refused, "has ended during the handshake"),
        (
            || answer(0, clock_ns(), 0),
            "answer: header field `descriptors` is 0",
        ),
        (|| answer(0, 0, 0), "run both in one time namespace"),
        (|| vec![0; ANSWER_BYTES], "answer: header field `magic`"),
        (Vec::new, "has ended during the handshake"),
    ];
    for (message, wanted) in cases {
        let (here, mut there) = sockets();
        let peer = std::thread::spawn(move || {
            let mut offer = [0; OFFER_BYTES];
            there.read_exact(&mut offer).expect("an offer");
            there.write_all(&message()).expect("an answer");
            there.shutdown(Shutdown::Both).expect("ended");
        });
        let error = socket::host(&here, &options()).expect_err(wanted);
        assert!(
            error.to_string().contains(wanted),
            "{error}, wanted {wanted}"
        );
        peer.join().expect("no panic");
    }
}

/// Scenario: two sides that agree, with edges of the host's choice. Guarantees: the peer takes as
/// many edges as the host says.
fn edges_are_the_hosts() {
    let (here, there) = sockets();
    let peer = std::thread::spawn(move || socket::peer(&there, Options::new));
    let options = Options {
        edges_out: 3,
        ..options()
    };
    let (mut producer, ..) = socket::host(&here, &options).expect("joined").split();
    let (_, mut consumer, _) = peer.join().expect("no panic").expect("joined").split();
    producer
        .send_inline(2, 1, b"x")
        .expect("an edge of the host's");
    consumer.try_recv().expect("received").expect("it");
    let error = producer.send_inline(3, 2, b"x").expect_err("no such edge");
    assert!(
        matches!(error, Error::Edge { edge: 3, edges: 3 }),
        "{error}"
    );
}

#[test]
fn what_is_refused_is_told_and_leaves_nothing_open() {
    let open = || std::fs::read_dir("/proc/self/fd").expect("list").count();
    edges_are_the_hosts(); // what the first link opens once for the process
    let before = open();
    offers_that_are_refused();
    answers_that_are_refused();
    edges_are_the_hosts();
    assert_eq!(open(), before);
}
