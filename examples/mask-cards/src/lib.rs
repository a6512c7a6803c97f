//! mask-cards
