//! The options that select events by type and user.

use clap::{
    Args,
    builder::{NonEmptyStringValueParser, PossibleValuesParser},
};
use session_events_core::events::event::EventType;

use crate::output::event_row::EventRow;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Filter")]
pub(crate) struct EventFilter {
    /// Print only events of this type; repeat the option, or separate types with commas
    #[arg(
        long = "type",
        value_name = "TYPE",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(EventType::ALL.map(EventType::name))
    )]
    types: Vec<String>,
    /// Print only events of this user; repeat the option for several users
    #[arg(long = "user", value_name = "USER", value_parser = NonEmptyStringValueParser::new())]
    users: Vec<String>,
}

impl EventFilter {
    /// Returns true if the event has one of the types and one of the users. Without types, all types
    /// match; without users, all users.
    pub(crate) fn matches(&self, event: &EventRow) -> bool {
        let is_among =
            |values: &[String], value: &String| values.is_empty() || values.contains(value);
        is_among(&self.types, &event.event_type) && is_among(&self.users, &event.user_id)
    }

    /// Returns true if all events match, whatever their type and user.
    pub(crate) fn is_empty(&self) -> bool {
        self.types.is_empty() && self.users.is_empty()
    }
}
