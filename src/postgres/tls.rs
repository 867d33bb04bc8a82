//! What of a server's certificate is checked, for each `sslmode`, as in libpq.
//!
//! | `sslmode` | without a file of roots | with one |
//! |---|---|---|
//! | `prefer`, `require` | nothing | who signed it |
//! | `verify-ca` | refused | who signed it |
//! | `verify-full` | refused | who signed it, and that it is for the host of the address |
//!
//! A certificate that stands among the roots itself will do, whatever it says it is for: servers that sign their own have such.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, ClientCertificate, Roots, SslMode};
use super::secret::is_private;
use crate::error::{Error, Result};

/// What makes a connection secure in the way that an address asks for.
pub fn connector(address: &Address) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(ring::default_provider());
    let trusted = address.roots.as_ref().map(|roots| trusted(roots, &provider)).transpose()?;
    let check = Check { trusted, names: address.ssl_mode == SslMode::VerifyFull, provider: Arc::clone(&provider) };
    let builder = ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().map_err(|e| bug(&e))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(check));
    let config = match &address.client {
        None => builder.with_no_client_auth(),
        Some(files) => {
            let (chain, key) = own(files)?;
            let refused = |e| unusable(&files.certificate, &e, "sslcert and sslkey do not go together");
            builder.with_client_auth_cert(chain, key).map_err(refused)?
        }
    };
    Ok(MakeRustlsConnect::new(config))
}

fn bug(error: &rustls::Error) -> Error {
    Error::Bug { place: "TLS".into(), problem: error.to_string() }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display, remedy: &str) -> Error {
    Error::File { path: path.to_path_buf(), problem: format!("cannot be used for TLS: {error}"), remedy: remedy.into() }
}

/// Roots, and a verifier by them.
#[derive(Debug)]
struct Trusted {
    roots: Vec<CertificateDer<'static>>,
    verifier: Arc<WebPkiServerVerifier>,
}

fn trusted(roots: &Roots, provider: &Arc<CryptoProvider>) -> Result<Trusted> {
    let (place, roots) = match roots {
        Roots::File(file) => (file.as_path(), certificates(file)?),
        Roots::System => (Path::new("sslrootcert=system"), rustls_native_certs::load_native_certs().certs),
    };
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let remedy = "name a file with certificates in PEM as sslrootcert";
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider)).build();
    Ok(Trusted { roots, verifier: verifier.map_err(|e| unusable(place, &e, remedy))? })
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let read = CertificateDer::pem_file_iter(file).and_then(|found| found.collect::<std::result::Result<Vec<_>, _>>());
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(file, &"it has no certificate", "name a file with certificates in PEM")),
        Err(error) => Err(unusable(file, &error, "name a file with certificates in PEM")),
    }
}

fn own(files: &ClientCertificate) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let chain = certificates(&files.certificate)?;
    let remedy = "name a private key in PEM as sslkey";
    let metadata = std::fs::metadata(&files.key).map_err(|e| unusable(&files.key, &e, remedy))?;
    if !is_private(&metadata) {
        return Err(unusable(&files.key, &"others may read it", "set its permissions to 600 (chmod 600)"));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|e| unusable(&files.key, &e, remedy))?;
    Ok((chain, key))
}

/// The check of a server's certificate.
#[derive(Debug)]
struct Check {
    /// `None` trusts everybody.
    trusted: Option<Trusted>,
    /// Whether the certificate has to be for the host.
    names: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Check {
    fn verify_server_cert(
        &self,
        server: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext, Other};
        let Some(trusted) = &self.trusted else { return Ok(ServerCertVerified::assertion()) };
        match trusted.verifier.verify_server_cert(server, between, name, ocsp, now) {
            // Names are checked last: all else is right.
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) if !self.names => {
                Ok(ServerCertVerified::assertion())
            }
            // It says that it is an authority's, which is found out after its dates.
            Err(rustls::Error::InvalidCertificate(Other(_))) if trusted.roots.iter().any(|root| root == server) => {
                if self.names {
                    verify_server_name(&ParsedCertificate::try_from(server)?, name)?;
                }
                Ok(ServerCertVerified::assertion())
            }
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
