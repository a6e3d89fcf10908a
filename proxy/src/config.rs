//! The gate's configuration, checked in one go: a value of [`Config`] can be run.
//!
//! Opens no socket and resolves no name. `packaging/gate.toml` is the commented example; a test loads it.

mod certificates;
mod limits;
mod listen;
mod upstream;

pub use limits::Limits;
pub use upstream::{Upstream, UpstreamTls, roots};

use std::path::{Path, PathBuf};
use std::time::Duration;

use twofold_shared::client::DEFAULT_SOCKET;
use twofold_shared::config::{At, Mistakes, Table, load};

#[cfg(test)]
use crate::app_login::Form;
use crate::assertion::{Key, KeyError};
use crate::client::Trusted;
use crate::config::certificates::Certificates;
use crate::config::listen::Listeners;
use crate::directory::Directory;
use crate::directory::config::Declared;
use crate::enrolment::{self, Enrolments};
use crate::first_factor::{self, FirstFactor};
use crate::host::Host;
use crate::origin::Origin;
use crate::rules::{self, Rule, Rules};
use crate::tls::certificate::Pair;

/// Everything that the gate does, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it listens, and how.
    pub listeners: Listeners,
    /// `[[certificate]]`: what `listen_tls` shows; each host is covered by one of them.
    pub certificates: Vec<Pair>,
    /// What a client may take of the gate.
    pub limits: Limits,
    /// `hsts`: how long browsers come over https alone; up to 1000 days, default 365 days, 0 s for not at all.
    pub hsts: Duration,
    /// `portal`: the origin of the sign-in pages, on a host of its own.
    pub portal: Origin,
    /// `product`: what the pages call this service. Default `Twofold`.
    pub product: String,
    /// `authority`: the authority's socket. Default `/run/twofold/authority.sock`.
    pub authority: PathBuf,
    /// `blind`: how long known sessions live on when the authority falls silent; 2 s to 10 min, default 60 s.
    pub blind: Duration,
    /// `trusted_proxies`: addresses and networks of proxies in front, which may say where their clients are. Default
    /// none.
    pub trusted: Trusted,
    /// `assertion_key`: where the key is that signs assertions; made at the first start, if a site wants any.
    pub assertion_key: PathBuf,
    /// `[[rule]]`: who may pass where, in order. Default none: a second factor for everything.
    pub rules: Vec<Rule>,
    /// `[[enrolment]]`: what becomes of people without a second factor. Default none: they set one up first.
    pub enrolments: Vec<enrolment::Rule>,
    /// `[[directory]]`: LDAP servers that check passwords. Default none.
    pub directories: Vec<Directory>,
    /// `portal_directory`: the realm of the one that the portal's own page asks. Default: the ledger's passwords.
    pub portal_directory: Option<String>,
    /// `[[site]]`: the protected apps, at least one.
    pub sites: Vec<SiteConfig>,
}

/// One protected app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteConfig {
    /// `origin`: where browsers find it.
    pub origin: Origin,
    /// `upstream`: where the gate finds it.
    pub upstream: Upstream,
    /// `max_body`: the longest body that it is sent, in bytes. Default 1 GiB; `None` is without end.
    pub max_body: Option<u64>,
    /// `title`: what people call it. Default: its host.
    pub title: String,
    /// `path_parameters`: the app cuts path segments at `;`, as Java's servlets do. Default false: `;` is refused.
    pub path_parameters: bool,
    /// `ignore_case`: the app takes `/Admin` for `/admin`, and so do its rules. Default false.
    pub ignore_case: bool,
    /// Its rules, in their order.
    pub rules: Rules,
    /// What becomes of people without a second factor here.
    pub enrolments: Enrolments,
    /// `first_factor`, with the table of the same name: where the first factor comes from.
    pub first_factor: FirstFactor,
    /// `create`: people whom the first factor knows and the ledger does not may have an account made. Default false.
    pub create: bool,
    /// `assertion`: the app gets `X-Twofold-Assertion`, signed. Default false.
    pub assertion: bool,
    /// `trusted_browsers`: how long a person may have a browser need no code; up to 90 days, default 0 s: never.
    pub trusted_browsers: Option<Duration>,
    /// `forward_authorization`: the app gets the client's `Authorization` header. Default false: it is stripped.
    pub forward_authorization: bool,
}

