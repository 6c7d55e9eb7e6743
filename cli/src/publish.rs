//! `publish`: a saved log, as the log stream would have delivered it.
//!
//! The file is cut into records by the worker's own rules, and the records go out in batches, one
//! after the other, so that their order is kept. A batch whose fate is not known is sent again:
//! the worker tells what it has seen before. What cannot be read is told by its place, and keeps
//! nothing else back.

use std::{io::Read as _, path::Path, thread, time::Duration};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use session_events_core::{
    config::PUBLISH_SECRET,
    log_record::{self, MAX_BODY_BYTES},
    protocol::PublishReceipt,
    publish_token,
    tenant::Tenant,
};
use ureq::Agent;

use crate::{
    address::Address,
    api::{self, Answer},
    backoff,
    failure::{Failure, Missing, Outcome},
    output::{self, Output},
    precedence::{Alternatives, Chosen},
};

/// A batch is sent when it has this many records,
const BATCH_RECORDS: usize = 500;
/// or, with the next one, would have more bytes than this.
const BATCH_BYTES: usize = 1024 * 1024;
/// How often a batch is sent before the worker counts as away.
const TRIES: u32 = 6;
/// The longest `Retry-After` that is heeded.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How many places of unreadable records are told.
const TOLD_PLACES: usize = 20;

/// What lets the publisher in.
pub(crate) type Publisher = Chosen<PublisherOptions>;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Publish token")]
pub(crate) struct PublisherOptions {
    /// The tenant's publish token
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PUBLISH_TOKEN",
        hide_env_values = true
    )]
    publish_token: Option<String>,
    /// The worker's secret, from which the token is derived
    #[arg(long, value_name = "SECRET", env = PUBLISH_SECRET, hide_env_values = true)]
    publish_secret: Option<String>,
}

impl Alternatives for PublisherOptions {
    fn choose(&mut self, is_given: impl Fn(&str) -> bool) {
        if !is_given("publish_token") && is_given("publish_secret") {
            self.publish_token = None;
        }
    }
}

impl Publisher {
    /// The token that was given or can be derived.
    pub(crate) fn token(&self, tenant: &Tenant) -> Result<String, Missing> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let derived = |secret: String| publish_token::derive(&secret, tenant);
        given(&self.0.publish_token)
            .or_else(|| given(&self.0.publish_secret).map(derived))
            .ok_or(Missing(
                "there is no publish token: give --publish-token or --publish-secret (or set PUBLISH_TOKEN or PUBLISH_SECRET)",
            ))
    }
}

pub(crate) fn run(
    address: &Address,
    publisher: &Publisher,
    file: &Path,
    output: Output,
) -> Outcome {
    let token = publisher.token(&address.tenant)?;
    let body = read(file)?;
    // What comes out of a command that has failed is no log without records, which is `[]`.
    if body.trim_ascii().is_empty() {
        let file = file.display();
        return Err(format!("{file} is empty: check what was to write the log").into());
    }
    let (records, unreadable) = sort(&body);
    if records.is_empty() && !unreadable.is_empty() {
        return Err(format!(
            "{} holds no log records: it must be a JSON array, JSON lines, or one JSON object",
            file.display()
        )
        .into());
    }
    let endpoint = Endpoint {
        agent: api::agent(),
        url: address.path("/api/publish"),
        token,
    };
    let progress = progress(records.len());
    let mut sum = PublishReceipt {
        received: unreadable.len(),
        malformed: unreadable.len(),
        ..PublishReceipt::default()
    };
    for batch in batches(&records) {
        let receipt = endpoint.send(batch, &progress).map_err(|problem| {
            progress.abandon();
            format!(
                "{problem}\n{} of {} records were taken; publish the file again when that is fixed: what was taken is recognised",
                sum.received.saturating_sub(unreadable.len()),
                records.len().saturating_add(unreadable.len())
            )
        })?;
        sum.received = sum.received.saturating_add(receipt.received);
        sum.events = sum.events.saturating_add(receipt.events);
        sum.duplicates = sum.duplicates.saturating_add(receipt.duplicates);
        sum.ignored = sum.ignored.saturating_add(receipt.ignored);
        sum.malformed = sum.malformed.saturating_add(receipt.malformed);
        progress.inc(u64::try_from(batch.len()).unwrap_or_default());
    }
    progress.finish_and_clear();
    tell(&sum, &unreadable, output)
}

fn tell(sum: &PublishReceipt, unreadable: &[usize], output: Output) -> Outcome {
    if output.is_json() {
        let json = serde_json::to_string(sum).map_err(|error| error.to_string())?;
        output::json_line(&json)?;
    } else {
        output::line(&summary(sum))?;
    }
    if sum.malformed == 0 {
        return Ok(());
    }
    let told: Vec<String> = unreadable
        .iter()
        .take(TOLD_PLACES)
        .map(|place| place.saturating_add(1).to_string())
        .collect();
    if !told.is_empty() {
        let more = if unreadable.len() > TOLD_PLACES {
            ", …"
        } else {
            ""
        };
        output::note(&format!("Not readable: record {}{more}", told.join(", ")));
    }
    let by_the_worker = sum.malformed.saturating_sub(unreadable.len());
    if by_the_worker > 0 {
        output::note(&format!(
            "Not taken by the worker: {by_the_worker}; its log tells which"
        ));
    }
    Err(Failure::Reported)
}

