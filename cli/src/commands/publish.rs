//! `publish`: publishes a file of log records, as the log stream would.
//!
//! The file is split into records with the parser of the Worker. The records are sent in batches,
//! one at a time, to preserve their order. A batch with an unknown outcome is sent again, because
//! the Worker recognizes duplicates. Unreadable records are skipped and reported by their number.

use std::{
    io::{Read as _, stdin},
    iter,
    path::Path,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use session_events_core::{
    protocol::bodies::PublishReceipt,
    sources::log_record::{self, MAX_BODY_BYTES},
};
use ureq::Agent;

use crate::{
    connection::{http, retries::Retries},
    error::{Error, Result},
    options::{output::OutputOptions, publish_token::PublishTokenOptions, worker::WorkerOptions},
    output,
};

const MAX_BATCH_RECORDS: usize = 500;
/// A single record may be larger. It is then sent on its own.
const MAX_BATCH_BYTES: usize = 1024 * 1024;
/// At most this many numbers of unreadable records are printed.
const MAX_PRINTED_NUMBERS: usize = 20;

pub(crate) fn run(
    worker: &WorkerOptions,
    publish_token: &PublishTokenOptions,
    file: &Path,
    output: OutputOptions,
) -> Result {
    let token = publish_token.token(&worker.tenant())?;
    let log = read_log(file)?;
    let (records, unreadable) = split_records(&log);
    if records.is_empty() && !unreadable.is_empty() {
        return Err(format!(
            "{} contains no log records: it must be a JSON array, JSON lines, or one JSON object",
            file.display()
        )
        .into());
    }
    let publisher = Publisher {
        client: http::client(),
        url: worker.endpoint("/api/publish"),
        token,
        progress: progress_bar(records.len()),
    };
    let mut total = publisher.send_all(&records).map_err(|(error, accepted)| {
        let all = records.len().saturating_add(unreadable.len());
        Error::Failed(format!(
            "{error}\n{accepted} of {all} records were accepted; fix the problem and publish the file again: the Worker recognizes duplicates"
        ))
    })?;
    total.received = total.received.saturating_add(unreadable.len());
    total.malformed = total.malformed.saturating_add(unreadable.len());
    print_result(&total, &unreadable, output)
}

fn add(total: &mut PublishReceipt, receipt: &PublishReceipt) {
    total.received = total.received.saturating_add(receipt.received);
    total.events = total.events.saturating_add(receipt.events);
    total.duplicates = total.duplicates.saturating_add(receipt.duplicates);
    total.ignored = total.ignored.saturating_add(receipt.ignored);
    total.malformed = total.malformed.saturating_add(receipt.malformed);
}

/// Prints the counts and the malformed records. Returns an error if there are malformed records.
fn print_result(total: &PublishReceipt, unreadable: &[usize], output: OutputOptions) -> Result {
    if output.is_json() {
        output::print_json(total)?;
    } else {
        output::print_line(&summary(total))?;
    }
    if total.malformed == 0 {
        return Ok(());
    }
    if !unreadable.is_empty() {
        let numbers: Vec<String> = unreadable
            .iter()
            .take(MAX_PRINTED_NUMBERS)
            .map(usize::to_string)
            .collect();
        let ellipsis = if unreadable.len() > MAX_PRINTED_NUMBERS {
            ", …"
        } else {
            ""
        };
        output::print_note(&format!(
            "Unreadable records: {}{ellipsis}",
            numbers.join(", ")
        ));
    }
    let rejected = total.malformed.saturating_sub(unreadable.len());
    if rejected > 0 {
        output::print_note(&format!(
            "Records that the Worker rejected as malformed: {rejected}; see its log"
        ));
    }
    Err(Error::AlreadyReported)
}

fn summary(total: &PublishReceipt) -> String {
    let counted = |count: usize, noun: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {noun}{plural}")
    };
    format!(
        "{}: {}, {}, {} ignored, {} malformed",
        counted(total.received, "record"),
        counted(total.events, "event"),
        counted(total.duplicates, "duplicate"),
        total.ignored,
        total.malformed
    )
}

/// Reads a file. Fails if it is empty, because an empty file is usually the output of a command that
/// failed. A log without records is `[]`.
fn read_log(file: &Path) -> Result<Vec<u8>> {
    let contents = if file == Path::new("-") {
        let mut contents = Vec::new();
        stdin().lock().read_to_end(&mut contents).map(|_| contents)
    } else {
        std::fs::read(file)
    };
    let file = file.display();
    let contents = contents.map_err(|error| format!("{file} cannot be read: {error}"))?;
    if contents.trim_ascii().is_empty() {
        return Err(
            format!("{file} is empty: check the command that should have written the log").into(),
        );
    }
    Ok(contents)
}

