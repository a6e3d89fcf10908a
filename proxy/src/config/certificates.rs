//! `[[certificate]]`: read and judged here as the gate will use them, so that a wrong one is a mistake with its line.

use twofold_shared::config::{At, Table};

use crate::config::listen::Listeners;
use crate::origin::Origin;
use crate::tls::certificate::{Certificate, Pair, Unusable};

/// What the file names, and what was found there.
#[derive(Debug, Default)]
pub struct Certificates {
    /// The files, in their order.
    pub pairs: Vec<Pair>,
    usable: Vec<Certificate>,
    is_complete: bool,
}

impl Certificates {
    /// Reads the tables and the files that they name.
    pub fn read(table: &mut Table<'_>, listeners: &Listeners) -> Self {
        let mut found = Self { is_complete: true, ..Self::default() };
        let place = table.place().clone();
        for mut table in table.tables("certificate") {
            if listeners.tls.is_empty() {
                table.place().mistake("is used by nobody: there is no listen_tls");
            }
            match certificate(&mut table) {
                Some((pair, usable)) => {
                    found.pairs.push(pair);
                    found.usable.push(usable);
                }
                None => found.is_complete = false,
            }
        }
        if !listeners.tls.is_empty() && found.pairs.is_empty() && found.is_complete {
            place.mistake("listen_tls needs a [[certificate]] with chain and key");
            found.is_complete = false;
        }
        found
    }

    /// Reports an origin that no certificate is for.
    pub fn judge(&self, origin: &At<Origin>, listeners: &Listeners) {
        if listeners.tls.is_empty() || !self.is_complete || !origin.is_secure() {
            return;
        }
        if !self.usable.iter().any(|certificate| certificate.covers(origin.host())) {
            origin.place.mistake(format!("no [[certificate]] covers {}", origin.host()));
        }
    }
}

fn certificate(table: &mut Table<'_>) -> Option<(Pair, Certificate)> {
    let chain = table.path("chain");
    let chain = table.need("chain", chain, "\"/etc/twofold/tls/fullchain.pem\"");
    let key = table.path("key");
    let key = table.need("key", key, "\"/etc/twofold/tls/privkey.pem\"");
    let (chain, key) = (chain?, key?);
    let pair = Pair { chain: chain.value, key: key.value };
    match Certificate::load(&pair) {
        Ok(usable) => Some((pair, usable)),
        Err(why) => {
            let place = match why {
                Unusable::Chain(_) => chain.place,
                Unusable::Key(_) => key.place,
            };
            place.mistake(why.to_string());
            None
        }
    }
}