#[cfg(test)]
impl SiteConfig {
    /// How the app's own login page works, where that is the first factor.
    #[must_use]
    pub fn form(&self) -> Option<&Form> {
        match &self.first_factor {
            FirstFactor::Form(form) => Some(form),
            FirstFactor::Password
            | FirstFactor::Directory(_)
            | FirstFactor::Basic(_)
            | FirstFactor::Header(_)
            | FirstFactor::Code(_) => None,
        }
    }
}

const ASSERTION_KEY: &str = "/var/lib/twofold-gate/assertion.pem";
const BLIND_LEAST: Duration = Duration::from_secs(2);
const BLIND_MOST: Duration = Duration::from_secs(600);
const BLIND: Duration = Duration::from_secs(60);
const TRUST_MOST: Duration = Duration::from_secs(90 * 24 * 60 * 60);
const HSTS: Duration = Duration::from_secs(365 * 24 * 60 * 60);
const HSTS_MOST: Duration = Duration::from_secs(1000 * 24 * 60 * 60);

impl Config {
    /// The hosts of the portal and of all sites.
    #[must_use]
    pub fn hosts(&self) -> Vec<Host> {
        let sites = self.sites.iter().map(|site| site.origin.host());
        std::iter::once(self.portal.host()).chain(sites).cloned().collect()
    }

    /// Reads and checks `file`.
    ///
    /// # Errors
    /// [`Mistakes`]: all of them.
    pub fn load(file: &Path) -> Result<Self, Mistakes> {
        load(file, check)
    }
}

/// Builds the configuration from the file's table; `None` only after a mistake was noted.
pub fn check(table: &mut Table<'_>) -> Option<Config> {
    let trusted = Trusted::new(rules::networks(table, "trusted_proxies"));
    let listeners = Listeners::read(table, &trusted);
    let certificates = Certificates::read(table, &listeners);
    let limits = Limits::read(table);
    let hsts = table.duration("hsts", Duration::ZERO..=HSTS_MOST).map_or(HSTS, |hsts| hsts.value);
    let portal = origin(table, "portal", "\"https://id.example.com\"");
    let product = table.text("product").and_then(|text| text.check(title));
    let product = product.map_or_else(|| "Twofold".to_owned(), |product| product.value);
    let authority = table.path("authority").map_or_else(|| DEFAULT_SOCKET.into(), |path| path.value);
    let blind = table.duration("blind", BLIND_LEAST..=BLIND_MOST).map_or(BLIND, |blind| blind.value);
    let mut declared = Declared::read(table);
    let portal_directory = declared.choose(table, "portal_directory").map(|realm| realm.value);
    let place = table.place().clone();
    let mut origins: Vec<At<Origin>> = portal.iter().cloned().collect();
    let mut sites = Vec::new();
    let mut complete = true;
    for mut table in table.tables("site") {
        let Some((origin, site)) = site(&mut table, &trusted, &mut declared) else {
            complete = false;
            continue;
        };
        if let Some(same) = origins.iter().find(|other| other.host() == origin.host()) {
            origin.place.mistake(format!(
                "is on the same host as the origin in line {}: cookies don't tell ports apart, so the portal and each \
                 site need a host of their own",
                same.place.line()
            ));
        }
        if portal.as_ref().is_some_and(|portal| portal.is_secure() != origin.is_secure()) {
            origin
                .place
                .mistake("must have the portal's scheme: both https, or both http on localhost names");
        }
        if listeners.contains(site.upstream.address) {
            origin.place.mistake("has the gate itself as its upstream");
        }
        origins.push(origin);
        sites.push(site);
    }
    let directories = declared.finish();
    for origin in &origins {
        listeners.judge(origin);
        certificates.judge(origin, &listeners);
    }
    if complete && sites.is_empty() {
        place.mistake("needs at least one [[site]] with origin, upstream and first_factor");
    }
    let wants_key = sites.iter().any(|site| site.assertion);
    let assertion_key = assertion_key(table, wants_key);
    let groups = groups(table);
    let hosts: Vec<Host> = sites.iter().map(|site| site.origin.host().clone()).collect();
    let rules = rules::rules(table, &hosts, &groups);
    let enrolments = {
        let all: Vec<Host> = portal.iter().map(|portal| portal.host().clone()).chain(hosts).collect();
        enrolment::read(table, &all, &groups)
    };
    for site in &mut sites {
        site.enrolments = Enrolments::of_host(&enrolments, site.origin.host());
        site.rules = Rules::of_host(&rules, site.origin.host(), site.ignore_case);
    }
    let certificates = certificates.pairs;
    Some(Config {
        listeners,
        certificates,
        limits,
        hsts,
        portal: portal?.value,
        product,
        authority,
        blind,
        trusted,
        assertion_key,
        rules,
        enrolments,
        directories,
        portal_directory,
        sites,
    })
}

