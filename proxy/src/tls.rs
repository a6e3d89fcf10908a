//! TLS at the gate's own listeners: which certificate a browser is shown, and which name it asked for.
//!
//! What is read from files is judged in [`certificate`], chosen in [`chooser`] and replaced while connections go on by
//! [`renewal`]. [`name`] keeps the server name of each connection, so that a request for another host is turned away.

pub mod certificate;
pub mod chooser;
pub mod name;
pub mod renewal;

use std::sync::Arc;

use pingora::listeners::tls::TlsSettings;

use crate::tls::chooser::Chooser;

/// Makes ring the process's cryptography for TLS. Before anything of rustls or pingora is asked for.
pub fn use_ring() {
    // An error only says that there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// How a TLS listener speaks: TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, with the chooser's certificates.
///
/// # Errors
/// Pingora's.
pub fn settings(chooser: &Arc<Chooser>) -> pingora::Result<TlsSettings> {
    let mut settings = TlsSettings::with_callbacks(Box::new(name::Keeper))?;
    settings.set_cert_resolver(Arc::<Chooser>::clone(chooser));
    settings.enable_h2();
    Ok(settings)
}
