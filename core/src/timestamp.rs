//! Moments, to the millisecond.
//!
//! In storage a moment is its number of milliseconds since 1970; on the wire it is ISO 8601 in
//! UTC, always of the same 24 characters, because the years are bounded to 0–9999 on the way in.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// The last millisecond of the year 9999.
const MAX_MILLIS: i64 = 253_402_300_799_999;
/// The longest date that is kept to the letter: RFC 3339 to the nanosecond.
const MAX_DATE_BYTES: usize = "2021-11-03T05:53:57.123456789Z".len();
/// The first millisecond of the year 0.
const MIN_MILLIS: i64 = -62_167_219_200_000;

/// A moment in milliseconds since the Unix epoch, within the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "i64", into = "i64")]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `millis` after the epoch; what lies outside the years 0 to 9999 is moved to
    /// the nearer end of them.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(MIN_MILLIS, MAX_MILLIS))
    }

    /// Milliseconds since the Unix epoch.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `seconds` later.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_millis(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whether this moment lies less than `seconds` before `now`. A moment after `now`, as two
    /// clocks may yield, counts as just now.
    pub fn is_within(self, seconds: i64, now: Self) -> bool {
        now < self.plus_seconds(seconds)
    }
}

impl From<i64> for Timestamp {
    fn from(millis: i64) -> Self {
        Self::from_millis(millis)
    }
}

impl From<Timestamp> for i64 {
    fn from(moment: Timestamp) -> Self {
        moment.0
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::from_millis(moment.timestamp_millis())
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with milliseconds: `2021-11-03T05:53:57.546Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        f.write_str(&moment.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// The date of a log record as an event carries it: to the letter where it is RFC 3339 in UTC as
/// everybody reads it, converted where it names another offset, has a space for the `T` or a leap
/// second, `None` where it cannot be read.
pub fn utc_date(date: &str) -> Option<String> {
    let moment = DateTime::parse_from_rfc3339(date).ok()?;
    let is_plain = date.contains('T') && date.ends_with('Z') && !date.contains(":60");
    // RFC 3339 bounds neither the digits of a fraction nor, so, the length.
    if is_plain && date.len() <= MAX_DATE_BYTES {
        return Some(date.to_owned());
    }
    Some(Timestamp::from(moment.to_utc()).to_string())
}

/// The moment that a date of RFC 3339 names.
pub fn instant(date: &str) -> Option<Timestamp> {
    let moment = DateTime::parse_from_rfc3339(date).ok()?;
    Some(moment.to_utc().into())
}

/// `#[serde(with = "iso8601")]`: a moment as the wire has it.
pub mod iso8601 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::Timestamp;

    /// Writes a moment.
    ///
    /// # Errors
    ///
    /// The serializer's own.
    pub fn serialize<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(moment)
    }

    /// Reads a moment.
    ///
    /// # Errors
    ///
    /// Where the text is not a date of RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::instant(&text).ok_or_else(|| D::Error::custom("not a date of RFC 3339"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(1_635_918_837_546).to_string(),
            "2021-11-03T05:53:57.546Z"
        );
        assert_eq!(
            Timestamp::from_millis(0).to_string(),
            "1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn a_moment_beyond_the_calendar_is_moved_to_its_end() {
        assert_eq!(
            Timestamp::from_millis(i64::MAX).to_string(),
            "9999-12-31T23:59:59.999Z"
        );
        assert_eq!(
            Timestamp::from_millis(i64::MIN).to_string(),
            "0000-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn a_record_date_in_utc_is_kept_to_the_letter() {
        for date in ["2021-11-03T05:53:57.546Z", "2021-11-03T05:53:57Z"] {
            assert_eq!(utc_date(date).as_deref(), Some(date));
        }
    }

    #[test]
    fn a_record_date_that_goes_on_for_ever_is_shortened() {
        let date = format!("2021-11-03T05:53:57.5{}Z", "0".repeat(100_000));
        assert_eq!(utc_date(&date).as_deref(), Some("2021-11-03T05:53:57.500Z"));
    }

    #[test]
    fn a_record_date_with_an_offset_is_converted_to_utc() {
        assert_eq!(
            utc_date("2021-11-03T07:53:57.5+02:00").as_deref(),
            Some("2021-11-03T05:53:57.500Z")
        );
    }

    #[test]
    fn a_record_date_that_not_everybody_reads_is_converted() {
        for (date, plain) in [
            ("2021-11-03 05:53:57Z", "2021-11-03T05:53:57.000Z"),
            ("2021-11-03t05:53:57z", "2021-11-03T05:53:57.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(utc_date(date).as_deref(), Some(plain));
        }
    }

    #[test]
    fn a_record_date_that_cannot_be_read_is_none() {
        for date in ["", "yesterday", "2021-13-03T05:53:57Z", "Z"] {
            assert_eq!(utc_date(date), None, "{date}");
        }
    }
}
