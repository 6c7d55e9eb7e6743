//! One event, or what it revoked, as a line for the eye.

use anstyle::{AnsiColor, Style};
use serde::{Deserialize, de::IgnoredAny};
use session_events_core::revocation::Revocation;

use crate::output::{DIM, plain, styled};

/// What is shown of an event. It is read leniently, for workers newer than this program know
/// types and members that it does not.
#[derive(Deserialize)]
pub(crate) struct ShownEvent {
    pub(crate) id: String,
    #[serde(rename = "type")]
    kind: String,
    date: String,
    user_id: String,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    revokes: Option<IgnoredAny>,
}

/// The heading over such lines.
pub(crate) const HEADINGS: [&str; 4] = ["DATE", "TYPE", "USER", "SESSION"];

impl ShownEvent {
    /// The event in columns, with its type in a colour.
    pub(crate) fn line(&self) -> String {
        line(&self.cells(), self.revokes.is_some())
    }

    /// The same as cells.
    pub(crate) fn cells(&self) -> [String; 4] {
        let session = self.session_id.as_deref().unwrap_or_default();
        [&self.date, &self.kind, &self.user_id, session].map(plain)
    }
}

/// A revocation in the same columns.
pub(crate) fn revocation_line(revocation: &Revocation) -> String {
    line(&revocation_cells(revocation), true)
}

/// The same as cells.
pub(crate) fn revocation_cells(revocation: &Revocation) -> [String; 4] {
    let Revocation { date, user_id, .. } = revocation;
    let session = revocation.session_id.as_deref().unwrap_or("all");
    [date, &kind(revocation), user_id, session].map(plain)
}

/// The type of the event that revoked, by its name on the wire.
pub(crate) fn kind(revocation: &Revocation) -> String {
    let name = serde_json::to_value(revocation.kind);
    let name = name.ok().and_then(|name| name.as_str().map(str::to_owned));
    name.unwrap_or_default()
}

fn line([date, kind, user, session]: &[String; 4], revokes: bool) -> String {
    let style = style(kind, revokes);
    let line = format!(
        "{DIM}{date:24}{DIM:#}  {style}{kind:21}{style:#}  {user}  {}",
        styled(DIM, session)
    );
    line.trim_end().to_owned()
}

/// A colour by the matter; what revokes is bold.
fn style(kind: &str, revokes: bool) -> Style {
    let style = match kind {
        "user_blocked" | "user_deleted" => AnsiColor::Red,
        "password_changed" => AnsiColor::Yellow,
        "logout" | "session_revoked" | "refresh_token_revoked" => AnsiColor::Cyan,
        "user_unblocked" | "account_unlocked" => AnsiColor::Green,
        "email_changed" | "mfa_changed" | "account_locked" => AnsiColor::Blue,
        _ => AnsiColor::Magenta,
    }
    .on_default();
    if revokes { style.bold() } else { style }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line_of(kind: &str, more: &str) -> String {
        let json = format!(
            r#"{{"id":"1","type":"{kind}","date":"2026-01-01T00:00:00.000Z","user_id":"auth0|1"{more}}}"#
        );
        serde_json::from_str::<ShownEvent>(&json).unwrap().line()
    }

    #[test]
    fn what_revokes_stands_out_from_what_does_not() {
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
        let unknown = line_of("made_up_in_2031", "");
        assert!(
            unknown.contains("  \u{1b}[35mmade_up_in_2031"),
            "{unknown:?}"
        );
    }
}
