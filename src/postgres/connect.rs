//! Connects to a database: to the first of its hosts that answers as it should.

use std::os::unix::ffi::OsStringExt;

use ::postgres::config::{ChannelBinding, SslMode as Tls, TargetSessionAttrs};
use ::postgres::{Client, Config, NoTls};

use super::address::{Address, Host, Servers, SslMode};
use super::secret::password;
use super::{failure, tls};
use crate::error::{Error, Result};

/// A connection. Fails with a line that names user, host and database.
pub fn connect(address: &Address) -> Result<Client> {
    let environment = |name: &str| std::env::var_os(name).map(OsStringExt::into_vec);
    connect_in(address, &environment)
}

fn connect_in(address: &Address, environment: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Client> {
    let mut failed = None;
    for host in &address.hosts {
        match connect_to(address, host, environment) {
            Ok(client) => return Ok(client),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| Error::Bug { place: address.to_string(), problem: "it has no host".into() }))
}

fn connect_to(address: &Address, host: &Host, environment: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Client> {
    let password = password(address, host, environment);
    let mut config = config(address, host);
    if let Ok(password) = &password {
        config.password(password.bytes());
    }
    attempt(address, host, &mut config)?.map_err(|error| {
        let place = address.to_string().into();
        match &password {
            Err(why) if failure::lacks_password(&error) => Error::File {
                path: place,
                problem: format!("cannot connect to {host}: the server wants a password, but {why}"),
                remedy: "set PGPASSWORD, or add host:port:database:user:password to .pgpass".into(),
            },
            _ => Error::File {
                path: place,
                problem: format!("cannot connect to {host}: {}", failure::said(&error)),
                remedy: failure::remedy(&error).into(),
            },
        }
    })
}

/// The outer error is one of the files that the address names.
fn attempt(
    address: &Address,
    host: &Host,
    config: &mut Config,
) -> Result<std::result::Result<Client, ::postgres::Error>> {
    if host.is_socket() || address.ssl_mode == SslMode::Disable {
        return Ok(config.ssl_mode(Tls::Disable).connect(NoTls));
    }
    let connector = tls::connector(address)?;
    if address.ssl_mode > SslMode::Prefer {
        return Ok(config.ssl_mode(Tls::Require).connect(connector));
    }
    let secure = config.ssl_mode(Tls::Prefer).connect(connector);
    Ok(secure.or_else(|error| match failure::is_tls(&error) || failure::is_refused(&error) {
        // What was said first tells more.
        true => config.ssl_mode(Tls::Disable).connect(NoTls).map_err(|_| error),
        false => Err(error),
    }))
}

fn config(address: &Address, host: &Host) -> Config {
    let mut config = Config::new();
    config.host(&host.name).port(host.port).user(&address.user).dbname(&address.database);
    config.application_name(&address.application);
    address.timeout.map(|timeout| config.connect_timeout(timeout));
    address.options.as_deref().map(|options| config.options(options));
    config.target_session_attrs(match address.servers {
        Servers::Any => TargetSessionAttrs::Any,
        Servers::ReadWrite => TargetSessionAttrs::ReadWrite,
        Servers::ReadOnly => TargetSessionAttrs::ReadOnly,
    });
    config.channel_binding(if address.bind_channel { ChannelBinding::Require } else { ChannelBinding::Prefer });
    config
}
