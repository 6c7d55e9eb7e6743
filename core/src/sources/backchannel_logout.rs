//! Back-channel logout: the second source of events.
//!
//! The log stream does not report every end of a session: not the expiry of a session, for example. An
//! OpenID provider posts a logout token for it.

use crate::{
    events::{
        event::{Event, EventType, Revokes},
        event_types::EventTypes,
    },
    tokens::logout_token::LogoutToken,
};

/// Returns the event of a logout token, or `None` if it is not one of the tenant's event types.
pub fn to_event(token: LogoutToken, event_types: &EventTypes) -> Option<Event> {
    let revokes = match token.sid {
        Some(_) => Revokes::Session,
        None => Revokes::User,
    };
    event_types
        .contains(EventType::Logout, Some(revokes))
        .then(|| Event {
            id: token.id,
            event_type: EventType::Logout,
            date: token.issued_at.to_string(),
            user_id: token.sub,
            session_id: token.sid,
            revokes: Some(revokes),
        })
}
