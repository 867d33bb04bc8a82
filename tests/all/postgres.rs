//! The server that the tests of databases rest on: it answers who has the password and, where connections are encrypted, trusts it.

use std::net::TcpStream;
use std::process::Command;

use crate::util::postgres::{PASSWORD, Postgres};

#[test]
fn a_server_answers_as_it_was_asked_to_and_goes_with_the_value() {
    for start in [Postgres::start, Postgres::start_with_tls] {
        let Some(postgres) = start() else { return };
        let tls = postgres.authority.is_some();
        let ran = postgres.psql("SELECT 1 + 1, 'a';\nSELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid();");
        assert_eq!(ran.succeeded().stdout, format!("2\ta\n{}\n", if tls { "t" } else { "f" }));
        assert_ne!(postgres.psql("SELECT 1/0; SELECT 1;").code, 0);
        let refused =
            |command: &mut Command| !command.args(["-c", "SELECT 1"]).output().expect("psql starts").status.success();
        assert!(refused(postgres.client().env("PGSSLMODE", if tls { "disable" } else { "require" })));
        assert!(refused(postgres.client().env("PGPASSWORD", PASSWORD.to_uppercase())));
        let address = postgres.address.clone();
        drop(postgres);
        assert!(TcpStream::connect(address).is_err());
    }
}
