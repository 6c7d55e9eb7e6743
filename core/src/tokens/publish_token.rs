//! Publish tokens, which authenticate Auth0's log stream.
//!
//! Each tenant has its own token, derived from the operator's secret. A token does not authorize
//! publishing for another tenant and does not reveal the secret. Without a secret, publishing is
//! disabled.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::bearer::bearer;
use crate::{
    Result,
    error::{ApiError, ConfigError},
    tenant::{
        Tenant,
        config::{PUBLISH_SECRET, PUBLISH_SECRET_PREVIOUS},
    },
};

/// Minimum length of a secret in bytes: the output size of SHA-256 (RFC 2104, section 3). A shorter
/// secret can be guessed from one publish token.
const MIN_SECRET_BYTES: usize = 32;

/// A secret from which publish tokens are derived.
#[derive(Clone)]
pub struct PublishSecret(String);

impl PublishSecret {
    /// Returns a secret, the value of `variable`.
    ///
    /// # Errors
    ///
    /// A [`ConfigError`] if it is too short.
    pub fn new(variable: &'static str, secret: String) -> Result<Self, ConfigError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(ConfigError::new(
                variable,
                "is shorter than 32 bytes. Generate a secret with `openssl rand -hex 32`",
            ));
        }
        Ok(Self(secret))
    }

    /// Returns the publish token of a tenant: HMAC-SHA256 of its domain, in base64url without
    /// padding.
    pub fn publish_token(&self, tenant: &Tenant) -> String {
        self.mac(tenant)
            .map(|mac| Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
            .unwrap_or_default()
    }

    /// Returns the HMAC of the tenant's domain. It is never `None`, because HMAC accepts keys of
    /// any length.
    fn mac(&self, tenant: &Tenant) -> Option<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).ok()?;
        Some(mac.chain_update(tenant.domain()))
    }
}

/// The secrets from which publish tokens are derived. There are two while a secret is rotated.
#[derive(Clone)]
pub struct PublishSecrets {
    current: PublishSecret,
    previous: Option<PublishSecret>,
}

impl PublishSecrets {
    /// Returns the configured secrets. An empty secret counts as not set.
    ///
    /// # Errors
    ///
    /// - [`ApiError::NoPublishSecret`] without a current secret, even if there is a previous one.
    /// - [`ApiError::Misconfigured`] if a secret is too short.
    pub fn new(current: Option<String>, previous: Option<String>) -> Result<Self> {
        let is_set = |secret: &String| !secret.is_empty();
        let current = current.filter(is_set).ok_or(ApiError::NoPublishSecret)?;
        Ok(Self {
            current: PublishSecret::new(PUBLISH_SECRET, current)?,
            previous: previous
                .filter(is_set)
                .map(|secret| PublishSecret::new(PUBLISH_SECRET_PREVIOUS, secret))
                .transpose()?,
        })
    }

