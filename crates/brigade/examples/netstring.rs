//! A protocol that is not HTTP, framed with the core alone: netstrings, `LENGTH:bytes,` a message.
//!
//! A message is what lies between two FLUSHes. A filter above changes the bytes and knows nothing of
//! the framing; the framing filter counts a FILE without reading it.
//!
//! Run it: `cargo run -p brigade --example netstring`

use brigade::{
    Brigade, Bucket, Chain, FilterKind, Member, Next, OutputFilter, Result, from_fn, recorder,
};

/// Frames each message.
struct Netstring {
    message: Brigade<'static>, // What came since the last FLUSH; all of it must be counted first.
}

impl OutputFilter for Netstring {
    fn filter<'b>(&mut self, input: &mut Brigade<'b>, next: &mut Next<'_, 'b>) -> Result<()> {
        while let Some(bucket) = input.pop_front() {
            // Data of unknown length has to be read to be counted; a FILE goes on unread.
            if bucket.is_data() && bucket.len().is_none() {
                input.push_front(bucket);
                while let Some(piece) = next.read(input)? {
                    let piece = piece.set_aside(next.alloc());
                    self.message.push_back(piece);
                }
            } else if bucket.is_data() {
                let bucket = bucket.set_aside(next.alloc());
                self.message.push_back(bucket);
            } else {
                self.end(next)?;
                next.push(bucket)?;
            }
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        usize::try_from(self.message.resident_bytes()).unwrap_or(usize::MAX)
    }
}

impl Netstring {
    fn end(&mut self, next: &mut Next<'_, '_>) -> Result<()> {
        let Some(len) = self.message.len_bytes().filter(|len| *len > 0) else { return Ok(()) };
        let head = format!("{len}:");
        let head = next.alloc().copy(head.as_bytes());
        next.push(head)?;
        next.push_all(&mut std::mem::take(&mut self.message))?;
        next.push(Bucket::immortal(b","))
    }
}

fn main() -> Result<()> {
    let (terminal, record) = recorder();
    let mut chain = Chain::new(terminal);
    let netstring = Netstring { message: Brigade::new() };
    chain.join(Member::new("netstring", FilterKind::PROTOCOL, netstring));
    // A filter for content, found above the framing by its kind although it joins later.
    let upper = from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            let out = match bucket.bytes() {
                Some(data) => next.alloc().copy_with(data.len(), |to| {
                    to.copy_from_slice(data);
                    to.make_ascii_uppercase();
                }),
                None => bucket,
            };
            next.push(out)?;
        }
        Ok(())
    });
    chain.join(Member::new("upper", FilterKind::RESOURCE, upper));

    for name in ["bucket", "brigade", "filter"] {
        chain.write(b"hello, ")?;
        chain.write(name.as_bytes())?;
        chain.flush()?;
    }
    let sent = String::from_utf8_lossy(&record.bytes()).into_owned();
    assert_eq!(sent, "13:HELLO, BUCKET,14:HELLO, BRIGADE,13:HELLO, FILTER,");
    println!("{sent}");
    Ok(())
}
