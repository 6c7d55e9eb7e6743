//! What verifying a token takes of this runtime, wherever the keys come from.

use session_events_core::{
    access_token::{Algorithm, Verifier},
    error::Fault,
    key_set::SigningKey,
    timestamp::Timestamp,
};

use crate::{clock, hub::KeySets, key_set_copies::KeySetCopies, report, web_crypto};

/// Verifies with the runtime's clock and cryptography, and keys from where they are.
pub(crate) enum RuntimeVerifier<'a> {
    /// In the root object, which fetches them.
    Root(&'a KeySets),
    /// Everywhere else.
    Elsewhere(KeySetCopies<'a>),
}

impl Verifier for RuntimeVerifier<'_> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, Fault> {
        let cached = match self {
            Self::Root(keys) => keys.look_up(jwks_uri, kid).await,
            Self::Elsewhere(copies) => copies.look_up(jwks_uri, kid).await?,
        };
        cached.signing_key(kid, algorithm, self.now())
    }

    async fn check_signature(
        &self,
        algorithm: Algorithm,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, Fault> {
        web_crypto::check_signature(algorithm, key, message, signature)
            .await
            .map_err(report::internal("signature"))
    }
}
