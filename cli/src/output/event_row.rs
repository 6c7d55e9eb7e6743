//! Events and revocations as rows for a terminal.

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, de::IgnoredAny};
use session_events_core::events::revocation::Revocation;

use crate::output::{DIM, escape::escape, styled};

/// The column headings of events and revocations.
pub(crate) const HEADINGS: [&str; 4] = ["DATE", "TYPE", "USER", "SESSION"];

/// The displayed members of an event. Unlike the event type of the core, it accepts event types
/// that only a newer Worker knows.
#[derive(Deserialize)]
pub(crate) struct EventRow {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    date: String,
    pub(crate) user_id: String,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    revokes: Option<IgnoredAny>,
}

impl EventRow {
    pub(crate) fn cells(&self) -> [String; 4] {
        let session = self.session_id.as_deref().unwrap_or_default();
        [&self.date, &self.event_type, &self.user_id, session].map(escape)
    }

    /// The event as a line with a colored type.
    pub(crate) fn line(&self) -> String {
        format_line(&self.cells(), self.revokes.is_some())
    }
}

pub(crate) fn revocation_cells(revocation: &Revocation) -> [String; 4] {
    let Revocation { date, user_id, .. } = revocation;
    let session = revocation.session_id.as_deref().unwrap_or("all");
    [date, &event_type(revocation), user_id, session].map(escape)
}

/// The revocation as a line in the format of [`EventRow::line`].
pub(crate) fn revocation_line(revocation: &Revocation) -> String {
    format_line(&revocation_cells(revocation), true)
}

/// The wire name of the event type that caused the revocation.
pub(crate) fn event_type(revocation: &Revocation) -> String {
    serde_json::to_value(revocation.event_type)
        .ok()
        .and_then(|name| name.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn format_line([date, event_type, user, session]: &[String; 4], revokes: bool) -> String {
    let style = style_of(event_type, revokes);
    let line = format!(
        "{DIM}{date:24}{DIM:#}  {style}{event_type:21}{style:#}  {user}  {}",
        styled(DIM, session)
    );
    line.trim_end().to_owned()
}

/// The color of an event type. It is bold if the event revokes tokens.
fn style_of(event_type: &str, revokes: bool) -> Style {
    let color = match event_type {
        "user_blocked" | "user_deleted" | "universal_logout" => AnsiColor::Red,
        "password_changed" | "email_changed" | "phone_changed" | "username_changed" => {
            AnsiColor::Yellow
        }
        "logout" | "session_revoked" | "refresh_token_revoked" => AnsiColor::Cyan,
        "user_unblocked" | "account_unlocked" => AnsiColor::Green,
        "mfa_changed" | "account_locked" => AnsiColor::Blue,
        _ => AnsiColor::Magenta,
    };
    let style = color.on_default();
    if revokes { style.bold() } else { style }
}

#[cfg(test)]
mod tests {
    use session_events_core::events::event::EventType;

    use super::*;

    const UNKNOWN: &str = "made_up_in_2031";

    fn line_of(event_type: &str, more: &str) -> String {
        let json = format!(
            r#"{{"id":"1","type":"{event_type}","date":"2026-01-01T00:00:00.000Z","user_id":"auth0|1"{more}}}"#
        );
        serde_json::from_str::<EventRow>(&json).unwrap().line()
    }

    #[test]
    fn the_type_is_bold_only_if_the_event_revokes_tokens() {
        for revokes in ["user", "session", "something_newer"] {
            let line = line_of("logout", &format!(r#","revokes":"{revokes}""#));
            assert!(line.contains("\u{1b}[1m\u{1b}[36mlogout"), "{line:?}");
        }
        let revocation =
            r#"{"user_id":"auth0|1","type":"logout","date":"2026-01-01T00:00:00.000Z"}"#;
        let line = revocation_line(&serde_json::from_str(revocation).unwrap());
        assert!(line.contains("\u{1b}[1m\u{1b}[36mlogout"), "{line:?}");
        let line = line_of("refresh_token_revoked", "");
        assert!(
            line.contains("  \u{1b}[36mrefresh_token_revoked"),
            "{line:?}"
        );
        let unknown = line_of(UNKNOWN, "");
        assert!(
            unknown.contains("  \u{1b}[35mmade_up_in_2031"),
            "{unknown:?}"
        );
    }

    #[test]
    fn every_event_type_has_another_color_than_an_unknown_type() {
        for event_type in EventType::ALL {
            let color = style_of(event_type.name(), true);
            assert_ne!(color, style_of(UNKNOWN, true), "{event_type:?}");
        }
    }
}
