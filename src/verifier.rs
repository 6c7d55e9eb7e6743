//! What verifying a token takes of this runtime, wherever the keys come from.

use session_events_core::{
    access_token::{Algorithm, Verifier},
    error::Fault,
    key_set::SigningKey,
    timestamp::Timestamp,
};

use crate::{clock, report, web_crypto};

/// A place to have issuers' keys from.
pub(crate) trait KeySource {
    /// As [`Verifier::signing_key`].
    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, Fault>;
}

/// Verifies with the runtime's clock and cryptography, and keys from `K`.
pub(crate) struct RuntimeVerifier<K>(pub(crate) K);

impl<K: KeySource> Verifier for RuntimeVerifier<K> {
    fn now(&self) -> Timestamp {
        clock::now()
    }

    async fn signing_key(
        &self,
        jwks_uri: &str,
        kid: &str,
        algorithm: Algorithm,
    ) -> Result<SigningKey, Fault> {
        self.0.signing_key(jwks_uri, kid, algorithm).await
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
