//! Which clients are let in by their certificates.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use super::certificate::Certificate;
use crate::server::web_config::ClientAuth;

/// Judges the certificates of clients.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) kind: ClientAuth,
    /// Who knows the authorities, for the kinds that verify.
    pub(super) authority: Option<Arc<dyn ClientCertVerifier>>,
    /// The certificates of the authority's file. One that a client shows itself is trusted, too,
    /// as a certificate that signs itself is.
    pub(super) trusted: Vec<CertificateDer<'static>>,
    /// One of these names must be in the certificate, if there are any.
    pub(super) names: Vec<String>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

impl Judge {
    fn is_trusted_itself(&self, der: &CertificateDer<'_>, found: &Certificate, now: i64) -> bool {
        let (from, until) = found.valid;
        (from..=until).contains(&now) && self.trusted.iter().any(|trusted| trusted == der)
    }
}

impl ClientCertVerifier for Judge {
    fn client_auth_mandatory(&self) -> bool {
        self.kind.needs_one()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        let authority = self.authority.as_ref();
        authority.map_or(&[], |authority| authority.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let found = Certificate::read(end_entity)
            .ok_or(Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if let Some(authority) = &self.authority
            && !self.is_trusted_itself(end_entity, &found, seconds)
        {
            authority.verify_client_cert(end_entity, intermediates, now)?;
        }
        let allowed = |name: &String| self.names.contains(name);
        if self.names.is_empty() || found.names.iter().any(allowed) {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
