//! What must come out of a run, and which promise is broken where something else did.
//!
//! Invariant: a verdict needs nothing but the plan and what the filter makes of the same bytes given
//! plainly, in one piece.

use std::cell::OnceCell;
use std::fmt::Write;

use brigade::{Effects, End};

use super::blame::{check_trouble, promise_of, trouble_words};
use super::drive::{Input, Output, SOURCE_FAILS, Trouble, drive, words};
use super::excerpt::{count_of, difference, excerpt};
use super::plan::{Around, Ending, Item, Plan};
use super::probe::BELOW_FAILS;
use super::{Subject, Way};
use crate::{Failure, Promise};

/// The broken promise, and what is wrong.
pub(super) type Verdict<T = ()> = Result<T, (Promise, String)>;

/// What a filter makes of one input, and so what it must make of it however it is given.
pub(crate) struct Oracle<'s> {
    subject: &'s Subject<'s>,
    input: Input,
    bytes: Vec<u8>, // Decoded.
    heads: Vec<String>,
    bounds: OnceCell<Vec<Bounds>>, // For each place in the input.
}

/// How many bytes of decoded output may be before a mark.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// What a FLUSH there lets go of.
    least: usize,
    /// What comes of a body that ends there; `None` where none may.
    most: Option<usize>,
}

impl<'s> Oracle<'s> {
    /// Learns what the filter makes of `input`; it must be `expected`, if that is said.
    pub(crate) fn new(
        subject: &'s Subject<'s>,
        input: &[u8],
        expected: Option<&[u8]>,
    ) -> Result<Self, Failure> {
        let input = Input::new(input);
        let plan = Way::PLAIN.plan(subject.heads.len(), input.bytes.len(), &[]);
        let output = drive(subject, &plan, &input);
        let heads = subject.head_names();
        let bytes = (subject.decode)(&output.bytes);
        let oracle = Self { subject, input, bytes, heads, bounds: OnceCell::new() };
        let verdict = oracle.verdict(&plan, &output).and_then(|()| match expected {
            Some(expected) if expected != oracle.bytes => {
                Err((Promise::TakesInput, difference(expected, &oracle.bytes)))
            }
            _ => Ok(()),
        });
        verdict.map_err(|wrong| oracle.failure(wrong, &plan, &output))?;
        Ok(oracle)
    }

    pub(crate) fn subject(&self) -> &'s Subject<'s> {
        self.subject
    }

    pub(crate) fn input(&self) -> &[u8] {
        &self.input.bytes
    }

    /// Checks what is kept after a FLUSH, at each place in the input.
    pub(crate) fn check_carry(&self) -> Result<(), Failure> {
        (0..=self.input.bytes.len())
            .try_for_each(|len| self.judge(&self.prefix(len, [Item::Flush])))
    }

    /// Runs `plan` and says what is wrong with what came of it.
    pub(crate) fn judge(&self, plan: &Plan) -> Result<(), Failure> {
        let output = self.drive(plan);
        self.verdict(plan, &output).map_err(|(promise, wrong)| {
            // Without the response before it comes out well.
            let promise = match promise {
                Promise::NeverPanics => promise,
                _ if !plan.before.is_empty() => Promise::BeginsAnew,
                _ => promise,
            };
            self.failure((promise, wrong), plan, &output)
        })
    }

    fn failure(&self, wrong: (Promise, String), plan: &Plan, output: &Output) -> Failure {
        let mut came = excerpt(&output.bytes, 0);
        for (at, name) in &output.marks {
            // A `String` takes everything.
            let _ = write!(came, ", {name} after {at}");
        }
        let (promise, wrong) = wrong;
        Failure::new(promise, wrong, plan.describe(&self.input.bytes), came)
    }

    fn drive(&self, plan: &Plan) -> Output {
        drive(self.subject, plan, &self.input)
    }

    fn decoded_len(&self, bytes: &[u8]) -> usize {
        (self.subject.decode)(bytes).len()
    }

    fn verdict(&self, plan: &Plan, output: &Output) -> Verdict {
        if let Some(Trouble::Panicked(words)) = &output.trouble {
            return Err((Promise::NeverPanics, format!("it panics: {words}")));
        }
        let fault = match plan.around {
            Around::FailsBelow(_) => output.has_failed_below.then_some(BELOW_FAILS),
            _ => plan.has(|item| matches!(item, Item::Fails(_))).then_some(SOURCE_FAILS),
        };
        if let Some(fault) = fault {
            return check_fault(fault, output)
                .and_then(|()| check_told_of(End::Failed, output))
                .or_else(|wrong| {
                    // What it does not take anyway, such as too much, it may refuse before the fault.
                    let without = self.drive(&plan.clone().around(Around::Nothing));
                    let refuses = fault == BELOW_FAILS && without.trouble.is_some();
                    if refuses { Ok(()) } else { Err(wrong) }
                });
        }
        check_trouble(plan, output)?;
        if plan.has(|item| *item == Item::Error) {
            self.check_error(plan, output)?;
        } else if plan.has(|item| *item == Item::Eos) {
            self.check_whole(plan, output)?;
        } else {
            self.check_unended(plan, output)?;
        }
        check_told(plan, output)
    }

