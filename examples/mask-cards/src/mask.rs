//! Masking in one text.
//!
//! A card number is 13 to 19 digits that pass the Luhn check, in one group or in
//! several with a space or a dash between two. All groups but the last have three
//! digits or more, or every column of small numbers would look like cards. Digits
//! of a decimal fraction (`0.4111...`) are none.

use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};

/// Masks card numbers, except their last digits.
#[derive(Clone, Copy, Debug)]
pub struct CardMask {
    mask: char,
    keep_last: usize,
}

/// Digits in a row, by their place in the text.
type Group = Range<usize>;

impl CardMask {
    /// The fewest digits of a card number.
    pub const DIGITS_MIN: usize = 13;
    const DIGITS: RangeInclusive<usize> = Self::DIGITS_MIN..=19;
    const INNER_GROUP_MIN: usize = 3;

    /// A mask that writes `mask` for every digit but the last `keep_last`, which
    /// must be fewer than [`DIGITS_MIN`](Self::DIGITS_MIN).
    pub fn new(mask: char, keep_last: usize) -> Self {
        debug_assert!(keep_last < Self::DIGITS_MIN && !mask.is_ascii_digit());
        Self { mask, keep_last }
    }

    /// The text without readable card numbers; the text itself where it has none.
    pub fn apply<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        // The digits that a masked number keeps may form another one with what
        // follows them. Each round masks a digit at least, so there is a last one.
        while let Some(masked) = self.round(&text) {
            text = Cow::Owned(masked);
        }
        text
    }

    fn round(&self, text: &str) -> Option<String> {
        // Most texts end here, before anything is allocated.
        if text.bytes().filter(u8::is_ascii_digit).count() < Self::DIGITS_MIN {
            return None;
        }
        let groups = groups(text.as_bytes());
        let mut masked: Option<String> = None;
        let mut copied = 0;
        let mut first = 0;
        while first < groups.len() {
            let Some(count) = card(text.as_bytes(), &groups[first..]) else {
                first += 1;
                continue;
            };
            let card = groups[first].start..groups[first + count - 1].end;
            let out = masked.get_or_insert_default();
            out.push_str(&text[copied..card.start]);
            self.write(&text[card.clone()], out);
            copied = card.end;
            first += count;
        }
        masked.map(|mut out| {
            out.push_str(&text[copied..]);
            out
        })
    }

    fn write(&self, card: &str, out: &mut String) {
        let mut hidden = card.bytes().filter(u8::is_ascii_digit).count() - self.keep_last;
        for c in card.chars() {
            let hide = c.is_ascii_digit() && hidden > 0;
            hidden -= usize::from(hide);
            out.push(if hide { self.mask } else { c });
        }
    }
}

/// The groups of digits in a text, without those of decimal fractions.
fn groups(text: &[u8]) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..]
        .iter()
        .position(u8::is_ascii_digit)
        .map(|n| at + n)
    {
        let len = text[start..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        at = start + len;
        let fraction = matches!(text[..start], [.., b'0'..=b'9', b'.']);
        if !fraction {
            groups.push(start..at);
        }
    }
    groups
}

/// How many of the first groups make a card number; the most that do.
fn card(text: &[u8], groups: &[Group]) -> Option<usize> {
    let mut digits = 0;
    let mut found = None;
    for (n, group) in groups.iter().enumerate() {
        if n > 0 {
            let before = &groups[n - 1];
            let joined = matches!(text[before.end..group.start], [b' ' | b'-']);
            if !joined || before.len() < CardMask::INNER_GROUP_MIN {
                break;
            }
        }
        digits += group.len();
        if digits > *CardMask::DIGITS.end() {
            break;
        }
        if CardMask::DIGITS.contains(&digits) && luhn(&text[groups[0].start..group.end]) {
            found = Some(n + 1);
        }
    }
    found
}

/// The Luhn check over the digits of a text.
fn luhn(text: &[u8]) -> bool {
    let digits = text
        .iter()
        .rev()
        .filter(|b| b.is_ascii_digit())
        .map(|b| u32::from(b - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(n, digit)| match (n % 2, digit) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => 2 * digit - 9,
            (_, digit) => 2 * digit,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests;
