//! What is counted, for Prometheus. Labels come from short lists of our own words: nothing that a client says becomes one.

use std::time::Duration;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::session::Sight;

/// Seconds: from what a page out of memory takes to what a report does.
const BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// All counters of the gate.
pub struct Metrics {
    registry: Registry,
    passed: IntCounter,
    decisions: IntCounterVec,
    second_factor: IntCounterVec,
    requests: Histogram,
    sight: IntGaugeVec,
    sessions: IntGauge,
    connections: IntGauge,
    under_way: IntGauge,
    certificate_ends: IntGauge,
}

/// What is looked up when somebody asks, and not counted.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// How well the gate sees.
    pub sight: Sight,
    /// Sessions that it knows.
    pub sessions: usize,
    /// Connections of clients.
    pub connections: usize,
    /// Requests under way.
    pub under_way: usize,
    /// When the first certificate ends, in seconds of Unix time; 0 without TLS.
    pub certificate_ends: i64,
}

impl Metrics {
    /// Everything at zero.
    ///
    /// # Errors
    /// When two of them had one name.
    pub fn new() -> prometheus::Result<Self> {
        let decisions = IntCounterVec::new(
            Opts::new("twofold_authz_total", "Requests to sites, by what the gate decided."),
            &["decision"],
        )?;
        let requests =
            HistogramOpts::new("twofold_request_seconds", "How long requests took, the app's part included.");
        let gauge = |name, help| IntGauge::new(name, help);
        let metrics = Self {
            registry: Registry::new(),
            passed: decisions.with_label_values(&["pass"]),
            decisions,
            second_factor: IntCounterVec::new(
                Opts::new(
                    "twofold_second_factor_total",
                    "Codes that were given, by kind and what became of them.",
                ),
                &["kind", "outcome"],
            )?,
            requests: Histogram::with_opts(requests.buckets(BUCKETS.to_vec()))?,
            sight: IntGaugeVec::new(
                Opts::new(
                    "twofold_sight",
                    "Whether the authority's watch is heard: 1 for the state that is.",
                ),
                &["state"],
            )?,
            sessions: gauge("twofold_sessions_known", "Sessions that the gate remembers.")?,
            connections: gauge("twofold_connections", "Connections of clients.")?,
            under_way: gauge("twofold_requests_under_way", "Requests that are being answered.")?,
            certificate_ends: gauge(
                "twofold_certificate_ends_seconds",
                "When the first of the gate's certificates ends, in seconds of Unix time; 0 without TLS.",
            )?,
        };
        let build = IntGaugeVec::new(Opts::new("twofold_build_info", "Always 1."), &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        metrics.register(build)?;
        Ok(metrics)
    }

    fn register(&self, build: IntGaugeVec) -> prometheus::Result<()> {
        self.registry.register(Box::new(build))?;
        self.registry.register(Box::new(self.decisions.clone()))?;
        self.registry.register(Box::new(self.second_factor.clone()))?;
        self.registry.register(Box::new(self.requests.clone()))?;
        self.registry.register(Box::new(self.sight.clone()))?;
        for gauge in [&self.sessions, &self.connections, &self.under_way, &self.certificate_ends] {
            self.registry.register(Box::new(gauge.clone()))?;
        }
        Ok(())
    }

    /// A request was forwarded.
    pub fn passed(&self) {
        self.passed.inc();
    }

    /// A request was not, for the reason with this word.
    pub fn refused(&self, word: &'static str) {
        self.decisions.with_label_values(&[word]).inc();
    }

    /// A code was given.
    pub fn second_factor(&self, kind: &'static str, outcome: &'static str) {
        self.second_factor.with_label_values(&[kind, outcome]).inc();
    }

    /// A request was answered.
    pub fn took(&self, time: Duration) {
        self.requests.observe(time.as_secs_f64());
    }

    /// All of it as Prometheus reads it.
    ///
    /// # Errors
    /// Prometheus's, when something cannot be written down.
    pub fn text(&self, now: Now) -> prometheus::Result<Vec<u8>> {
        let gauge = |gauge: &IntGauge, count: usize| gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        for (state, word) in [(Sight::Clear, "clear"), (Sight::Blind, "blind"), (Sight::Dark, "dark")] {
            self.sight.with_label_values(&[word]).set(i64::from(state == now.sight));
        }
        gauge(&self.sessions, now.sessions);
        gauge(&self.connections, now.connections);
        gauge(&self.under_way, now.under_way);
        self.certificate_ends.set(now.certificate_ends);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_written_down() {
        let metrics = Metrics::new().unwrap();
        metrics.passed();
        metrics.refused("denied");
        metrics.second_factor("code", "wrong");
        metrics.took(Duration::from_millis(3));
        let now = Now {
            sight: Sight::Blind,
            sessions: 7,
            connections: 2,
            under_way: 1,
            certificate_ends: 4_000_000_000,
        };
        let text = String::from_utf8(metrics.text(now).unwrap()).unwrap();
        for line in [
            "twofold_authz_total{decision=\"pass\"} 1",
            "twofold_authz_total{decision=\"denied\"} 1",
            "twofold_second_factor_total{kind=\"code\",outcome=\"wrong\"} 1",
            "twofold_request_seconds_bucket{le=\"0.0025\"} 0",
            "twofold_request_seconds_bucket{le=\"0.005\"} 1",
            "twofold_request_seconds_count 1",
            "twofold_sight{state=\"clear\"} 0",
            "twofold_sight{state=\"blind\"} 1",
            "twofold_sessions_known 7",
            "twofold_connections 2",
            "twofold_requests_under_way 1",
            "twofold_certificate_ends_seconds 4000000000",
            concat!("twofold_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|other| other == line), "{line} is missing in:\n{text}");
        }
    }
}
