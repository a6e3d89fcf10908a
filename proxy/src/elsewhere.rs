//! What a request does besides its own method at its own path, as far as its headers say: rules and grants judge that too.
//!
//! WebDAV's COPY and MOVE write to another path (`Destination`, RFC 4918 section 10.3), and many frameworks take a POST
//! for whatever method a header names.

use http::Method;
use http::header::{HeaderMap, HeaderName};
use pingora::http::RequestHeader;

use crate::headers::is_spelled;
use crate::path::Target;
use crate::site::Site;

/// Where WebDAV's COPY and MOVE write to.
pub const DESTINATION: HeaderName = HeaderName::from_static("destination");
/// What frameworks read a POST's real method from, as [`is_spelled`] has it.
const OVERRIDES: [&str; 2] = ["x-http-method*", "x-method-override"];

/// What a request also does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The path that it writes to, in its one spelling.
    pub path: Option<Vec<u8>>,
    /// The method that the app may take it for.
    pub method: Option<Method>,
}

/// Nobody can say what else a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// Two headers where one counts, or one that is no method.
    #[error("it names its method in more than one way")]
    Method,
    /// Not a path of this site.
    #[error("its destination is not at this site, or its path is ambiguous")]
    Destination,
}

impl Elsewhere {
    /// Reads the headers of a request to `site`.
    ///
    /// # Errors
    /// [`Unclear`].
    pub fn read(request: &RequestHeader, site: &Site) -> Result<Self, Unclear> {
        let method = match request.method {
            Method::POST => overridden(&request.headers)?,
            _ => None,
        };
        let writes = writes_elsewhere(&request.method) || method.as_ref().is_some_and(writes_elsewhere);
        let path = if writes { destination(&request.headers, site)? } else { None };
        Ok(Self { path, method })
    }
}

/// Whether a method has a destination.
fn writes_elsewhere(method: &Method) -> bool {
    matches!(method.as_str(), "COPY" | "MOVE")
}

/// Whether an app may take a request for another method because of a header of this name.
#[must_use]
pub fn is_override(name: &str) -> bool {
    // A quick look first: nearly every header leaves here.
    name.starts_with('x') && OVERRIDES.iter().any(|entry| is_spelled(name, entry))
}

fn overridden(headers: &HeaderMap) -> Result<Option<Method>, Unclear> {
    let mut named = headers.iter().filter(|(name, _)| is_override(name.as_str())).map(|(_, value)| value);
    match (named.next(), named.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Unclear::Method),
        (Some(value), None) => {
            let name = value.as_bytes().trim_ascii().to_ascii_uppercase();
            Method::from_bytes(&name).map(Some).map_err(|_| Unclear::Method)
        }
    }
}

fn destination(headers: &HeaderMap, site: &Site) -> Result<Option<Vec<u8>>, Unclear> {
    let mut lines = headers.get_all(&DESTINATION).iter();
    let (line, more) = (lines.next(), lines.next());
    let Some(line) = line else { return Ok(None) };
    let text = line.to_str().map_err(|_| Unclear::Destination)?.trim();
    let origin = site.origin().to_string();
    let path = text.strip_prefix(&origin).unwrap_or(text);
    let target = Target::parse(path.as_bytes(), site.parameters()).map_err(|_| Unclear::Destination)?;
    let is_here = path.starts_with('/') && target.query().is_empty() && more.is_none();
    if !is_here || crate::gate::is_own(target.path()) {
        return Err(Unclear::Destination);
    }
    Ok(Some(target.path().to_vec()))
}

#[cfg(test)]
mod tests {
    use twofold_shared::config::read;

    use super::*;

    fn site() -> Site {
        let text = "portal = \"http://id.localhost\"\n[[site]]\norigin = \"http://dav.localhost:8480\"\n\
                    upstream = \"127.0.0.1:1\"\nfirst_factor = \"password\"\n";
        let config = read(std::path::Path::new("gate.toml"), text, crate::config::check).unwrap();
        Site::new(config.sites.first().unwrap())
    }

    fn of(method: &str, headers: &[(&str, &str)]) -> Result<Elsewhere, Unclear> {
        let mut request = RequestHeader::build(method, b"/dav/a", None).unwrap();
        for (name, value) in headers {
            request.append_header((*name).to_owned(), *value).unwrap();
        }
        Elsewhere::read(&request, &site())
    }

    #[test]
    fn a_destination_is_a_path_of_the_site_in_its_one_spelling() {
        for written in ["http://dav.localhost:8480/dav/%62", "/dav/b", " /dav/b "] {
            let found = of("MOVE", &[("Destination", written)]).unwrap();
            assert_eq!(found.path.as_deref(), Some(&b"/dav/b"[..]), "{written}");
        }
        for odd in [
            "http://other.localhost/dav/b",
            "http://dav.localhost:8480.evil/b",
            "//other.localhost/b",
            "/dav/../b",
            "/dav/%2e%2e/b",
            "/dav/b?x",
            "b",
            "",
            "/.twofold/sign-out",
        ] {
            assert_eq!(of("COPY", &[("Destination", odd)]), Err(Unclear::Destination), "{odd}");
        }
        let twice = [("Destination", "/dav/b"), ("Destination", "/dav/b")];
        assert_eq!(of("COPY", &twice), Err(Unclear::Destination));
        assert_eq!(of("GET", &[("Destination", "/../")]).unwrap(), Elsewhere::default());
    }

    #[test]
    fn a_post_may_be_another_method_and_then_have_a_destination() {
        let found = of("POST", &[("X-HTTP-Method-Override", " delete")]).unwrap();
        assert_eq!(found.method, Some(Method::DELETE));
        let found = of("POST", &[("X-Method-Override", "MOVE"), ("Destination", "/b")]).unwrap();
        assert_eq!(found.path.as_deref(), Some(&b"/b"[..]));
        let two = [("X-HTTP-Method", "PUT"), ("X-HTTP-Method-Override", "DELETE")];
        assert_eq!(of("POST", &two), Err(Unclear::Method));
        assert_eq!(of("POST", &[("X-HTTP-Method", "no method")]), Err(Unclear::Method));
        assert_eq!(of("POST", &[("X_Http.Method_Override", "PUT")]).unwrap().method, Some(Method::PUT));
        assert_eq!(of("GET", &[("X-HTTP-Method", "DELETE")]).unwrap(), Elsewhere::default());
    }
}
