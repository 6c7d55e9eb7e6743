//! The verifier of tokens: the runtime's clock and cryptography, and a source of key sets.

use session_events_core::{
    timestamp::Timestamp,
    tokens::{
        algorithm::Algorithm, cached_key_set::CachedKeySet, key_set::SigningKey,
        signature::Verifier,
    },
};

use super::{clock, log::OrInternal, web_crypto};
use crate::Result;

/// A source of key sets.
pub(crate) trait KeySetSource {
    /// Returns the key set at a URL, refreshed if a token with this `kid` requires it.
    async fn key_set(&self, jwks_uri: &str, kid: &str) -> Result<CachedKeySet>;
}

/// Verifies tokens with key sets from a source.
pub(crate) struct RuntimeVerifier<S>(pub(crate) S);

impl<S: KeySetSource> Verifier for RuntimeVerifier<S> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey> {
        let key_set = self.0.key_set(jwks_uri, kid).await?;
        key_set.signing_key(kid, algorithm, self.now())
    }

    async fn check_signature(
        &self,
        algorithm: Algorithm,
        key: &SigningKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool> {
        web_crypto::check_signature(algorithm, key, message, signature)
            .await
            .or_internal("signature")
    }
}