/// `assertion_key`: judged where it is wanted and there is one. Whose the file may be depends on who the gate runs as,
/// which is not always who checks.
fn assertion_key(table: &mut Table<'_>, is_wanted: bool) -> PathBuf {
    let place = table.place().clone();
    let file = table.path("assertion_key").unwrap_or(At { value: ASSERTION_KEY.into(), place });
    if is_wanted && Key::read(&file).err() == Some(KeyError::Odd) {
        file.place.mistake(format!("{} {}", file.display(), KeyError::Odd));
    }
    file.value
}

/// `groups`: the groups of the ledger that rules may name, so that a typing mistake is one.
fn groups(table: &mut Table<'_>) -> Vec<String> {
    let odd = "must be a group's name: no comma, no space, at most 64 characters";
    let fits = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
    };
    let check = |text: String| if fits(&text) { Ok(text) } else { Err(odd.to_owned()) };
    table.texts("groups").into_iter().filter_map(|text| text.check(check)).map(|group| group.value).collect()
}

fn origin(table: &mut Table<'_>, key: &str, example: &str) -> Option<At<Origin>> {
    let origin = table.text(key).and_then(|text| text.check(|text| Origin::parse(&text)));
    table.need(key, origin, example)
}

fn site(
    table: &mut Table<'_>,
    trusted: &Trusted,
    declared: &mut Declared,
) -> Option<(At<Origin>, SiteConfig)> {
    let origin = origin(table, "origin", "\"https://wiki.example.com\"");
    let upstream = Upstream::read(table);
    let max_body = limits::max_body(table);
    let host = origin.as_ref().map(|origin| origin.host());
    let first_factor = first_factor::config::read(table, host, trusted, declared);
    let title = table.text("title").and_then(|text| text.check(title));
    let path_parameters = table.boolean("path_parameters").is_some_and(|at| at.value);
    let ignore_case = table.boolean("ignore_case").is_some_and(|at| at.value);
    let create = table.boolean("create").filter(|create| create.value);
    let assertion = table.boolean("assertion").is_some_and(|at| at.value);
    let trusted_browsers = table.duration("trusted_browsers", Duration::ZERO..=TRUST_MOST).map(|at| at.value);
    let forward_authorization = table.boolean("forward_authorization");
    let (origin, upstream, first_factor) = (origin?, upstream?, first_factor?);
    if let (FirstFactor::Basic(_), Some(forward)) = (&first_factor, &forward_authorization) {
        forward.place.mistake(
            "is not read with first_factor = \"basic\": what was checked reaches the app, and nothing else",
        );
    }
    if let Some(create) = &create
        && let Some(why) = first_factor.why_not_create()
    {
        create.place.mistake(why);
    }
    let forward_authorization = forward_authorization.is_some_and(|at| at.value);
    let title = title.map_or_else(|| origin.host().to_string(), |title| title.value);
    let site = SiteConfig {
        origin: origin.value.clone(),
        upstream,
        max_body,
        title,
        path_parameters,
        ignore_case,
        rules: Rules::default(),
        enrolments: Enrolments::default(),
        first_factor,
        create: create.is_some(),
        assertion,
        trusted_browsers: trusted_browsers.filter(|age| !age.is_zero()),
        forward_authorization,
    };
    Some((origin, site))
}

