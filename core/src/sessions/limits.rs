//! The limits on sockets, messages and tokens. docs/protocol.md lists them for clients.
//!
//! Rates are counted per object, so with several shards they apply to each shard separately.

/// Maximum number of open sockets of an object. It is below the limit of the platform, 32,768
/// (Cloudflare, "Durable Objects: Limits"), so that the service can respond with an error of its
/// own.
pub const MAX_SOCKETS: usize = 30_000;
/// Maximum number of sockets that have not authenticated. Each is closed at its deadline, so
/// unauthenticated clients can never use up the tenant's limit.
pub const MAX_UNAUTHENTICATED_SOCKETS: usize = 1_000;
/// Maximum number of sockets from one client address that have not authenticated, so that one
/// client cannot use up [`MAX_UNAUTHENTICATED_SOCKETS`].
pub const MAX_UNAUTHENTICATED_SOCKETS_PER_ADDRESS: usize = 50;
/// Maximum number of sockets of a subject that receives its own events: the open tabs of one user.
pub const MAX_OWN_SOCKETS_PER_SUBJECT: usize = 100;
/// Maximum number of sockets of a subject that receives the events of all users: the instances of
/// a backend, which share a subject.
pub const MAX_BACKEND_SOCKETS_PER_SUBJECT: usize = 1_000;
/// Maximum number of sockets that a subscriber to its own events may open in a minute. The limit does
/// not apply to a backend, all of whose instances reconnect at once after a deployment.
pub const MAX_NEW_SOCKETS_PER_MINUTE: u32 = 200;

/// Number of seconds within which a client must send a token.
pub const AUTHENTICATION_SECONDS: i64 = 10;
/// Maximum number of seconds for the verification of a token and for catching up with the leader.
/// It is longer than two requests between objects, which end within eight seconds each.
pub const VERIFICATION_SECONDS: i64 = 20;

/// Maximum number of messages before a socket has authenticated. A client needs one.
pub const MAX_UNAUTHENTICATED_MESSAGES: u8 = 10;
/// Maximum number of messages from an authenticated socket in a second. A client sends only tokens
/// and pings, with many seconds between them.
pub const MAX_MESSAGES_PER_SECOND: u32 = 10;
/// Maximum number of messages from all authenticated sockets of a subject in a second.
pub const MAX_SUBJECT_MESSAGES_PER_SECOND: u32 = 100;
/// Number of invalid messages after which a socket is closed.
pub const MAX_INVALID_MESSAGES: u8 = 10;

/// Number of seconds after which a socket may renew its token once more.
pub const RENEWAL_SECONDS: i64 = 10;
/// Number of renewals that a socket may send at once.
pub const RENEWAL_BURST: i64 = 3;
/// Number of renewals of a subject in a minute, in addition to one for each of its sockets.
pub const MAX_SUBJECT_RENEWALS_PER_MINUTE: u32 = 60;
/// Number of rejected renewals after which a socket is closed.
pub const MAX_REJECTED_RENEWALS: u8 = 5;
