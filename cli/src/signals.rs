//! The signals that tell a long-running command to end.

/// Ctrl-C, and where there is one the signal of a process manager.
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

/// Their numbers; exit codes are made of them (POSIX, "Exit Status for Commands").
const SIGINT: u8 = 2;
#[cfg(unix)]
const SIGTERM: u8 = 15;

impl Signals {
    /// From now on, the signals do not end the program by themselves.
    #[cfg(unix)]
    pub(crate) fn new() -> Result<Self, String> {
        use tokio::signal::unix::{SignalKind, signal};
        // Kept, for one that comes while nobody waits for it must not be lost.
        let [interrupt, terminate] = [SignalKind::interrupt(), SignalKind::terminate()]
            .map(|kind| signal(kind).map_err(|error| error.to_string()));
        Ok(Self {
            interrupt: interrupt?,
            terminate: terminate?,
        })
    }

    /// The next one's number.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => SIGINT,
            _ = self.terminate.recv() => SIGTERM,
        }
    }

    /// From now on, Ctrl-C does not end the program by itself.
    #[cfg(not(unix))]
    pub(crate) fn new() -> Result<Self, String> {
        Ok(Self {})
    }

    /// The next one's number.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) -> u8 {
        let _ = tokio::signal::ctrl_c().await;
        SIGINT
    }
}
