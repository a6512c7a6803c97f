//! The other end of a link without an engine: a thread that reads, and answers.

use crate::decode::rows_of;
use crate::guard;
use crate::line::pin;
use crate::offer::{Answer, Offer};
use std::error::Error;
use std::hint::black_box;
use std::os::fd::OwnedFd;
use std::thread::JoinHandle;
use strait_records::{Batch, ReceivedSchemas};
use strait_ringbuf::{Consumer, Link, Message, PeerFds, Producer};

/// A running peer. It ends when the host closes the link.
pub(crate) struct Peer {
    thread: JoinHandle<Result<(), String>>,
    /// Open until the host has mapped them.
    _fds: PeerFds<OwnedFd>,
}

/// Starts a peer that turns each batch into record batches and acks it, and acks inline messages.
/// Ends with `strait_bench_peer_join`.
///
/// # Safety
/// `offer` can be read and `answer` written; the offer's descriptors are open.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_peer_start(
    offer: *const Offer,
    answer: *mut Answer,
) -> *mut Peer {
    guard(std::ptr::null_mut(), || {
        // SAFETY: the caller's promise.
        let offer = unsafe { *offer };
        let (link, fds, told) = offer.accept()?;
        // SAFETY: the caller's promise.
        unsafe { *answer = told };
        let thread = std::thread::Builder::new()
            .name("bench-peer".into())
            .spawn(move || run(link, offer.cpu()).map_err(|error| error.to_string()))?;
        Ok::<_, Box<dyn Error>>(Box::into_raw(Box::new(Peer { thread, _fds: fds })))
    })
}

/// Waits for the peer's end, which follows the link's.
///
/// # Safety
/// `peer` is what `strait_bench_peer_start` gave, and is not used again.
#[no_mangle]
pub(crate) unsafe extern "C" fn strait_bench_peer_join(peer: *mut Peer) -> i32 {
    guard(-1, || {
        // SAFETY: it came from Box::into_raw, and the caller gives it up.
        let peer = unsafe { Box::from_raw(peer) };
        peer.thread
            .join()
            .map_err(|_| "the peer panicked".to_owned())?
            .map(|()| 0)
    })
}

fn run(link: Link, cpu: i32) -> Result<(), Box<dyn Error>> {
    pin(cpu)?;
    let (mut producer, mut consumer, _handle) = link.split();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve(&mut producer, &mut consumer))
}

async fn serve(producer: &mut Producer, consumer: &mut Consumer) -> Result<(), Box<dyn Error>> {
    let mut schemas = ReceivedSchemas::new();
    loop {
        match consumer.recv().await {
            Ok(Message::Batch { lease, call_id, .. }) => {
                let batch = Batch::leased(lease)?;
                black_box(rows_of(&batch.records(&schemas)?));
                drop(batch);
                producer.send_ack(call_id)?;
            }
            Ok(Message::Inline { call_id, .. }) => producer.send_ack(call_id)?,
            Ok(Message::Preamble(lease)) => {
                schemas.publish(&lease)?;
            }
            Ok(Message::Ack { .. } | Message::Goaway) => {}
            Err(strait_ringbuf::Error::Closed { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
