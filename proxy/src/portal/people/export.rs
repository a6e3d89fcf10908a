//! All accounts that fit, as a file: written page by page while it is sent, so that nobody holds them all.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_DISPOSITION;
use tokio::sync::mpsc;
use twofold_shared::wire::{AccountRow, Requirement, SessionDigest};

use super::super::{Portal, Refused, Visit};
use super::search;
use crate::answer::{Answer, Cut};
use crate::authority::{Asked, Authority, Visitor};
use crate::pages::people::Filter;

/// Pages that may wait for a slow reader.
const WAITING: usize = 2;

/// As what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For spreadsheets (RFC 4180).
    Csv,
    /// For programs.
    Json,
}

/// The columns of a CSV.
const COLUMNS: [&str; 15] = [
    "id",
    "name",
    "other names",
    "called",
    "groups",
    "devices",
    "backup codes left",
    "last used",
    "last used at",
    "locked",
    "locked until",
    "locked by",
    "reason",
    "closed to strangers",
    "required",
];

impl Portal {
    /// Everybody who fits, as a file.
    pub(super) fn export(
        &self,
        visit: &Visit,
        session: SessionDigest,
        filter: Filter,
        format: Format,
    ) -> Result<Answer, Refused> {
        let (parts, body) = mpsc::channel(WAITING);
        let (authority, visitor) = (Arc::clone(&self.authority), visit.visitor()?);
        if visit.method == http::Method::GET {
            tokio::spawn(write(authority, visitor, session, Filter { after: None, ..filter }, format, parts));
        }
        let (kind, name) = match format {
            Format::Csv => ("text/csv; charset=utf-8; header=present", "attachment; filename=\"people.csv\""),
            Format::Json => ("application/json", "attachment; filename=\"people.json\""),
        };
        Ok(Answer::in_parts(kind, body).with(CONTENT_DISPOSITION, HeaderValue::from_static(name)))
    }
}

/// Asks for page after page and passes each on as it comes.
async fn write(
    authority: Arc<Authority>,
    visitor: Visitor,
    session: SessionDigest,
    filter: Filter,
    format: Format,
    parts: mpsc::Sender<Result<Bytes, Cut>>,
) {
    let mut request = search(&filter);
    let (mut is_open, mut is_first) = (false, true);
    loop {
        // Whatever is not a page cuts the file off, so that nobody takes it for whole.
        let asked = authority.as_operator(&visitor, session, &request).await;
        let Ok(Asked::Done(page)) = asked else {
            let _ = parts.send(Err(Cut)).await;
            return;
        };
        let mut text = String::with_capacity(page.accounts.len() * 256 + 256);
        if !std::mem::replace(&mut is_open, true) {
            text.push_str(&opening(format));
        }
        for row in &page.accounts {
            match format {
                Format::Csv => text.push_str(&csv_line(&cells(row))),
                Format::Json => {
                    text.push_str(if is_first { "\n" } else { ",\n" });
                    text.push_str(&serde_json::to_string(row).unwrap_or_default());
                }
            }
            is_first = false;
        }
        let is_last = page.next.is_none();
        if is_last && format == Format::Json {
            text.push_str("\n]\n");
        }
        // Of a page without anybody there is nothing to pass on.
        let is_gone =
            if text.is_empty() { parts.is_closed() } else { parts.send(Ok(text.into())).await.is_err() };
        if is_gone || is_last {
            return;
        }
        request.after = page.next;
    }
}

fn opening(format: Format) -> String {
    match format {
        Format::Csv => csv_line(&COLUMNS.map(str::to_owned)),
        Format::Json => "[".to_owned(),
    }
}

fn cells(row: &AccountRow) -> [String; 15] {
    let moment = |at: u64| {
        let at = i64::try_from(at).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
        at.map(|at| at.to_string()).unwrap_or_default()
    };
    let yes_or_no = |is_so| if is_so { "yes" } else { "no" }.to_owned();
    let required = match row.requirement {
        Some(Requirement::Required) => "always",
        Some(Requirement::Optional) => "once set up",
        Some(Requirement::Exempt) => "never",
        None => "by policy",
    };
    let lock = row.lock.as_ref();
    let (first, others) = match row.names.split_first() {
        Some((first, others)) => (first.clone(), others.join(" ")),
        None => (String::new(), String::new()),
    };
    [
        row.id.clone(),
        first,
        others,
        row.display_name.clone().unwrap_or_default(),
        row.groups.join(" "),
        row.devices.to_string(),
        row.backup_codes_left.to_string(),
        row.last_used.as_ref().map(|used| moment(used.at)).unwrap_or_default(),
        row.last_used.as_ref().map(|used| used.door.clone()).unwrap_or_default(),
        yes_or_no(lock.is_some()),
        lock.and_then(|lock| lock.until).map(moment).unwrap_or_default(),
        lock.map(|lock| lock.operator.clone().unwrap_or_else(|| "root".to_owned())).unwrap_or_default(),
        lock.and_then(|lock| lock.reason.clone()).unwrap_or_default(),
        yes_or_no(row.closed_to_strangers),
        required.to_owned(),
    ]
}

/// One line, every cell in quotes. What a spreadsheet would take for a formula gets an apostrophe before it.
fn csv_line(cells: &[String]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        line.push_str(if index == 0 { "\"" } else { ",\"" });
        if is_formula(cell) {
            line.push('\'');
        }
        line.push_str(&cell.replace('"', "\"\""));
        line.push('"');
    }
    line.push_str("\r\n");
    line
}

/// Whether a spreadsheet may run what begins so; white space before it, and the wide forms of the signs, do not help.
fn is_formula(cell: &str) -> bool {
    let begins = |text: &str| {
        text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%'])
    };
    begins(cell) || begins(cell.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_none_ends_its_quotes() {
        for formula in
            ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", " =1", "\u{a0}=1", "＝1", "\r=1", "\n=1", "|x", "%0A"]
        {
            let line = csv_line(&[formula.to_owned()]);
            assert!(line.starts_with("\"'"), "{line:?}");
        }
        let line = csv_line(&["a\"b".to_owned(), "plain, with a comma".to_owned(), "a=b".to_owned()]);
        assert_eq!(line, "\"a\"\"b\",\"plain, with a comma\",\"a=b\"\r\n");
    }

    #[test]
    fn a_line_has_a_cell_for_each_column() {
        let row = AccountRow {
            id: "5f".repeat(16),
            names: vec!["unix:alice".into(), "local:alice".into()],
            groups: vec!["sales".into(), "staff".into()],
            display_name: Some("=cmd".into()),
            devices: 1,
            backup_codes_left: 8,
            lock: None,
            closed_to_strangers: false,
            requirement: None,
            last_used: Some(twofold_shared::wire::Occasion {
                at: 1_800_000_000,
                door: "sudo on web1".into(),
                source: None,
            }),
            created: 0,
        };
        let line = csv_line(&cells(&row));
        assert_eq!(opening(Format::Csv).matches("\",\"").count(), line.matches("\",\"").count());
        assert!(line.contains("\"2027-01-15T08:00:00Z\",\"sudo on web1\",\"no\""), "{line}");
        assert!(line.contains("\"'=cmd\""), "{line}");
    }
}
