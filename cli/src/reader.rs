//! What every command takes that reads from the worker with an access token.

use clap::Args;

use crate::{address::Address, failure::Failure, login::Login, output::Output};

/// Of whom, as whom, and how it is written.
#[derive(Args)]
pub(crate) struct Reader {
    #[command(flatten)]
    pub(crate) address: Address,
    #[command(flatten)]
    pub(crate) login: Login,
    #[command(flatten)]
    pub(crate) output: Output,
}

impl Reader {
    /// A token to read with.
    pub(crate) fn token(&self) -> Result<String, Failure> {
        let tokens = self.login.tokens(&self.address.tenant)?;
        Ok(tokens.get().map_err(String::from)?)
    }
}
