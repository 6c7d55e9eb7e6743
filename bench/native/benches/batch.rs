//! Reading a published body: cutting it into records, reading each, and telling which are events.

use std::{hint::black_box, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use session_events_bench::{lines, login, logout};
use session_events_core::{events::{event, event_types::EventTypes}, tenant::Tenant, timestamp::Timestamp};

/// As much as the worker takes, but for the last record.
const LARGEST: usize = 5 * 1024 * 1024 - 1024;

fn batch(criterion: &mut Criterion) {
    let tenant = Tenant::from_slug("acme@us").expect("a tenant");
    let kinds = EventTypes::default();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mixed = |number: usize| match number % 10 {
        0 => logout(number),
        _ => login(number),
    };
    let mut group = criterion.benchmark_group("batch");
    for (name, body) in [
        ("one logout", lines(|number, _| number < 1, logout)),
        ("one login", lines(|number, _| number < 1, login)),
        ("100 logouts", lines(|number, _| number < 100, logout)),
        (
            "100 records, a tenth logouts",
            lines(|number, _| number < 100, mixed),
        ),
        (
            "5 MiB of logins",
            lines(|_, body| body.len() < LARGEST, login),
        ),
        (
            "5 MiB, a tenth logouts",
            lines(|_, body| body.len() < LARGEST, mixed),
        ),
    ] {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| event::read_batch(black_box(body.as_bytes()), &tenant, &kinds, now));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    // The whole is to be done in half a minute.
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = batch
}
criterion_main!(benches);
