//! Object headers and descriptors of the ring, as the other side may have written them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use strait_ringbuf::descriptor::Limits;
use strait_ringbuf::layout::{
    BLOCK_BYTES, DESCRIPTOR_BYTES, Descriptor, Direction, Header, ObjectKind,
};
use strait_ringbuf::header::{Object, check_header, header_crc};
use strait_ringbuf::{Geometry, Identity};

const LIMITS: Limits = Limits {
    blocks: 256,
    edges: 1,
};

fuzz_target!(|bytes: &[u8]| {
    if let Some((descriptor, header)) = bytes.split_at_checked(DESCRIPTOR_BYTES) {
        check_descriptor(bytemuck::pod_read_unaligned(descriptor));
        check_object(header);
    }
});

fn check_descriptor(descriptor: Descriptor) {
    let position = descriptor.sequence.wrapping_sub(1);
    let Ok(kind) = descriptor.check(position, LIMITS) else {
        return;
    };
    if kind.has_slot() {
        let end = u64::from(descriptor.block) + u64::from(descriptor.blocks);
        assert!(end <= LIMITS.blocks.into());
        let room = u64::from(descriptor.blocks) * u64::from(BLOCK_BYTES);
        assert!(u64::from(descriptor.length) <= room);
    }
}

/// A good header with `changes` over it, bit by bit.
fn check_object(changes: &[u8]) {
    let geometry = Geometry::new(64, LIMITS.blocks).expect("within the limits");
    let identity = Identity {
        session: 7,
        epoch: 1,
        geometry,
    };
    let object = Object::new(ObjectKind::Producer, Direction::HostToPeer);
    let expected = object.header(&identity);
    let mut found = expected;
    for (byte, change) in bytemuck::bytes_of_mut(&mut found).iter_mut().zip(changes) {
        *byte ^= change;
    }
    // A wrong CRC would hide everything behind it.
    found.crc = header_crc(&found);
    if check_header(object, &expected, &found).is_ok() {
        let agreed = |h: &Header| (h.session, h.epoch, h.total_bytes, h.slab_offset, h.blocks);
        assert_eq!(agreed(&found), agreed(&expected));
    }
}
