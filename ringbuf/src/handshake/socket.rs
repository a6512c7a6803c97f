//! The handshake over a unix stream socket (protocol section 8.1), for two processes.
//!
//! [`host`] and [`peer`] make a side's end of a link with the process at the other end of the
//! socket: the messages, the file descriptors beside them, the checks, and the reason where one
//! refuses. Both block; nothing stays open where one of them fails. The socket is free afterwards:
//! its end tells that the other process has ended, which is left to the caller
//! ([`Handle::peer_lost`](crate::Handle::peer_lost)), as is who may be at its other end.
//!
//! ```
//! use std::os::unix::net::UnixStream;
//! use strait_ringbuf::handshake::socket;
//! use strait_ringbuf::{Geometry, Identity, Message, Options};
//!
//! # fn main() -> strait_ringbuf::Result<()> {
//! let (here, there) = UnixStream::pair().expect("a socket pair"); // `there` is another process's
//! let peer = std::thread::spawn(move || socket::peer(&there, Options::new));
//!
//! let geometry = Geometry::new(64, 256)?;
//! let host = socket::host(&here, &Options::new(Identity { session: 7, epoch: 1, geometry }))?;
//! let peer = peer.join().expect("no panic")?;
//!
//! let (mut producer, _, _host) = host.split();
//! let (_, mut consumer, _peer) = peer.split();
//! producer.send_inline(0, 42, b"hello")?;
//! assert!(matches!(consumer.try_recv()?, Some(Message::Inline { call_id: 42, .. })));
//! # Ok(()) }
//! ```

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use super::wire::{ANSWER_BYTES, Answer, OFFER_BYTES, Offer, REASON_MAX};
use super::{HostFds, HostPending, PeerFds, accept, check_clock, clock_ns};
use crate::errors::{Error, Result};
use crate::header::Identity;
use crate::layout::Code;
use crate::link::Link;
use crate::options::Options;

/// Most descriptors beside a message.
const FDS_MAX: usize = 7;

/// Makes the host's end of a link with the peer at the other end of the socket.
///
/// # Errors
/// Those of [`HostPending`]; [`Error::Refused`] with the peer's reason; [`Error::Clock`];
/// [`Error::System`] for the socket, also when the peer has hung up.
pub fn host(socket: &UnixStream, options: &Options) -> Result<Link> {
    let pending = HostPending::create(options)?;
    let offer = Offer {
        identity: options.identity,
        edges_h2p: options.edges_out.max(1),
        edges_p2h: options.edges_in.max(1),
        clock_ns: clock_ns(),
    };
    let fds: [BorrowedFd<'_>; FDS_MAX] = pending.fds().into();
    send(socket, &offer.to_bytes(), &fds)?;
    let mut bytes = [0; ANSWER_BYTES];
    let fds = receive(socket, &mut bytes)?;
    let answer = Answer::parse(&bytes)?;
    if answer.code != 0 {
        let mut reason = [0; REASON_MAX];
        let reason = &mut reason[..answer.reason_bytes as usize];
        receive(socket, reason)?;
        return Err(Error::Refused {
            code: answer.code,
            reason: String::from_utf8_lossy(reason).into_owned(),
        });
    }
    check_clock(answer.clock_ns)?;
    pending.complete(&PeerFds::from(exactly(fds, "answer")?))
}

/// Makes the peer's end of the link that the host at the other end of the socket offers; `options`
/// gives this side's, but for what the offer says: identity and edges. A host that is refused hears
/// why.
///
/// # Errors
/// Those of [`accept`]; [`Error::Header`] for an offer that is not as the protocol says;
/// [`Error::Clock`]; [`Error::System`] for the socket, also when the host has hung up.
pub fn peer(socket: &UnixStream, options: impl FnOnce(Identity) -> Options) -> Result<Link> {
    let mut bytes = [0; OFFER_BYTES];
    let fds = receive(socket, &mut bytes)?;
    match join(&bytes, fds, options) {
        Ok((link, fds)) => {
            let accepted = Answer {
                code: 0,
                clock_ns: clock_ns(),
                reason_bytes: 0,
            };
            let fds: [OwnedFd; 3] = fds.into();
            send(
                socket,
                &accepted.to_bytes(),
                &fds.each_ref().map(AsFd::as_fd),
            )?;
            Ok(link)
        }
        Err(error) => {
            refuse(socket, &error);
            Err(error)
        }
    }
}

fn join(
    bytes: &[u8; OFFER_BYTES],
    fds: Vec<OwnedFd>,
    options: impl FnOnce(Identity) -> Options,
) -> Result<(Link, PeerFds<OwnedFd>)> {
    let offer = Offer::parse(bytes)?;
    check_clock(offer.clock_ns)?;
    let options = Options {
        identity: offer.identity,
        edges_in: offer.edges_h2p,
        edges_out: offer.edges_p2h,
        ..options(offer.identity)
    };
    accept(&options, HostFds::from(exactly(fds, "offer")?))
}

/// Tells the host why. One that has gone needs no answer.
fn refuse(socket: &UnixStream, error: &Error) {
    let text = error.to_string();
    let reason = &text[..text.floor_char_boundary(REASON_MAX)];
    let refusal = Answer {
        // A refusal has a code; this side's own trouble is nothing that the host did wrong.
        code: error.code().unwrap_or(Code::Closed) as u32,
        clock_ns: clock_ns(),
        reason_bytes: reason.len() as u32,
    };
    let message = [&refusal.to_bytes(), reason.as_bytes()].concat();
    let _ = send(socket, &message, &[]);
}

fn exactly<const N: usize>(fds: Vec<OwnedFd>, object: &'static str) -> Result<[OwnedFd; N]> {
    fds.try_into().map_err(|fds: Vec<OwnedFd>| Error::Header {
        object,
        field: "descriptors",
        expected: format!("{N} file descriptors"),
        found: fds.len().to_string(),
    })
}

fn failed(call: &'static str, kind: std::io::ErrorKind, why: &'static str) -> Error {
    Error::System {
        call,
        cause: std::io::Error::new(kind, why),
    }
}

/// Sends a message with its descriptors beside its first byte.
fn send(socket: &UnixStream, message: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
    const CALL: &str = "sendmsg";
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        let fits = ancillary.push(SendAncillaryMessage::ScmRights(fds));
        debug_assert!(fits, "the space is for FDS_MAX");
    }
    let part = IoSlice::new(message);
    let sent = sendmsg(socket, &[part], &mut ancillary, SendFlags::NOSIGNAL);
    if sent.map_err(Error::system(CALL))? == message.len() {
        return Ok(());
    }
    let why = "the socket took a part of a message";
    Err(failed(CALL, std::io::ErrorKind::WriteZero, why))
}

/// Fills `message`, and takes no byte after it; gives the descriptors that came beside it.
fn receive(socket: &UnixStream, message: &mut [u8]) -> Result<Vec<OwnedFd>> {
    const CALL: &str = "recvmsg";
    let (mut fds, mut filled) = (Vec::new(), 0);
    while filled < message.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut rest = [IoSliceMut::new(&mut message[filled..])];
        let received = recvmsg(socket, &mut rest, &mut ancillary, RecvFlags::CMSG_CLOEXEC);
        let received = match received {
            Ok(received) => received.bytes,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(Error::system(CALL)(errno)),
        };
        for part in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = part {
                fds.extend(rights);
            }
        }
        if received == 0 {
            let why = "the other side has ended during the handshake";
            return Err(failed(CALL, std::io::ErrorKind::UnexpectedEof, why));
        }
        filled += received;
    }
    Ok(fds)
}
