//! Credentials: a token, or the client id and secret of an application that requests one.

use crate::{
    error::{Error, Result},
    options::trimmed,
};

/// The means to obtain a token.
pub(crate) enum Credentials {
    Token(String),
    Client { id: String, secret: String },
}

/// The error messages for incomplete credentials.
pub(crate) struct MissingMessages {
    pub(crate) secret: &'static str,
    pub(crate) id: &'static str,
    pub(crate) all: &'static str,
}

impl Credentials {
    /// Returns the token, or else the client id and secret. Returns an error if neither is complete.
    pub(crate) fn new(
        token: &Option<String>,
        client_id: &Option<String>,
        client_secret: &Option<String>,
        missing: &MissingMessages,
    ) -> Result<Self> {
        if let Some(token) = trimmed(token) {
            return Ok(Self::Token(token.to_owned()));
        }
        let message = match (trimmed(client_id), trimmed(client_secret)) {
            (Some(id), Some(secret)) => {
                return Ok(Self::Client {
                    id: id.to_owned(),
                    secret: secret.to_owned(),
                });
            }
            (Some(_), None) => missing.secret,
            (None, Some(_)) => missing.id,
            (None, None) => missing.all,
        };
        Err(Error::MissingOption(message))
    }
}
