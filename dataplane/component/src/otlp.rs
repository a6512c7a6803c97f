//! How many items OTLP bytes have: a walk from length to length, without a look into the items.
//!
//! Any bytes are safe. Where they are no OTLP, the walk of that message ends; what was counted
//! stays.

use strait_description::Signal;

/// The fields on the way from a request to its items, one step each.
type Path = [&'static [u64]];

const LOGS_AND_SPANS: &Path = &[&[1], &[2], &[2]];
// A metric's gauge, sum, histogram, exponential histogram or summary, and their data points.
const DATA_POINTS: &Path = &[&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]];

/// How many log records, spans or data points there are.
pub(crate) fn items(signal: Signal, request: &[u8]) -> usize {
    match signal {
        Signal::Logs | Signal::Traces => count(request, LOGS_AND_SPANS),
        Signal::Metrics => count(request, DATA_POINTS),
    }
}

fn count(message: &[u8], path: &Path) -> usize {
    let Some((step, rest)) = path.split_first() else {
        return 1;
    };
    Messages(message)
        .filter(|(field, _)| step.contains(field))
        .map(|(_, within)| count(within, rest))
        .sum()
}

/// The fields of a message that have a length, with their numbers.
struct Messages<'b>(&'b [u8]);

impl<'b> Iterator for Messages<'b> {
    type Item = (u64, &'b [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = varint(&mut self.0)?;
            match key & 7 {
                0 => drop(varint(&mut self.0)?),
                1 => drop(take(&mut self.0, 8)?),
                2 => {
                    let length = varint(&mut self.0)?;
                    return Some((key >> 3, take(&mut self.0, length)?));
                }
                5 => drop(take(&mut self.0, 4)?),
                _ => return None,
            }
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'b>(bytes: &mut &'b [u8], length: u64) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn field(number: u8, within: &[u8]) -> Vec<u8> {
        let length = u8::try_from(within.len()).expect("a short message");
        [&[number << 3 | 2, length], within].concat()
    }

    fn request(items: &[u8]) -> Vec<u8> {
        field(1, &field(2, items))
    }

    // Guarantees: only items count, whatever stands beside them, in any order.
    #[test]
    fn items_are_counted() {
        let resource = field(1, &[]);
        let log = field(2, &[9 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let scope = [log.clone(), field(1, b"\x0a\x01s"), log, field(3, b"url")].concat();
        let two = [resource, field(2, &scope), vec![7 << 3, 1]].concat();
        let bytes = [field(1, &two), field(1, &two), request(&field(2, &[]))].concat();
        assert_eq!(items(Signal::Logs, &bytes), 5);
        assert_eq!(items(Signal::Traces, &bytes), 5);
        assert_eq!(items(Signal::Metrics, &bytes), 0);
    }

    // Guarantees: of metrics the data points count, of every kind.
    #[test]
    fn data_points_are_counted() {
        let metric = |kind| {
            let points = [field(1, &[]), field(1, &[]), field(2, b"x")].concat();
            field(2, &[field(1, b"name"), field(kind, &points)].concat())
        };
        let metrics: Vec<u8> = [5, 7, 9, 10, 11, 4].map(metric).concat();
        assert_eq!(items(Signal::Metrics, &request(&metrics)), 10);
    }

    proptest! {
        // Guarantees: no bytes make it panic, and a cut costs at most what stands behind it.
        #[test]
        fn any_bytes_are_safe(bytes: Vec<u8>, cut in 0..16_usize) {
            for signal in Signal::ALL {
                items(signal, &bytes);
            }
            let whole = request(&[field(2, &[]), field(2, b"abc")].concat());
            prop_assert!(items(Signal::Logs, &whole[..cut.min(whole.len())]) <= 2);
        }
    }
}
