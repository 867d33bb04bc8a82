//! Hosts files: where each process of a cluster is called.

use std::collections::HashSet;
use std::path::Path;

use crate::error::{Error, Result};

/// The addresses of a hosts file, in order.
pub fn read(path: &Path) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let problem = format!("cannot read {}: {e}", path.display());
        Error::job("--hosts", problem, "name a text file with one line host:port per process")
    })?;
    let hosts = parse(&text, &path.display().to_string())?;
    if hosts.is_empty() {
        let problem = format!("{} names no host", path.display());
        return Err(Error::job("--hosts", problem, "write one line host:port per process"));
    }
    Ok(hosts)
}

/// The addresses in the text of a hosts file; `file` is its name.
pub fn parse(text: &str, file: &str) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut hosts = Vec::new();
    for (i, line) in text.lines().enumerate() {
        let host = line.trim();
        if host.is_empty() || host.starts_with('#') {
            continue;
        }
        let place = || format!("{file}:{}", i + 1);
        if !is_address(host) {
            return Err(Error::job(place(), format!("{host:?} is not host:port"), "write it as in node1:2101"));
        }
        if !seen.insert(host) {
            return Err(Error::job(place(), format!("{host} is there twice"), "give each process its own address"));
        }
        hosts.push(host.to_string());
    }
    Ok(hosts)
}

/// True for `host:port`, the host a name, an IPv4 address or an IPv6 address in brackets.
pub fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    let named = !host.is_empty() && !host.contains(|c: char| c == ':' || c.is_whitespace());
    (bracketed || named) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_hosts_file_is_refused_with_its_line() {
        for (text, message) in [
            ("a:1\nb\n", "hosts:2: \"b\" is not host:port"),
            ("a:1\n#\nb:0\n", "hosts:3: \"b:0\" is not host:port"),
            ("a:70000\n", "hosts:1: \"a:70000\" is not host:port"),
            (":1\n", "hosts:1: \":1\" is not host:port"),
            ("a:1\na:1\n", "hosts:2: a:1 is there twice"),
        ] {
            let error = parse(text, "hosts").unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
