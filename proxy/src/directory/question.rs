//! One question to a directory: whose name and password are these?

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use ldap3::{Ldap, LdapError, Scope, SearchEntry, SearchOptions};
use twofold_shared::secret::SecretText;
use unicode_normalization::UnicodeNormalization;

use super::{Away, Open, People, Search, Shared, Verdict, away, connection};
use crate::first_factor::guesses::Guess;

/// Result codes (RFC 4511, appendix A).
mod code {
    pub const SUCCESS: u32 = 0;
    pub const SIZE_LIMIT_EXCEEDED: u32 = 4;
    pub const CONSTRAINT_VIOLATION: u32 = 19;
    pub const NO_SUCH_OBJECT: u32 = 32;
    pub const INVALID_DN_SYNTAX: u32 = 34;
    pub const INAPPROPRIATE_AUTHENTICATION: u32 = 48;
    pub const INVALID_CREDENTIALS: u32 = 49;
    pub const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;
    pub const UNWILLING_TO_PERFORM: u32 = 53;
}

/// With these a directory says no to a person: wrong, locked, disabled, or no password at all.
const NO: [u32; 7] = [
    code::CONSTRAINT_VIOLATION,
    code::NO_SUCH_OBJECT,
    code::INVALID_DN_SYNTAX,
    code::INAPPROPRIATE_AUTHENTICATION,
    code::INVALID_CREDENTIALS,
    code::INSUFFICIENT_ACCESS_RIGHTS,
    code::UNWILLING_TO_PERFORM,
];

/// Why a directory decided nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Its address or the connection.
    #[error("it cannot be reached: {0}")]
    Unreachable(std::io::Error),
    /// TLS, or its certificate.
    #[error("it is not who it should be, or speaks no TLS that is safe: {0}")]
    Tls(std::io::Error),
    /// It takes no StartTLS.
    #[error("it does not take StartTLS")]
    StartTls,
    /// What it said is no LDAP.
    #[error("it cannot be understood: {0}")]
    Odd(#[from] LdapError),
    /// It answered something else than yes and no.
    #[error("{what} ended with LDAP result {result}")]
    Result {
        /// What was asked.
        what: &'static str,
        /// The code.
        result: u32,
    },
    /// The entry does not say what its person's name is.
    #[error(
        "the password was right, but the entry has not exactly one {0} that can be read: check name_attribute, and that \
         people may read it"
    )]
    Nameless(String),
    /// It took too long.
    #[error("it did not answer in time")]
    Late,
    /// No randomness.
    #[error("the kernel gives no randomness")]
    Randomness,
}

/// A name and a password, and whom to ask about them.
pub struct Question {
    pub(super) open: Arc<Open>,
    pub(super) shared: Arc<Shared>,
    /// As it was typed, without the space around it.
    pub(super) name: String,
    pub(super) password: SecretText,
    pub(super) address: Option<IpAddr>,
}

/// A person's entry.
struct Entry {
    dn: String,
    /// The values of the attribute that names the person.
    names: Vec<String>,
}

/// What is asked about, without the space around it; none where no directory could know it. Whatever cannot be a name in
/// the ledger is not asked about.
pub fn searchable(typed: &str) -> Option<String> {
    let name = typed.trim();
    let fits =
        (1..=128).contains(&name.len()) && !name.contains(['/', ':']) && !name.chars().any(char::is_control);
    fits.then(|| name.to_owned())
}

/// What directories may take for the same name is counted as the same: they ignore case, width, and spaces (RFC 4518).
fn counted(name: &str) -> String {
    let folded: String = name.nfkc().collect::<String>().to_lowercase().nfkc().collect();
    folded
        .chars()
        .filter(|character| character.is_alphanumeric() || character.is_ascii_punctuation())
        .collect()
}

impl Question {
    /// Asks it, within the directory's time. Guesses are counted, and the log says why nothing was decided.
    pub async fn ask(self) -> Result<Verdict, Away> {
        let now = || self.shared.clock.millis();
        let guess = self.guess(&counted(&self.name));
        if let Err(seconds) = self.shared.guesses.begin(&guess, now()) {
            return Ok(Verdict::Wait(seconds));
        }
        let asked = tokio::time::timeout(self.open.directory.timeout, self.decide()).await;
        match asked.unwrap_or(Err(Failed::Late)) {
            Ok(verdict) => {
                if let Verdict::Right(_) = verdict {
                    self.shared.guesses.was_right(&guess, now());
                }
                Ok(verdict)
            }
            Err(why) => {
                self.shared.guesses.was_not_judged(&guess);
                Err(away(&self.open.directory.realm, &why.to_string()))
            }
        }
    }

    fn guess(&self, name: &str) -> Guess {
        Guess::new(&self.shared.key, &self.open.directory.realm, name, self.address)
    }