    /// Checks a body that came to its end.
    fn check_whole(&self, plan: &Plan, output: &Output) -> Verdict {
        let decoded = (self.subject.decode)(&output.bytes);
        if decoded != self.bytes {
            return Err((promise_of(plan), difference(&self.bytes, &decoded)));
        }
        let given = plan.marks();
        let came = without_heads(&output.marks, &self.heads)?;
        check_order(&given, &came)?;
        let marks = given.iter().filter(|(_, item)| !matches!(item, Item::Head(_)));
        for (&(before, item), (at, name)) in marks.zip(&came) {
            self.check_place(before, item, *at, name, output)?;
        }
        self.check_effects(output)
    }

    fn check_place(
        &self,
        before: usize,
        item: &Item,
        at: u64,
        name: &str,
        output: &Output,
    ) -> Verdict {
        let at = usize::try_from(at).unwrap_or(usize::MAX).min(output.bytes.len());
        if *item == Item::Eos {
            return match output.bytes.len() - at {
                0 => Ok(()),
                late => Err((Promise::EndsOnce, format!("{late} bytes come after EOS"))),
            };
        }
        let Bounds { least, most } = self.bounds()[before];
        let decoded = self.decoded_len(&output.bytes[..at]);
        let wrong = if decoded < least {
            format!(
                "{name} overtakes bytes: {decoded} are before it, and a FLUSH there lets go of {least}"
            )
        } else if let Some(most) = most.filter(|most| decoded > *most) {
            format!(
                "{name} lags behind: {decoded} bytes are before it, and there is input for {most}"
            )
        } else {
            return Ok(());
        };
        Err((Promise::MarksInPlace, wrong))
    }

    /// What may be out before a mark, for each place in the input.
    fn bounds(&self) -> &[Bounds] {
        self.bounds.get_or_init(|| {
            (0..=self.input.bytes.len())
                .map(|len| {
                    let flushed = self.drive(&self.prefix(len, [Item::Flush]));
                    let ended = self.drive(&self.prefix(len, [Item::Eos]));
                    Bounds {
                        least: self.decoded_len(&flushed.bytes),
                        // A body that must not end here says nothing about marks.
                        most: ended.trouble.is_none().then(|| self.decoded_len(&ended.bytes)),
                    }
                })
                .collect()
        })
    }

    fn prefix(&self, len: usize, rest: impl IntoIterator<Item = Item>) -> Plan {
        let plan = Plan::prefix(self.subject.heads.len(), len, rest);
        if plan.has(|item| *item == Item::Eos) { plan } else { plan.aborted(End::ClientGone) }
    }

    fn check_effects(&self, output: &Output) -> Verdict {
        let (given, came) = (&self.input.bytes, &output.bytes);
        match (output.effects, output.held_aside) {
            (Effects::Same, _) if given != came => {
                let (promise, declared) = self.declared("Same");
                Err((promise, format!("{declared}; {}", difference(given, came))))
            }
            (Effects::SameLength, _) if given.len() != came.len() => {
                let (promise, declared) = self.declared("SameLength");
                let (given, came) = (count_of(given.len()), count_of(came.len()));
                Err((promise, format!("{declared}; {given} went in, and {came} out")))
            }
            (_, Some(held)) if held > 0 => {
                let wrong = format!("it has stepped aside, and says it holds {}", count_of(held));
                Err((Promise::StepsAsideClean, wrong))
            }
            _ => Ok(()),
        }
    }

    /// The promise that effects are, and how the filter made it: one that steps aside counts as one
    /// that changes nothing.
    fn declared(&self, effects: &str) -> (Promise, String) {
        let plan = Way::PLAIN.called().plan(self.heads.len(), self.input.bytes.len(), &[]);
        match self.drive(&plan).held_aside {
            Some(_) => {
                (Promise::StepsAsideClean, format!("it steps aside, and so declares {effects}"))
            }
            None => (Promise::HonestEffects, format!("it declares {effects}")),
        }
    }

    /// Checks a body that is cut off, after a FLUSH or not.
    fn check_unended(&self, plan: &Plan, output: &Output) -> Verdict {
        let flushes = plan.items.iter().rev().take_while(|item| **item == Item::Flush).count();
        if flushes == 0 {
            return Ok(());
        }
        let len = plan.marks().last().map_or(0, |(before, _)| *before);
        if flushes > 1 {
            let once = self.drive(&self.prefix(len, [Item::Flush]));
            if once.bytes != output.bytes {
                let wrong = difference(&once.bytes, &output.bytes);
                return Err((Promise::FlushKeepsBytes, format!("at the second FLUSH {wrong}")));
            }
            return Ok(());
        }
        let Bounds { most, .. } = self.bounds()[len];
        let kept = most.map_or(0, |most| most.saturating_sub(self.decoded_len(&output.bytes)));
        let carry = self.subject.carry_bytes;
        if kept > carry {
            let wrong = format!("after a FLUSH it keeps {}, its carry is {carry}", count_of(kept));
            return Err((Promise::FlushLetsGo, wrong));
        }
        Ok(())
    }

