//! What a launcher starts.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::flow::cluster::Security;

/// The variable with the address at which a process tells how far it is. Members have that from the launcher, not from here.
pub const STATUS_VARIABLE: &str = "SEGMILL_STATUS_ADDR";

/// What to start.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The words of every member's command line, but for its index.
    pub words: Vec<OsString>,
    pub processes: usize,
    /// `host:port` of each process; empty: all here, at ports that are free.
    pub hosts: Vec<String>,
    pub security: Security,
    /// Where process 0 tells how far it is.
    pub status_addr: Option<String>,
    pub max_restarts: u32,
    /// The command that starts a program on another machine.
    pub ssh: Vec<String>,
    /// Where segmill is there; absent: where it is here.
    pub remote_program: Option<PathBuf>,
}

/// True where an address of a hosts file is this machine's own.
pub fn is_here(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let local = host.trim_start_matches('[').trim_end_matches(']');
    local == "localhost" || local.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_here() {
        for address in ["localhost:1", "127.0.0.1:2", "127.3.2.1:2", "[::1]:4"] {
            assert!(is_here(address), "{address}");
        }
        for address in ["node1:1", "10.0.0.1:2", "[fe80::1]:4"] {
            assert!(!is_here(address), "{address}");
        }
    }
}
