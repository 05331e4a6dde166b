//! Certificates.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{error::ConnectError, pool::Roots};

/// What makes connections that verify the server's certificate and name.
///
/// # Errors
/// If the certificates to trust cannot be read, or there are none.
pub(crate) fn connector(roots: &Roots) -> Result<MakeRustlsConnect, ConnectError> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(path) => {
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|error| failed(&error))?
            {
                store
                    .add(certificate.map_err(|error| failed(&error))?)
                    .map_err(|error| failed(&error))?;
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(system.certs);
        }
    }
    if store.is_empty() {
        return Err(failed(&"there are none"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn failed(error: &dyn ToString) -> ConnectError {
    ConnectError::Certificates(error.to_string())
}
