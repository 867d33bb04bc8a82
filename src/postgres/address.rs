//! Addresses of databases, as libpq reads them: `postgres://user@host:port/database?sslmode=verify-full`.
//!
//! What an address leaves out comes from the environment (`PGHOST`, `PGPORT`, `PGUSER`, `PGDATABASE`, `PGSSLMODE`, …), and
//! then from libpq's own defaults. Two things differ from libpq: a password in an address is refused, and so is a file of
//! certificates that is named but not there. Service files (`PGSERVICE`), `hostaddr`, `sslcrl`, Kerberos and `sslmode=allow` are
//! not known.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>, sections 34.1.1.2 and 34.15.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// How an address is written.
const FORM: &str = "write postgres://user@host:port/database?name=value, with %-escapes for special characters";
const WITHOUT: &str =
    "a password in an address can be seen by others; leave it out and set PGPASSWORD, or put it into ~/.pgpass";
const DEFAULT_PORT: u16 = 5432;
/// Where servers have their sockets: Debian's place, others' and the one of PostgreSQL itself.
const SOCKETS: [&str; 3] = ["/var/run/postgresql", "/run/postgresql", "/tmp"];
/// As long as a server may take to answer, where nothing else is said. (libpq waits for ever.)
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a path is the address of a database.
pub fn is_address(path: &Path) -> bool {
    path.to_str().and_then(after_scheme).is_some()
}

fn after_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"))
}

/// One place where the database may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// A name, an IP address, or the folder of a Unix socket, which begins with `/`.
    pub name: String,
    pub port: u16,
}

impl Host {
    pub fn is_socket(&self) -> bool {
        self.name.starts_with('/')
    }

    /// The name under which a password file has this host: a socket in its usual folder counts as `localhost`.
    pub fn name_in_passfile(&self) -> &str {
        if SOCKETS.contains(&self.name.as_str()) { "localhost" } else { &self.name }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_socket(), self.name.contains(':')) {
            (false, true) => write!(f, "[{}]:{}", self.name, self.port),
            _ => write!(f, "{}:{}", self.name, self.port),
        }
    }
}

/// What TLS is asked for, from the weakest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS if the server has it; no certificate is checked, unless there is a file of roots.
    Prefer,
    /// TLS; no certificate is checked, unless there is a file of roots.
    Require,
    /// TLS with a certificate that a root has signed.
    VerifyCa,
    /// The same, and the certificate is for this host.
    VerifyFull,
}

/// Whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The certificates of this file, in PEM.
    File(PathBuf),
    /// Those of the operating system: `sslrootcert=system`.
    System,
}

/// Which servers will do: `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Servers {
    Any,
    ReadWrite,
    ReadOnly,
}

/// A certificate of the client's own, with its key, both in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Where a database is, and how to connect to it. Without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Tried in this order.
    pub hosts: Vec<Host>,
    pub user: String,
    pub database: String,
    pub ssl_mode: SslMode,
    pub roots: Option<Roots>,
    pub client: Option<ClientCertificate>,
    pub passfile: Option<PathBuf>,
    /// For each host; `None` waits for ever.
    pub timeout: Option<Duration>,
    pub application: String,
    /// Options for the server, as in `-c statement_timeout=0`.
    pub options: Option<String>,
    pub servers: Servers,
    /// Refuse a server that cannot bind its proof of the password to the connection.
    pub bind_channel: bool,
}

/// User, host and database. For messages: a run is told apart by it, but not all of how to connect is in it.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        write!(f, "postgres://{}@{}/{}", self.user, hosts.join(","), self.database)
    }
}

