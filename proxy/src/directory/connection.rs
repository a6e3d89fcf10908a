//! Connections to a directory: secured first, and bounded in time and length, before anything in them is read as LDAP.
//!
//! Deliberate: TLS is ours and not the LDAP crate's. It reads answers by recursion without an end, so whoever is between
//! the gate and the directory could end the process before StartTLS has made sure who answers; decisions/0006.

use std::sync::Arc;

use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, StdStream};
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::question::Failed;
use super::{Directory, Open, Security};
use crate::tls::certificate::server_name;

/// The most that is read of a directory in one connection, in bytes: three short answers and a few referrals.
pub const LONGEST: u64 = 64 * 1024;

/// The longest answer to StartTLS, in bytes.
const LONGEST_START: usize = 2048;

/// An extended request, number 1, for 1.3.6.1.4.1.1466.20037 (RFC 4511, 4.14.1).
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// Opens a connection; it ends with its handle, or after the directory's time.
pub async fn open(open: &Open) -> Result<Ldap, Failed> {
    let directory = &open.directory;
    let host = directory.host.trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, directory.port)).await.map_err(Failed::Unreachable)?;
    stream.set_nodelay(true).map_err(Failed::Unreachable)?;
    match (&directory.security, &open.tls) {
        (Security::Plain, _) => speak(directory, stream).await,
        (Security::Tls(_), Some(tls)) => speak(directory, secured(directory, tls, stream).await?).await,
        (Security::StartTls(_), Some(tls)) => {
            start_tls(&mut stream).await?;
            speak(directory, secured(directory, tls, stream).await?).await
        }
        (Security::Tls(_) | Security::StartTls(_), None) => Err(Failed::StartTls),
    }
}

