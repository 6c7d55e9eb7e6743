// Tenants share an isolate, and with it whatever is global. So nothing that belongs to one of them
// may be kept in a global place; this reads the sources and knows every such place by name.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** What outlives a request and is not a field of a tenant's object. */
const GLOBAL =
  /(?<!')\bstatic\b|\bthread_local\b|\b(Once|Lazy)(Cell|Lock)\b|\blazy_static\b|\bAtomic[A-Z]\w+|\bleak\(|\bglobal\(\)|\bglobalThis\b/;

/** Every place that may be global, and why it does no harm. */
const ALLOWED = {
  "core/src/event/record.rs: use std::cell::OnceCell;": "of the next two",
  "core/src/event/record.rs: operation: OnceCell<Option<Operation<'a>>>,":
    "a field of one record, gone with it",
  "core/src/event/record.rs: operation: OnceCell::new(),": "the same",
  "core/src/event/tests.rs: |name: &str| -> Option<&'static str> { Some(json.get(name)?.as_str()?.to_owned().leak()) };":
    "in a native test",
  "src/environment.rs: use std::{cell::OnceCell, rc::Rc};": "of the next but one",
  "src/environment.rs: thread_local! {": "opens the next",
  "src/environment.rs: static CONFIG: OnceCell<Result<Rc<Config>, Fault>> = const { OnceCell::new() };":
    "what the operator has set for all tenants",
  "src/key_set_copies.rs: thread_local! {": "opens the next",
  "src/key_set_copies.rs: static COPIES: RefCell<HashMap<String, CachedKeySet>> = RefCell::default();":
    "public keys, by the URL that they came from, which is configured and not a tenant's to choose",
  'src/lib.rs: let _missed = Reflect::set(&global(), &"queueMicrotask".into(), &JsValue::UNDEFINED);':
    "takes one of the runtime's functions away",
  "src/outbound.rs: http::fetch(&js_sys::global(), url, &init).await": "uses one of them",
  'src/shared_cache.rs: let caches = Reflect::get(&js_sys::global(), &"caches".into()).ok()?;':
    "the same, as the isolates share it",
  "src/web_crypto.rs: thread_local! {": "opens the next",
  "src/web_crypto.rs: static IMPORTED: RefCell<Vec<(String, VerifyingKey)>> = RefCell::default();":
    "public keys, by all that they are made of",
};

const withoutComments = (source) => source.replaceAll(/\/\/.*$|\/\*[^]*?\*\//gm, "");

const globalsIn = (source) =>
  withoutComments(source)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => GLOBAL.test(line));

test("nothing of a tenant is kept in a global place", () => {
  const files = globSync(["src/**/*.rs", "core/src/**/*.rs"], { cwd: ROOT }).sort();
  assert.ok(files.includes("src/lib.rs") && files.includes("core/src/lib.rs"));
  const found = files.flatMap((file) =>
    globalsIn(readFileSync(join(ROOT, file), "utf8")).map((line) => `${file}: ${line}`),
  );
  assert.deepEqual(found, Object.keys(ALLOWED));
});

test("a global place is known in any of its forms, and nothing else is taken for one", () => {
  for (const line of [
    "static mut LAST: u8 = 0;",
    "pub(crate) static TENANT: &str = x;",
    "thread_local!(static LAST: Cell<u8> = const { Cell::new(0) });",
    "use std::cell::OnceCell;",
    "let known = std::sync::LazyLock::new(read);",
    "lazy_static! {",
    "const SEEN: AtomicUsize = AtomicUsize::new(0);",
    "Box::leak(known)",
    'Reflect::set(&js_sys::global(), &"last".into(), &value)',
  ]) {
    assert.deepEqual(globalsIn(`fn main() {}\n    ${line}\n`), [line]);
  }
  const none =
    'fn name() -> &\'static str { "" } // static\n/* static LAST: u8 */\n/// thread_local';
  assert.deepEqual(globalsIn(none), []);
});
