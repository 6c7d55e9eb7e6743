//! Who may publish a tenant's log.
//!
//! Each tenant has a publish token of its own, derived from the operator's one secret: whoever
//! holds one tenant's token can neither publish for another tenant nor get at the secret. Without
//! a secret nothing can be published at all.

use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::bearer::bearer;
use crate::{error::ApiError, tenant::Tenant};

/// The secrets that publish tokens may be derived from: the present one, and while it is being
/// rotated the one before.
#[derive(Clone)]
pub struct PublishSecrets {
    current: String,
    previous: Option<String>,
}

impl PublishSecrets {
    /// The secrets as configured; an empty one is as good as none.
    ///
    /// # Errors
    ///
    /// [`ApiError::NotConfigured`] without a present secret, even where there is a previous one.
    pub fn new(current: Option<String>, previous: Option<String>) -> Result<Self, ApiError> {
        let set = |secret: &String| !secret.is_empty();
        Ok(Self {
            current: current.filter(set).ok_or(ApiError::NotConfigured)?,
            previous: previous.filter(set),
        })
    }

    /// Lets a publisher pass whose `Authorization` header is the tenant's token, bare or after
    /// `Bearer `. The comparison takes the same time wherever the two differ.
    ///
    /// # Errors
    ///
    /// [`ApiError::InvalidPublishToken`] for everybody else.
    pub fn authorize(&self, tenant: &Tenant, authorization: Option<&str>) -> Result<(), ApiError> {
        let header = authorization.ok_or(ApiError::InvalidPublishToken { presented: false })?;
        let token = bearer(header).unwrap_or(header.trim());
        let presented = Base64UrlUnpadded::decode_vec(token).unwrap_or_default();
        let matches = |secret: &String| {
            mac(secret, tenant).is_some_and(|mac| mac.verify_slice(&presented).is_ok())
        };
        // Both are tried whatever the first yields, so that the time does not tell which it was.
        let current = matches(&self.current);
        let previous = self.previous.as_ref().is_some_and(matches);
        if current | previous {
            Ok(())
        } else {
            Err(ApiError::InvalidPublishToken { presented: true })
        }
    }
}

/// The publish token of a tenant: HMAC-SHA256 of its Auth0 domain, in base64url without padding.
pub fn derive(secret: &str, tenant: &Tenant) -> String {
    mac(secret, tenant)
        .map(|mac| Base64UrlUnpadded::encode_string(&mac.finalize().into_bytes()))
        .unwrap_or_default()
}

/// HMAC takes keys of any length, so there always is one.
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
            .unwrap_or_else(|fault| panic!("{fault:?}"))
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
    fn a_tenant_s_token_is_taken_bare_or_after_bearer() {
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
    fn nothing_else_is_taken() {
        let acme = tenant("acme@us");
        let token = derive("s3cret", &acme);
        let refused = Err(ApiError::InvalidPublishToken { presented: true });
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
                refused,
                "{header}"
            );
        }
        assert_eq!(
            secrets("s3cret", None).authorize(&acme, None),
            Err(ApiError::InvalidPublishToken { presented: false })
        );
    }

    #[test]
    fn while_the_secret_is_rotated_tokens_of_both_are_taken() {
        let acme = tenant("acme@us");
        let secrets = secrets("new", Some("old"));
        for secret in ["new", "old"] {
            let token = derive(secret, &acme);
            assert_eq!(secrets.authorize(&acme, Some(&token)), Ok(()), "{secret}");
        }
    }

    #[test]
    fn without_a_present_secret_nothing_can_be_published() {
        for current in [None, Some(String::new())] {
            let secrets = PublishSecrets::new(current, Some("old".into()));
            assert_eq!(secrets.err(), Some(ApiError::NotConfigured));
        }
    }
}
