//! A password, which is not to be shown, and where it comes from.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::address::{Address, Host};
use super::passfile::{Wanted, look_up};

/// A password.
pub struct Secret(Vec<u8>);

impl Secret {
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The password for a host, or why there is none: for the case that the server wants one.
pub fn password(
    address: &Address,
    host: &Host,
    environment: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Secret, String> {
    if let Some(password) = environment("PGPASSWORD").filter(|password| !password.is_empty()) {
        return Ok(Secret(password));
    }
    let Some(passfile) = &address.passfile else {
        return Err("PGPASSWORD is not set, and there is no home folder for a .pgpass".into());
    };
    match read(passfile) {
        Ok(text) => {
            let wanted = Wanted {
                host: host.name_in_passfile(),
                port: host.port,
                database: &address.database,
                user: &address.user,
            };
            let none = || format!("PGPASSWORD is not set, and {} has no line for it", passfile.display());
            look_up(&text, &wanted).map(Secret).ok_or_else(none)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(format!("PGPASSWORD is not set, and {} is not there", passfile.display()))
        }
        Err(error) => Err(format!("PGPASSWORD is not set, and {} does not count: {error}", passfile.display())),
    }
}

/// A password file that nobody else can read.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(io::Error::other("others may read it, so set its permissions to 600 (chmod 600)"));
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    Ok(text)
}

/// Whether a private key is safe from others, as libpq has it: nobody else has it, or it is root's and a group may read it.
pub fn is_private(metadata: &Metadata) -> bool {
    let forbidden = if metadata.uid() == 0 { 0o037 } else { 0o077 };
    metadata.is_file() && metadata.permissions().mode() & forbidden == 0
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn address(passfile: &Path) -> Address {
        let text = format!("postgres://ana@db,/shop?host=db&passfile={}", passfile.display());
        Address::parse_in("--to", &text, &|_| None).unwrap()
    }

    fn found(address: &Address, variable: Option<&str>) -> Result<String, String> {
        let environment =
            |name: &str| (name == "PGPASSWORD").then(|| variable.map(|v| v.as_bytes().to_vec())).flatten();
        password(address, &address.hosts[0], &environment)
            .map(|secret| String::from_utf8(secret.bytes().to_vec()).unwrap())
    }

    #[test]
    fn the_variable_goes_before_the_file_and_the_file_is_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        let address = address(&path);
        assert!(found(&address, None).unwrap_err().contains("is not there"));
        fs::write(&path, "db:5432:shop:ana:geheim\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let why = found(&address, None).unwrap_err();
        assert!(why.contains("chmod 600") && !why.contains("geheim"), "{why}");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(found(&address, None), Ok("geheim".into()));
        assert_eq!(found(&address, Some("")), Ok("geheim".into()));
        assert_eq!(found(&address, Some("besser")), Ok("besser".into()));
        fs::write(&path, "db:5432:shop:bo:geheim\n").unwrap();
        assert!(found(&address, None).unwrap_err().contains("no line"));
        assert!(!format!("{:?}", Secret(b"geheim".to_vec())).contains("geheim"));
    }
}
