//! Property: reading a published body.

use std::iter;

use session_events_core::{
    error::ApiError,
    events::{event::Event, event_types::EventTypes},
    sources::{
        batch::{Batch, MAX_MALFORMED_INDICES, read_batch},
        log_record,
    },
    timestamp::{Timestamp, utc_date},
};

/// Every piece of the body is counted once, every event respects the size limits, and the result
/// for a record does not depend on the other records in the body.
pub fn batch(body: &[u8]) {
    let pieces: Vec<Vec<u8>> = log_record::split_records(body)
        .slices()
        .map(to_single_line)
        .collect();
    let whole = match read(body) {
        Ok(batch) => batch,
        Err(ApiError::TooManyRecords) => return assert!(pieces.len() > log_record::MAX_RECORDS),
        Err(fault) => {
            assert!(matches!(fault, ApiError::InvalidRequest(_)), "{fault:?}");
            let objects = pieces.iter().filter(|piece| piece.starts_with(b"{"));
            return assert_eq!(
                objects.count(),
                0,
                "a body that contains a record must be accepted"
            );
        }
    };
    assert_eq!(
        whole.received,
        whole.with_events + whole.ignored + whole.malformed
    );
    let indices = &whole.malformed_indices;
    assert_eq!(indices.len(), whole.malformed.min(MAX_MALFORMED_INDICES));
    assert!(indices.is_sorted_by(|one, next| one < next));
    assert!(indices.iter().all(|index| *index < whole.received));
    let events: Vec<Event> = events_of(&whole);
    assert!(events.len() >= whole.with_events);
    events.iter().for_each(check_event);
    assert_eq!(whole, read_separately(&pieces));

    let is_record = |piece: &Vec<u8>| log_record::parse(piece).is_ok();
    let records: Vec<Vec<u8>> = pieces.into_iter().filter(is_record).collect();
    if !records.is_empty() {
        let separate = read_separately(&records);
        let array = [b"[", records.join(&b',').as_slice(), b"]"].concat();
        assert_eq!(read(&records.join(&b'\n')).as_ref(), Ok(&separate));
        assert_eq!(read(&array).as_ref(), Ok(&separate));
    }
}

fn read(body: &[u8]) -> Result<Batch, ApiError> {
    read_batch(
        body,
        Some("acme"),
        &EventTypes::all(),
        Timestamp::from_millis(1_700_000_000_000),
    )
}

/// Replaces line feeds by carriage returns, so that a piece of an array can also be sent as a line.
/// JSON treats both alike: as white space between tokens, and as an error within a string.
fn to_single_line(piece: &[u8]) -> Vec<u8> {
    let mut piece = piece.to_vec();
    for byte in &mut piece {
        if *byte == b'\n' {
            *byte = b'\r';
        }
    }
    piece
}

/// Reads each piece in a separate body and adds up the results.
fn read_separately(pieces: &[Vec<u8>]) -> Batch {
    let mut all = Batch::default();
    for (index, piece) in pieces.iter().enumerate() {
        all.received += 1;
        // As a whole body, a piece that is not an object would be read as an array or rejected.
        if !piece.starts_with(b"{") {
            add_malformed(&mut all, 1, index);
            continue;
        }
        let one = read(piece).expect("an object, well-formed or not");
        assert_eq!(one.received, 1);
        all.ignored += one.ignored;
        add_malformed(&mut all, one.malformed, index);
        all.with_events += one.with_events;
        all.delay_seconds = all.delay_seconds.max(one.delay_seconds);
        for event in events_of(&one) {
            all.events.push(&event).expect("JSON");
        }
    }
    all
}

fn events_of(batch: &Batch) -> Vec<Event> {
    let lines = batch.events.iter();
    lines.map(|line| line.expect("an event").event).collect()
}

fn add_malformed(batch: &mut Batch, count: usize, index: usize) {
    batch.malformed += count;
    batch.malformed_indices.extend(iter::repeat_n(index, count));
    batch.malformed_indices.truncate(MAX_MALFORMED_INDICES);
}

fn check_event(event: &Event) {
    assert!((1..=260).contains(&event.id.len()));
    assert!(!event.id.contains(char::is_control));
    assert!((1..=1024).contains(&event.user_id.len()));
    assert!(event.session_id.as_ref().map_or(0, String::len) <= 256);
    assert_eq!(utc_date(&event.date).as_ref(), Some(&event.date));
    assert!(event.date.ends_with('Z') && event.date.len() <= 30);

    let json = serde_json::to_string(event).expect("JSON");
    assert!(json.len() < 10_000, "{} bytes", json.len());
    let read: Event = serde_json::from_str(&json).expect("an event");
    assert_eq!(&read, event);
}
