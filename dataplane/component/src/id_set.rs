//! A set of ids.

/// Ids of logs, resources or scopes: a bit each, because a byte each would take longer to clear
/// than a small batch to filter.
pub(crate) struct IdSet([u64; (1 << 16) / 64]);

impl IdSet {
    pub(crate) const fn none() -> Self {
        Self([0; (1 << 16) / 64])
    }

    /// Adds an id; answers whether it is new.
    pub(crate) fn insert(&mut self, id: u16) -> bool {
        let new = !self.contains(id);
        self.0[usize::from(id) / 64] |= 1 << (id % 64);
        new
    }

    pub(crate) const fn contains(&self, id: u16) -> bool {
        self.0[id as usize / 64] >> (id % 64) & 1 != 0
    }
}

impl FromIterator<u16> for IdSet {
    fn from_iter<I: IntoIterator<Item = u16>>(ids: I) -> Self {
        let mut set = Self::none();
        for id in ids {
            set.insert(id);
        }
        set
    }
}
