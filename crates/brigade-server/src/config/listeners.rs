//! `[[listen]]`: where a server listens, and how TLS is spoken there.

use super::read::Reading;
use super::table::Table;
#[cfg(feature = "tls")]
use super::table::{At, TextOrTable};
use crate::listen::{Place, Tls};

/// A place to listen, and how TLS is spoken there; `None`: it is not.
#[derive(Debug, Clone)]
pub(crate) struct Listen {
    pub(crate) place: Place,
    pub(crate) tls: Option<Tls>,
}

/// Reads them all.
pub(super) fn listeners(reading: &Reading<'_>, tables: Vec<Table<'_, '_>>) -> Vec<Listen> {
    let mut listeners: Vec<Listen> = Vec::new();
    for mut table in tables {
        let on = table.needed("on", "\"127.0.0.1:8080\", or \"unix:/run/brigade.sock\"");
        let place = on.as_ref().and_then(|on| match on.value.parse::<Place>() {
            Ok(place) => Some(reading.whole(place)),
            Err(error) => {
                reading.problems.add(on.at.clone(), format!("on: {error}"));
                None
            }
        });
        let tls = tls(reading, &mut table, place.as_ref());
        table.finish();
        let (Some(place), Some(on)) = (place, on) else { continue };
        if place.is_one() && listeners.iter().any(|known| known.place == place) {
            reading.problems.add(on.at, format!("on: it listens on {place} already"));
            continue;
        }
        listeners.push(Listen { place, tls });
    }
    listeners
}

#[cfg(feature = "tls")]
fn tls(reading: &Reading<'_>, table: &mut Table<'_, '_>, place: Option<&Place>) -> Option<Tls> {
    use crate::tls::{Certificate, config};

    let at = table.place_of("tls");
    let certificate = match table.text_or_table("tls", "tls")? {
        TextOrTable::Text(At { value: "self-signed", .. }) => Certificate::SelfSigned,
        TextOrTable::Text(other) => {
            let what = format!("tls: there is no {:?}", other.value);
            reading.problems.add_with_help(other.at, what, TLS_FORMS);
            return None;
        }
        TextOrTable::Table(mut files) => {
            let (cert, key) =
                (files.needed("cert", "\"cert.pem\""), files.needed("key", "\"key.pem\""));
            files.finish();
            Certificate::Files { cert: reading.path(cert?.value), key: reading.path(key?.value) }
        }
    };
    match config(&certificate, place.map(std::slice::from_ref).unwrap_or_default()) {
        Ok(config) => Some(config),
        Err(error) => {
            reading.problems.add_error(at, "tls", &error, None);
            None
        }
    }
}

#[cfg(feature = "tls")]
const TLS_FORMS: &str = r#"allowed: "self-signed", or { cert = "cert.pem", key = "key.pem" }"#;

#[cfg(not(feature = "tls"))]
fn tls(reading: &Reading<'_>, table: &mut Table<'_, '_>, _: Option<&Place>) -> Option<Tls> {
    if table.has("tls") {
        reading.problems.add(table.place_of("tls"), "tls: this brigade was built without TLS");
    }
    table.pass_over("tls");
    None
}
