//! The event types that a deployment reports.

use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error},
};

use super::event::EventType;

/// A set of event types, in the order of [`EventType::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTypes(Vec<EventType>);

impl Default for EventTypes {
    fn default() -> Self {
        Self::filter(EventType::is_default)
    }
}

impl EventTypes {
    /// Returns the set of these event types.
    pub fn only(event_types: impl IntoIterator<Item = EventType>) -> Self {
        let chosen: Vec<EventType> = event_types.into_iter().collect();
        Self::filter(|event_type| chosen.contains(&event_type))
    }

    /// Returns the set of all event types.
    pub fn all() -> Self {
        Self(EventType::ALL.into())
    }

    fn filter(predicate: impl Fn(EventType) -> bool) -> Self {
        let all = EventType::ALL.into_iter();
        Self(all.filter(|event_type| predicate(*event_type)).collect())
    }

    /// Parses a comma-separated list of names.
    ///
    /// # Errors
    ///
    /// The first name that is not an event type, in quotation marks.
    pub fn parse(list: &str) -> Result<Self, String> {
        let names = list
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let event_types: Result<Vec<EventType>, String> = names.map(parse_name).collect();
        event_types.map(Self::only)
    }

    /// Returns whether the set contains an event type.
    pub fn contains(&self, event_type: EventType) -> bool {
        self.0.contains(&event_type)
    }

    /// Returns the names as a list that [`EventTypes::parse`] accepts.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|event_type| event_type.name()).collect();
        names.join(", ")
    }
}

fn parse_name(name: &str) -> Result<EventType, String> {
    let deserializer: serde::de::value::StrDeserializer<'_, Error> = name.into_deserializer();
    EventType::deserialize(deserializer).map_err(|_| format!("{name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_all_event_types_parse_to_all_event_types() {
        let all = EventTypes::all();
        assert_eq!(EventTypes::parse(&all.names()), Ok(all));
        assert_eq!(
            EventTypes::default().names(),
            "user_blocked, password_changed, logout"
        );
        assert_eq!(EventTypes::parse(""), Ok(EventTypes::only([])));
    }

    #[test]
    fn an_unknown_event_type_is_named_in_the_error() {
        assert_eq!(
            EventTypes::parse("logout, log_out"),
            Err("\"log_out\"".into())
        );
        assert_eq!(EventTypes::parse("Logout"), Err("\"Logout\"".into()));
    }
}
