//! Who may pass where. The default, and so far the only rule: a second factor for everything.
//!
//! A [`Pass`] is the only proof that a request may be forwarded. It is minted here and nowhere else, from a session
//! verdict that the authority gave; without one [`crate::gate`] names no upstream.

use std::sync::Arc;

use twofold_shared::wire::Level;

use crate::session::Known;
use crate::site::Site;

/// Proof that this request may be forwarded to this site.
#[derive(Debug)]
#[must_use = "a pass that nobody looks at lets nobody through"]
pub struct Pass {
    site: Arc<Site>,
    known: Arc<Known>,
}

impl Pass {
    /// Where to.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Whose.
    #[must_use]
    pub fn known(&self) -> &Known {
        &self.known
    }
}

/// Decides whether `known` may go on to `site`.
#[must_use]
pub fn decide(site: &Arc<Site>, known: Arc<Known>) -> Option<Pass> {
    match known.level() {
        Level::Second => Some(Pass { site: Arc::clone(site), known }),
        Level::First => None,
    }
}