impl Address {
    /// An address, with what it leaves out taken from the environment. `key` names it in errors, which never show the
    /// address itself.
    pub fn parse(key: &str, text: &str) -> Result<Address> {
        Address::parse_in(key, text, &|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    /// The same in an environment.
    pub fn parse_in(key: &str, text: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Address> {
        Parts::of(text).and_then(|parts| parts.settle(environment)).map_err(|Wrong { problem, remedy }| Error::Job {
            place: key.to_string(),
            problem,
            remedy: remedy.to_string(),
        })
    }
}

/// Why an address is refused. Nothing of its text is in it: any piece may be a part of a password.
struct Wrong {
    problem: String,
    remedy: &'static str,
}

type Checked<T> = std::result::Result<T, Wrong>;

fn wrong<T>(problem: impl Into<String>) -> Checked<T> {
    Err(Wrong { problem: problem.into(), remedy: FORM })
}

/// The parameters that an address may have, with the variable for each.
const PARAMETERS: [(&str, &str); 15] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("passfile", "PGPASSFILE"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("application_name", "PGAPPNAME"),
    ("options", "PGOPTIONS"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("channel_binding", "PGCHANNELBINDING"),
    // Kept to say why it is refused.
    ("password", ""),
];

/// What stands in an address, unescaped: a value for each of [`PARAMETERS`].
#[derive(Default)]
struct Parts([Option<String>; PARAMETERS.len()]);

impl Parts {
    fn of(text: &str) -> Checked<Parts> {
        let Some(rest) = after_scheme(text) else {
            return wrong("the address does not begin with postgres:// or postgresql://");
        };
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (authority, database) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        let (who, places) = authority.rsplit_once('@').map_or(("", authority), |(who, places)| (who, places));
        let (user, password) = who.split_once(':').map_or((who, ""), |(user, password)| (user, password));
        let (hosts, ports) = hosts_and_ports(places)?;
        let mut parts = Parts::default();
        for (name, value) in
            [("user", user), ("password", password), ("host", &hosts), ("port", &ports), ("dbname", database)]
        {
            parts.set(name, value)?;
        }
        for parameter in query.into_iter().flat_map(|query| query.split('&')).filter(|text| !text.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return wrong("a parameter of the address has no value");
            };
            if !parts.set(name, value)? {
                let known: Vec<&str> = PARAMETERS[..PARAMETERS.len() - 1].iter().map(|(name, _)| *name).collect();
                return wrong(format!("the address has an unknown parameter (known are {})", known.join(", ")));
            }
        }
        if parts.get("password").is_some() {
            return Err(Wrong { problem: "the address has a password in it".into(), remedy: WITHOUT });
        }
        Ok(parts)
    }

    /// Takes a value with its escapes; an empty one is none. `false` for a name that is not known.
    fn set(&mut self, name: &str, value: &str) -> Checked<bool> {
        let Some(at) = PARAMETERS.iter().position(|(known, _)| *known == name) else { return Ok(false) };
        if !value.is_empty() {
            self.0[at] = Some(unescape(value)?);
        }
        Ok(true)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let at = PARAMETERS.iter().position(|(known, _)| *known == name)?;
        self.0[at].as_deref()
    }

    /// The value in the address, or the variable's.
    fn or_variable(&self, name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Option<String> {
        let variable = PARAMETERS.iter().find(|(known, _)| *known == name).map(|(_, variable)| *variable)?;
        self.get(name).map(str::to_string).or_else(|| environment(variable))
    }

    fn settle(self, environment: &dyn Fn(&str) -> Option<String>) -> Checked<Address> {
        let get = |name: &str| self.or_variable(name, environment);
        let path = |name: &str| get(name).map(PathBuf::from);
        let home = |name: &str| environment("HOME").map(|home| Path::new(&home).join(".postgresql").join(name));
        let user = match get("user").or_else(operating_user) {
            Some(user) => user,
            None => return wrong("the address has no user"),
        };
        let roots = match get("sslrootcert") {
            Some(system) if system == "system" => Some(Roots::System),
            Some(file) => Some(Roots::File(file.into())),
            None => home("root.crt").filter(|file| file.exists()).map(Roots::File),
        };
        let ssl_mode = ssl_mode(get("sslmode").as_deref(), roots.as_ref())?;
        let certificate = path("sslcert").or_else(|| home("postgresql.crt").filter(|file| file.exists()));
        let key = path("sslkey").or_else(|| home("postgresql.key"));
        Ok(Address {
            hosts: hosts(get("host").as_deref(), get("port").as_deref())?,
            database: get("dbname").unwrap_or_else(|| user.clone()),
            user,
            ssl_mode,
            roots,
            client: certificate.zip(key).map(|(certificate, key)| ClientCertificate { certificate, key }),
            passfile: path("passfile").or_else(|| environment("HOME").map(|home| Path::new(&home).join(".pgpass"))),
            timeout: get("connect_timeout").map_or(Ok(Some(PATIENCE)), |seconds| timeout(&seconds))?,
            application: get("application_name").unwrap_or_else(|| "segmill".into()),
            options: get("options"),
            servers: servers(get("target_session_attrs").as_deref())?,
            bind_channel: bind_channel(get("channel_binding").as_deref())?,
        })
    }
}

#[cfg(feature = "postgres")]
fn operating_user() -> Option<String> {
    whoami::username().ok()
}

/// A build that cannot connect has no use for it.
#[cfg(not(feature = "postgres"))]
fn operating_user() -> Option<String> {
    Some("user".into())
}

fn unescape(text: &str) -> Checked<String> {
    let hex = |at: usize| text.as_bytes().get(at).is_some_and(u8::is_ascii_hexdigit);
    if text.bytes().enumerate().any(|(at, byte)| byte == b'%' && !(hex(at + 1) && hex(at + 2))) {
        return wrong("the address has a % that two hexadecimal digits do not follow (% itself is %25)");
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => wrong("the address has %-escapes that are no text in UTF-8"),
    }
}

/// `a:1,[::1]:2` as `a,::1` and `1,2`, still with %-escapes.
fn hosts_and_ports(places: &str) -> Checked<(String, String)> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in places.split(',') {
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => match rest.split_once(']') {
                Some((host, "")) => (host, ""),
                Some((host, port)) if port.starts_with(':') => (host, &port[1..]),
                _ => return wrong("the address has a [ without a ] at the end of the host"),
            },
            None => place.split_once(':').map_or((place, ""), |(host, port)| (host, port)),
        };
        hosts.push(host);
        ports.push(port);
    }
    let given = |parts: &[&str]| if parts.iter().all(|part| part.is_empty()) { String::new() } else { parts.join(",") };
    Ok((given(&hosts), given(&ports)))
}

/// A port for each host, or one for all.
fn hosts(names: Option<&str>, ports: Option<&str>) -> Checked<Vec<Host>> {
    let names: Vec<&str> = names.unwrap_or_default().split(',').collect();
    let ports: Vec<&str> = ports.unwrap_or_default().split(',').collect();
    if ports.len() != names.len() && ports.len() != 1 {
        return wrong(format!("the address has {} hosts but {} ports", names.len(), ports.len()));
    }
    let port = |at: usize| match ports[if ports.len() == 1 { 0 } else { at }] {
        "" => Ok(DEFAULT_PORT),
        port => match u16::from_str(port) {
            Ok(port) if port > 0 => Ok(port),
            _ => wrong("a port of the address is not a number from 1 to 65535"),
        },
    };
    let host = |(at, name): (usize, &&str)| {
        let port = port(at)?;
        let name = if name.is_empty() { default_host(port) } else { (*name).to_string() };
        Ok(Host { name, port })
    };
    names.iter().enumerate().map(host).collect()
}

/// The socket of this machine's server, where there is one.
fn default_host(port: u16) -> String {
    let there = |folder: &&str| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    SOCKETS.into_iter().find(there).unwrap_or("localhost").to_string()
}

fn ssl_mode(text: Option<&str>, roots: Option<&Roots>) -> Checked<SslMode> {
    let system = roots == Some(&Roots::System);
    let mode = match text {
        None if system => SslMode::VerifyFull,
        None | Some("prefer") => SslMode::Prefer,
        Some("disable") => SslMode::Disable,
        Some("require") => SslMode::Require,
        Some("verify-ca") => SslMode::VerifyCa,
        Some("verify-full") => SslMode::VerifyFull,
        Some(_) => return wrong("sslmode is none of disable, prefer, require, verify-ca, verify-full"),
    };
    if system && mode < SslMode::VerifyFull {
        return wrong("sslrootcert=system wants sslmode=verify-full: anybody has a certificate that the system trusts");
    }
    if mode >= SslMode::VerifyCa && roots.is_none() {
        return wrong(
            "sslmode wants certificates to check by, and there is no ~/.postgresql/root.crt: add sslrootcert=FILE, or sslrootcert=system",
        );
    }
    Ok(mode)
}

/// As in libpq: 0 and less are no limit, 1 is taken for 2.
fn timeout(seconds: &str) -> Checked<Option<Duration>> {
    match i64::from_str(seconds.trim()) {
        Ok(..=0) => Ok(None),
        Ok(seconds) => Ok(Some(Duration::from_secs(seconds.max(2) as u64))),
        Err(_) => wrong("connect_timeout is not a number of seconds"),
    }
}

fn servers(text: Option<&str>) -> Checked<Servers> {
    match text {
        None | Some("any") => Ok(Servers::Any),
        Some("read-write" | "primary") => Ok(Servers::ReadWrite),
        Some("read-only" | "standby") => Ok(Servers::ReadOnly),
        Some(_) => wrong("target_session_attrs is none of any, read-write, read-only, primary, standby"),
    }
}

fn bind_channel(text: Option<&str>) -> Checked<bool> {
    match text {
        None | Some("prefer") => Ok(false),
        Some("require") => Ok(true),
        Some(_) => wrong("channel_binding is neither prefer nor require"),
    }
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Address> {
        parse_with(text, &[])
    }

    fn parse_with(text: &str, variables: &[(&str, &str)]) -> Result<Address> {
        Address::parse_in("--to", text, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_string())
        })
    }

