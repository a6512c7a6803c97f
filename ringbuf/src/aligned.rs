//! Bytes of this side's own, aligned to 64 as the layers above want their buffers.
//!
//! What a slot is copied to; who copies, and when, is said in [`lease`](crate::lease).

#[repr(C, align(64))]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Line([u64; 8]);

/// Bytes that begin at a multiple of 64.
pub(crate) struct AlignedBytes {
    lines: Box<[Line]>,
    length: usize,
}

impl AlignedBytes {
    pub(crate) fn zeroed(length: usize) -> Self {
        let count = length.div_ceil(size_of::<Line>());
        Self {
            lines: vec![Line([0; 8]); count].into(),
            length,
        }
    }

    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}
