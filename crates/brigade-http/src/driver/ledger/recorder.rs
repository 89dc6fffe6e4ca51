//! Writes a response's entry while its chain works.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use brigade::{Answer, Brigade, Bucket, Effects, Note, Observer, Pass, Place, Read, Returned};

use super::line::Asked;
use super::{Entry, lock};
use crate::ResponseHead;

/// The response that a connection's chain is busy with. What the end of the chain still holds of the one
/// before counts here.
#[derive(Default)]
pub(super) struct Current {
    pub(super) entry: Option<(Arc<Mutex<Entry>>, Asked)>,
    effects: Effects, // The strongest that a filter was seen to have so far.
}

impl Current {
    pub(super) fn of(entry: Arc<Mutex<Entry>>, asked: Asked) -> Self {
        Self { entry: Some((entry, asked)), effects: Effects::Same }
    }
}

/// The observer of one connection's chain.
pub(super) struct Recorder(pub(super) Arc<Mutex<Current>>);

impl Recorder {
    fn write(&self, write: impl FnOnce(&mut Entry, &mut Effects)) {
        let mut current = lock(&self.0);
        let Current { entry, effects } = &mut *current;
        let Some((entry, _)) = entry else { return };
        let mut entry = lock(entry);
        if entry.end.is_none() {
            write(&mut entry, effects);
        }
    }
}

impl Observer for Recorder {
    fn passes(&mut self, pass: &Pass<'_>) {
        let bytes = known_bytes(pass.brigade);
        self.write(|entry, effects| {
            if let Some(to) = entry.line(pass.to.name()) {
                to.calls += u64::from(!pass.is_kept);
                to.bytes_in += bytes;
            }
            if let Place::Filter { name, .. } = pass.from
                && let Some(from) = entry.line(name)
            {
                from.bytes_out += bytes;
            }
            let Some(head) = final_head(pass.brigade) else { return };
            entry.status = Some(head.status.as_u16());
            if let Some(above) = pass.effects_above.filter(|above| *above > *effects) {
                *effects = above;
                if above == Effects::Changes {
                    entry.because(pass.from.name(), "may change the length of the body");
                }
            }
        });
    }

    fn reads(&mut self, read: &Read<'_>) {
        self.write(|entry, _| {
            let name = read.filter.name();
            if let Some(line) = entry.line(name) {
                line.read_bytes += read.piece.len().unwrap_or(0);
            }
            entry.because(name, &format!("made memory of a {}: it needs its bytes", read.kind));
        });
    }

    fn notes(&mut self, note: &Note<'_>) {
        self.write(|entry, _| entry.because(note.filter.name(), &note.text.to_string()));
    }

    fn returns(&mut self, call: &Returned<'_>) {
        self.write(|entry, _| {
            let name = call.place.name();
            if let Some(line) = entry.line(name) {
                line.holds(call.held_bytes, Instant::now());
                match call.answer {
                    Answer::Waits => line.waits += 1,
                    Answer::SteppedAside => line.stepped_aside = true,
                    Answer::Failed(_) => line.failed = true,
                    _ => {}
                }
            }
            if let Answer::Failed(error) = call.answer {
                entry.because(name, &format!("failed: {error}"));
            }
        });
    }
}

fn known_bytes(brigade: &Brigade<'_>) -> u64 {
    brigade.iter().filter_map(Bucket::len).sum()
}

fn final_head<'r>(brigade: &'r Brigade<'_>) -> Option<&'r ResponseHead> {
    brigade
        .iter()
        .filter_map(|bucket| bucket.as_metadata::<ResponseHead>())
        .find(|head| !head.is_interim())
}