    fn host(name: &str, port: u16) -> Host {
        Host { name: name.into(), port }
    }

    #[test]
    fn an_address_says_where_and_who() {
        let address = parse("postgres://ana@db.example/shop").unwrap();
        assert_eq!(address.hosts, [host("db.example", 5432)]);
        assert_eq!((address.user.as_str(), address.database.as_str()), ("ana", "shop"));
        assert_eq!((address.ssl_mode, address.roots, address.client), (SslMode::Prefer, None, None));
        assert_eq!((address.timeout, address.servers), (Some(PATIENCE), Servers::Any));
        assert_eq!(parse("postgresql://ana@[::1]:7/shop").unwrap().hosts, [host("::1", 7)]);
        let several = parse("postgres://ana@a:1,b,[::2]:3/shop?target_session_attrs=read-write").unwrap();
        assert_eq!(several.hosts, [host("a", 1), host("b", 5432), host("::2", 3)]);
        assert_eq!(several.servers, Servers::ReadWrite);
        assert_eq!(several.to_string(), "postgres://ana@a:1,b:5432,[::2]:3/shop");
        let socket = parse("postgres://ana@%2Fvar%2Frun%2Fpostgresql/shop").unwrap();
        assert!(socket.hosts[0].is_socket() && socket.hosts[0].name_in_passfile() == "localhost");
        assert_eq!(parse("postgres:///shop?host=/srv/pg&user=ana").unwrap().hosts, [host("/srv/pg", 5432)]);
        assert_eq!(parse("postgres://ana@db").unwrap().database, "ana");
    }

