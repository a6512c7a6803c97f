//! The producer's own record of its slab: which blocks are free, which run is whose.
//!
//! Runs are taken first fit, but small ones preferably where a run was freed last, because those
//! bytes are still in the caches. The record is private memory: nothing the other side does
//! can corrupt it, and a release bit that does not belong to a published slot is an error.
//! Reading the shared bitmap is left to [`producer`](crate::producer).

use crate::descriptor::Run;
use crate::errors::{Error, Result};

/// Runs up to this many blocks (256 KiB) are taken where one was freed last.
const RECENT_BLOCKS_MAX: u32 = 64;
/// How many recently freed runs are remembered.
const RECENT_RUNS_MAX: usize = 16;

/// The allocator of one slab.
#[derive(Debug)]
pub struct Slab {
    blocks: u32,
    free_blocks: u32,
    /// One bit per block, set while it is free.
    free: Box<[u64]>,
    /// Length of the run that starts at a block, 0 where none starts.
    run_blocks: Box<[u32]>,
    /// One bit per block, set where a published run starts.
    published: Box<[u64]>,
    /// One bit per word of `published` that is not 0.
    published_words: Box<[u64]>,
    /// The release bitmap as it was last read.
    seen: Box<[u64]>,
    /// No word of `free` before this one has a bit set.
    first_free_word: usize,
    /// Hints: runs that were free when they were pushed, the latest last.
    recent: Vec<Run>,
}

impl Slab {
    /// A slab of `blocks` free blocks.
    #[must_use]
    pub fn new(blocks: u32) -> Self {
        let words = (blocks as usize).div_ceil(64);
        let mut slab = Self {
            blocks,
            free_blocks: 0,
            free: vec![0; words].into(),
            run_blocks: vec![0; blocks as usize].into(),
            published: vec![0; words].into(),
            published_words: vec![0; words.div_ceil(64)].into(),
            seen: vec![0; words].into(),
            first_free_word: 0,
            recent: Vec::with_capacity(RECENT_RUNS_MAX),
        };
        slab.mark_free(Run { block: 0, blocks });
        slab
    }

    /// Blocks that are not free.
    #[must_use]
    pub const fn blocks_in_use(&self) -> u32 {
        self.blocks - self.free_blocks
    }

    /// Takes a run of `blocks` blocks, or `None` where no free run is long enough.
    #[must_use]
    pub fn take(&mut self, blocks: u32) -> Option<Run> {
        if blocks == 0 || blocks > self.free_blocks {
            return None;
        }
        let block = self
            .take_recent(blocks)
            .or_else(|| self.first_fit(blocks))?;
        let run = Run { block, blocks };
        self.mark_used(run);
        self.run_blocks[block as usize] = blocks;
        Some(run)
    }

    /// Shortens a taken run to `blocks` blocks and frees the rest.
    pub fn trim(&mut self, run: Run, blocks: u32) -> Run {
        debug_assert!(self.run_blocks[run.block as usize] == run.blocks);
        debug_assert!((1..=run.blocks).contains(&blocks));
        let kept = Run {
            block: run.block,
            blocks,
        };
        self.run_blocks[run.block as usize] = blocks;
        self.mark_free(Run {
            block: run.block + blocks,
            blocks: run.blocks - blocks,
        });
        kept
    }

    /// Says that a taken run now belongs to the consumer.
    pub fn set_published(&mut self, run: Run) {
        debug_assert!(self.run_blocks[run.block as usize] == run.blocks);
        let word = run.block as usize / 64;
        self.published[word] |= bit(run.block);
        self.published_words[word / 64] |= 1 << (word % 64);
    }

    /// Frees a run that was taken and not published.
    pub fn abort(&mut self, run: Run) {
        debug_assert!(self.run_blocks[run.block as usize] == run.blocks);
        self.give_back(run);
    }

    /// Takes in a word of the release bitmap: the slot of each changed bit comes back.
    ///
    /// # Errors
    /// [`Error::Release`] at the first changed bit where no published run starts.
    pub fn observe_release(&mut self, word: usize, found: u64) -> Result<()> {
        let mut changed = found ^ std::mem::replace(&mut self.seen[word], found);
        while changed != 0 {
            self.take_back(word as u32 * 64 + changed.trailing_zeros())?;
            changed &= changed - 1;
        }
        Ok(())
    }

