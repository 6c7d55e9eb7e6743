//! Verifies signatures with WebCrypto.
//!
//! The runtime's cryptography is ten times as fast as the same algorithm in WebAssembly, and is
//! maintained by others (Cloudflare, "Workers: Web Crypto"). The `worker` crate has no binding for
//! it.

use std::cell::RefCell;

use serde::Serialize;
use session_events_core::tokens::{algorithm::Algorithm, key_set::SigningKey};
use worker::{
    Result,
    js_sys::{Array, JSON, Uint8Array},
    wasm_bindgen::{JsValue, prelude::wasm_bindgen},
};

#[wasm_bindgen(
    wasm_bindgen = worker::wasm_bindgen,
    wasm_bindgen_futures = worker::wasm_bindgen_futures,
    js_sys = worker::js_sys
)]
extern "C" {
    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = importKey, catch)]
    async fn import_key(
        format: &str,
        key: &JsValue,
        algorithm: &JsValue,
        extractable: bool,
        usages: &Array,
    ) -> std::result::Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = ["crypto", "subtle"], js_name = verify, catch)]
    async fn verify(
        algorithm: &JsValue,
        key: &JsValue,
        signature: &Uint8Array,
        message: &Uint8Array,
    ) -> std::result::Result<JsValue, JsValue>;
}

/// Maximum number of imported keys in memory. An isolate rarely uses more than a few.
const MAX_IMPORTED_KEYS: usize = 256;

thread_local! {
    #[expect(
        clippy::disallowed_types,
        reason = "public keys, cached by algorithm, exponent and modulus"
    )]
    static IMPORTED_KEYS: RefCell<Vec<(CacheKey, ImportedKey)>> = RefCell::default();
}

/// Everything that a key consists of, so that no other key can take its place.
#[derive(Clone, PartialEq, Eq)]
struct CacheKey {
    algorithm: Algorithm,
    n: String,
    e: String,
}

/// A public key as JSON (RFC 7517).
#[derive(Serialize)]
struct Jwk<'a> {
    kty: &'static str,
    n: &'a str,
    e: &'a str,
}

/// A public key that the runtime has imported for one algorithm. Importing takes as long as
/// verifying a signature.
#[derive(Clone)]
struct ImportedKey {
    key: JsValue,
    parameters: JsValue,
}

/// Returns whether a signature was made over a message with the private half of a key.
pub(crate) async fn check_signature(
    algorithm: Algorithm,
    key: &SigningKey,
    message: &[u8],
    signature: &[u8],
) -> Result<bool> {
    let ImportedKey { key, parameters } = imported_key(key, algorithm).await?;
    let (signature, message) = (Uint8Array::from(signature), Uint8Array::from(message));
    let is_valid = verify(&parameters, &key, &signature, &message).await?;
    Ok(is_valid.is_truthy())
}

/// Returns a cached key, or imports it.
async fn imported_key(key: &SigningKey, algorithm: Algorithm) -> Result<ImportedKey> {
    let cache_key = CacheKey {
        algorithm,
        n: key.n.clone(),
        e: key.e.clone(),
    };
    let cached = IMPORTED_KEYS.with_borrow(|keys| {
        keys.iter()
            .find(|(cached, _)| *cached == cache_key)
            .map(|(_, imported)| imported.clone())
    });
    if let Some(imported) = cached {
        return Ok(imported);
    }
    let imported = import(key, algorithm).await?;
    IMPORTED_KEYS.with_borrow_mut(|keys| {
        if keys.len() >= MAX_IMPORTED_KEYS {
            keys.clear();
        }
        keys.push((cache_key, imported.clone()));
    });
    Ok(imported)
}

async fn import(key: &SigningKey, algorithm: Algorithm) -> Result<ImportedKey> {
    let jwk = Jwk {
        kty: "RSA",
        n: &key.n,
        e: &key.e,
    };
    let jwk = JSON::parse(&serde_json::to_string(&jwk)?)?;
    let parameters = JSON::parse(parameters(algorithm))?;
    let usages = Array::of1(&JsValue::from_str("verify"));
    let key = import_key("jwk", &jwk, &parameters, false, &usages).await?;
    Ok(ImportedKey { key, parameters })
}

/// Returns the parameters of an algorithm for WebCrypto, as JSON.
fn parameters(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => r#"{"name":"RSASSA-PKCS1-v1_5","hash":"SHA-256"}"#,
        // RFC 7518, section 3.5: the salt is as long as the hash.
        Algorithm::Ps256 => r#"{"name":"RSA-PSS","hash":"SHA-256","saltLength":32}"#,
    }
}
