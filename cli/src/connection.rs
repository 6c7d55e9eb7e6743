//! Connections to the Worker and to the issuer of access tokens.

pub(crate) mod backoff;
pub(crate) mod http;
pub(crate) mod retries;
pub(crate) mod revocation_pages;
pub(crate) mod signals;
pub(crate) mod socket;
pub(crate) mod subscription;
pub(crate) mod token_refresh;
pub(crate) mod token_source;
pub(crate) mod worker_domain;