    fn take_back(&mut self, block: u32) -> Result<Run> {
        if block >= self.blocks {
            return Err(Error::Release {
                block,
                found: "no block of the slab",
            });
        }
        let word = block as usize / 64;
        if self.published[word] & bit(block) == 0 {
            let found = if self.free[word] & bit(block) != 0 {
                "a free block"
            } else if self.run_blocks[block as usize] != 0 {
                "a slot that is not published"
            } else {
                "a block inside a slot"
            };
            return Err(Error::Release { block, found });
        }
        self.published[word] &= !bit(block);
        if self.published[word] == 0 {
            self.published_words[word / 64] &= !(1 << (word % 64));
        }
        let run = Run {
            block,
            blocks: self.run_blocks[block as usize],
        };
        self.give_back(run);
        Ok(run)
    }

    /// The next word of the bitmap, at `from` or later, where a published run starts.
    #[must_use]
    pub fn next_published_word(&self, from: usize) -> Option<usize> {
        next_set(&self.published_words, from, self.published.len())
    }

    fn give_back(&mut self, run: Run) {
        self.run_blocks[run.block as usize] = 0;
        self.mark_free(run);
        if run.blocks <= RECENT_BLOCKS_MAX {
            if self.recent.len() == RECENT_RUNS_MAX {
                self.recent.remove(0);
            }
            self.recent.push(run);
        }
    }

    fn take_recent(&mut self, blocks: u32) -> Option<u32> {
        if blocks > RECENT_BLOCKS_MAX {
            return None;
        }
        let found = self.recent.iter().rposition(|run| {
            // A hint may be stale: its blocks may have been taken first fit meanwhile.
            run.blocks >= blocks
                && self.is_free(Run {
                    block: run.block,
                    blocks,
                })
        })?;
        Some(self.recent.remove(found).block)
    }

    fn is_free(&self, run: Run) -> bool {
        let end = (run.block + run.blocks) as usize;
        next_clear(&self.free, run.block as usize, end) == end
    }

    fn first_fit(&self, blocks: u32) -> Option<u32> {
        let limit = self.blocks as usize;
        let mut from = self.first_free_word * 64;
        while let Some(start) = next_set(&self.free, from, limit) {
            let wanted = start + blocks as usize;
            if wanted > limit {
                return None;
            }
            let end = next_clear(&self.free, start, wanted);
            if end == wanted {
                return Some(start as u32);
            }
            from = end;
        }
        None
    }

    fn mark_used(&mut self, run: Run) {
        for_words(run, |word, mask| {
            debug_assert!(self.free[word] & mask == mask);
            self.free[word] &= !mask;
        });
        self.free_blocks -= run.blocks;
        while self.first_free_word < self.free.len() && self.free[self.first_free_word] == 0 {
            self.first_free_word += 1;
        }
    }

    fn mark_free(&mut self, run: Run) {
        for_words(run, |word, mask| {
            debug_assert!(self.free[word] & mask == 0);
            self.free[word] |= mask;
            self.first_free_word = self.first_free_word.min(word);
        });
        self.free_blocks += run.blocks;
    }
}

const fn bit(block: u32) -> u64 {
    1 << (block % 64)
}

/// Calls `f` with every word that `run` touches and the run's bits in it.
pub(crate) fn for_words(run: Run, mut f: impl FnMut(usize, u64)) {
    let end = (run.block + run.blocks) as usize;
    let mut at = run.block as usize;
    while at < end {
        let low = at % 64;
        let count = (64 - low).min(end - at);
        let mask = (u64::MAX >> (64 - count)) << low;
        f(at / 64, mask);
        at += count;
    }
}

/// The first set bit in `from..limit`.
fn next_set(words: &[u64], from: usize, limit: usize) -> Option<usize> {
    let found = next_bit(words, from, limit, 0);
    (found < limit).then_some(found)
}

/// The first clear bit in `from..limit`, or `limit`.
fn next_clear(words: &[u64], from: usize, limit: usize) -> usize {
    next_bit(words, from, limit, u64::MAX)
}

/// The first bit in `from..limit` that is set after each word was flipped with `flip`, or `limit`.
fn next_bit(words: &[u64], from: usize, limit: usize, flip: u64) -> usize {
    let mut at = from;
    while at < limit {
        let rest = (words[at / 64] ^ flip) >> (at % 64);
        if rest != 0 {
            return (at + rest.trailing_zeros() as usize).min(limit);
        }
        at = (at / 64 + 1) * 64;
    }
    limit
}

#[cfg(test)]
mod tests;
