//! Descriptors: making them, and checking what the other side wrote.
//!
//! A descriptor is checked in a local copy, completely, before anything in it is used. Whether its
//! slot overlaps a leased one needs the consumer's ledger and is left to
//! [`lease`](crate::lease).

use crate::errors::{Error, Result};
use crate::layout::{BLOCK_BYTES, Descriptor, FLAG_FINAL, INLINE_BYTES, Kind};

/// What the values of a descriptor may be on one ring.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Blocks of the slab.
    pub blocks: u32,
    /// Number of edges that was agreed.
    pub edges: u16,
}

/// A run of slab blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// First block.
    pub block: u32,
    /// Number of blocks.
    pub blocks: u32,
}

impl Run {
    /// Size of the run, in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.blocks as usize * BLOCK_BYTES as usize
    }

    /// Offset of the run in the slab, in bytes.
    #[must_use]
    pub const fn offset(self) -> usize {
        self.block as usize * BLOCK_BYTES as usize
    }
}

/// Number of blocks that hold `bytes` bytes.
#[must_use]
pub const fn blocks_for(bytes: usize) -> usize {
    bytes.div_ceil(BLOCK_BYTES as usize)
}

impl Descriptor {
    const EMPTY: Self = Self {
        sequence: 0,
        kind: 0,
        flags: 0,
        edge: 0,
        length: 0,
        call_id: 0,
        block: 0,
        blocks: 0,
        inline: [0; INLINE_BYTES],
    };

    /// A message whose content is the first `length` bytes of a slot.
    #[must_use]
    pub fn slot(kind: Kind, edge: u16, call_id: u64, run: Run, length: u32) -> Self {
        debug_assert!(kind.has_slot());
        Self {
            kind: kind as u8,
            edge,
            length,
            call_id,
            block: run.block,
            blocks: run.blocks,
            ..Self::EMPTY
        }
    }

    /// An inline message.
    ///
    /// # Errors
    /// [`Error::InlineSize`] if `content` does not fit.
    pub fn inline(edge: u16, call_id: u64, content: &[u8]) -> Result<Self> {
        let mut inline = [0; INLINE_BYTES];
        let Some(place) = inline.get_mut(..content.len()) else {
            return Err(Error::InlineSize {
                bytes: content.len(),
                limit: INLINE_BYTES,
            });
        };
        place.copy_from_slice(content);
        let length = content.len() as u32;
        Ok(Self {
            kind: Kind::Inline as u8,
            edge,
            length,
            call_id,
            inline,
            ..Self::EMPTY
        })
    }

    /// The answer to `call_id`.
    #[must_use]
    pub fn ack(call_id: u64) -> Self {
        Self {
            kind: Kind::Ack as u8,
            call_id,
            ..Self::EMPTY
        }
    }

    /// The end of batches and inline messages.
    #[must_use]
    pub fn goaway() -> Self {
        Self {
            kind: Kind::Goaway as u8,
            ..Self::EMPTY
        }
    }

    /// The same message, which wants no answer.
    #[must_use]
    pub const fn into_final(self) -> Self {
        Self {
            flags: FLAG_FINAL,
            ..self
        }
    }

    /// Whether the message wants no answer although its kind does.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        self.flags & FLAG_FINAL != 0
    }

    /// The slot's run.
    #[must_use]
    pub const fn run(&self) -> Run {
        Run {
            block: self.block,
            blocks: self.blocks,
        }
    }

    /// Checks a copied descriptor and gives its kind.
    ///
    /// # Errors
    /// [`Error::Descriptor`], which names the first field that violates the rule.
    pub fn check(&self, position: u64, limits: Limits) -> Result<Kind> {
        let bad = |field, found: u64, expected: String| {
            Err(Error::Descriptor {
                position,
                field,
                expected,
                found,
            })
        };
        let Some(kind) = Kind::from_repr(self.kind) else {
            return bad("kind", self.kind.into(), "1 to 5".to_owned());
        };
        let flags = if kind.wants_answer() { FLAG_FINAL } else { 0 };
        if self.flags & !flags != 0 {
            return bad(
                "flags",
                self.flags.into(),
                format!("no bits but {flags:#x}"),
            );
        }
        if self.edge >= limits.edges {
            return bad("edge", self.edge.into(), format!("below {}", limits.edges));
        }
        match kind {
            Kind::Batch | Kind::Preamble => self.check_slot(position, limits)?,
            Kind::Inline if self.length as usize > INLINE_BYTES => {
                return bad(
                    "length",
                    self.length.into(),
                    format!("at most {INLINE_BYTES}"),
                );
            }
            Kind::Ack if self.call_id == 0 => {
                return bad("call_id", 0, "another value than 0".to_owned());
            }
            Kind::Ack | Kind::Goaway if self.length != 0 => {
                return bad("length", self.length.into(), "0".to_owned());
            }
            Kind::Inline | Kind::Ack | Kind::Goaway => {}
        }
        Ok(kind)
    }

    fn check_slot(&self, position: u64, limits: Limits) -> Result<()> {
        let bad = |field, found: u64, expected: String| {
            Err(Error::Descriptor {
                position,
                field,
                expected,
                found,
            })
        };
        if self.blocks == 0 || self.blocks > limits.blocks {
            return bad(
                "blocks",
                self.blocks.into(),
                format!("1 to {}", limits.blocks),
            );
        }
        let last = limits.blocks - self.blocks;
        if self.block > last {
            return bad("block", self.block.into(), format!("at most {last}"));
        }
        let most = u64::from(self.blocks) * u64::from(BLOCK_BYTES);
        let least = most - u64::from(BLOCK_BYTES) + 1;
        if !(least..=most).contains(&u64::from(self.length)) {
            return bad("length", self.length.into(), format!("{least} to {most}"));
        }
        Ok(())
    }
}
