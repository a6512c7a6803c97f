//! What links leave behind. Alone in its file: other tests of a process would open things too.
#![cfg(not(loom))]

mod common;

use common::{options, pair};
use strait_ringbuf::{Error, HostPending, Identity, Message, Options, accept};

fn open_fds() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("list descriptors")
        .count()
}

/// Mappings of memory objects of links.
fn mapped_objects() -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("list mappings");
    maps.lines()
        .filter(|line| line.contains("/memfd:strait:"))
        .count()
}

/// Scenario: 1,000 links, used and dropped; in between links that are refused, and leases that
/// outlive theirs. Guarantees: no file descriptor and no mapping is left, and while a lease lives
/// only what it needs is.
#[test]
fn a_thousand_links_leave_nothing_behind() {
    let options = options(8, 16);
    let (fds, maps) = (open_fds(), mapped_objects());
    let mut kept = None;
    for round in 0..1000 {
        let (host, peer) = pair(&options);
        let (mut producer, _acks, _host) = host.split();
        let (_answers, mut consumer, _peer) = peer.split();
        let mut claim = producer.claim(8).expect("claim");
        claim[..8].copy_from_slice(&u64::to_le_bytes(round));
        producer.publish(claim, 0, 1, 8).expect("publish");
        let Ok(Some(Message::Batch { lease, .. })) = consumer.try_recv() else {
            panic!()
        };
        // The lease of the round before ends here, long after its link.
        if let Some(last) = kept.replace(lease) {
            assert_eq!(*last, u64::to_le_bytes(round - 1));
        }
        if round % 10 == 0 {
            refuse(&options);
        }
    }
    assert!(
        mapped_objects() - maps <= 3,
        "a lease keeps its slab, its bitmap and its counters"
    );
    drop(kept);
    assert_eq!(mapped_objects(), maps);
    assert_eq!(open_fds(), fds);
}

/// A link that the peer refuses: the host speaks of another session.
fn refuse(options: &Options) {
    let identity = Identity {
        session: 1,
        ..options.identity
    };
    let pending = HostPending::create(&Options {
        identity,
        ..*options
    })
    .expect("host's objects");
    let fds = pending
        .fds()
        .try_map(|fd| fd.try_clone_to_owned())
        .expect("duplicate");
    let refused = accept(options, fds)
        .map(|_| ())
        .expect_err("another session");
    assert!(
        matches!(
            refused,
            Error::Header {
                field: "session",
                ..
            }
        ),
        "{refused}"
    );
}
