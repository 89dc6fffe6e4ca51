//! CHOOSE: one place in a chain, several filters that could stand there; each response decides.
//!
//! Invariant: what is not chosen costs a response nothing, and is no part of its effects.

use std::fmt;
use std::sync::Arc;

use brigade::{
    Brigade, Effects, Entry, FilterKind, Member, Next, OptionDoc, OutputFilter, Registry, Result,
    Spec,
};
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};

use crate::ResponseHead;

type Test = dyn Fn(&ResponseHead) -> bool + Send + Sync;
type Make = dyn Fn() -> Member + Send + Sync;

/// What a response must be for a candidate to be chosen.
pub struct Condition(Box<Test>);

impl Condition {
    /// Whatever `test` says of the head.
    pub fn from_fn(test: impl Fn(&ResponseHead) -> bool + Send + Sync + 'static) -> Self {
        Self(Box::new(test))
    }

    /// A response of this media type, parameters and case aside: `text/html`, or `text/*` for all kinds
    /// of text. One without a Content-Type is of no type.
    pub fn content_type(media_type: &str) -> Self {
        let wanted = media_type.to_ascii_lowercase();
        Self::from_fn(move |head| {
            let said = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let Some(said) = said.and_then(|value| value.split(';').next()) else { return false };
            let said = said.trim().to_ascii_lowercase();
            match wanted.strip_suffix('*') {
                Some(begins) => said.starts_with(begins),
                None => said == wanted,
            }
        })
    }

    /// A response with this field, whatever it says.
    pub fn has_header(name: HeaderName) -> Self {
        Self::from_fn(move |head| head.headers.contains_key(&name))
    }

    /// A response one of whose fields of this name says exactly this.
    pub fn header(name: HeaderName, value: impl Into<Vec<u8>>) -> Self {
        let value = value.into();
        Self::from_fn(move |head| {
            head.headers.get_all(&name).iter().any(|said| said.as_bytes() == value)
        })
    }

    /// A response of this status.
    pub fn status(status: StatusCode) -> Self {
        Self::from_fn(move |head| head.status == status)
    }

    /// A response of this class of status: 4 for those from 400 to 499.
    pub fn status_class(class: u16) -> Self {
        Self::from_fn(move |head| head.status.as_u16() / 100 == class)
    }

    /// Every response.
    pub fn always() -> Self {
        Self::from_fn(|_| true)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condition").finish_non_exhaustive()
    }
}

/// Candidates for one place in a chain, each with its condition; shared by all responses.
#[derive(Default)]
#[doc(alias = "FilterProvider")]
pub struct Choices(Vec<(Condition, Box<Make>)>);

impl Choices {
    /// No candidates: every response goes by.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a candidate. The first whose condition holds is chosen, and made then.
    ///
    /// Models `FilterProvider`, where the *last* that was declared is tried first.
    #[must_use]
    pub fn when(
        mut self,
        condition: Condition,
        make: impl Fn() -> Member + Send + Sync + 'static,
    ) -> Self {
        self.0.push((condition, Box::new(make)));
        self
    }
}

impl fmt::Debug for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Choices").field(&self.0.len()).finish()
    }
}

/// Stands in a chain for the candidate that the head of each response chooses.
///
/// What is chosen takes its place, whatever its own kind, and sees the response from its head on. Where
/// nothing is chosen, and in a chain without heads, everything goes by at no cost. An interim head
/// chooses nothing. Models a harness of mod_filter; a status other than 200 is no reason to step aside.
///
/// ```
/// use std::sync::Arc;
/// use brigade::{Bucket, Chain, FilterKind, Member, from_fn, recorder};
/// use brigade_http::{Choices, Choose, Condition, RequestHead, ResponseHead};
/// use http::{HeaderValue, StatusCode, header};
///
/// # fn main() -> brigade::Result<()> {
/// let sign = || {
///     let filter = from_fn(|input, next| {
///         if input.ends_body() {
///             next.push(Bucket::immortal(b"<!-- signed -->"))?;
///         }
///         next.push_all(input)
///     });
///     Member::new("sign", FilterKind::RESOURCE, filter)
/// };
/// let choices = Arc::new(Choices::new().when(Condition::content_type("text/html"), sign));
///
/// let (terminal, record) = recorder();
/// let mut chain = Chain::new(terminal);
/// chain.join_request(Member::new("choose", FilterKind::RESOURCE, Choose::new(&choices)));
/// let request = Arc::new(RequestHead::get("/".parse().unwrap()));
/// let mut head = ResponseHead::new(StatusCode::OK, request);
/// head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
/// chain.pass_bucket(head.into_bucket())?;
/// chain.pass_bucket(Bucket::eos())?;
/// assert_eq!(record.bytes(), b"<!-- signed -->");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "mod_filter", alias = "FilterDeclare", alias = "AddOutputFilterByType")]
pub struct Choose(Arc<Choices>);

