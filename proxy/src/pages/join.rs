//! "Already using it elsewhere?"

use askama::Template;
use http::StatusCode;

use super::{Form, Frame, PagesFor};
use crate::answer::Answer;
use crate::site::Site;
use crate::words::join::JoinWords;

/// Where somebody uses an account already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Elsewhere {
    /// On a host, by ssh or sudo.
    Host,
    /// At the portal, with a password that the ledger keeps.
    #[default]
    Portal,
    /// At another site.
    Site,
}

impl Elsewhere {
    /// As the form says it.
    #[must_use]
    pub fn of(value: Option<&str>) -> Self {
        match value {
            Some("host") => Self::Host,
            Some("site") => Self::Site,
            Some(_) | None => Self::Portal,
        }
    }
}

/// What was typed.
#[derive(Debug, Default)]
pub struct JoinForm {
    /// The name there.
    pub name: String,
    /// Where.
    pub place: Elsewhere,
    /// The other site's address.
    pub site: String,
}

#[derive(Template)]
#[template(path = "join.html")]
struct JoinPage<'a> {
    frame: Frame<'a>,
    words: &'static JoinWords,
    form: &'a Form<'a>,
    typed: &'a JoinForm,
    title: String,
    text: String,
    portal: String,
    /// Another site was chosen, and which is not said.
    lacks_site: bool,
    may_create: bool,
}

impl PagesFor<'_> {
    /// The question, for somebody whom the flow's site knows as `name`.
    #[must_use]
    pub fn join(self, status: StatusCode, form: &Form<'_>, (name, typed): (&str, &JoinForm)) -> Answer {
        let (words, product) = (self.words().join, self.pages.product());
        let knows = form.site.map_or(self.words().directory, Site::title);
        let page = JoinPage {
            frame: self.frame(),
            words,
            form,
            typed,
            title: words.say.title(product),
            text: words.say.new_here(knows, product, name),
            portal: words.say.at_portal(self.pages.host()),
            lacks_site: form.error.is_some() && typed.place == Elsewhere::Site && typed.site.is_empty(),
            may_create: form.site.is_some_and(Site::creates_accounts),
        };
        self.answer(status, &page, form.site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_place_names_the_portal() {
        assert_eq!(
            ["host", "site"].map(|said| Elsewhere::of(Some(said))),
            [Elsewhere::Host, Elsewhere::Site]
        );
        assert_eq!([None, Some(""), Some("unix")].map(Elsewhere::of), [Elsewhere::Portal; 3]);
    }
}