    /// Checks that an `Authorization` header contains the tenant's publish token, with or without
    /// the scheme `Bearer`. The comparison takes constant time.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidPublishToken`] if the token is missing or wrong.
    pub fn authorize(&self, tenant: &Tenant, authorization: Option<&str>) -> Result<()> {
        let header = authorization.ok_or(ApiError::InvalidPublishToken { presented: false })?;
        let token = bearer(header).unwrap_or(header.trim());
        let presented = Base64UrlUnpadded::decode_vec(token).unwrap_or_default();
        let matches = |secret: &PublishSecret| {
            secret
                .mac(tenant)
                .is_some_and(|mac| mac.verify_slice(&presented).is_ok())
        };
        // Compare with both secrets, so that the timing does not reveal which one matches.
        let matches_current = matches(&self.current);
        let matches_previous = self.previous.as_ref().is_some_and(matches);
        if matches_current | matches_previous {
            Ok(())
        } else {
            Err(ApiError::InvalidPublishToken { presented: true })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::Slug;

    const CURRENT: &str = "5f2b1c0d9e8a76543210fedcba987654";
    const PREVIOUS: &str = "0123456789abcdef0123456789abcdef";
    const OTHER: &str = "ffffffffffffffffffffffffffffffff";

    fn tenant(slug: &str) -> Tenant {
        Tenant::on_auth0(&Slug::parse(slug).unwrap_or_else(|| panic!("{slug}")))
    }

    fn derive(secret: &str, tenant: &Tenant) -> String {
        let secret = PublishSecret::new(PUBLISH_SECRET, secret.into());
        secret
            .unwrap_or_else(|error| panic!("{error}"))
            .publish_token(tenant)
    }

    fn secrets(current: &str, previous: Option<&str>) -> PublishSecrets {
        PublishSecrets::new(Some(current.into()), previous.map(Into::into))
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    #[test]
    fn a_token_is_the_hmac_sha256_of_the_domain() {
        // printf DOMAIN | openssl dgst -sha256 -hmac SECRET -binary | basenc --base64url
        assert_eq!(
            derive(CURRENT, &tenant("acme@us")),
            "rEBeAMKWght7ySvzEw2HUBZsN8YYi2d2YPKUnavmDrM"
        );
        let corp = Tenant::from_domain("sso.corp.example").unwrap();
        assert_eq!(
            derive(CURRENT, &corp),
            "b0qwoz88JNRw8SJr_8ZVR5T6b8Qq_v_Zr9z-sDitUHc"
        );
    }

    #[test]
    fn a_tenant_s_token_is_accepted_with_or_without_the_bearer_scheme() {
        let acme = tenant("acme@us");
        let token = derive(CURRENT, &acme);
        let secrets = secrets(CURRENT, None);
        for header in [
            token.clone(),
            format!("Bearer {token}"),
            format!("bearer  {token}"),
        ] {
            assert_eq!(secrets.authorize(&acme, Some(&header)), Ok(()), "{header}");
        }
    }

    #[test]
    fn any_other_token_is_rejected() {
        let acme = tenant("acme@us");
        let token = derive(CURRENT, &acme);
        let rejected = Err(ApiError::InvalidPublishToken { presented: true });
        let (half, _) = token.split_at(20);
        for header in [
            "",
            "Bearer",
            "Bearer ",
            half,
            CURRENT,
            &format!("Basic {token}"),
            &format!("{token}="),
            &format!("{token}A"),
            &derive(CURRENT, &tenant("acme@eu")),
            &derive(CURRENT, &tenant("acme")),
            &derive(OTHER, &acme),
        ] {
            assert_eq!(
                secrets(CURRENT, Some("")).authorize(&acme, Some(header)),
                rejected,
                "{header}"
            );
        }
        assert_eq!(
            secrets(CURRENT, None).authorize(&acme, None),
            Err(ApiError::InvalidPublishToken { presented: false })
        );
    }

    #[test]
    fn during_rotation_tokens_of_both_secrets_are_accepted() {
        let acme = tenant("acme@us");
        let secrets = secrets(CURRENT, Some(PREVIOUS));
        for secret in [CURRENT, PREVIOUS] {
            let token = derive(secret, &acme);
            assert_eq!(secrets.authorize(&acme, Some(&token)), Ok(()), "{secret}");
        }
    }

    #[test]
    fn publishing_is_disabled_without_a_current_secret() {
        for current in [None, Some(String::new())] {
            let secrets = PublishSecrets::new(current, Some(PREVIOUS.into()));
            assert_eq!(secrets.err(), Some(ApiError::NoPublishSecret));
        }
    }

    #[test]
    fn a_secret_of_less_than_32_bytes_is_rejected_and_named() {
        let short = "x".repeat(31);
        for (current, previous, variable) in [
            (short.as_str(), CURRENT, PUBLISH_SECRET),
            (CURRENT, short.as_str(), PUBLISH_SECRET_PREVIOUS),
        ] {
            let secrets = PublishSecrets::new(Some(current.into()), Some(previous.into()));
            let Some(ApiError::Misconfigured(error)) = secrets.err() else {
                panic!("{current} and {previous} are accepted");
            };
            assert_eq!(error.variable, variable);
            assert!(
                error.to_string().contains("openssl rand -hex 32"),
                "{error}"
            );
        }
        // 32 bytes, but only 16 characters.
        assert!(PublishSecrets::new(Some("é".repeat(16)), None).is_ok());
    }

    #[test]
    fn a_token_that_differs_in_a_single_bit_is_rejected() {
        let acme = tenant("acme@us");
        let secrets = secrets(CURRENT, Some(PREVIOUS));
        for secret in [CURRENT, PREVIOUS] {
            let token = Base64UrlUnpadded::decode_vec(&derive(secret, &acme)).unwrap();
            for bit in 0..token.len() * 8 {
                let mut guess = token.clone();
                guess[bit / 8] ^= 1 << (bit % 8);
                let header = Base64UrlUnpadded::encode_string(&guess);
                let result = secrets.authorize(&acme, Some(&header));
                assert!(result.is_err(), "{secret}, bit {bit}");
            }
        }
    }
}
