//! The pages: what each one shows. How they look is in `templates/` and `assets/style.css`.

pub mod account;
pub mod join;
pub mod people;
pub mod wizard;

use std::fmt;

use askama::Template;
use http::{HeaderMap, StatusCode};
use twofold_shared::wire::{Level, Nonce};

use crate::answer::Answer;
use crate::session::Known;
use crate::site::Site;
use crate::words::{self, LANGUAGES, Words};

/// The one style sheet.
pub const STYLE: &str = include_str!("../assets/style.css");
/// What the pages do besides with a script.
pub const SCRIPT: &str = include_str!("../assets/portal.js");
/// The picture in the browser's tab.
pub const ICON: &str = include_str!("../assets/icon.svg");

/// What every page needs.
#[derive(Debug)]
pub struct Pages {
    product: String,
    portal: String,
    host: String,
    style: String,
    script: String,
}

/// The pages for one reader.
#[derive(Clone, Copy, Debug)]
pub struct PagesFor<'a> {
    pages: &'a Pages,
    words: &'static Words,
    /// The portal's page that they are at, where a switch of the language leads back to.
    here: Option<Here<'a>>,
}

/// A page of the portal, by its address.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// The path.
    pub path: &'a str,
    /// What comes behind the question mark.
    pub query: &'a str,
}

impl fmt::Display for Here<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.query.is_empty() { "" } else { "?" };
        write!(f, "{}{mark}{}", self.path, self.query)
    }
}

/// What stands around a page's own contents.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    product: &'a str,
    portal: &'a str,
    style: &'a str,
    script: &'a str,
    words: &'static Words,
    here: Option<Here<'a>>,
}

impl Frame<'_> {
    /// The languages that this page is not in.
    fn other_languages(self) -> impl Iterator<Item = &'static Words> {
        LANGUAGES.into_iter().filter(move |words| words.lang != self.words.lang)
    }
}

/// The one thing to do on a page without a form.
#[derive(Debug)]
pub struct Action {
    /// What the button says.
    pub label: &'static str,
    /// Where it leads.
    pub href: String,
}

/// A form's page: where it posts to, and what went wrong the last time.
#[derive(Debug)]
pub struct Form<'a> {
    /// The flow's id.
    pub flow: &'a str,
    /// The token that binds it to the browser.
    pub token: &'a str,
    /// What went wrong.
    pub error: Option<String>,
    /// The site that the flow leads to.
    pub site: Option<&'a Site>,
}

/// The box with which a person says that their browser needs no code for a while.
#[derive(Clone, Copy, Debug)]
pub struct TrustBox {
    /// For how long, in seconds.
    pub seconds: u64,
    /// Whether they have ticked it already.
    pub is_ticked: bool,
}

/// What stands on the code page.
#[derive(Clone, Copy, Debug)]
pub struct CodeAsked {
    /// Where the browser may be trusted.
    pub trust: Option<TrustBox>,
    /// How long the code on the phone is good, in seconds.
    pub left: u64,
    /// How many digits it has, where the browser knows.
    pub digits: Option<u8>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame<'a>,
    form: &'a Form<'a>,
    name: &'a str,
    lede: Option<String>,
}

#[derive(Template)]
#[template(path = "name_and_code.html")]
struct NameAndCodePage<'a> {
    frame: Frame<'a>,
    form: &'a Form<'a>,
    name: &'a str,
    lede: Option<String>,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage<'a> {
    frame: Frame<'a>,
    form: &'a Form<'a>,
    who: String,
    lede: Option<String>,
    label: String,
    digits: Option<u8>,
    trust: Option<TrustBox>,
    left: String,
}

#[derive(Template)]
#[template(path = "not_enrolled.html")]
struct NotEnrolledPage<'a> {
    frame: Frame<'a>,
    text: String,
    who: String,
    flow: &'a str,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    frame: Frame<'a>,
    who: String,
    sites: Vec<SiteLink<'a>>,
    token: &'a str,
    may_enrol: bool,
    operates: bool,
}

