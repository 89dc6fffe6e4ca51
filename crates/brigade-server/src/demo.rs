//! `/-/stream`: a response in many small pieces, for trying out how they arrive.

use std::time::Duration;

use brigade::{Error, ErrorKind, Result};
use brigade_http::driver::{Request, Response};
use brigade_http::with_status;
use http::StatusCode;

use crate::stream::Pattern;

/// The longest piece a request may ask for.
const LONGEST_PIECE: usize = 1 << 20;

/// What a request asks for: `writes=N&size=S&every=F&pause=MS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    writes: u64,
    size: usize,
    every: u64, // A flush after so many writes; 0: none.
    pause: Duration,
}

/// Writes N pieces of S bytes with a flush after every F of them, awaiting MS between pieces.
pub(crate) async fn stream(request: Request, mut response: Response) -> Result<()> {
    let plan = Plan::parse(request.query().unwrap_or_default())?;
    response.header("content-type", "text/plain; charset=utf-8")?;
    response.header("cache-control", "no-store")?;
    let mut body = Pattern::new(plan.size);
    for n in 1..=plan.writes {
        if n > 1 && !plan.pause.is_zero() {
            tokio::time::sleep(plan.pause).await;
        }
        response.write(body.take(plan.size)).await?;
        if plan.every > 0 && n % plan.every == 0 {
            response.flush().await?;
        }
    }
    Ok(())
}

impl Plan {
    fn parse(query: &str) -> Result<Self> {
        let mut plan = Self { writes: 1000, size: 32, every: 0, pause: Duration::ZERO };
        for item in query.split('&').filter(|item| !item.is_empty()) {
            let (key, value) = item.split_once('=').unwrap_or((item, ""));
            let number: u64 = value
                .parse()
                .map_err(|_| wrong(format!("{key} cannot be {value:?}, it takes a number")))?;
            match key {
                "writes" => plan.writes = number,
                "size" => plan.size = usize::try_from(number).unwrap_or(usize::MAX),
                "every" => plan.every = number,
                "pause" => plan.pause = Duration::from_millis(number),
                _ => {
                    let known = "writes, size, every and pause";
                    return Err(wrong(format!("there is no {key:?}; there are {known}")));
                }
            }
        }
        if plan.size == 0 || plan.size > LONGEST_PIECE {
            return Err(wrong(format!("size is {}, allowed 1 to {LONGEST_PIECE}", plan.size)));
        }
        Ok(plan)
    }
}

fn wrong(what: String) -> Error {
    with_status(Error::new(ErrorKind::InvalidInput, what), StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_of_the_demo_is_read_in_any_order_with_defaults() {
        let plan = Plan::parse("size=7&writes=3&pause=300").unwrap();
        let pause = Duration::from_millis(300);
        assert_eq!(plan, Plan { writes: 3, size: 7, every: 0, pause });
        assert_eq!(Plan::parse("").unwrap().writes, 1000);
    }

    #[test]
    fn query_of_the_demo_that_is_wrong_names_what_is() {
        for (query, word) in [("size=0", "size"), ("writes=x", "writes"), ("speed=1", "speed")] {
            let error = Plan::parse(query).unwrap_err();
            let said = format!("{error:?}");
            assert!(said.contains(word), "{query}: {said}");
            assert_eq!(brigade_http::status_of(&error), StatusCode::BAD_REQUEST);
        }
    }
}
