//! One event, as a line for the eye.

use anstyle::{AnsiColor, Style};
use serde::Deserialize;

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
}

/// The heading over such lines.
pub(crate) const HEADINGS: [&str; 4] = ["DATE", "TYPE", "USER", "SESSION"];

impl ShownEvent {
    /// The event in columns, with its type in a colour.
    pub(crate) fn line(&self) -> String {
        let [date, kind, user, session] = self.cells();
        let style = self.style();
        let line = format!(
            "{DIM}{date:24}{DIM:#}  {style}{kind:16}{style:#}  {user}  {}",
            styled(DIM, &session)
        );
        line.trim_end().to_owned()
    }

    /// The same as cells.
    pub(crate) fn cells(&self) -> [String; 4] {
        let session = self.session_id.as_deref().unwrap_or_default();
        [&self.date, &self.kind, &self.user_id, session].map(plain)
    }

    fn style(&self) -> Style {
        match self.kind.as_str() {
            "logout" => AnsiColor::Cyan,
            "password_changed" => AnsiColor::Yellow,
            "user_blocked" => AnsiColor::Red,
            _ => AnsiColor::Magenta,
        }
        .on_default()
    }
}
