//! The events of a batch in the form in which they travel and are stored: as JSON, one per line.
//!
//! A batch can have 50,000 records. Their events take a fraction of the memory of [`Event`] values as
//! text, so each event is parsed only when it is needed.

use serde::{Deserialize, Serialize};

use super::event::Event;

/// Events as JSON, one per line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLines(String);

/// The source of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The log stream.
    Log,
    /// A logout token.
    LogoutToken,
}

/// Events of one source, to be stored and delivered in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// The source of the events.
    pub source: Source,
    /// The longest delay of an event: the number of seconds from its date to its receipt.
    pub delay_seconds: i64,
    /// The events.
    pub events: EventLines,
}

/// An event of [`EventLines`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine<'a> {
    /// The event.
    pub event: Event,
    /// The same event as JSON, exactly as subscribers receive it.
    pub json: &'a str,
}

impl EventLines {
    /// Returns the lines of a text that [`EventLines::into_text`] returned.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn into_text(self) -> String {
        self.0
    }

    /// Appends an event.
    ///
    /// # Errors
    ///
    /// The error of `serde_json` if the event cannot be written.
    pub fn push(&mut self, event: &Event) -> serde_json::Result<()> {
        let json = serde_json::to_string(event)?;
        self.0.push_str(&json);
        self.0.push('\n');
        Ok(())
    }

    /// Returns whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Parses the events one after another.
    pub fn iter(&self) -> impl Iterator<Item = serde_json::Result<EventLine<'_>>> {
        self.0.lines().map(EventLine::parse)
    }
}

impl<'a> EventLine<'a> {
    /// Parses a line.
    ///
    /// # Errors
    ///
    /// The error of `serde_json` if the line is not an event.
    pub fn parse(json: &'a str) -> serde_json::Result<Self> {
        let event = serde_json::from_str(json)?;
        Ok(Self { event, json })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::event::EventType;

    #[test]
    fn events_with_line_ends_in_their_ids_survive_the_text() {
        let events = ["1", "a\nb\r\n\u{2028}\"\\"].map(|id| Event {
            id: id.to_owned(),
            event_type: EventType::Logout,
            date: "2026-01-01T00:00:00.000Z".to_owned(),
            user_id: id.to_owned(),
            session_id: None,
            revokes: None,
        });
        let mut lines = EventLines::default();
        assert!(lines.is_empty());
        events.iter().for_each(|event| lines.push(event).unwrap());
        let read = EventLines::from_text(lines.clone().into_text());
        assert_eq!(read, lines);
        let read: Vec<Event> = read.iter().map(|line| line.unwrap().event).collect();
        assert_eq!(read, events);
    }

    #[test]
    fn a_line_that_is_not_an_event_is_an_error() {
        let lines = EventLines::from_text("{}\n".to_owned());
        assert!(lines.iter().all(|line| line.is_err()));
    }
}