fn title(text: String) -> Result<String, String> {
    let fits = (1..=60).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.trim().to_owned()) } else { Err("must have 1 to 60 characters".to_owned()) }
}

#[cfg(test)]
mod tests {
    use twofold_shared::config::read;

    use super::*;

    const GOOD: &str = r#"
        portal = "http://id.localhost:8480"
        [[site]]
        origin = "http://wiki.localhost:8480"
        upstream = "127.0.0.1:8481"
        first_factor = "password"
    "#;

    fn parse(text: &str) -> Result<Config, Mistakes> {
        read(Path::new("gate.toml"), text, check)
    }

    fn mistake(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn the_least_file_has_defaults() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.listeners.plain, ["127.0.0.1:8480".parse().unwrap()]);
        assert_eq!(config.authority, Path::new(DEFAULT_SOCKET));
        assert_eq!(config.blind, BLIND);
        let site = config.sites.first().unwrap();
        assert_eq!(site.title, "wiki.localhost");
        assert!(!site.path_parameters && !site.forward_authorization);
    }

    #[test]
    fn the_packaged_example_can_be_used() {
        let text = include_str!("../../packaging/gate.toml");
        let config = parse(text).unwrap();
        assert_eq!(config.portal.to_string(), "https://id.example.com");
        // Commented-out keys are the defaults; with all of them written out the file says the same.
        let written: String =
            text.lines().map(|line| format!("{}\n", line.strip_prefix("#= ").unwrap_or(line))).collect();
        assert_ne!(written, text);
        assert_eq!(parse(&written).unwrap(), config);
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let all = mistake(
            "listen = [\"0.0.0.0:80\"]\nportal = \"http://id.example.com\"\nblind = 60\nblnd = 1\n[[site]]\norigin = \"wiki\"\nupstream = \"wiki\"\n",
        );
        for part in [
            "gate.toml:1",
            "loopback",
            "gate.toml:2",
            "https",
            "gate.toml:3",
            "gate.toml:4",
            "did you mean `blind`",
            "gate.toml:6",
            "gate.toml:7",
            "first_factor",
        ] {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
    }

    #[test]
    fn the_portal_needs_a_host_of_its_own() {
        assert!(mistake(&GOOD.replace("id.localhost:8480", "wiki.localhost:8490")).contains("same host"));
        let twice = format!(
            "{GOOD}{}",
            GOOD.split_once("[[site]]").map(|(_, site)| format!("[[site]]{site}")).unwrap()
        );
        assert!(mistake(&twice).contains("same host"));
        assert!(
            mistake(&GOOD.replace("http://id.localhost:8480", "https://id.localhost:8480"))
                .contains("scheme")
        );
    }

    #[test]
    fn each_host_needs_a_certificate_that_covers_it() {
        let folder = tempfile::tempdir().unwrap();
        let pair =
            crate::tls::certificate::tests::write(folder.path(), "a", &["id.localhost", "wiki.localhost"]);
        let secure = |portal: &str, chain: &Path| {
            let good =
                GOOD.replace("http://id.localhost:8480", portal).replace("http://wiki", "https://wiki");
            format!(
                "listen_tls = [\"0.0.0.0:443\"]\n{good}[[certificate]]\nchain = \"{}\"\nkey = \"{}\"\n",
                chain.display(),
                pair.key.display()
            )
        };
        let config = parse(&secure("https://id.localhost", &pair.chain)).unwrap();
        assert!(config.listeners.plain.is_empty() && config.certificates == [pair.clone()]);
        let text = secure("https://login.localhost", &pair.chain);
        let line = 1 + text.lines().position(|line| line.contains("portal")).unwrap();
        assert!(
            mistake(&text)
                .contains(&format!("gate.toml:{line}: portal: no [[certificate]] covers login.localhost"))
        );
        assert!(
            mistake(&secure("https://id.localhost", &pair.key))
                .contains("certificate.1.chain: holds no certificate")
        );
        assert!(mistake(&secure("http://id.localhost", &pair.chain)).contains("because there is listen_tls"));
        assert!(
            mistake(&format!("listen_tls = [\"0.0.0.0:443\"]\n{GOOD}")).contains("needs a [[certificate]]")
        );
        let unused = secure("https://id.localhost", &pair.chain).replace("listen_tls", "listen");
        assert!(mistake(&unused.replace("0.0.0.0:443", "127.0.0.1:443")).contains("there is no listen_tls"));
        let twice = secure("https://id.localhost", &pair.chain)
            .replace("0.0.0.0:443\"", "0.0.0.0:443\", \"0.0.0.0:443\"");
        assert!(mistake(&twice).contains("listen_tls.2: is listened on twice"));
    }

    #[test]
    fn what_could_not_work_is_refused() {
        assert!(mistake("portal = \"http://id.localhost:8480\"").contains("at least one [[site]]"));
        assert!(mistake(&GOOD.replace("127.0.0.1:8481", "127.0.0.1:8480")).contains("itself"));
        assert!(mistake(&GOOD.replace("\"password\"", "\"ldap\"")).contains("must be one of password, form"));
        assert!(mistake(&GOOD.replace("127.0.0.1:8481", "localhost:8481")).contains("address with a port"));
        for (line, why) in [
            ("ops = \"0.0.0.0:9480\"", "ops: must be a loopback address"),
            ("ops = \"127.0.0.1:8480\"\nlisten = [\"127.0.0.1:8480\"]", "ops: is listened on twice"),
            ("redirect_http = [\"0.0.0.0:80\"]", "because there is redirect_http"),
            ("header_timeout = \"1h\"", "header_timeout: must be between"),
            ("max_connections = 0", "max_connections: must be between"),
            ("hsts = \"9999days\"", "hsts: must be between"),
        ] {
            let all = mistake(&format!("{line}\n{GOOD}"));
            assert!(all.contains(why), "{why} is missing in:\n{all}");
        }
        for (line, why) in [
            ("upstream_name = \"app.internal\"", "upstream_name: is used by nobody"),
            ("upstream_ca = \"/nowhere\"", "upstream_ca: cannot be opened"),
            ("max_body = \"1 GB\"", "max_body: must be a size"),
            ("trusted_browsers = \"91days\"", "trusted_browsers: must be between"),
            ("trusted_browsers = 30", "trusted_browsers: "),
            ("create = true", "create: is for first factors of an app"),
            ("create = \"yes\"", "create: "),
        ] {
            let all = mistake(&format!("{GOOD}{line}\n"));
            assert!(all.contains(why), "{why} is missing in:\n{all}");
        }
        let key = "assertion_key = \"/dev/null\"\n";
        assert!(parse(&format!("{key}{GOOD}assertion = true\n")).is_ok());
        let folder = tempfile::tempdir().unwrap();
        let file = crate::tls::certificate::tests::write(folder.path(), "a", &["a"]).chain;
        let text =
            format!("{}{GOOD}assertion = true\n", key.replace("/dev/null", &file.display().to_string()));
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert!(mistake(&text).contains("holds no P-256 key"));
    }
}
