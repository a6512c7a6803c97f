//! The peer as the host calls it, and links that the tests make.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use serde_json::{Value, json};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};
use strait_control::{OpKind, OpResult, Operation, Peer};
use strait_host::HostPeer;
use strait_ringbuf::{Geometry, HostPending, Identity, Link, Options, PeerFds};

pub const LINK: u16 = 3;
pub const HANDLE: u64 = 11;

pub fn operation(kind: OpKind, payload: &Value) -> Operation {
    Operation {
        id: 1,
        handle: HANDLE,
        kind,
        deadline: Instant::now() + Duration::from_secs(10),
        payload: payload.to_string().into_bytes(),
    }
}

pub fn value(result: OpResult) -> Value {
    serde_json::from_slice(&result.unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

pub fn spawn(
    runtime: &tokio::runtime::Runtime,
    peer: &HostPeer,
    kind: OpKind,
    payload: &Value,
) -> OpResult {
    if kind.is_inline() {
        return peer.inline(operation(kind, payload));
    }
    runtime.block_on(peer.spawn(operation(kind, payload)))
}

pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

/// Starts the unit that was created, once, on a link of our own, with this credit for its edges
/// out; gives the reply too.
pub fn started(
    runtime: &tokio::runtime::Runtime,
    peer: &HostPeer,
    credit: &[(u16, u32)],
) -> (Value, Link) {
    let geometry = Geometry::new(64, 64).unwrap();
    let mut options = Options::new(Identity {
        session: 9,
        epoch: 1,
        geometry,
    });
    (options.edges_in, options.edges_out) = (3, 3);
    let pending = HostPending::create(&options).unwrap();
    let wish = |(number, credit): &(u16, u32)| json!({"number": number, "credit": credit});
    let edges: Vec<_> = credit.iter().map(wish).collect();
    let start = json!({"policy": "efficient", "max_wait_ns": 1_000_000_000, "edges": edges,
        "links": [{
        "number": LINK, "epoch": 1, "session": 9, "geometry": {"descriptors": 64, "blocks": 64},
        "fds": pending.fds().raw()}]});
    let answer = value(spawn(runtime, peer, OpKind::Start, &start));
    assert!(
        spawn(runtime, peer, OpKind::Start, &start).is_err(),
        "started twice"
    );
    let answered = &answer["links"][0]["fds"];
    let answered: PeerFds<RawFd> = serde_json::from_value(answered.clone()).unwrap();
    let answered = answered
        .try_map(|fd| {
            #[allow(unsafe_code)]
            // SAFETY: the peer has just answered with it, and keeps it open.
            unsafe {
                strait_ringbuf::handshake::duplicate(fd)
            }
        })
        .unwrap();
    let link = pending.complete(&answered).unwrap();
    (answer, link)
}