impl Choose {
    /// A place for one of `choices`.
    pub fn new(choices: &Arc<Choices>) -> Self {
        Self(choices.clone())
    }
}

impl OutputFilter for Choose {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = input.pop_front() {
            let decides = match bucket.as_metadata::<ResponseHead>() {
                Some(head) if !head.is_interim() => {
                    let chosen = self.0.0.iter().find(|(condition, _)| (condition.0)(head));
                    if let Some((_, make)) = chosen {
                        next.insert_below(make())?;
                    }
                    true
                }
                Some(_) => false,
                None => bucket.is_data() || bucket.ends_body(),
            };
            if decides {
                // The head goes on together with its body, whose length may be known by that.
                input.push_front(bucket);
                next.step_aside();
                return Ok(());
            }
            next.push(bucket)?;
        }
        Ok(())
    }

    /// What is chosen says itself what it does.
    fn effects(&self) -> Effects {
        Effects::Same
    }
}

/// What `choose` is in a registry: each of its words is a condition and what is chosen by it, one of
/// `candidates`.
///
/// `choose "type text/* => substitute s/a/b/" "status 4xx => pass" "else => deflate level=9"`. Conditions
/// are `type MEDIA`, `status CODE` or `status Nxx`, `header NAME` or `header NAME VALUE`, and `else`.
///
/// ```
/// use brigade::{Entry, FilterKind, Registry, from_fn};
///
/// # fn main() -> brigade::Result<()> {
/// let mut registry = Registry::new();
/// let mut candidates = Registry::new();
/// candidates.register(Entry::new("pass", FilterKind::RESOURCE, |_| {
///     Ok(|| from_fn(|input, next| next.push_all(input)))
/// }));
/// registry.register(brigade_http::choose_entry(candidates));
/// registry.prepare(r#"choose "type text/html => pass""#)?;
///
/// let wrong = registry.prepare(r#"choose "type text/html => pas""#).unwrap_err();
/// assert_eq!(wrong.to_string(), r#"choose: "type text/html => pas" cannot be"#);
/// # Ok(())
/// # }
/// ```
pub fn choose_entry(candidates: Registry) -> Entry {
    const CHOICE: OptionDoc = OptionDoc {
        form: r#""type text/html => SPEC""#,
        help: "the filter for responses of this type; also: status 404, status 4xx, header NAME \
               [VALUE], else; the first that fits is taken",
    };
    Entry::new("choose", FilterKind::RESOURCE, move |spec| {
        let choices = Arc::new(choices_of(spec, &candidates)?);
        Ok(move || Choose::new(&choices))
    })
    .effects(Effects::Same)
    .carry("what the chosen one keeps")
    .memory("what the chosen one holds")
    .summary("stands for the filter that the head of each response chooses")
    .docs(
        "For what only the response's head can decide. What is chosen takes this place, whatever its own kind; \
         what is not chosen costs nothing.",
    )
    .example(r#"choose "type text/* => substitute s/Apache/httpd/" "else => pass""#)
    .options(&[CHOICE])
}

fn choices_of(spec: &Spec, candidates: &Registry) -> Result<Choices> {
    let mut choices = Choices::new();
    if spec.words().is_empty() {
        return Err(spec.wrong("say what to choose: \"type text/html => SPEC\""));
    }
    for word in spec.words() {
        let Some((condition, candidate)) = word.split_once("=>") else {
            return Err(
                spec.wrong(format!("{word:?} has no =>, as \"type text/html => SPEC\" has"))
            );
        };
        let Some(condition) = condition_of(condition) else {
            let known = "there are type MEDIA, status CODE, header NAME [VALUE] and else";
            return Err(spec.wrong(format!("{word:?} has no condition; {known}")));
        };
        let prepared = candidates.prepare(candidate.trim());
        let prepared =
            prepared.map_err(|cause| spec.wrong(format!("{word:?} cannot be")).because(cause))?;
        choices = choices.when(condition, move || prepared.member());
    }
    Ok(choices)
}

fn condition_of(text: &str) -> Option<Condition> {
    let mut words = text.split_whitespace();
    let (kind, first, rest) = (words.next()?, words.next(), words.next());
    if words.next().is_some() {
        return None;
    }
    match (kind, first, rest) {
        ("else", None, None) => Some(Condition::always()),
        ("type", Some(media), None) if media.contains('/') => Some(Condition::content_type(media)),
        ("header", Some(name), None) => Some(Condition::has_header(name.parse().ok()?)),
        ("header", Some(name), Some(value)) => {
            Some(Condition::header(name.parse().ok()?, value.as_bytes()))
        }
        ("status", Some(code), None) => match code.strip_suffix("xx") {
            Some(class) => {
                let class = class.parse().ok().filter(|class| (1..=9).contains(class))?;
                Some(Condition::status_class(class))
            }
            None => Some(Condition::status(code.parse().ok()?)),
        },
        _ => None,
    }
}
