//! Objects of the other side that are not what they should be.

use std::os::fd::AsFd;

use proptest::prelude::*;

use super::*;
use crate::header::Geometry;
use crate::layout::{Direction, ObjectKind};

const OBJECT: Object = Object::new(ObjectKind::Producer, Direction::HostToPeer);

fn identity() -> Identity {
    Identity {
        session: 9,
        epoch: 1,
        geometry: Geometry::new(8, 16).expect("geometry"),
    }
}

/// An object of `bytes` bytes that starts with `start` and has these seals.
fn forge(bytes: u64, start: &[u8], seals: SealFlags) -> OwnedFd {
    let fd = create_memfd(OBJECT, &identity()).expect("memfd");
    rustix::fs::ftruncate(&fd, bytes).expect("ftruncate");
    let written = rustix::io::pwrite(&fd, start, 0).expect("pwrite");
    assert_eq!(written, start.len());
    rustix::fs::fcntl_add_seals(&fd, seals).expect("seals");
    fd
}

fn sound_header() -> Header {
    let header = OBJECT.header(&identity());
    Header {
        crc: header_crc(&header),
        init: layout::INIT,
        ..header
    }
}

fn refused(fd: impl AsFd) -> (&'static str, String, String) {
    match open(OBJECT, &identity(), fd.as_fd()) {
        Err(Error::Header {
            field,
            expected,
            found,
            ..
        }) => (field, expected, found),
        other => panic!("expected a refusal, found {other:?}"),
    }
}

/// Scenario: an own object. Guarantees: it has every seal and its name, can be mapped for reading,
/// and nobody can map it for writing or change its size.
#[test]
fn own_objects_are_sealed_and_named() {
    let (fd, own) = create(OBJECT, &identity(), [7; 16]).expect("create");
    let other = open(OBJECT, &identity(), fd.as_fd()).expect("open");
    assert!(own.is_writable() && !other.is_writable());
    own.word64(layout::WORD_SPACE_WAIT).store(5, Relaxed);
    assert_eq!(other.word64(layout::WORD_SPACE_WAIT).load(Relaxed), 5);
    assert!(Mapping::new(fd.as_fd(), own.bytes, true).is_err());
    assert!(rustix::fs::ftruncate(&fd, 0).is_err());
    assert!(rustix::io::pwrite(&fd, &[1], 0).is_err());
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
    let name = std::fs::read_link(link).expect("name");
    assert_eq!(
        name.to_string_lossy(),
        "/memfd:strait:0000000000000009:1:h2p-producer (deleted)"
    );
}

/// Scenario: one seal is missing; the size is another one; the descriptor is no memfd. Guarantees:
/// refused before anything is mapped, with both values.
#[test]
fn objects_that_could_change_are_refused() {
    let header = sound_header();
    let start = bytemuck::bytes_of(&header);
    open(
        OBJECT,
        &identity(),
        forge(header.total_bytes, start, SEALS).as_fd(),
    )
    .expect("sound");
    for missing in [
        SealFlags::FUTURE_WRITE,
        SealFlags::SHRINK,
        SealFlags::GROW,
        SealFlags::SEAL,
    ] {
        let (field, expected, found) = refused(forge(header.total_bytes, start, SEALS - missing));
        let bits = (SEALS - missing).bits();
        assert_eq!(
            (field, expected, found),
            (
                "seals",
                format!("{:#x}", SEALS.bits()),
                format!("{bits:#x}")
            )
        );
    }
    for bytes in [128, header.total_bytes - 4096, header.total_bytes + 1] {
        let (field, expected, found) = refused(forge(bytes, start, SEALS));
        let wanted = (header.total_bytes.to_string(), bytes.to_string());
        assert_eq!((field, (expected, found)), ("size", wanted));
    }
    assert_eq!(
        refused(std::fs::File::open("/dev/null").expect("open")).0,
        "seals"
    );
}

proptest! {
    /// Scenario: any bytes over any part of a sound header. Guarantees: accepted only if nothing of
    /// importance has changed; else refused with a field.
    #[test]
    fn overwritten_headers_are_refused(at in 0_usize..128, bytes in any::<[u8; 16]>()) {
        let mut start = bytemuck::bytes_of(&sound_header()).to_vec();
        for (place, byte) in start[at..].iter_mut().zip(bytes) {
            *place = byte;
        }
        let changed = start != bytemuck::bytes_of(&sound_header());
        let fd = forge(sound_header().total_bytes, &start, SEALS);
        let result = open(OBJECT, &identity(), fd.as_fd());
        prop_assert_eq!(result.is_err(), changed, "{:?}", result);
    }
}