    #[test]
    fn what_is_left_out_comes_from_the_environment() {
        let variables = [
            ("PGHOST", "a,b"),
            ("PGPORT", "6000"),
            ("PGUSER", "ana"),
            ("PGDATABASE", "shop"),
            ("PGSSLMODE", "verify-ca"),
            ("PGSSLROOTCERT", "/ca.pem"),
            ("PGCONNECT_TIMEOUT", "1"),
            ("HOME", "/home/ana"),
        ];
        let address = parse_with("postgres://", &variables).unwrap();
        assert_eq!(address.hosts, [host("a", 6000), host("b", 6000)]);
        assert_eq!((address.user.as_str(), address.database.as_str()), ("ana", "shop"));
        assert_eq!((address.ssl_mode, address.roots), (SslMode::VerifyCa, Some(Roots::File("/ca.pem".into()))));
        assert_eq!(address.timeout, Some(Duration::from_secs(2)));
        assert_eq!(address.passfile, Some("/home/ana/.pgpass".into()));
        let said = parse_with("postgres://bo@c:1/d?sslmode=require&connect_timeout=0&passfile=/p", &variables).unwrap();
        assert_eq!((said.hosts, said.user, said.database), (vec![host("c", 1)], "bo".into(), "d".into()));
        assert_eq!((said.ssl_mode, said.timeout, said.passfile), (SslMode::Require, None, Some("/p".into())));
    }

