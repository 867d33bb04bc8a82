//! The key that tells members of a cluster from strangers.
//!
//! 32 bytes, written as 64 hexadecimal digits. A key comes from a file that only its owner may read, or from the environment;
//! never from the command line, which every user of a machine can see.

use std::fmt;
use std::path::Path;

use crate::error::{Error, Result};

/// Environment variables: the key itself, or the file it is in.
pub const KEY_VARIABLE: &str = "SEGMILL_CLUSTER_KEY";
pub const KEY_FILE_VARIABLE: &str = "SEGMILL_CLUSTER_KEY_FILE";

/// A pre-shared key. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey([u8; 32]);

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterKey(..)")
    }
}

impl ClusterKey {
    /// A new key from the system's source of randomness.
    pub fn generate() -> Result<ClusterKey> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|e| Error::Bug { place: "cluster key".into(), problem: format!("no random bytes: {e}") })?;
        Ok(ClusterKey(key))
    }

    /// The key that the environment names; nothing where it names none.
    pub fn from_environment() -> Result<Option<ClusterKey>> {
        if let Some(text) = std::env::var_os(KEY_VARIABLE).filter(|text| !text.is_empty()) {
            return ClusterKey::parse(&text.to_string_lossy(), KEY_VARIABLE).map(Some);
        }
        match std::env::var_os(KEY_FILE_VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => ClusterKey::read(Path::new(&path)).map(Some),
            None => Ok(None),
        }
    }

    /// Reads a key file; one that others may read is refused.
    pub fn read(path: &Path) -> Result<ClusterKey> {
        let place = || format!("{KEY_FILE_VARIABLE}: {}", path.display());
        let refused =
            |problem: String| Error::job(place(), problem, "name a file with 64 hexadecimal digits, mode 0600");
        let metadata = std::fs::metadata(path).map_err(|e| refused(format!("cannot read: {e}")))?;
        if let Some(mode) = open_mode(&metadata) {
            let problem = format!("others may read or write it (mode {mode:04o})");
            return Err(Error::job(place(), problem, format!("run: chmod 600 {}", path.display())));
        }
        if metadata.len() > 4096 {
            return Err(refused(format!("{} bytes are no key", metadata.len())));
        }
        let text = std::fs::read_to_string(path).map_err(|e| refused(format!("cannot read: {e}")))?;
        ClusterKey::parse(&text, &place())
    }

    /// Reads 64 hexadecimal digits; `place` is where they come from.
    pub fn parse(text: &str, place: &str) -> Result<ClusterKey> {
        let text = text.trim();
        let remedy = "make one with: openssl rand -hex 32";
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(Error::job(place, "the key is not 64 hexadecimal digits", remedy));
        }
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |digit: u8| (digit as char).to_digit(16).expect("checked above") as u8;
            *byte = digit(digits[0]) << 4 | digit(digits[1]);
        }
        Ok(ClusterKey(key))
    }

    /// As a key file has it.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The mode of a file that others may read or write.
#[cfg(unix)]
fn open_mode(metadata: &std::fs::Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (metadata.is_file() && mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn open_mode(_: &std::fs::Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_as_it_is_read_and_never_shown() {
        let key = ClusterKey::generate().unwrap();
        assert_eq!(ClusterKey::parse(&format!(" {}\n", key.to_hex()), "here").unwrap(), key);
        assert_eq!(ClusterKey::parse(&key.to_hex().to_uppercase(), "here").unwrap(), key);
        assert_ne!(ClusterKey::generate().unwrap(), key);
        assert_eq!(format!("{key:?}"), "ClusterKey(..)");
        for wrong in ["", "abc", &"g".repeat(64), &"é".repeat(32), &"a".repeat(63)] {
            let error = ClusterKey::parse(wrong, "here").unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("here: "), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let key = ClusterKey::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), key.to_hex()).unwrap();
        assert_eq!(ClusterKey::read(file.path()).unwrap(), key);
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = ClusterKey::read(file.path()).unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");
    }
}