struct SiteLink<'a> {
    title: &'a str,
    host: &'a str,
    href: String,
}

#[derive(Template)]
#[template(path = "notices.html")]
struct NoticesPage<'a> {
    frame: Frame<'a>,
    notices: Vec<String>,
    flow: &'a str,
}

#[derive(Template)]
#[template(path = "sign_out.html")]
struct SignOutPage<'a> {
    frame: Frame<'a>,
    who: String,
    token: &'a str,
}

#[derive(Template)]
#[template(path = "onwards.html")]
struct OnwardsPage<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
    address: &'a str,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    title: &'a str,
    text: &'a str,
    action: Option<Action>,
    request: Option<String>,
    who: Option<String>,
}

/// A file's address changes when the file does, so that it can be kept for ever.
fn version(contents: &str) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(contents.as_bytes());
    data_encoding::HEXLOWER.encode(digest.get(..6).unwrap_or_default())
}

impl Pages {
    /// Pages of the portal at this origin, under this product's name.
    #[must_use]
    pub fn new(portal: &crate::origin::Origin, product: &str) -> Self {
        Self {
            product: product.to_owned(),
            portal: portal.to_string(),
            host: portal.host().to_string(),
            style: format!("{portal}/style-{}.css", version(STYLE)),
            script: format!("{portal}/portal-{}.js", version(SCRIPT)),
        }
    }

    /// What the product is called.
    #[must_use]
    pub fn product(&self) -> &str {
        &self.product
    }

    /// The portal's host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// In the language of who sends these headers, at this page of the portal or elsewhere.
    #[must_use]
    pub fn read_by<'a>(&'a self, headers: &HeaderMap, here: Option<Here<'a>>) -> PagesFor<'a> {
        PagesFor { pages: self, words: words::of_reader(headers), here }
    }

    /// The pages' own file at this path of the portal.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<Answer> {
        let is = |address: &str| address.strip_prefix(&self.portal) == Some(path);
        if path == "/icon.svg" {
            Some(Answer::file("image/svg+xml", ICON.as_bytes()))
        } else if is(&self.style) {
            Some(Answer::file("text/css; charset=utf-8", STYLE.as_bytes()))
        } else if is(&self.script) {
            Some(Answer::file("text/javascript; charset=utf-8", SCRIPT.as_bytes()))
        } else {
            None
        }
    }
}

