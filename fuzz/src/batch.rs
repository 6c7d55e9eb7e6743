//! A published body.

use session_events_core::{
    error::ApiError,
    events::{event::Event, event_types::EventTypes},
    sources::{
        batch::{Batch, read_batch},
        log_record,
    },
    timestamp::{Timestamp, utc_date},
};

use super::acme;

/// Every piece is counted once, no event is larger than what is promised, and no record is read
/// differently because of the company that it is in.
pub fn batch(body: &[u8]) {
    let pieces: Vec<Vec<u8>> = log_record::split_records(body).map(on_one_line).collect();
    let whole = match read(body) {
        Ok(batch) => batch,
        Err(ApiError::TooManyRecords) => return assert!(pieces.len() > log_record::MAX_RECORDS),
        Err(fault) => {
            assert!(matches!(fault, ApiError::InvalidRequest(_)), "{fault:?}");
            let objects = pieces.iter().filter(|piece| piece.starts_with(b"{"));
            return assert_eq!(objects.count(), 0, "a body with a record is not refused");
        }
    };
    let malformed = whole.malformed.len();
    assert_eq!(
        whole.received,
        whole.events.len() + whole.ignored + malformed
    );
    assert!(whole.malformed.is_sorted_by(|one, next| one < next));
    assert!(whole.malformed.iter().all(|place| *place < whole.received));
    whole.events.iter().for_each(check_event);
    assert_eq!(whole, one_by_one(&pieces));

    let good = |piece: &Vec<u8>| log_record::parse(piece).is_ok();
    let records: Vec<Vec<u8>> = pieces.into_iter().filter(good).collect();
    if !records.is_empty() {
        let alone = one_by_one(&records);
        let array = [b"[", records.join(&b',').as_slice(), b"]"].concat();
        assert_eq!(read(&records.join(&b'\n')).as_ref(), Ok(&alone));
        assert_eq!(read(&array).as_ref(), Ok(&alone));
    }
}

fn read(body: &[u8]) -> Result<Batch, ApiError> {
    read_batch(
        body,
        &acme(),
        &EventTypes::all(),
        Timestamp::from_millis(1_700_000_000_000),
    )
}

/// What a piece of an array may hold and a line may not, replaced by what is as good or as bad in
/// JSON: white space between its parts, and not allowed in a string.
fn on_one_line(piece: &[u8]) -> Vec<u8> {
    let mut piece = piece.to_vec();
    for byte in &mut piece {
        if *byte == b'\n' {
            *byte = b'\r';
        }
    }
    piece
}

/// What comes of pieces that are read each in a body of its own.
fn one_by_one(pieces: &[Vec<u8>]) -> Batch {
    let mut all = Batch::default();
    for (place, piece) in pieces.iter().enumerate() {
        all.received += 1;
        // By itself it would be an array, or be refused.
        if !piece.starts_with(b"{") {
            all.malformed.push(place);
            continue;
        }
        let one = read(piece).expect("an object, well-formed or not");
        assert_eq!(one.received, 1);
        all.ignored += one.ignored;
        all.malformed.extend(one.malformed.iter().map(|_| place));
        all.events.extend(one.events);
    }
    all
}

fn check_event(event: &Event) {
    assert!((1..=256).contains(&event.id.len()));
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
