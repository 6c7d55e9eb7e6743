//! The events that a tenant reports.

use serde::{
    Deserialize,
    de::{IntoDeserializer, value::Error},
};

use super::event::{EventType, Revokes};

/// A choice among the events that the sources yield.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EventTypes {
    /// Every event that revokes something, of whatever type. Older clients take every message with
    /// a `user_id` for a revocation, so no other event is made by default.
    #[default]
    Revoking,
    /// The events of these types, in the order of [`EventType::ALL`].
    Only(Vec<EventType>),
}

impl EventTypes {
    /// Returns the events of these types.
    pub fn only(event_types: impl IntoIterator<Item = EventType>) -> Self {
        let chosen: Vec<EventType> = event_types.into_iter().collect();
        let all = EventType::ALL.into_iter();
        Self::Only(
            all.filter(|event_type| chosen.contains(event_type))
                .collect(),
        )
    }

    /// Returns the events of all types.
    pub fn all() -> Self {
        Self::only(EventType::ALL)
    }

    /// Parses a list of names of event types.
    ///
    /// # Errors
    ///
    /// The first name that is not an event type, in quotation marks.
    pub fn parse<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        let event_types: Result<Vec<EventType>, String> =
            names.into_iter().map(parse_name).collect();
        event_types.map(Self::only)
    }

    /// Returns whether an event of this type that revokes these tokens is made.
    pub fn contains(&self, event_type: EventType, revokes: Option<Revokes>) -> bool {
        match self {
            Self::Revoking => revokes.is_some(),
            Self::Only(event_types) => event_types.contains(&event_type),
        }
    }
}

/// Returns the names of all event types, separated by commas.
pub fn all_names() -> String {
    EventType::ALL.map(EventType::name).join(", ")
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
        let names = all_names();
        assert_eq!(EventTypes::parse(names.split(", ")), Ok(EventTypes::all()));
        assert_eq!(EventTypes::parse([]), Ok(EventTypes::only([])));
    }

    #[test]
    fn by_default_an_event_is_made_if_it_revokes_something() {
        for event_type in EventType::ALL {
            for revokes in [Some(Revokes::User), Some(Revokes::Session)] {
                assert!(EventTypes::default().contains(event_type, revokes));
            }
            assert!(!EventTypes::default().contains(event_type, None));
        }
    }

    #[test]
    fn an_event_of_a_named_type_is_made_whether_or_not_it_revokes_something() {
        let named = EventTypes::only([EventType::EmailChanged]);
        for revokes in [None, Some(Revokes::User)] {
            assert!(named.contains(EventType::EmailChanged, revokes));
            assert!(!named.contains(EventType::Logout, revokes));
        }
    }

    #[test]
    fn an_unknown_event_type_is_named_in_the_error() {
        assert_eq!(
            EventTypes::parse(["logout", "log_out"]),
            Err("\"log_out\"".into())
        );
        assert_eq!(EventTypes::parse(["Logout"]), Err("\"Logout\"".into()));
    }
}
