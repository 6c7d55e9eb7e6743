//! Metrics: the data points that a deployment writes to Workers Analytics Engine.
//!
//! A data point has one index, the tenant's domain, and these columns:
//!
//! | `blob1` | `blob2` | `blob3` | `double1` … |
//! |---|---|---|---|
//! | `publish` | source: `log`, `logout_token` | | received, events, duplicates, ignored, malformed, longest delay from date to receipt in seconds |
//! | `refused` | endpoint, or `socket` for a message | error code | count of rejected requests |
//! | `closed` | | error code | count, close code |
//! | `dropped` | | | number of dropped session entries |
//!
//! No data point names a user. An invocation of the Worker can write 250 data points, so equal ones are
//! counted and written once (Cloudflare, "Workers Analytics Engine: Limits").

use std::collections::BTreeMap;

use crate::{error::ApiError, events::event_lines::Source, protocol::bodies::PublishReceipt};

/// Maximum number of data points in an invocation.
const MAX_DATA_POINTS: usize = 250;
/// Maximum length of an index in bytes.
const MAX_INDEX_BYTES: usize = 96;

/// A data point, without its index.
#[derive(Clone, Debug, PartialEq)]
pub struct DataPoint {
    /// The text columns.
    pub blobs: Vec<&'static str>,
    /// The numeric columns.
    pub doubles: Vec<f64>,
}

/// The data points of an invocation.
#[derive(Debug, Default)]
pub struct Metrics {
    points: Vec<DataPoint>,
    /// The number of rejected requests and messages, by endpoint and error code.
    rejected: BTreeMap<(&'static str, &'static str), u32>,
    /// The number of closed sockets, by error code and close code.
    closed: BTreeMap<(&'static str, u16), u32>,
}

impl Metrics {
    /// Records a batch of log records, or a logout token. `delay_seconds` is the longest
    /// delay of an event: the number of seconds from its date to its receipt.
    pub fn record_publication(
        &mut self,
        source: Source,
        receipt: &PublishReceipt,
        delay_seconds: i64,
    ) {
        let source = match source {
            Source::Log => "log",
            Source::LogoutToken => "logout_token",
        };
        let counts = [
            receipt.received,
            receipt.events,
            receipt.duplicates,
            receipt.ignored,
            receipt.malformed,
        ];
        let doubles = counts.into_iter().map(to_double);
        self.points.push(DataPoint {
            blobs: vec!["publish", source],
            doubles: doubles.chain([to_double(delay_seconds.max(0))]).collect(),
        });
    }

    /// Records a rejected request or socket message.
    pub fn record_rejected(&mut self, endpoint: &'static str, error: &ApiError) {
        increment(self.rejected.entry((endpoint, error.code())).or_default());
    }

    /// Records a socket that the service closes.
    pub fn record_closed(&mut self, error: &ApiError) {
        let key = (error.code(), error.close_code());
        increment(self.closed.entry(key).or_default());
    }

    /// Records session entries that were dropped because the tenant has too many.
    pub fn record_dropped(&mut self, sessions: usize) {
        self.points.push(DataPoint {
            blobs: vec!["dropped"],
            doubles: vec![to_double(sessions)],
        });
    }

    /// Returns the data points to write.
    pub fn into_data_points(self) -> Vec<DataPoint> {
        let Self {
            points,
            rejected,
            closed,
        } = self;
        let rejected = rejected
            .into_iter()
            .map(|((endpoint, code), count)| DataPoint {
                blobs: vec!["refused", endpoint, code],
                doubles: vec![f64::from(count)],
            });
        let closed = closed
            .into_iter()
            .map(|((code, close_code), count)| DataPoint {
                blobs: vec!["closed", "", code],
                doubles: vec![f64::from(count), f64::from(close_code)],
            });
        let all = points.into_iter().chain(rejected).chain(closed);
        all.take(MAX_DATA_POINTS).collect()
    }
}

/// Returns the index of a tenant: its domain, cut to the maximum length.
pub fn index(domain: &str) -> &str {
    let end = domain.floor_char_boundary(MAX_INDEX_BYTES);
    domain.get(..end).unwrap_or(domain)
}

fn increment(count: &mut u32) {
    *count = count.saturating_add(1);
}

/// Returns a count as a floating-point number, at most `u32::MAX`.
fn to_double(count: impl TryInto<u32>) -> f64 {
    f64::from(count.try_into().unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TokenError;

    #[test]
    fn equal_refusals_and_closes_are_counted_in_one_data_point() {
        let mut metrics = Metrics::default();
        let expired = ApiError::from(TokenError::Expired);
        for _ in 0..300 {
            metrics.record_rejected("events", &expired);
            metrics.record_closed(&ApiError::TooSlow);
        }
        metrics.record_rejected("events", &ApiError::NotFound);
        let points = metrics.into_data_points();
        assert_eq!(
            points,
            [
                DataPoint {
                    blobs: vec!["refused", "events", "invalid_token"],
                    doubles: vec![300.0]
                },
                DataPoint {
                    blobs: vec!["refused", "events", "not_found"],
                    doubles: vec![1.0]
                },
                DataPoint {
                    blobs: vec!["closed", "", "too_slow"],
                    doubles: vec![300.0, 1013.0]
                },
            ]
        );
    }

    #[test]
    fn a_publication_has_its_counts_and_its_delay() {
        let mut metrics = Metrics::default();
        let receipt = PublishReceipt {
            received: 5,
            events: 1,
            duplicates: 1,
            ignored: 2,
            malformed: 1,
        };
        metrics.record_publication(Source::Log, &receipt, 7);
        metrics.record_publication(Source::LogoutToken, &receipt, -7);
        metrics.record_dropped(50_000);
        let doubles: Vec<Vec<f64>> = metrics
            .into_data_points()
            .into_iter()
            .map(|p| p.doubles)
            .collect();
        assert_eq!(
            doubles,
            [
                vec![5.0, 1.0, 1.0, 2.0, 1.0, 7.0],
                vec![5.0, 1.0, 1.0, 2.0, 1.0, 0.0],
                vec![50_000.0]
            ]
        );
    }

    #[test]
    fn an_invocation_writes_no_more_data_points_than_the_platform_accepts() {
        let mut metrics = Metrics::default();
        for _ in 0..300 {
            metrics.record_dropped(1);
        }
        assert_eq!(metrics.into_data_points().len(), 250);
    }

    #[test]
    fn an_index_is_at_most_96_bytes_long() {
        assert_eq!(index("acme.us.auth0.com"), "acme.us.auth0.com");
        assert_eq!(index(&"a".repeat(200)).len(), 96);
        assert_eq!(index(&format!("{}ü", "a".repeat(95))).len(), 95);
    }
}