    /// Checks a body that ends in an ERROR.
    fn check_error(&self, plan: &Plan, output: &Output) -> Verdict {
        let came = without_heads(&output.marks, &self.heads)?;
        let ends: Vec<&str> = came.iter().map(|(_, name)| name.as_str()).collect();
        match ends[..] {
            ["ERROR"] => {}
            ["EOS"] if self.subject.answers_errors => return Ok(()),
            _ => {
                let wrong = format!("the ERROR comes out as {}", ends.join(", "));
                return Err((Promise::HandsErrorsUp, wrong));
            }
        }
        let len = plan.marks().last().map_or(0, |(before, _)| *before);
        let whole = self.drive(&self.prefix(len, [Item::Eos]));
        if whole.trouble.is_none() && whole.bytes == output.bytes {
            let all = self.decoded_len(&whole.bytes);
            let body =
                (0..whole.bytes.len()).find(|len| self.decoded_len(&whole.bytes[..*len]) == all);
            if let Some(body) = body {
                let closing = excerpt(&whole.bytes[body..], 0);
                let wrong = format!("the body ends as if it were complete, in {closing}");
                return Err((Promise::HandsErrorsUp, wrong));
            }
        }
        Ok(())
    }
}

/// Checks a run in which something else fails: the error must go up as it is, and no end be sent.
fn check_fault(fault: &str, output: &Output) -> Verdict {
    let wrong = match &output.trouble {
        Some(Trouble::Failed(error)) => {
            let words = words(error);
            if words.contains(fault) {
                if output.marks.iter().all(|(_, name)| name != "EOS") {
                    return Ok(());
                }
                "EOS comes out, as if nothing had failed".to_owned()
            } else {
                format!("the error is lost; another comes up: {words}")
            }
        }
        Some(trouble) => trouble_words(trouble),
        None => "the error is lost: the chain hears nothing of it".to_owned(),
    };
    Err((Promise::HandsErrorsUp, format!("{fault}: {wrong}")))
}

/// The marks that came out but for heads, which may come out too, if they are first.
fn without_heads(marks: &[(u64, String)], heads: &[String]) -> Verdict<Vec<(u64, String)>> {
    let mut left = heads.iter();
    let mut others = Vec::new();
    for (at, name) in marks {
        if others.is_empty() && left.any(|head| head == name) {
            if *at > 0 {
                let wrong = format!("{name} comes out after {at} bytes of what it is the head of");
                return Err((Promise::MarksInPlace, wrong));
            }
        } else {
            others.push((*at, name.clone()));
        }
    }
    Ok(others)
}

/// Whether the marks are those that were given, in their order.
fn check_order(given: &[(usize, &Item)], came: &[(u64, String)]) -> Verdict {
    let given: Vec<String> = given
        .iter()
        .filter_map(|(_, item)| match item {
            Item::Flush => Some("FLUSH".to_owned()),
            Item::Unknown(number) => Some(format!("MARK-{number}")),
            Item::Eos => Some("EOS".to_owned()),
            _ => None,
        })
        .collect();
    let came: Vec<&str> = came.iter().map(|(_, name)| name.as_str()).collect();
    if given == came {
        return Ok(());
    }
    let count = |name: &str| came.iter().filter(|came| **came == name).count();
    let (promise, wrong) = match count("EOS") {
        0 => (Promise::EndsOnce, "EOS is lost".to_owned()),
        1 => {
            let flushes = given.iter().filter(|given| *given == "FLUSH").count();
            let is_flush_lost = count("FLUSH") < flushes;
            let promise = if is_flush_lost { Promise::FlushLetsGo } else { Promise::MarksInPlace };
            (promise, format!("the marks {} come out as {}", given.join(", "), came.join(", ")))
        }
        times => (Promise::EndsOnce, format!("EOS comes {times} times")),
    };
    Err((promise, wrong))
}

/// Whether the filter was told how its response ended, once.
fn check_told(plan: &Plan, output: &Output) -> Verdict {
    if !plan.before.is_empty() {
        return Ok(()); // A connection's filter outlives its responses, and is told nothing.
    }
    let end = match plan.ending {
        Ending::Complete => End::Complete,
        Ending::Abort(end) => end,
    };
    check_told_of(end, output)
}

fn check_told_of(end: End, output: &Output) -> Verdict {
    match output.told[..] {
        [told] if told == end => Ok(()),
        // Nobody looked.
        [] if !output.is_spied => Ok(()),
        _ => {
            let told = &output.told;
            Err((
                Promise::ToldOnce,
                format!("it should be told {end:?} once, and is told {told:?}"),
            ))
        }
    }
}
