//! Forms: read within bounds, and only from the page that the portal gave to this very browser.

use http::HeaderMap;
use http::header::CONTENT_TYPE;
use zeroize::{Zeroize, Zeroizing};

use super::{Portal, Refused, Visit};
use crate::answer::Answer;
use crate::cookies::{self, FORM, Found, Fresh};
use crate::flow::Flow;
use crate::pages::Form;
use crate::refusal::Refusal;
use crate::request::{Cause, cause};

/// The fields of a posted form, wiped when dropped.
pub struct Fields(Vec<(String, String)>);

impl Drop for Fields {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            value.zeroize();
        }
    }
}

impl Fields {
    /// Reads a body as browsers send simple forms; anything else has no fields.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let kind = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
        let kind = kind.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
        if !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            return Self(Vec::new());
        }
        Self(form_urlencoded::parse(body).into_owned().take(64).collect())
    }

    /// The field's value; nothing when it is missing or doubled.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(field, _)| field == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    /// Every value of a field that may be there more than once.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

/// The browser's side of a form.
pub struct Binding {
    /// The value of the form cookie.
    pub holder: Zeroizing<String>,
    /// The line that sets it, when the browser has none.
    pub line: Option<http::HeaderValue>,
}

impl Portal {
    /// The cookie that binds forms to this browser; a new one when there is none.
    pub(super) fn binding(&self, visit: &Visit) -> Result<Binding, Refused> {
        match cookies::find(&visit.headers, FORM) {
            Found::Several => Err(Refused::because(Refusal::Unclear, "two form cookies")),
            Found::One(value) if cookies::digest(value).is_some() => Ok(Binding {
                holder: Zeroizing::new(String::from_utf8_lossy(value).into_owned()),
                line: None,
            }),
            Found::One(_) | Found::None => {
                let fresh = Fresh::generate()?;
                let line = cookies::set(FORM, &fresh.value, None);
                Ok(Binding { holder: fresh.value, line: Some(line) })
            }
        }
    }

    /// A flow's page with a form that only this browser can send.
    pub(super) fn page_with_form(
        &self,
        visit: &Visit,
        flow: &Flow,
        error: Option<String>,
        page: impl FnOnce(&Form<'_>) -> Answer,
    ) -> Result<Answer, Refused> {
        let binding = self.binding(visit)?;
        let token = self.key.form_token(flow.id.as_str(), binding.holder.as_bytes())?;
        let page = page(&Form { flow: flow.id.as_str(), token: &token, error, site: Self::site_of(flow) });
        Ok(match binding.line {
            Some(line) => page.with_cookie(line),
            None => page,
        })
    }

    /// Whether the posted form is the one that this flow's page showed to this browser. A form from elsewhere is a
    /// refusal; an old one is only not used.
    pub(super) fn is_own(&self, visit: &Visit, flow: &Flow, fields: &Fields) -> Result<bool, Refused> {
        self.is_own_at(visit, flow.id.as_str(), fields)
    }

    /// The same for a page with another purpose than a flow.
    pub(super) fn is_own_at(&self, visit: &Visit, purpose: &str, fields: &Fields) -> Result<bool, Refused> {
        self.refuse_foreign(visit)?;
        refuse_without_token(fields)?;
        let Found::One(holder) = cookies::find(&visit.headers, FORM) else { return Ok(false) };
        Ok(self.key.fits(fields.get("token"), purpose, holder))
    }

    /// The fields of a form of ours; refuses what another origin caused, and what no page of ours has sent.
    pub(super) fn own_form(&self, visit: &Visit) -> Result<Fields, Refused> {
        self.refuse_foreign(visit)?;
        let fields = Fields::read(&visit.headers, &visit.body);
        refuse_without_token(&fields)?;
        Ok(fields)
    }

    /// Refuses what another origin caused.
    pub(super) fn refuse_foreign(&self, visit: &Visit) -> Result<(), Refused> {
        match cause(&visit.headers, &self.origin.to_string()) {
            Cause::Own | Cause::Unsaid => Ok(()),
            Cause::Foreign => Err(Refused::because(Refusal::Foreign, "the form came from another origin")),
        }
    }
}

/// Every form of ours has a token, be it an old one.
fn refuse_without_token(fields: &Fields) -> Result<(), Refused> {
    match fields.get("token") {
        None | Some("") => {
            Err(Refused::because(Refusal::Foreign, "the form has no token, so it is none of ours"))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doubled_field_is_no_field() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8".parse().unwrap());
        let fields = Fields::read(&headers, b"name=al%69ce+b&code=1&code=2");
        assert_eq!(fields.get("name"), Some("alice b"));
        assert_eq!((fields.get("code"), fields.get("token")), (None, None));
        headers.insert(CONTENT_TYPE, "text/plain".parse().unwrap());
        assert_eq!(Fields::read(&headers, b"name=alice").get("name"), None);
    }
}
