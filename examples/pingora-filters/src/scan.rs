//! A filter that waits: each piece is shown to a scanner before it goes on.
//!
//! Invariant: nothing of a piece leaves before its verdict, and nothing after one that was bad.

use std::time::Duration;

use brigade::{AsyncFilter, Entry, Error, FilterKind, OptionDoc, Result, Spec};

const OPTIONS: &[OptionDoc] = &[
    OptionDoc {
        form: "refuse=WORD",
        help: "what the scanner finds bad, where it is not cut in two; `virus` if not said",
    },
    OptionDoc { form: "takes=MS", help: "how long it thinks about each piece; 20 if not said" },
];

/// The filter `scan`, for a registry: it stands for any that asks somebody else.
pub fn scan() -> Entry {
    Entry::new("scan", FilterKind::RESOURCE, build)
        .summary("asks a scanner about each piece, and waits for its verdict")
        .options(OPTIONS)
}

fn build(spec: &Spec) -> Result<impl Fn() -> AsyncFilter + use<>> {
    let word: String = spec.option("refuse")?.unwrap_or_else(|| "virus".to_owned());
    let takes = Duration::from_millis(spec.option("takes")?.unwrap_or(20));
    Ok(move || {
        let word = word.clone();
        AsyncFilter::new(move |mut body| {
            let word = word.clone();
            async move {
                while let Some(bucket) = body.read().await {
                    if let Some(bytes) = bucket.bytes()
                        && !is_harmless(bytes.to_vec(), &word, takes).await
                    {
                        return Err(Error::other("the scanner said no"));
                    }
                    body.push(bucket).await;
                }
                Ok(())
            }
        })
    })
}

/// Stands for a scanner on another machine.
async fn is_harmless(bytes: Vec<u8>, word: &str, takes: Duration) -> bool {
    tokio::time::sleep(takes).await;
    !bytes.windows(word.len().max(1)).any(|window| window == word.as_bytes())
}
