//! What is wrong with what came of a body that was given in some way.
//!
//! Invariant: what a filter must make of an input, and of each beginning of it, is what it makes of that
//! given whole; the case says the same in bytes.

use std::collections::HashMap;
use std::io::Read;

use brigade::End;
use http::{HeaderMap, StatusCode};

use crate::body::{Between, Ending, FAULT, Plan, Source};
use crate::cases::Case;
use crate::run::{Came, Subject};

/// What one case says, plan by plan.
pub(crate) struct Judge<'c> {
    case: &'c Case,
    subject: Subject,
    whole: HashMap<usize, Option<Vec<u8>>>, // What becomes of a body that ends there, if one may.
}

impl<'c> Judge<'c> {
    pub(crate) fn new(case: &'c Case) -> Self {
        let subject = Subject::of(case);
        let mut judge = Self { case, subject, whole: HashMap::new() };
        for len in 0..=case.input.len() {
            let plan = Plan {
                source: Source::Frames,
                places: Vec::new(),
                between: Between::Nothing,
                ending: Ending::Whole,
            };
            let made = judge.subject.run(&plan, &case.input[..len]).unwrap();
            let is_good = made.error.is_none() && made.status == StatusCode::OK;
            judge.whole.insert(len, is_good.then(|| decoded(&made.fields, &made.bytes)));
        }
        judge
    }

    /// Tries everything; an error is the first plan that shows something wrong, in words.
    pub(crate) fn all(&self) -> Result<(), String> {
        for plan in plans(self.case.input.len()) {
            let came = self.subject.run(&plan, self.case.input);
            came.and_then(|came| self.check_whole(&plan, &came))
                .map_err(|wrong| self.words(&plan, &wrong))?;
        }
        for at in 0..=self.case.input.len() {
            for between in [Between::Nothing, Between::Pause] {
                let plan = Plan {
                    source: Source::Frames,
                    places: vec![at],
                    between,
                    ending: Ending::Fails,
                };
                let came = self.subject.run(&plan, &self.case.input[..at]);
                came.and_then(|came| self.check_fault(&plan, &came))
                    .map_err(|wrong| self.words(&plan, &wrong))?;
            }
        }
        Ok(())
    }

    fn words(&self, plan: &Plan, wrong: &str) -> String {
        format!("{}: {wrong}; {plan:?}", self.case.spec)
    }

    fn check_whole(&self, plan: &Plan, came: &Came) -> Result<(), String> {
        if let Some(error) = &came.error {
            return Err(format!("the body fails: {error}"));
        }
        let bytes = decoded(&came.fields, &came.bytes);
        if bytes != self.case.output {
            return Err(format!("comes out as \"{}\"", bytes.escape_ascii()));
        }
        if came.trailers.is_some() != (plan.ending == Ending::Trailers) {
            return Err(format!("trailers: {:?}", came.trailers));
        }
        if came.told != [End::Complete] {
            return Err(format!("the filters are told {:?}", came.told));
        }
        check_head(self.case.input, came)?;
        self.check_pauses(came)
    }

    /// Whenever the service went on, the client had all that may leave.
    fn check_pauses(&self, came: &Came) -> Result<(), String> {
        for (given, arrived) in &came.pauses {
            let bytes = decoded(&came.fields, &came.bytes[..*arrived]);
            if !self.case.output.starts_with(&bytes) {
                return Err(format!("\"{}\" after {given} bytes", bytes.escape_ascii()));
            }
            let most = self.whole[given].as_ref().map_or(0, Vec::len);
            let kept = most.saturating_sub(bytes.len());
            if kept > self.case.carry_bytes {
                return Err(format!("a pause after {given} bytes leaves {kept} behind"));
            }
        }
        Ok(())
    }

    /// A body that breaks is a whole page where nothing of it has left, and an error elsewhere.
    fn check_fault(&self, plan: &Plan, came: &Came) -> Result<(), String> {
        let is_page = came.status == StatusCode::INTERNAL_SERVER_ERROR;
        if is_page && plan.between == Between::Pause {
            return Err("a pause lets no head leave".into());
        }
        match &came.error {
            None if is_page => {}
            Some(error) if !is_page && error.contains(FAULT) => {
                let beginning = decoded(&came.fields, &came.bytes);
                let mut whole = flate2::bufread::GzDecoder::new(&came.bytes[..]);
                let is_coded =
                    came.fields.get("content-encoding").is_some_and(|coding| coding == "gzip");
                if is_coded && whole.read_to_end(&mut Vec::new()).is_ok() {
                    return Err("a body that broke looks complete".into());
                }
                let most = self.whole[&plan.places[0]].as_deref();
                if !most.unwrap_or(self.case.output).starts_with(&beginning) {
                    return Err(format!("\"{}\" before the fault", beginning.escape_ascii()));
                }
            }
            error => return Err(format!("{} and {error:?}", came.status)),
        }
        match came.told[..] {
            [End::Failed] => Ok(()),
            [End::Complete] if is_page => Ok(()), // The page went well.
            _ => Err(format!("the filters are told {:?}", came.told)),
        }
    }
}

/// What a client has of a body, the whole or its beginning.
fn decoded(fields: &HeaderMap, bytes: &[u8]) -> Vec<u8> {
    if fields.get("content-encoding").is_none_or(|coding| coding != "gzip") {
        return bytes.to_vec();
    }
    let mut text = Vec::new();
    // Where the stream is cut off this is an error, and has read what there is.
    let _ = flate2::bufread::GzDecoder::new(bytes).read_to_end(&mut text);
    text
}

/// Every plan for an input of `len` bytes: fewest cuts first. Pairs of cuts are for frames alone.
fn plans(len: usize) -> Vec<Plan> {
    let singles = (0..=len).map(|place| vec![place]);
    let pairs = (0..=len).flat_map(|first| (first..=len).map(move |second| vec![first, second]));
    let all: Vec<Vec<usize>> = std::iter::once(Vec::new()).chain(singles).chain(pairs).collect();
    let mut plans = Vec::new();
    for places in all {
        for source in [Source::Frames, Source::File, Source::Stream] {
            for between in [Between::Nothing, Between::Empty, Between::Pause] {
                for ending in [Ending::Whole, Ending::Trailers] {
                    if source == Source::Frames || places.len() < 2 {
                        plans.push(Plan { source, places: places.clone(), between, ending });
                    }
                }
            }
        }
    }
    plans
}

/// What the head says is true of the body.
fn check_head(input: &[u8], came: &Came) -> Result<(), String> {
    let field = |name: &str| came.fields.get(name).map(|value| value.to_str().unwrap());
    if let Some(length) = field("content-length")
        && length != came.bytes.len().to_string()
    {
        return Err(format!("content-length {length} for {} bytes", came.bytes.len()));
    }
    let is_same_length = came.bytes.len() == input.len();
    if came.bytes != input && field("etag") == Some("\"v1\"") {
        return Err("the bytes are changed, and not their validator".into());
    }
    if !is_same_length && field("accept-ranges") == Some("bytes") {
        return Err("the length is changed, and ranges are still offered".into());
    }
    Ok(())
}
