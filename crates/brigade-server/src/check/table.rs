//! All that a file says, as tables.

use std::fmt;

use serde::Serialize;

use crate::config::{Config, Limits, Placed, Rule, shown};
use crate::stream::units;

/// What a file says.
#[derive(Debug, Serialize)]
pub(super) struct Table<'c> {
    file: &'c str,
    listen: Vec<Listener>,
    limits: Limits,
    routes: Vec<RouteRow>,
    chains: Vec<RuleRow<'c>>,
    error_pages: Vec<PageRow>,
}

#[derive(Debug, Serialize)]
struct Listener {
    on: String,
    tls: bool,
}

#[derive(Debug, Serialize)]
struct RouteRow {
    path: String,
    handler: String,
    from: String,
}

#[derive(Debug, Serialize)]
struct RuleRow<'c> {
    path: String,
    extension: &'c [String],
    r#type: &'c [String],
    last: bool,
    from: String,
    filters: Vec<Filter<'c>>,
}

#[derive(Debug, Serialize)]
struct PageRow {
    status: u16,
    file: String,
}

/// A filter of a chain.
#[derive(Debug, Serialize)]
pub(super) struct Filter<'c> {
    spec: &'c str,
    kind: String,
    from: String,
}

impl<'c> Filter<'c> {
    pub(super) fn of(placed: &'c Placed) -> Self {
        Self {
            spec: &placed.spec,
            kind: placed.prepared.kind().to_string(),
            from: placed.origin.to_string(),
        }
    }

    pub(super) fn row(&self) -> Vec<String> {
        vec![self.spec.to_owned(), self.kind.clone(), self.from.clone()]
    }
}

impl<'c> Table<'c> {
    pub(super) fn of(config: &'c Config) -> Self {
        let listen = config.listeners.iter();
        let routes = config.routes.iter();
        let pages = config.pages.files();
        Self {
            file: &config.name,
            listen: listen
                .map(|listen| Listener { on: listen.place.to_string(), tls: listen.tls.is_some() })
                .collect(),
            limits: config.limits,
            routes: routes
                .map(|route| RouteRow {
                    path: route.path.to_string(),
                    handler: route.target.to_string(),
                    from: route.origin.to_string(),
                })
                .collect(),
            chains: config.chains.iter().map(RuleRow::of).collect(),
            error_pages: pages
                .map(|(status, file)| PageRow {
                    status: status.as_u16(),
                    file: file.display().to_string(),
                })
                .collect(),
        }
    }
}

impl<'c> RuleRow<'c> {
    fn of(rule: &'c Rule) -> Self {
        Self {
            path: rule.path.to_string(),
            extension: &rule.extensions,
            r#type: &rule.types,
            last: rule.is_last,
            from: rule.origin.to_string(),
            filters: rule.filters.iter().map(Filter::of).collect(),
        }
    }

    fn row(&self) -> Vec<String> {
        let mut conditions = vec![self.path.clone()];
        conditions.extend(self.extension.iter().map(|extension| format!(".{extension}")));
        conditions.extend(self.r#type.iter().cloned());
        if self.last {
            conditions.push("last".to_owned());
        }
        let specs: Vec<&str> = self.filters.iter().map(|filter| filter.spec).collect();
        vec![conditions.join(" "), specs.join(", "), self.from.clone()]
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = |rows: Vec<Vec<String>>| rows;
        let listen = self.listen.iter().map(|listen| {
            let how = if listen.tls { "TLS" } else { "plain" };
            vec![listen.on.clone(), how.to_owned()]
        });
        section(f, "listen", &rows(listen.collect()))?;
        section(f, "limits", &[vec![limits_line(&self.limits)], vec![fixed_line(&self.limits)]])?;
        let routes = self.routes.iter();
        let routes =
            routes.map(|route| vec![route.path.clone(), route.handler.clone(), route.from.clone()]);
        section(f, "routes: the longest path that fits answers", &rows(routes.collect()))?;
        let chains = self.chains.iter().map(RuleRow::row);
        section(f, "chains: all that fit, equal kinds in this order", &rows(chains.collect()))?;
        let pages = self.error_pages.iter();
        let pages = pages.map(|page| vec![page.status.to_string(), page.file.clone()]);
        section(f, "error pages", &rows(pages.collect()))
    }
}

/// A title and its rows, if there are any.
fn section(f: &mut fmt::Formatter<'_>, title: &str, rows: &[Vec<String>]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(f, "{title}")?;
    aligned(rows).iter().try_for_each(|line| writeln!(f, "  {line}"))
}

/// The limits that a request meets.
pub(super) fn limits_line(limits: &Limits) -> String {
    format!(
        "header_timeout {}, keep_alive_timeout {}, write_timeout {}",
        shown(limits.header_timeout),
        shown(limits.keep_alive_timeout),
        shown(limits.write_timeout),
    )
}

/// The limits of the process.
fn fixed_line(limits: &Limits) -> String {
    let fixed = limits.fixed;
    let budget = fixed.memory_budget.map_or("none".to_owned(), |bytes| units::bytes(bytes as u64));
    let threads =
        fixed.threads.map_or("as many as processors".to_owned(), |count| count.to_string());
    format!(
        "max_connections {}, grace {}, memory_budget {budget}, threads {threads}, open_files {} for {}",
        fixed.max_connections,
        shown(fixed.grace),
        limits.open_files,
        shown(limits.open_files_age),
    )
}

/// Rows as lines whose columns stand below each other.
pub(super) fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
