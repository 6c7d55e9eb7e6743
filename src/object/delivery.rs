//! Delivers events and performs the effects of sessions.

use session_events_core::{
    events::event_log::StoredEvent,
    protocol::{bodies::ErrorBody, messages::ServerMessage},
    sessions::{listeners::Listeners, session::Effect},
    timestamp::Timestamp,
};
use worker::{WebSocket, js_sys::JsString};

use super::{
    sockets::{Socket, send_text},
    tenant_hub::TenantHub,
};

/// Sends an event to the subscribers that receive it. The text of the event becomes a JavaScript
/// string once, not once per socket.
pub(super) fn deliver(event: &StoredEvent, listeners: &Listeners<WebSocket>, now: Timestamp) {
    let mut receivers = listeners.receivers(&event.user_id, now).peekable();
    if receivers.peek().is_none() {
        return;
    }
    let text = JsString::from(event.json.as_str());
    receivers.for_each(|socket| send_text(socket, &text));
}

impl TenantHub {
    /// Performs the effects of a session, in order.
    pub(super) fn perform_all<'a>(
        &self,
        socket: &Socket,
        effects: impl IntoIterator<Item = Effect<'a>>,
    ) {
        for effect in effects {
            self.perform(socket, effect);
        }
    }

    fn perform(&self, socket: &Socket, effect: Effect<'_>) {
        match effect {
            Effect::Send(message) => socket.send(&message),
            Effect::Deliver(json) => socket.send_text(&JsString::from(json)),
            Effect::Reject(error) => {
                self.log_rejected_socket(&error);
                self.metrics.borrow_mut().record_rejected("socket", &error);
                socket.send(&ServerMessage::Error(ErrorBody::from(&error)));
            }
            Effect::Close(error) => {
                self.log_rejected_socket(&error);
                self.metrics.borrow_mut().record_closed(&error);
                socket.close(&error);
            }
        }
    }
}
