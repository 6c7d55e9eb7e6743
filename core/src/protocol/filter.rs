//! The events that a subscriber receives.

use serde::{Deserialize, Serialize};

/// The events that a subscriber receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// The events of all users.
    #[serde(rename = "*")]
    All,
    /// The events of the token's subject.
    #[serde(rename = "self")]
    Own,
}
