//! The limits of the API server, in one place, each with what happens when it is reached.

use std::time::Duration;

/// Connections of one listener. At the limit no further one is accepted: they wait in the kernel's queue.
pub const CONNECTIONS_MAX: usize = 16_384;
/// Requests at work at once, watches apart. Above it: 429 with Retry-After.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 4_096;
/// Watches open at once. Above it: 429 with Retry-After.
pub const WATCHES_MAX: usize = 65_536;
/// Streams of one HTTP/2 connection, as kube-apiserver's. Above it the client waits.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 250;
/// All headers of a request: long tokens fit. Above it: 431.
pub const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// What is buffered for one HTTP/2 stream; a reader that does not read is not sent more.
pub const STREAM_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// The body of a request. Above it: 413.
pub const REQUEST_BYTES_MAX: usize = 3 * 1024 * 1024;
/// What is read, and dropped, of a body that is too large, so that its sender comes to read the 413. Above it: cut off.
pub const PASSED_OVER_BYTES_MAX: usize = 32 * 1024 * 1024;
/// One stored object. Above it: 413.
pub const OBJECT_BYTES_MAX: usize = 1_572_864;
/// The path and query of a request. Above it: 414.
pub const TARGET_BYTES_MAX: usize = 16 * 1024;
/// Nesting of a JSON body; serde_json's own limit is 128 and is what answers 400.
pub const JSON_DEPTH_MAX: usize = 128;

/// A TLS handshake that is not done by then is dropped.
pub const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// Headers of an HTTP/1 request that are not there by then: the connection is closed. hyper counts an idle connection's
/// wait for the next request, too, so this is not shorter than clients keep connections.
pub const HEADER_PATIENCE: Duration = Duration::from_secs(90);
/// A request that is no watch and has no answer by then: 504.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
/// How long a read waits for a revision that the replica has not reached. After it: 504 with the cause.
pub const REVISION_PATIENCE: Duration = Duration::from_secs(3);
/// How long a daemon waits until its own region has merged what it has carried elsewhere.
pub const MERGE_PATIENCE: Duration = Duration::from_secs(2);
/// How long a stop waits for requests in flight before it cuts them.
pub const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(10);
/// Between two HTTP/2 pings on a connection.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);
/// A ping that is not answered by then ends the connection.
pub const PING_PATIENCE: Duration = Duration::from_secs(20);
/// Between two bookmarks of a watch.
pub const BOOKMARK_INTERVAL: Duration = Duration::from_secs(60);
/// A watch without `timeoutSeconds` ends after this and up to twice this, so that clients spread over time.
pub const WATCH_PATIENCE: Duration = Duration::from_secs(1_800);
/// The wait after a failed accept (out of file descriptors), so that it does not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Definitions of custom resources whose compiled form is kept at hand, by key and revision. Above it those that were not used
/// lately are made again when they are.
pub const DEFINITIONS_CACHED: usize = 32_768;
/// Logical clusters, and distinct sets of definitions, whose discovery documents are kept at hand. As above.
pub const CATALOGUES_CACHED: usize = 4_096;

/// Pieces of a list are joined to chunks of this size.
pub const BODY_CHUNK_BYTES: usize = 64 * 1024;
/// Objects that one page of a list reads at most before it is cut, whatever `limit` says. Without `limit`: all.
pub const LIST_LIMIT_MAX: u64 = 1_000_000;
/// Objects that one transaction of a deletecollection removes.
pub const DELETE_BATCH_MAX: usize = 256;
/// How often a read-modify-write starts again after somebody else's change. After it: 409.
pub const ATTEMPTS_MAX: usize = 8;
/// Headers and parts of a carried request.
pub const CARRIED_HEAD_BYTES_MAX: usize = 256 * 1024;
/// Warnings of one answer; upstream drops those above 4 KiB in sum, so does this.
pub const WARNING_BYTES_MAX: usize = 4 * 1024;

/// An id of a request that comes from outside. A longer one is replaced.
pub const AUDIT_ID_BYTES_MAX: usize = 64;
/// A request that takes longer, and is no watch, is logged at `info`.
pub const SLOW_REQUEST: Duration = Duration::from_secs(1);
/// Lines above `debug` about requests. Above it they are only counted.
pub const LINES_PER_SECOND_MAX: u64 = 20;
/// A loop that waits for connections shows this often that it lives.
pub const PULSE_INTERVAL: Duration = Duration::from_secs(2);
