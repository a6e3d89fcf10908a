//! What an API key may be used for, ready for the hot path. A request needs a fit in each part.

use http::Method;
use ipnet::IpNet;
use twofold_shared::wire::ApiKeyGrant;

use crate::rules::{Asked, PathPattern, is_in_networks, is_method};
use crate::site::Site;

/// Sites, paths, methods and networks. Without sites it covers nothing; the other lists cover all when they are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    sites: Vec<Box<str>>,
    paths: Vec<PathPattern>,
    /// The same for apps that take `/Admin` for `/admin`.
    lower_paths: Vec<PathPattern>,
    methods: Vec<Method>,
    networks: Vec<IpNet>,
}

impl Grant {
    /// Reads what the authority said.
    ///
    /// # Errors
    /// A sentence, when a part cannot be read: leaving it out could widen the grant.
    pub fn parse(granted: &ApiKeyGrant) -> Result<Self, String> {
        let paths: Vec<PathPattern> =
            granted.paths.iter().map(|text| PathPattern::parse(text)).collect::<Result<_, _>>()?;
        let method = |text: &String| Method::from_bytes(text.as_bytes()).map_err(|why| why.to_string());
        let network = |text: &String| text.parse::<IpNet>().map_err(|why| why.to_string());
        Ok(Self {
            sites: granted.sites.iter().map(|site| site.as_str().into()).collect(),
            lower_paths: paths.iter().map(PathPattern::in_lower_case).collect(),
            paths,
            methods: granted.methods.iter().map(method).collect::<Result<_, _>>()?,
            networks: granted.networks.iter().map(network).collect::<Result<_, _>>()?,
        })
    }

    /// Whether a request to `site` is covered.
    #[must_use]
    pub fn covers(&self, site: &Site, asked: &Asked<'_>) -> bool {
        let paths = if site.ignores_case() { &self.lower_paths } else { &self.paths };
        self.sites.iter().any(|own| **own == *site.host())
            && (paths.is_empty() || paths.iter().any(|pattern| pattern.matches(asked.path)))
            && (self.methods.is_empty() || is_method(&self.methods, asked.method))
            && (self.networks.is_empty() || is_in_networks(&self.networks, asked.address))
    }
}