    #[test]
    fn the_roots_of_the_system_go_with_the_check_of_names_alone() {
        let system = parse("postgres://ana@db/shop?sslrootcert=system").unwrap();
        assert_eq!((system.ssl_mode, system.roots), (SslMode::VerifyFull, Some(Roots::System)));
        assert!(parse("postgres://ana@db/shop?sslrootcert=system&sslmode=require").is_err());
        assert!(parse("postgres://ana@db/shop?sslmode=verify-full").is_err());
    }

    #[test]
    fn what_means_nothing_is_refused_in_one_line_with_a_remedy() {
        for (text, says) in [
            ("mysql://ana@db/shop", "does not begin with postgres://"),
            ("postgres://ana@db:x/shop", "port"),
            ("postgres://ana@db:0/shop", "port"),
            ("postgres://ana@db:70000/shop", "port"),
            ("postgres://ana@[::1/shop", "["),
            ("postgres://ana@db/shop?sslmode=allow", "sslmode is none of"),
            ("postgres://ana@db/shop?sslmode", "has no value"),
            ("postgres://ana@db/shop?colour=red", "unknown parameter"),
            ("postgres://ana@db/sh%4", "%25"),
            ("postgres://ana@db/sh%FF", "UTF-8"),
            ("postgres://ana@db/sh%00op", "UTF-8"),
            ("postgres://ana@a,b/shop?port=1,2,3", "2 hosts but 3 ports"),
            ("postgres://ana@db/shop?connect_timeout=soon", "connect_timeout"),
            ("postgres://ana@db/shop?target_session_attrs=mine", "target_session_attrs"),
            ("postgres://ana@db/shop?channel_binding=disable", "channel_binding"),
            ("postgres://ana:geheim@db/shop", "PGPASSWORD"),
            ("postgres://ana@db/shop?password=geheim", ".pgpass"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let line = error.to_string();
            assert!(line.starts_with("--to: ") && line.contains(says), "{text}: {line}");
        }
    }

    #[test]
    fn a_path_is_told_from_an_address() {
        assert!(is_address(Path::new("postgres://h/d")) && is_address(Path::new("postgresql:///")));
        assert!(!is_address(Path::new("/srv/postgres")) && !is_address(Path::new("s3://postgres/")));
    }

    fn escaped(text: &str) -> String {
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(
            user in "[^\0]{1,12}", database in "[^\0]{1,12}", name in "[^\0,]{1,12}", port in 1u16.., options in "[^\0]{1,12}",
            in_query: bool,
        ) {
            let (u, d, h, o) = (escaped(&user), escaped(&database), escaped(&name), escaped(&options));
            let text = match in_query {
                true => format!("postgres://?options={o}&user={u}&host={h}&port={port}&dbname={d}"),
                false => format!("postgresql://{u}@{h}:{port}/{d}?options={o}"),
            };
            let address = parse(&text).unwrap();
            prop_assert_eq!(address.hosts, [host(&name, port)]);
            prop_assert_eq!((address.user, address.database, address.options), (user, database, Some(options)));
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), rest in "[a-z0-9@:/?&=%,\\[\\].]{0,40}") {
            let _ = (parse(&text), parse(&format!("postgres://{rest}")));
        }

        /// Wherever a password stands in an address, and however broken that is.
        #[test]
        fn a_password_is_refused_and_never_shown(
            secret in "[!-~]{0,6}geheim[!-~]{0,6}", before in "[a-z]{0,5}", after in "[a-z0-9@:/?&=%,]{0,20}",
        ) {
            for text in [
                format!("postgres://{before}:{secret}@{after}"),
                format!("postgres://{before}:{}@{after}", escaped(&secret)),
                format!("postgres://{before}/{after}?password={secret}"),
                format!("postgres://ana@db/shop?password={}", escaped(&secret)),
                format!("postgres://{before}:{secret}"),
            ] {
                match parse(&text) {
                    Err(error) => prop_assert!(!format!("{error} {error:?}").contains("geheim"), "{text}: {error}"),
                    // Then it is no password: `postgres://a:/geheim@…` names a database.
                    Ok(address) => prop_assert!(secret.contains(['/', '?', '@', '#', '&', ',', ':']), "{text}: {address:?}"),
                }
            }
        }
    }
}
