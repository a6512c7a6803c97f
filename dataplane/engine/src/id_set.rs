//! A set of u16 ids.

/// See the module's documentation. 8 KiB, whatever it holds.
pub(crate) struct IdSet(Vec<u64>);

impl Default for IdSet {
    fn default() -> Self {
        Self(vec![0; 1 << 10])
    }
}

impl IdSet {
    /// Adds an id, and says whether it is new.
    pub(crate) fn insert(&mut self, id: u16) -> bool {
        let (word, bit) = (&mut self.0[usize::from(id) / 64], 1 << (id % 64));
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    pub(crate) fn contains(&self, id: u16) -> bool {
        self.0[usize::from(id) / 64] >> (id % 64) & 1 == 1
    }
}

impl Extend<u16> for IdSet {
    fn extend<T: IntoIterator<Item = u16>>(&mut self, ids: T) {
        for id in ids {
            self.insert(id);
        }
    }
}

impl FromIterator<u16> for IdSet {
    fn from_iter<T: IntoIterator<Item = u16>>(ids: T) -> Self {
        let mut set = Self::default();
        set.extend(ids);
        set
    }
}
