//! What reading and writing a batch of 1,000 logs costs, next to a memcpy of the same slot.
//!
//! `cargo run --release -p strait-records --example decode_cost`. Prints the best of many
//! interleaved rounds; compare the ratios, not the times.

use std::hint::black_box;
use std::time::Instant;
use strait_records::compare::{self, Watched};
use strait_records::difference::DifferenceBuilder;
use strait_records::{Batch, Encoding, Error, ReceivedSchemas, Slot, Writer};

#[path = "../tests/common/mod.rs"]
mod common;

fn time(rounds: usize, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / rounds as f64
}

/// The slot as one of a trusted link.
#[allow(unsafe_code)]
fn trusted(slot: &Slot) -> Result<Batch, Error> {
    // SAFETY: this program wrote the slot's text, as UTF-8.
    unsafe { Batch::trusted(slot.clone()) }
}

fn main() {
    for rows in [100, 1000, 8192] {
        measure(rows);
    }
}

fn measure(rows: usize) {
    let (mut writer, mut schemas) = (Writer::new(), ReceivedSchemas::new());
    let batches = common::logs(rows);
    let slot = common::written(&mut writer, &mut schemas, Encoding::Records, &batches);
    let len = slot.as_ref().len();
    let mut target = Slot::copy_of(slot.as_ref()).as_ref().to_vec();
    let read = |batch: Result<Batch, _>| {
        let batch = batch.expect("a good slot");
        black_box(batch.records(&schemas).expect("good records"));
    };
    let header = strait_records::Header::new(strait_records::Signal::Logs, Encoding::Records, 1);
    let mut builder = DifferenceBuilder::default();
    let watched = Watched::all(30);
    let before = trusted(&slot)
        .expect("a good slot")
        .records(&schemas)
        .expect("good records");
    let copied = Slot::copy_of(slot.as_ref());
    let after = trusted(&copied)
        .expect("a good slot")
        .records(&schemas)
        .expect("good records");

    let mut best = [f64::MAX; 6];
    for _ in 0..60 {
        let rounds = 200_000 / rows.max(100);
        let times = [
            time(rounds, || {
                black_box(&mut target).copy_from_slice(black_box(slot.as_ref()))
            }),
            time(rounds, || read(trusted(&slot))),
            time(rounds / 4 + 1, || {
                read(Batch::new(Slot::copy_of(slot.as_ref())))
            }),
            time(rounds, || {
                let plan = writer.plan(header, strait_records::Variable::new(), &batches);
                let written = plan.expect("can be written").write(black_box(&mut target));
                black_box(written.expect("room"));
            }),
            time(rounds, || {
                compare::records(30, &before, &before, &watched, &mut builder).expect("equal");
            }),
            time(rounds / 4 + 1, || {
                compare::records(30, &before, &after, &watched, &mut builder).expect("equal");
            }),
        ];
        for (best, time) in best.iter_mut().zip(times) {
            *best = best.min(time);
        }
    }
    println!(
        "{rows} logs, 5 attributes each: slot of {len} bytes, {} records",
        batches.len()
    );
    let names = [
        "memcpy of the slot",
        "read, trusted, all checks",
        "read, untrusted (copy and validate)",
        "plan and write",
        "compare, same memory",
        "compare, equal content at other addresses",
    ];
    for (name, time) in names.iter().zip(best) {
        println!("  {name:42} {time:9.0} ns  {:6.2} x memcpy", time / best[0]);
    }
}