/// Returns the records that can be sent, and the numbers of the others, starting at 1. A record
/// can be sent if the Worker can parse it and its size is below the limit for a request.
fn split_records(body: &[u8]) -> (Vec<&[u8]>, Vec<usize>) {
    let mut records = Vec::new();
    let mut unreadable = Vec::new();
    for (number, piece) in (1..).zip(log_record::split_records(body).slices()) {
        let fits = piece.len() <= MAX_BODY_BYTES.saturating_sub("[]".len());
        if fits && log_record::parse(piece).is_ok() {
            records.push(piece);
        } else {
            unreadable.push(number);
        }
    }
    (records, unreadable)
}

fn batches<'r, 'b>(records: &'r [&'b [u8]]) -> impl Iterator<Item = &'r [&'b [u8]]> {
    let mut rest = records;
    iter::from_fn(move || {
        let mut bytes = 0_usize;
        let count = rest
            .iter()
            .take(MAX_BATCH_RECORDS)
            .take_while(|record| {
                bytes = bytes.saturating_add(record.len()).saturating_add(1);
                bytes <= MAX_BATCH_BYTES
            })
            .count();
        let (batch, remaining) = rest.split_at_checked(count.max(1))?;
        rest = remaining;
        Some(batch)
    })
}

struct Publisher {
    client: Agent,
    url: String,
    token: String,
    progress: ProgressBar,
}

impl Publisher {
    /// Sends the records in batches and returns the total of the receipts. An error contains the
    /// number of records that were accepted before it.
    fn send_all(&self, records: &[&[u8]]) -> Result<PublishReceipt, (Error, usize)> {
        let mut total = PublishReceipt::default();
        for batch in batches(records) {
            let receipt = self.send(batch).map_err(|error| {
                self.progress.abandon();
                (error, total.received)
            })?;
            add(&mut total, &receipt);
            let sent = u64::try_from(batch.len()).unwrap_or_default();
            self.progress.inc(sent);
        }
        self.progress.finish_and_clear();
        Ok(total)
    }

    /// Sends a batch, and retries after temporary errors.
    fn send(&self, batch: &[&[u8]]) -> Result<PublishReceipt> {
        let body = [b"[".as_slice(), &batch.join(&b","[..]), b"]"].concat();
        let mut retries = Retries::default();
        loop {
            let response = http::publish(&self.client, &self.url, &self.token, &body);
            let (error, retry_delay) = match response {
                Ok(response) if response.is_retryable() => (
                    Error::Temporary(response.error_message()),
                    response.retry_delay,
                ),
                Ok(response) => return response.json(),
                Err(error) if error.is_temporary() => (error, None),
                Err(error) => return Err(error),
            };
            let print_note = |note: &str| self.progress.suspend(|| output::print_note(note));
            if !retries.wait(&error, retry_delay, print_note) {
                return Err(error);
            }
        }
    }
}

/// Creates a progress bar on standard error. It is hidden if that is not a terminal.
fn progress_bar(record_count: usize) -> ProgressBar {
    let progress = ProgressBar::with_draw_target(
        u64::try_from(record_count).ok(),
        ProgressDrawTarget::stderr(),
    );
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
    fn batches_contain_each_record_once_and_respect_the_limits() {
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
                assert!(!batch.is_empty() && batch.len() <= MAX_BATCH_RECORDS);
                assert!(batch.len() == 1 || bytes <= MAX_BATCH_BYTES);
            }
        }
    }

    #[test]
    fn the_summary_uses_singular_and_plural() {
        let receipt = |received, events, duplicates| PublishReceipt {
            received,
            events,
            duplicates,
            ..PublishReceipt::default()
        };
        assert_eq!(
            summary(&receipt(2, 1, 1)),
            "2 records: 1 event, 1 duplicate, 0 ignored, 0 malformed"
        );
        assert_eq!(
            summary(&receipt(1, 0, 0)),
            "1 record: 0 events, 0 duplicates, 0 ignored, 0 malformed"
        );
    }

    #[test]
    fn unreadable_and_oversized_records_are_reported_by_number() {
        let good = r#"{"log_id":"1","data":{"type":"slo"}}"#;
        let body = format!("{good}\nnot a record\n{good}\n{{\"log_id\":2}}\n");
        let (records, unreadable) = split_records(body.as_bytes());
        assert_eq!(records, [good.as_bytes(), good.as_bytes()]);
        assert_eq!(unreadable, [2, 4]);
        let long = format!(
            r#"{{"log_id":"1","data":{{"type":"{}"}}}}"#,
            "x".repeat(MAX_BODY_BYTES)
        );
        assert_eq!(split_records(long.as_bytes()), (vec![], vec![1]));
    }
}