fn summary(sum: &PublishReceipt) -> String {
    let counted = |count: usize, what: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {what}{plural}")
    };
    format!(
        "{}: {}, {}, {} ignored, {} malformed",
        counted(sum.received, "record"),
        counted(sum.events, "event"),
        counted(sum.duplicates, "duplicate"),
        sum.ignored,
        sum.malformed
    )
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    let read = if file == Path::new("-") {
        let mut body = Vec::new();
        std::io::stdin().lock().read_to_end(&mut body).map(|_| body)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| format!("{} cannot be read: {error}", file.display()))
}

/// The records that can be sent, and the places, from 0, of the pieces that cannot: no records,
/// or longer than what the worker takes.
fn sort(body: &[u8]) -> (Vec<&[u8]>, Vec<usize>) {
    let mut records = Vec::new();
    let mut unreadable = Vec::new();
    for (place, piece) in log_record::pieces(body).enumerate() {
        let fits = piece.len() <= MAX_BODY_BYTES.saturating_sub("[]".len());
        if fits && log_record::read(piece).is_ok() {
            records.push(piece);
        } else {
            unreadable.push(place);
        }
    }
    (records, unreadable)
}

fn batches<'r, 'b>(records: &'r [&'b [u8]]) -> impl Iterator<Item = &'r [&'b [u8]]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fitting = rest
            .iter()
            .take(BATCH_RECORDS)
            .take_while(|record| {
                bytes = bytes.saturating_add(record.len()).saturating_add(1);
                bytes <= BATCH_BYTES
            })
            .count();
        // One that is over the limit alone goes alone.
        let (batch, others) = rest.split_at_checked(fitting.max(1))?;
        rest = others;
        Some(batch)
    })
}

struct Endpoint {
    agent: Agent,
    url: String,
    token: String,
}

impl Endpoint {
    /// Sends a batch until the worker has taken it, or says that it never will.
    fn send(&self, batch: &[&[u8]], progress: &ProgressBar) -> Result<PublishReceipt, String> {
        let body = [b"[".as_slice(), &batch.join(&b","[..]), b"]"].concat();
        let mut failures = 0_u32;
        loop {
            let request = self.agent.post(&self.url);
            let request = request.header("authorization", &self.token);
            let (problem, wait) = match Answer::of_worker(&self.url, request.send(body.as_slice()))
            {
                Ok(answer) if answer.may_pass() => (
                    answer.complaint(),
                    answer.retry_after.map(Duration::from_secs),
                ),
                Ok(answer) => return answer.json(),
                Err(problem) => (problem, None),
            };
            failures = failures.saturating_add(1);
            if failures == TRIES {
                return Err(problem);
            }
            let wait = wait.unwrap_or_else(|| backoff::after(failures));
            let wait = wait.min(LONGEST_WAIT);
            progress.suspend(|| output::note(&output::trying_again(&problem, wait)));
            thread::sleep(wait);
        }
    }
}

/// Drawn on standard error, and only where that is a terminal.
fn progress(records: usize) -> ProgressBar {
    let target = ProgressDrawTarget::stderr();
    let progress = ProgressBar::with_draw_target(u64::try_from(records).ok(), target);
    let template = "{bar:30} {pos}/{len} records  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        progress.set_style(style);
    }
    progress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_record_goes_out_once_in_its_order_and_no_batch_is_too_large() {
        for (count, bytes) in [(0, 1), (1, 1), (1_201, 10), (40, 100_000), (3, 3_000_000)] {
            let record = vec![b'x'; bytes];
            let records = vec![record.as_slice(); count];
            let batches: Vec<_> = batches(&records).collect();
            assert_eq!(
                batches.iter().map(|batch| batch.len()).sum::<usize>(),
                count
            );
            for batch in &batches {
                let bytes: usize = batch.iter().map(|record| record.len() + 1).sum();
                assert!(!batch.is_empty() && batch.len() <= BATCH_RECORDS);
                assert!(batch.len() == 1 || bytes <= BATCH_BYTES);
            }
        }
    }

    #[test]
    fn one_is_not_many() {
        let sum = |received, events, duplicates| PublishReceipt {
            received,
            events,
            duplicates,
            ..PublishReceipt::default()
        };
        assert_eq!(
            summary(&sum(2, 1, 1)),
            "2 records: 1 event, 1 duplicate, 0 ignored, 0 malformed"
        );
        assert_eq!(
            summary(&sum(1, 0, 0)),
            "1 record: 0 events, 0 duplicates, 0 ignored, 0 malformed"
        );
    }

    #[test]
    fn what_the_worker_cannot_read_is_told_and_keeps_nothing_back() {
        let good = r#"{"log_id":"1","data":{"type":"slo"}}"#;
        let body = format!("{good}\nnot a record\n{good}\n{{\"log_id\":2}}\n");
        let (records, unreadable) = sort(body.as_bytes());
        assert_eq!(records, [good.as_bytes(), good.as_bytes()]);
        assert_eq!(unreadable, [1, 3]);
        let long = format!(
            r#"{{"log_id":"1","data":{{"type":"{}"}}}}"#,
            "x".repeat(MAX_BODY_BYTES)
        );
        assert_eq!(sort(long.as_bytes()), (vec![], vec![0]));
    }
}
