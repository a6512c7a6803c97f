//! The handshake of protocol section 8 over file descriptor 3, one JSON line each way.
//!
//! Host: `{"session":"7","epoch":1,"descriptors":64,"blocks":256,"edges":1,"clock_ns":"5"}` with
//! `h2p_producer, p2h_consumer, host_counters, h2p_data, h2p_space, p2h_data, p2h_space` (SCM_RIGHTS).
//! Peer: `{"clock_ns":"5"}` with `h2p_consumer, p2h_producer, peer_counters`, or
//! `{"error":"...","code":2}` with nothing. u64s are decimal text.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};
use strait_ringbuf::handshake::{check_clock, clock_ns};
use strait_ringbuf::{Geometry, HostFds, HostPending, Identity, Link, Options, PeerFds, accept};

use crate::{Arguments, Failure};

#[derive(Serialize, Deserialize)]
struct HostLine {
    session: String,
    epoch: u32,
    descriptors: u32,
    blocks: u32,
    edges: u16,
    clock_ns: String,
}

#[derive(Serialize, Deserialize, Default)]
struct PeerLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_ns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u32>,
}

#[allow(unsafe_code)]
pub(crate) fn handshake(arguments: &Arguments) -> Result<(Link, UnixStream), Failure> {
    // SAFETY: whoever starts this process gives it the socket as descriptor 3, for it alone.
    let socket = unsafe { UnixStream::from_raw_fd(3) };
    let link = if arguments.is_host {
        host(arguments, &socket)?
    } else {
        peer(arguments, &socket)?
    };
    Ok((link, socket))
}

fn host(arguments: &Arguments, socket: &UnixStream) -> Result<Link, Failure> {
    let session = clock_ns() ^ (u64::from(std::process::id()) << 32);
    let geometry = Geometry::new(arguments.descriptors, arguments.blocks)?;
    let identity = Identity {
        session,
        epoch: 1,
        geometry,
    };
    let options = Options {
        trust: arguments.trust,
        policy: arguments.policy,
        ..Options::new(identity)
    };
    let pending = HostPending::create(&options)?;
    let line = HostLine {
        session: session.to_string(),
        epoch: 1,
        descriptors: arguments.descriptors,
        blocks: arguments.blocks,
        edges: 1,
        clock_ns: clock_ns().to_string(),
    };
    let fds = pending.fds();
    let fds = [
        fds.h2p_producer,
        fds.p2h_consumer,
        fds.host_counters,
        fds.h2p_data,
        fds.h2p_space,
        fds.p2h_data,
        fds.p2h_space,
    ];
    send(socket, &line, &fds)?;
    let (answer, fds): (PeerLine, _) = receive(socket)?;
    if let Some(error) = answer.error {
        return Err(format!("the peer has refused the link: {error}").into());
    }
    check_clock(
        answer
            .clock_ns
            .ok_or("the peer's clock is missing")?
            .parse()?,
    )?;
    let [h2p_consumer, p2h_producer, peer_counters] = take(fds)?;
    Ok(pending.complete(&PeerFds {
        h2p_consumer,
        p2h_producer,
        peer_counters,
    })?)
}

fn peer(arguments: &Arguments, socket: &UnixStream) -> Result<Link, Failure> {
    let (line, fds): (HostLine, _) = receive(socket)?;
    let [
        h2p_producer,
        p2h_consumer,
        host_counters,
        h2p_data,
        h2p_space,
        p2h_data,
        p2h_space,
    ] = take(fds)?;
    let fds = HostFds {
        h2p_producer,
        p2h_consumer,
        host_counters,
        h2p_data,
        h2p_space,
        p2h_data,
        p2h_space,
    };
    match join(arguments, &line, fds) {
        Ok((link, answer)) => {
            let line = PeerLine {
                clock_ns: Some(clock_ns().to_string()),
                ..PeerLine::default()
            };
            let fds = [
                &answer.h2p_consumer,
                &answer.p2h_producer,
                &answer.peer_counters,
            ];
            send(socket, &line, &fds.map(std::os::fd::AsFd::as_fd))?;
            Ok(link)
        }
        Err(failure) => {
            let code = failure
                .downcast_ref::<strait_ringbuf::Error>()
                .and_then(|e| e.code());
            let code = code.map(|code| code as u32);
            send(
                socket,
                &PeerLine {
                    error: Some(failure.to_string()),
                    code,
                    clock_ns: None,
                },
                &[],
            )?;
            Err(failure)
        }
    }
}

fn join(
    arguments: &Arguments,
    line: &HostLine,
    fds: HostFds<OwnedFd>,
) -> Result<(Link, PeerFds<OwnedFd>), Failure> {
    check_clock(line.clock_ns.parse()?)?;
    let geometry = Geometry::new(line.descriptors, line.blocks)?;
    let identity = Identity {
        session: line.session.parse()?,
        epoch: line.epoch,
        geometry,
    };
    let options = Options {
        edges_in: line.edges,
        edges_out: line.edges,
        trust: arguments.trust,
        policy: arguments.policy,
        ..Options::new(identity)
    };
    Ok(accept(&options, fds)?)
}

fn send(socket: &UnixStream, line: &impl Serialize, fds: &[BorrowedFd<'_>]) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(7))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(fds)) {
        return Err("too many file descriptors".into());
    }
    let sent = sendmsg(
        socket,
        &[IoSlice::new(&text)],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    if sent == text.len() {
        Ok(())
    } else {
        Err("the socket took a part of a line".into())
    }
}

/// Reads one line, byte by byte past the first read, so that nothing after it is taken.
fn receive<T: for<'a> Deserialize<'a>>(socket: &UnixStream) -> Result<(T, Vec<OwnedFd>), Failure> {
    let mut line = Vec::new();
    let mut fds = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(7))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut byte)],
            &mut ancillary,
            flags,
        )?;
        if received.bytes == 0 {
            return Err("the other side has ended during the handshake".into());
        }
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        line.extend(byte);
    }
    Ok((serde_json::from_slice(&line)?, fds))
}

fn take<const N: usize>(fds: Vec<OwnedFd>) -> Result<[OwnedFd; N], Failure> {
    let found = fds.len();
    fds.try_into()
        .map_err(|_| format!("{found} file descriptors came, expected {N}").into())
}
