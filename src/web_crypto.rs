//! Signatures, checked by the runtime.
//!
//! The runtime's own cryptography is ten times as fast as the same compiled to WebAssembly, is
//! kept up to date by others, and adds nothing to what is deployed (Cloudflare, "Workers: Web
//! Crypto").

use serde_json::{Value, json};
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

/// Whether `signature` over `message` was made with the private half of `key`.
pub(crate) async fn check_signature(
    algorithm: Algorithm,
    key: &SigningKey,
    message: &[u8],
    signature: &[u8],
) -> worker::Result<bool> {
    let jwk = js(&json!({ "kty": "RSA", "n": key.n, "e": key.e }))?;
    let parameters = js(&match algorithm {
        Algorithm::Rs256 => json!({ "name": "RSASSA-PKCS1-v1_5", "hash": "SHA-256" }),
        // RFC 7518, section 3.5: the salt is as long as the hash.
        Algorithm::Ps256 => json!({ "name": "RSA-PSS", "hash": "SHA-256", "saltLength": 32 }),
    })?;
    let usages = Array::of1(&JsValue::from_str("verify"));
    let key = import_key("jwk", &jwk, &parameters, false, &usages).await?;
    let (signature, message) = (Uint8Array::from(signature), Uint8Array::from(message));
    let genuine = verify(&parameters, &key, &signature, &message).await?;
    Ok(genuine.is_truthy())
}

fn js(value: &Value) -> worker::Result<JsValue> {
    Ok(JSON::parse(&serde_json::to_string(value)?)?)
}
