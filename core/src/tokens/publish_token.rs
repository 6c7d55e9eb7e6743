//! Publish tokens, which authenticate Auth0's log stream.
//!
//! Each tenant has its own token, derived from the operator's secret. A token does not authorize
//! publishing for another tenant and does not reveal the secret. Without a secret, publishing is
//! disabled.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::bearer::bearer;
use crate::{Result, error::ApiError, tenant::Tenant};

/// The secrets from which publish tokens are derived. There are two while a secret is rotated.
#[derive(Clone)]
pub struct PublishSecrets {
    current: String,
    previous: Option<String>,
}

impl PublishSecrets {
    /// Returns the configured secrets. An empty secret counts as not set.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotConfigured`] without a current secret, even if there is a previous one.
    pub fn new(current: Option<String>, previous: Option<String>) -> Result<Self> {
        let is_set = |secret: &String| !secret.is_empty();
        Ok(Self {
            current: current.filter(is_set).ok_or(ApiError::NotConfigured)?,
            previous: previous.filter(is_set),
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
        let matches = |secret: &String| {
            mac(secret, tenant).is_some_and(|mac| mac.verify_slice(&presented).is_ok())
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

/// Returns the publish token of a tenant: HMAC-SHA256 of its Auth0 domain, in base64url without
/// padding.
pub fn derive(secret: &str, tenant: &Tenant) -> String {
    mac(secret, tenant)
        .map(|mac| Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
        .unwrap_or_default()
}

/// Returns the HMAC of the tenant's domain. It is never `None`, because HMAC accepts keys of any
/// length.
fn mac(secret: &str, tenant: &Tenant) -> Option<Hmac<Sha256>> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    Some(mac.chain_update(tenant.domain()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(slug: &str) -> Tenant {
        Tenant::from_slug(slug).unwrap_or_else(|| panic!("{slug}"))
    }

    fn secrets(current: &str, previous: Option<&str>) -> PublishSecrets {
        PublishSecrets::new(Some(current.into()), previous.map(Into::into))
            .unwrap_or_else(|error| panic!("{error:?}"))
    }

    #[test]
    fn a_token_is_the_hmac_sha256_of_the_domain() {
        // printf acme.us.auth0.com | openssl dgst -sha256 -hmac secret -binary | basenc --base64url
        assert_eq!(
            derive("secret", &tenant("acme@us")),
            "zrStr_q1tgpyotwZd7iVbNbUAqi5rE3nXR7UBkNwrQ0"
        );
    }

    #[test]
    fn a_tenant_s_token_is_accepted_with_or_without_the_bearer_scheme() {
        let acme = tenant("acme@us");
        let token = derive("s3cret", &acme);
        let secrets = secrets("s3cret", None);
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
        let token = derive("s3cret", &acme);
        let rejected = Err(ApiError::InvalidPublishToken { presented: true });
        let (half, _) = token.split_at(20);
        for header in [
            "",
            "Bearer",
            "Bearer ",
            half,
            "s3cret",
            &format!("Basic {token}"),
            &format!("{token}="),
            &format!("{token}A"),
            &derive("s3cret", &tenant("acme@eu")),
            &derive("s3cret", &tenant("acme")),
            &derive("other", &acme),
            &derive("", &acme),
        ] {
            assert_eq!(
                secrets("s3cret", Some("")).authorize(&acme, Some(header)),
                rejected,
                "{header}"
            );
        }
        assert_eq!(
            secrets("s3cret", None).authorize(&acme, None),
            Err(ApiError::InvalidPublishToken { presented: false })
        );
    }

    #[test]
    fn during_rotation_tokens_of_both_secrets_are_accepted() {
        let acme = tenant("acme@us");
        let secrets = secrets("new", Some("old"));
        for secret in ["new", "old"] {
            let token = derive(secret, &acme);
            assert_eq!(secrets.authorize(&acme, Some(&token)), Ok(()), "{secret}");
        }
    }

    #[test]
    fn publishing_is_disabled_without_a_current_secret() {
        for current in [None, Some(String::new())] {
            let secrets = PublishSecrets::new(current, Some("old".into()));
            assert_eq!(secrets.err(), Some(ApiError::NotConfigured));
        }
    }

    #[test]
    fn a_token_that_differs_in_a_single_bit_is_rejected() {
        let acme = tenant("acme@us");
        let secrets = secrets("new", Some("old"));
        for secret in ["new", "old"] {
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
