//! The rule by which a revocation applies to a token (docs/protocol.md, "Revocations").

use session_events_core::events::revocation::Revocation;

/// Returns true if the revocation applies to every token of its session, whenever it was issued,
/// because the session has ended and does not come back. Any other revocation applies to the tokens
/// issued up to its date.
pub(crate) fn is_final(revocation: &Revocation) -> bool {
    revocation.session_id.is_some() && revocation.event_type.ends_session()
}