async fn secured(
    directory: &Directory,
    tls: &Arc<ClientConfig>,
    stream: TcpStream,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Failed> {
    let name = server_name(&directory.host).ok_or(Failed::StartTls)?.to_owned();
    TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(Failed::Tls)
}

/// Asks for TLS on a plain connection. An answer with anything behind it was not the directory's alone.
async fn start_tls(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> Result<(), Failed> {
    stream.write_all(START_TLS).await.map_err(Failed::Unreachable)?;
    let mut answer = Vec::new();
    let mut piece = [0; 256];
    while answer.len() < LONGEST_START {
        let length = stream.read(&mut piece).await.map_err(Failed::Unreachable)?;
        if length == 0 {
            return Err(Failed::StartTls);
        }
        answer.extend_from_slice(piece.get(..length).unwrap_or_default());
        match element(&answer, 0x30) {
            Some((message, [])) if may_start(message) => return Ok(()),
            Some(_) => return Err(Failed::StartTls),
            None => {}
        }
    }
    Err(Failed::StartTls)
}

/// Whether a message is a success for the request with number 1.
fn may_start(message: &[u8]) -> bool {
    let result = || {
        let (number, rest) = element(message, 0x02)?;
        let (response, _) = element(rest, 0x78)?;
        let (code, _) = element(response, 0x0a)?;
        Some(number == [1] && code == [0])
    };
    result().unwrap_or(false)
}

/// The content of the BER element with this tag at the beginning, and what stands behind it. None: it is another, or not
/// whole.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first().filter(|_| first == tag)?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (digits.iter().fold(0, |sum, &digit| sum << 8 | usize::from(digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// Speaks LDAP over a stream, at most [`LONGEST`] bytes of it and for the directory's time.
async fn speak<S>(directory: &Directory, stream: S) -> Result<Ldap, Failed>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (ours, theirs) = UnixStream::pair().map_err(Failed::Unreachable)?;
    tokio::spawn(tokio::time::timeout(directory.timeout, carry(stream, theirs)));
    let ours = StdStream::Unix(ours.into_std().map_err(Failed::Unreachable)?);
    let settings = LdapConnSettings::new().set_std_stream(ours);
    let (driver, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await?;
    tokio::spawn(driver.drive());
    Ok(ldap)
}

/// Carries bytes both ways until one of the two has no more.
async fn carry<S: AsyncRead + AsyncWrite>(directory: S, us: UnixStream) {
    let (from, mut to) = tokio::io::split(directory);
    let (mut ours, mut back) = tokio::io::split(us);
    let mut bounded = from.take(LONGEST);
    // How a connection ends is no news: whoever waits for an answer has none, and says so.
    tokio::select! {
        _ = tokio::io::copy(&mut bounded, &mut back) => {}
        _ = tokio::io::copy(&mut ours, &mut to) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of StartTLS where the directory answers this.
    async fn answered(answer: &[u8]) -> bool {
        let (mut ours, mut theirs) = tokio::io::duplex(4096);
        theirs.write_all(answer).await.unwrap();
        let (theirs, mut kept) = tokio::io::split(theirs);
        kept.shutdown().await.unwrap();
        let started = start_tls(&mut ours).await.is_ok();
        drop(ours);
        let mut asked = Vec::new();
        { theirs }.read_to_end(&mut asked).await.unwrap();
        assert_eq!(asked, START_TLS);
        started
    }

    #[tokio::test]
    async fn only_a_whole_success_alone_starts_tls() {
        let good = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00";
        assert!(answered(good).await);
        assert!(
            answered(
                b"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00"
            )
            .await
        );
        let mut behind = good.to_vec();
        behind.extend_from_slice(b"\x30\x0c\x02\x01\x02\x61\x07\x0a\x01\x00\x04\x00\x04\x00");
        let (mut refused, mut other, mut response) = (*good, *good, *good);
        (refused[9], other[4], response[5]) = (0x35, 0x02, 0x61);
        for bad in [
            &behind[..],
            &refused,
            &other,
            &response,
            &good[..13],
            b"",
            b"\x15\x03\x01",
            b"\x30\x80",
            &[0x30; 4096],
        ] {
            assert!(!answered(bad).await, "{bad:?}");
        }
    }

    #[tokio::test]
    async fn an_endless_answer_is_cut() {
        let (directory, mut their_side) = tokio::io::duplex(4096);
        let (ours, theirs) = UnixStream::pair().unwrap();
        let carried = tokio::spawn(carry(directory, theirs));
        let flood = tokio::spawn(async move { while their_side.write_all(&[0x30; 4096]).await.is_ok() {} });
        let mut ours = ours;
        let mut read = Vec::new();
        ours.read_to_end(&mut read).await.unwrap();
        assert_eq!(read.len() as u64, LONGEST);
        carried.await.unwrap();
        flood.await.unwrap();
    }

    proptest::proptest! {
        #[test]
        fn reading_an_answer_never_panics(bytes: Vec<u8>, tag: u8) {
            if let Some((content, rest)) = element(&bytes, tag) {
                assert!(content.len() + rest.len() < bytes.len());
            }
            may_start(&bytes);
        }
    }

    #[test]
    fn an_answer_as_deep_as_it_can_be_fits_the_stack() {
        // Each pair of brackets within the other, from the innermost.
        let mut deep = Vec::new();
        loop {
            let length = u32::try_from(deep.len()).unwrap().to_be_bytes();
            let mut head = match deep.len() {
                0..=0x7f => vec![0x30, length[3]],
                0x80..=0xff => vec![0x30, 0x81, length[3]],
                _ => vec![0x30, 0x82, length[2], length[3]],
            };
            if deep.len() + head.len() > usize::try_from(LONGEST).unwrap() {
                break;
            }
            head.append(&mut deep);
            deep = head;
        }
        let read = std::thread::Builder::new()
            .stack_size(super::super::STACK / 4)
            .spawn(move || ldap3::asn1::parse_tag(&deep).is_ok());
        assert!(read.unwrap().join().unwrap());
    }
}