impl<'a> PagesFor<'a> {
    /// The words.
    #[must_use]
    pub fn words(self) -> &'static Words {
        self.words
    }

    fn frame(self) -> Frame<'a> {
        let Pages { product, portal, style, script, .. } = self.pages;
        Frame { product, portal, style, script, words: self.words, here: self.here }
    }

    fn answer(self, status: StatusCode, page: &impl Template, site: Option<&Site>) -> Answer {
        match page.render() {
            Ok(html) => {
                let leads_to = site.map(|site| site.origin().to_string());
                Answer::page(status, html, &self.pages.portal, leads_to.as_deref())
            }
            Err(why) => {
                log::error!("a page cannot be made: {why}");
                Answer::page(StatusCode::INTERNAL_SERVER_ERROR, String::new(), &self.pages.portal, None)
            }
        }
    }

    /// Name and password.
    #[must_use]
    pub fn sign_in(self, status: StatusCode, form: &Form<'_>, name: &str) -> Answer {
        let lede = form.site.map(|site| self.words.say.to_go_on_to(site.title()));
        self.answer(status, &SignInPage { frame: self.frame(), form, name, lede }, form.site)
    }

    /// Name and code, with nothing before.
    #[must_use]
    pub fn name_and_code(self, status: StatusCode, form: &Form<'_>, name: &str) -> Answer {
        let lede = form.site.map(|site| self.words.say.to_go_on_to(site.title()));
        self.answer(status, &NameAndCodePage { frame: self.frame(), form, name, lede }, form.site)
    }

    /// The code.
    #[must_use]
    pub fn code(self, status: StatusCode, form: &Form<'_>, known: &Known, asked: CodeAsked) -> Answer {
        let CodeAsked { trust, left, digits } = asked;
        let lede = form.site.map(|site| match known.level() {
            Level::First => self.words.say.to_go_on_to(site.title()),
            Level::Second => self.words.say.confirm_for(site.title()),
        });
        let name = known.name();
        let who = self.words.say.signed_in_as(name);
        let left = self.words.seconds_left.replace("{}", &left.to_string());
        let label =
            digits.map_or_else(|| self.words.code_lede.to_owned(), |digits| self.words.say.code_lede(digits));
        let page = CodePage { frame: self.frame(), form, who, lede, label, digits, trust, left };
        self.answer(status, &page, form.site)
    }

    /// There is no second factor yet.
    #[must_use]
    pub fn not_enrolled(self, flow: &str, name: &str, site: Option<&Site>) -> Answer {
        let text = self.words.say.not_enrolled(name, site.map(Site::title));
        let who = self.words.say.signed_in_as(name);
        self.answer(StatusCode::FORBIDDEN, &NotEnrolledPage { frame: self.frame(), text, who, flow }, site)
    }

    /// Somebody does not get on now, and may be somebody else, or do something else first.
    #[must_use]
    pub fn not_now(self, title: &str, text: &str, name: &str, action: Option<Action>) -> Answer {
        let who = Some(self.words.say.signed_in_as(name));
        let page = MessagePage { frame: self.frame(), title, text, action, request: None, who };
        self.answer(StatusCode::FORBIDDEN, &page, None)
    }

    /// Where a signed-in person is.
    #[must_use]
    pub fn home<'b>(self, known: &Known, sites: impl Iterator<Item = &'b Site>, token: &str) -> Answer {
        let sites = sites
            .map(|site| SiteLink {
                title: site.title(),
                host: site.host(),
                href: format!("{}/", site.origin()),
            })
            .collect();
        let who = self.words.say.as_somebody(known.name());
        let may_enrol = !known.is_enrolled();
        let operates = known.operates();
        let page = HomePage { frame: self.frame(), who, sites, token, may_enrol, operates };
        self.answer(StatusCode::OK, &page, None)
    }

    /// What a person should learn before they go on.
    #[must_use]
    pub fn notices(self, notices: Vec<String>, flow: &str) -> Answer {
        self.answer(StatusCode::OK, &NoticesPage { frame: self.frame(), notices, flow }, None)
    }

    /// From an app's own login on to the code.
    #[must_use]
    pub fn onwards(self, address: &str) -> Answer {
        let (title, text) = (self.words.code, self.words.one_moment_text);
        self.answer(StatusCode::OK, &OnwardsPage { frame: self.frame(), title, text, address }, None)
    }

    /// From the code on to the app, over a page of its site.
    #[must_use]
    pub fn arrived(self, address: &str, site: &Site) -> Answer {
        let text = self.words.say.arrived(site.title());
        let page = OnwardsPage { frame: self.frame(), title: site.title(), text: &text, address };
        self.answer(StatusCode::OK, &page, None)
    }

    /// "Really?"
    #[must_use]
    pub fn sign_out(self, name: &str, token: &str) -> Answer {
        let who = self.words.say.signed_in_as(name);
        self.answer(StatusCode::OK, &SignOutPage { frame: self.frame(), who, token }, None)
    }

    /// A title, a sentence or two, and perhaps one thing to do.
    #[must_use]
    pub fn message(
        self,
        status: StatusCode,
        title: &str,
        text: &str,
        action: Option<Action>,
        request: Option<&Nonce>,
    ) -> Answer {
        let request = request.map(Nonce::to_string);
        self.answer(
            status,
            &MessagePage { frame: self.frame(), title, text, action, request, who: None },
            None,
        )
    }
}
