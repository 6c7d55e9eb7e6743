//! Writes data points to Workers Analytics Engine, if the deployment has a dataset.

use session_events_core::metrics::{DataPoint, index};
use worker::{AnalyticsEngineDataPointBuilder, BlobType, Env};

use super::{environment::is_bound, log};

/// The name of the optional Analytics Engine binding in `wrangler.toml`.
const BINDING: &str = "METRICS";

/// Writes the data points of a tenant. `domain` is empty if a request names no served tenant. Without the
/// binding, nothing is written. A failure is logged and affects nothing else.
pub(crate) fn write(env: &Env, domain: &str, points: Vec<DataPoint>) {
    if points.is_empty() || !is_bound(env, BINDING) {
        return;
    }
    if let Err(error) = try_write(env, domain, points) {
        log::warning("metrics_unavailable", domain, &error.to_string());
    }
}

fn try_write(env: &Env, domain: &str, points: Vec<DataPoint>) -> worker::Result<()> {
    let dataset = env.analytics_engine(BINDING)?;
    for point in points {
        let blobs: Vec<BlobType> = point.blobs.into_iter().map(BlobType::from).collect();
        AnalyticsEngineDataPointBuilder::new()
            .indexes([index(domain)])
            .blobs(blobs)
            .doubles(point.doubles)
            .write_to(&dataset)?;
    }
    Ok(())
}
