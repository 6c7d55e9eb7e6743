//! Forms with a token in them.

/// Maximum size of a form in bytes. The longest token, percent-encoded, fits.
pub const MAX_FORM_BYTES: usize = 32 * 1024;
/// The media type of a form.
const FORM_MEDIA_TYPE: &str = "application/x-www-form-urlencoded";

/// A parameter with a token.
pub struct TokenParameter {
    name: &'static str,
    /// The error description for a body that is not a form.
    not_a_form: &'static str,
    /// The error description for a form that does not have exactly one such parameter.
    not_one_token: &'static str,
}

/// The token to introspect (RFC 7662, section 2.1).
pub const TOKEN: TokenParameter = TokenParameter {
    name: "token",
    not_a_form: "The body must be a form. Send token=… as application/x-www-form-urlencoded.",
    not_one_token: "The form must contain exactly one token. Send it as token=….",
};

/// The logout token (OpenID Connect Back-Channel Logout 1.0, section 2.5).
pub const LOGOUT_TOKEN: TokenParameter = TokenParameter {
    name: "logout_token",
    not_a_form: "The body must be a form. Send logout_token=… as application/x-www-form-urlencoded.",
    not_one_token: "The form must contain exactly one logout token. Send it as logout_token=….",
};

impl TokenParameter {
    /// Returns the token in a form.
    ///
    /// # Errors
    ///
    /// The error description, if the body is not a form or does not have exactly one token.
    pub fn read(&self, content_type: Option<&str>, body: &[u8]) -> Result<String, &'static str> {
        let is_form = content_type
            .and_then(|content_type| content_type.split(';').next())
            .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(FORM_MEDIA_TYPE));
        if !is_form {
            return Err(self.not_a_form);
        }
        let mut tokens = form_urlencoded::parse(body).filter(|(name, _)| name == self.name);
        match (tokens.next(), tokens.next()) {
            (Some((_, token)), None) if !token.is_empty() => Ok(token.into_owned()),
            _ => Err(self.not_one_token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_must_contain_exactly_one_token() {
        let form = Some("application/x-www-form-urlencoded");
        for content_type in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        ] {
            let body = b"token=a.b%2Dc&token_type_hint=access_token&logout_token=d";
            assert_eq!(TOKEN.read(Some(content_type), body), Ok("a.b-c".into()));
            assert_eq!(LOGOUT_TOKEN.read(Some(content_type), body), Ok("d".into()));
        }
        for body in [
            "",
            "token=",
            "token",
            "token=a&token=b",
            "access_token=a",
            "{\"token\":\"a\"}",
        ] {
            let rejected = TOKEN.read(form, body.as_bytes());
            assert_eq!(rejected, Err(TOKEN.not_one_token), "{body}");
        }
        for content_type in [None, Some(""), Some("application/json"), Some("text/plain")] {
            let rejected = TOKEN.read(content_type, b"token=a");
            assert_eq!(rejected, Err(TOKEN.not_a_form));
        }
    }
}
