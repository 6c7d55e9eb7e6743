//! Parses published batches: splits the body into log records and extracts the events.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use session_events_bench::{json_lines, login_record, logout_record};
use session_events_core::{events::event_types::EventTypes, sources::batch::read_batch, timestamp::Timestamp};

/// Slightly less than the limit of 5 MiB for a body, because the last record exceeds this size.
const MAX_BODY: usize = 5 * 1024 * 1024 - 1024;

fn batch(criterion: &mut Criterion) {
    let kinds = EventTypes::default();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mixed = |number: usize| match number % 10 {
        0 => logout_record(number),
        _ => login_record(number),
    };
    let mut group = criterion.benchmark_group("batch");
    for (name, body) in [
        (
            "one logout",
            json_lines(|number, _| number < 1, logout_record),
        ),
        (
            "one login",
            json_lines(|number, _| number < 1, login_record),
        ),
        (
            "100 logouts",
            json_lines(|number, _| number < 100, logout_record),
        ),
        (
            "100 records, a tenth logouts",
            json_lines(|number, _| number < 100, mixed),
        ),
        (
            "5 MiB of logins",
            json_lines(|_, body| body.len() < MAX_BODY, login_record),
        ),
        (
            "5 MiB, a tenth logouts",
            json_lines(|_, body| body.len() < MAX_BODY, mixed),
        ),
    ] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| read_batch(black_box(body.as_bytes()), Some("acme"), &kinds, now));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // All benchmarks together should take half a minute.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = batch
}
criterion_main!(benches);