    async fn decide(&self) -> Result<Verdict, Failed> {
        let mut ldap = connection::open(&self.open).await?;
        match &self.open.directory.people {
            People::Direct(template) => {
                let dn = template.of(&self.name);
                if !self.binds(&mut ldap, &dn).await? {
                    return Ok(Verdict::Wrong);
                }
                let options = SearchOptions::new().sizelimit(2);
                let read = self.find(&mut ldap, &dn, Scope::Base, "(objectClass=*)", options).await;
                match read?.as_slice() {
                    [entry] => self.named(entry),
                    _ => Err(self.nameless()),
                }
            }
            People::Search(search) => self.search_and_bind(&mut ldap, search).await,
        }
    }

    async fn search_and_bind(&self, ldap: &mut Ldap, search: &Search) -> Result<Verdict, Failed> {
        let result = ldap.simple_bind(&search.bind_dn, search.bind_password.reveal()).await?.rc;
        if result != code::SUCCESS {
            return Err(Failed::Result { what: "the bind of bind_dn", result });
        }
        let filter = search.filter.of(&self.name);
        let options = SearchOptions::new().sizelimit(2);
        let found = self.find(ldap, &search.base, Scope::Subtree, &filter, options).await?;
        let [entry] = found.as_slice() else {
            if found.len() > 1 {
                log::warn!("the directory {} has several entries for one name", self.open.directory.realm);
            }
            return self.bind_as_nobody(ldap, search).await;
        };
        if entry.dn.trim().is_empty() {
            return self.bind_as_nobody(ldap, search).await;
        }
        // One entry may have several names: guesses at it are counted together.
        let guess = self.guess(&format!("entry {}", counted(&entry.dn))).of_name_alone();
        if let Err(seconds) = self.shared.guesses.begin(&guess, self.shared.clock.millis()) {
            return Ok(Verdict::Wait(seconds));
        }
        let is_right =
            self.binds(ldap, &entry.dn).await.inspect_err(|_| self.shared.guesses.was_not_judged(&guess));
        if !is_right? {
            return Ok(Verdict::Wrong);
        }
        self.shared.guesses.was_right(&guess, self.shared.clock.millis());
        self.named(entry)
    }

    /// Where nobody was found: the same work as for a wrong password, and the same answer.
    async fn bind_as_nobody(&self, ldap: &mut Ldap, search: &Search) -> Result<Verdict, Failed> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(|_| Failed::Randomness)?;
        let dn = format!("cn={},{}", HEXLOWER.encode(&bytes), search.base);
        self.binds(ldap, &dn).await.map(|_| Verdict::Wrong)
    }

    /// Whether the directory takes the password for this entry's.
    async fn binds(&self, ldap: &mut Ldap, dn: &str) -> Result<bool, Failed> {
        let result = ldap.simple_bind(dn, self.password.reveal()).await?.rc;
        match result {
            code::SUCCESS => Ok(true),
            no if NO.contains(&no) => {
                log::debug!("the directory {} refused a bind with result {no}", self.open.directory.realm);
                Ok(false)
            }
            _ => Err(Failed::Result { what: "a person's bind", result }),
        }
    }

    /// At most the two entries that a search finds; one too many is enough to know. Referrals are left where they are.
    async fn find(
        &self,
        ldap: &mut Ldap,
        base: &str,
        scope: Scope,
        filter: &str,
        options: SearchOptions,
    ) -> Result<Vec<Entry>, Failed> {
        let attribute = self.open.directory.name_attribute.as_str();
        let found = ldap.with_search_options(options).search(base, scope, filter, [attribute]).await?;
        let result = found.1.rc;
        let is_cut = result == code::SIZE_LIMIT_EXCEEDED && found.0.len() > 1;
        if result != code::SUCCESS && !is_cut {
            return Err(Failed::Result { what: "the search", result });
        }
        let entries = found.0.into_iter().take(2).map(SearchEntry::construct);
        Ok(entries
            .map(|entry| {
                let of_ours =
                    entry.attrs.into_iter().filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
                Entry { dn: entry.dn, names: of_ours.flat_map(|(_, values)| values).collect() }
            })
            .collect())
    }

    fn named(&self, entry: &Entry) -> Result<Verdict, Failed> {
        match entry.names.as_slice() {
            [name] => Ok(Verdict::Right(name.clone())),
            _ => Err(self.nameless()),
        }
    }

    fn nameless(&self) -> Failed {
        Failed::Nameless(self.open.directory.name_attribute.clone())
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_that_a_directory_takes_for_one_name_are_counted_as_one() {
        for spelling in
            ["alice", "ALICE", "a  lice", "ａｌｉｃｅ", "al\u{ad}ice", "alice\u{200b}", "a\u{3000}lice"]
        {
            assert_eq!(counted(spelling), "alice", "{spelling:?}");
        }
        assert_ne!(counted("bob"), counted("alice"));
        assert_eq!(counted("uid=Alice, ou=people"), counted("uid=alice,ou=people"));
    }

    #[test]
    fn what_no_ledger_could_know_is_not_asked_about() {
        assert_eq!(searchable(" Alice "), Some("Alice".to_owned()));
        for odd in ["", "  ", "a/b", "local:alice", "a\0", "a\nb", &"a".repeat(129)] {
            assert_eq!(searchable(odd), None, "{odd:?}");
        }
    }
}
