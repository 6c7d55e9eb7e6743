//! Options that several commands share.

pub(crate) mod access_token;
pub(crate) mod destinations;
pub(crate) mod dot_env;
pub(crate) mod event_filter;
pub(crate) mod output;
pub(crate) mod precedence;
pub(crate) mod publish_token;
pub(crate) mod read;
pub(crate) mod worker;
