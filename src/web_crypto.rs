//! Signatures, checked by the runtime.
//!
//! The runtime's own cryptography is ten times as fast as the same compiled to WebAssembly, is
//! kept up to date by others, and adds nothing to what is deployed (Cloudflare, "Workers: Web
//! Crypto").

use std::cell::RefCell;

use serde::Serialize;
use session_events_core::{access_token::Algorithm, key_set::SigningKey};
use worker::{
    js_sys::{Array, JSON, Uint8Array},
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
};

#[wasm_bindgen(wasm_bindgen = worker::wasm_bindgen, wasm_bindgen_futures = worker::wasm_bindgen_futures, js_sys = worker::js_sys)]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    async fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = verify, catch)]
    async fn verify(
        algorithm: &JsValue,
        key: &JsValue,
        signature: &Uint8Array,
        message: &Uint8Array,
    ) -> Result<JsValue, JsValue>;
}

/// How many imported keys are held before all are let go. An isolate seldom sees more than a few, so
/// they are a list.
const MAX_IMPORTED: usize = 256;

thread_local! {
    static IMPORTED: RefCell<Vec<(String, VerifyingKey)>> = RefCell::default();
}

/// A public key as the runtime reads it (RFC 7517).
#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    n: &'a str,
    e: &'a str,
}

/// A public key as the runtime has it, for one algorithm. To import it takes as long as to check a
/// signature with it.
#[derive(Clone)]
struct VerifyingKey {
    key: JsValue,
    parameters: JsValue,
}

impl VerifyingKey {
    async fn of(key: &SigningKey, algorithm: Algorithm) -> worker::Result<Self> {
        // All that it is made of, so that no other key can ever stand for it.
        let name = format!("{} {} {}", parameters(algorithm), key.e, key.n);
        let known = IMPORTED.with_borrow(|keys| {
            let known = keys.iter().find(|(of, _)| *of == name);
            known.map(|(_, imported)| imported.clone())
        });
        if let Some(imported) = known {
            return Ok(imported);
        }
        let imported = Self::import(key, algorithm).await?;
        IMPORTED.with_borrow_mut(|keys| {
            if keys.len() >= MAX_IMPORTED {
                keys.clear();
            }
            keys.push((name, imported.clone()));
        });
        Ok(imported)
    }

    async fn import(key: &SigningKey, algorithm: Algorithm) -> worker::Result<Self> {
        let (kty, n, e) = ("RSA", &key.n, &key.e);
        let jwk = JSON::parse(&serde_json::to_string(&Jwk { kty, n, e })?)?;
        let parameters = JSON::parse(parameters(algorithm))?;
        let usages = Array::of1(&JsValue::from_str("verify"));
        let key = import_key("jwk", &jwk, &parameters, false, &usages).await?;
        Ok(Self { key, parameters })
    }
}

/// Whether `signature` over `message` was made with the private half of `key`.
pub(crate) async fn check_signature(
    algorithm: Algorithm,
    key: &SigningKey,
    message: &[u8],
    signature: &[u8],
) -> worker::Result<bool> {
    let VerifyingKey { key, parameters } = VerifyingKey::of(key, algorithm).await?;
    let (signature, message) = (Uint8Array::from(signature), Uint8Array::from(message));
    let genuine = verify(&parameters, &key, &signature, &message).await?;
    Ok(genuine.is_truthy())
}

/// What the runtime wants to know of an algorithm, as JSON.
fn parameters(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
        // RFC 7518, section 3.5: the salt is as long as the hash.
        Algorithm::Ps256 => r#"{"name":"RSA-PSS","hash":"SHA-256","saltLength":32}"#,
    }
}
