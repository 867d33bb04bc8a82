//! A PostgreSQL server for the test that needs one: in a temporary folder, on loopback alone, stopped with the value.
//!
//! PostgreSQL refuses to run as root. Where the tests are root's, the server is nobody's.

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Ran, cluster};

/// The user of a server, who may do everything in it.
pub const USER: &str = "segmill";
pub const PASSWORD: &str = "not-a-secret";
/// The database that every server has.
pub const DATABASE: &str = "postgres";

const PATIENCE: Duration = Duration::from_secs(60);
/// User and group on whose behalf a server runs that root starts.
const NOBODY: u32 = 65534;
/// Where Debian has the programs of each version; others have them on the path.
const VERSIONS: &str = "/usr/lib/postgresql";

/// A server on loopback.
pub struct Postgres {
    /// Host and port.
    pub address: String,
    /// Whom a client has to trust; absent where connections are not encrypted.
    pub authority: Option<PathBuf>,
    programs: Programs,
    server: Child,
    folder: TempDir,
}

impl Postgres {
    /// Takes connections that are not encrypted. Nothing where it cannot be had: then a test is skipped on a desk, and fails in CI.
    pub fn start() -> Option<Postgres> {
        Postgres::begin(false)
    }

    /// Takes encrypted connections alone, with a certificate for `localhost` and 127.0.0.1.
    pub fn start_with_tls() -> Option<Postgres> {
        Postgres::begin(true)
    }

    fn begin(tls: bool) -> Option<Postgres> {
        let programs = Programs::find()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        give_away(folder.path());
        programs.make_cluster(folder.path(), tls);
        let authority = tls.then(|| make_certificates(folder.path()));
        let address = cluster::free_addresses(1).remove(0);
        let server = programs.start(folder.path(), &address, tls);
        let mut postgres = Postgres { address, authority, programs, server, folder };
        postgres.wait();
        Some(postgres)
    }

    /// As clients take it, with the user, the password and the database.
    pub fn url(&self) -> String {
        format!("postgresql://{USER}:{PASSWORD}@{}/{DATABASE}", self.address)
    }

    /// Runs statements, and commands of psql, and prints rows as lines without a head, their fields with a tab between. Stops at the first
    /// error.
    pub fn psql(&self, script: &str) -> Ran {
        let path = self.folder.path().join("script.sql");
        std::fs::write(&path, script).expect("a file in the temporary folder");
        self.psql_file(&path)
    }

    /// As [`Postgres::psql`], of a file.
    pub fn psql_file(&self, script: &Path) -> Ran {
        let mut psql = self.client();
        psql.args(["-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-f"]).arg(script);
        Ran::from(psql.output().expect("psql starts"))
    }

    /// psql, connected.
    pub fn client(&self) -> Command {
        let mut psql = Command::new(self.programs.path("psql"));
        let (host, port) = self.address.split_once(':').expect("host and port");
        psql.envs([("PGHOST", host), ("PGPORT", port), ("PGUSER", USER), ("PGDATABASE", DATABASE)]);
        psql.envs([("PGPASSWORD", PASSWORD), ("PGCONNECT_TIMEOUT", "10")]);
        match &self.authority {
            Some(authority) => psql.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", authority),
            None => psql.env("PGSSLMODE", "disable"),
        };
        psql
    }

    /// Until it takes queries.
    fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = self.client().args(["-qAtX", "-c", "SELECT 1"]).output().expect("psql starts");
            if asked.status.success() {
                return;
            }
            let ended = self.server.try_wait().expect("a process");
            let log = || std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            let why = || format!("{}\n{}", String::from_utf8_lossy(&asked.stderr), log());
            assert!(ended.is_none() && Instant::now() < deadline, "the server does not answer: {}", why());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Its fast shutdown, which ends connections and all its processes.
        cluster::signal("INT", self.server.id());
        let deadline = Instant::now() + PATIENCE;
        while self.server.try_wait().is_ok_and(|ended| ended.is_none()) {
            if Instant::now() > deadline {
                let _ = self.server.kill();
                let _ = self.server.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The folder of the programs; `None`: they are on the path.
struct Programs(Option<PathBuf>);

impl Programs {
    fn find() -> Option<Programs> {
        let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
        folders.retain(|folder| folder.join("postgres").exists());
        folders.sort();
        let on_path =
            || Command::new("initdb").arg("--version").stdout(Stdio::null()).status().is_ok_and(|s| s.success());
        match folders.pop() {
            Some(newest) => Some(Programs(Some(newest))),
            None if on_path() => Some(Programs(None)),
            None => {
                let missing = "PostgreSQL is missing: install it (on Debian, `apt-get install postgresql`)";
                assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
                eprintln!("skipped: {missing}");
                None
            }
        }
    }

    fn path(&self, program: &str) -> PathBuf {
        self.0.as_ref().map_or_else(|| program.into(), |folder| folder.join(program))
    }

    /// Makes what the server keeps, and says who may connect.
    fn make_cluster(&self, folder: &Path, tls: bool) {
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).expect("a file in the temporary folder");
        give_away(&password);
        let data = folder.join("data");
        let mut initdb = as_owner(self.path("initdb"), folder);
        initdb.args(["--no-sync", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--username", USER]);
        succeed(initdb.arg("--pwfile").arg(password).arg("--pgdata").arg(&data));
        let kind = if tls { "hostssl" } else { "host" };
        std::fs::write(data.join("pg_hba.conf"), format!("{kind} all all 127.0.0.1/32 scram-sha-256\n"))
            .expect("the file of the cluster");
    }

    fn start(&self, folder: &Path, address: &str, tls: bool) -> Child {
        let (host, port) = address.split_once(':').expect("host and port");
        let mut server = as_owner(self.path("postgres"), folder);
        server.arg("-D").arg(folder.join("data")).args(["-h", host, "-p", port, "-k", "", "-F"]);
        if tls {
            for (setting, file) in [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key")] {
                server.args(["-c", &format!("{setting}={}", folder.join(file).display())]);
            }
            server.args(["-c", "ssl=on"]);
        }
        let log = std::fs::File::create(folder.join("log")).expect("a file in the temporary folder");
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().expect("the server starts")
    }
}

/// A program that runs in the folder, as its owner.
fn as_owner(program: PathBuf, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder);
    if owner(folder) == NOBODY {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

fn owner(path: &Path) -> u32 {
    path.metadata().expect("it is there").uid()
}

/// What root has just made becomes nobody's.
fn give_away(path: &Path) {
    if owner(path) == 0 {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
    }
}

fn succeed(command: &mut Command) {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority of its own and, in `server.crt` and `server.key`, the server's certificate by it. Returns the file of the authority.
fn make_certificates(folder: &Path) -> PathBuf {
    let openssl = |words: &str| succeed(Command::new("openssl").current_dir(folder).args(words.split_whitespace()));
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("a file");
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout authority.key -out authority.crt -subj /CN=authority -days 2"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    let by = "-CA authority.crt -CAkey authority.key -CAcreateserial";
    openssl(&format!("x509 -req -in server.csr {by} -extfile names -out server.crt -days 2"));
    ["server.crt", "server.key"].iter().for_each(|file| give_away(&folder.join(file)));
    folder.join("authority.crt")
}
