//! Options that several commands share.

pub(crate) mod access_token;
pub(crate) mod credentials;
pub(crate) mod destinations;
pub(crate) mod dot_env;
pub(crate) mod event_filter;
pub(crate) mod output;
pub(crate) mod precedence;
pub(crate) mod publish_token;
pub(crate) mod read;
pub(crate) mod worker;

/// Returns the value without surrounding white space, such as the line break at the end of a file,
/// or `None` if nothing is left.
pub(crate) fn trimmed(value: &Option<String>) -> Option<&str> {
    value
        .as_deref()
        .map(str::trim)
        .filter(|value| !value.is_empty())
}
