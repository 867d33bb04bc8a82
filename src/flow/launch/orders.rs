//! What a launcher tells a member on its standard input: one line of JSON.

use std::io::{BufRead, IsTerminal, Read};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::flow::cluster::{self, ClusterKey, Security};

/// What a launcher says on standard input to a member that is to leave.
pub const LEAVE: &str = "leave\n";

const LONGEST_LINE: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// In hexadecimal digits; absent: plaintext.
    key: Option<String>,
    /// `host:port` of each process.
    pub hosts: Vec<String>,
    /// Names the run among others.
    pub run: String,
    /// How often the members were started before this time.
    pub attempt: u32,
    /// Where what members say ends up.
    pub audience: Audience,
}

/// Who listens to a launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Audience {
    /// Its stdout is a terminal.
    pub reads: bool,
    /// Its stderr is a terminal, which shows how far the job is.
    pub watches: bool,
}

impl Audience {
    /// That of this process.
    pub fn here() -> Audience {
        Audience { reads: std::io::stdout().is_terminal(), watches: std::io::stderr().is_terminal() }
    }
}

impl Orders {
    pub fn new(security: &Security, hosts: Vec<String>, run: &str, attempt: u32) -> Orders {
        let key = match security {
            Security::Key(key) => Some(key.to_hex()),
            Security::Plaintext => None,
        };
        Orders { key, hosts, run: run.into(), attempt, audience: Audience::here() }
    }

    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("orders serialise") + "\n"
    }

    /// Orders as [`Orders::to_line`] writes them; nothing where they are none.
    pub(crate) fn from_line(line: &[u8]) -> Option<Orders> {
        serde_json::from_slice(line).ok()
    }

    /// The orders of the launcher that started this process. From then on the process ends when the launcher is gone.
    pub fn receive() -> Result<Orders> {
        let mut line = Vec::new();
        let read = std::io::stdin().lock().take(LONGEST_LINE).read_until(b'\n', &mut line);
        let orders = read.ok().and_then(|_| Orders::from_line(&line));
        let orders = orders.ok_or_else(|| {
            Error::job("--launched", "no orders on standard input", "start the job with: segmill launch")
        })?;
        std::thread::spawn(|| {
            let told = matches!(std::io::stdin().lock().read(&mut [0; 16]), Ok(read) if read > 0);
            let remedy = "launch again to go on from the checkpoint";
            if told {
                cluster::leave(&Error::peer("launcher", "it ended the job", remedy));
            }
            cluster::end(&Error::peer("launcher", "it has gone", remedy));
        });
        Ok(orders)
    }

    pub fn security(&self) -> Result<Security> {
        match &self.key {
            Some(key) => ClusterKey::parse(key, "orders").map(Security::Key),
            None => Ok(Security::Plaintext),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_one_line() {
        let security = Security::Key(ClusterKey::generate().unwrap());
        let orders = Orders::new(&security, vec!["a:1".into(), "b:2".into()], "r", 3);
        let line = orders.to_line();
        assert!(line.ends_with('\n') && line.lines().count() == 1);
        let read: Orders = serde_json::from_str(&line).unwrap();
        assert_eq!(read, orders);
        assert_eq!(read.security().unwrap(), security);
    }
}
