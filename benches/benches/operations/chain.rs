//! What a chain adds to a brigade: filters, gathering, counting. No other crate here has one.

use std::hint::black_box;

use brigade::{Brigade, Bucket, Chain, FilterKind, Member, OutputFilter, Result, from_fn};
use brigade_benches::Sink;

use crate::support::{Criterion, PIECE, Rows};

fn push_all() -> impl OutputFilter {
    from_fn(|input, next| next.push_all(input))
}

fn push_loop() -> impl OutputFilter {
    from_fn(|input, next| {
        while let Some(bucket) = next.read(input)? {
            next.push(bucket)?;
        }
        Ok(())
    })
}

fn chain_of<F: OutputFilter + 'static>(count: usize, filter: fn() -> F) -> Chain {
    let mut chain = Chain::new(Sink(0));
    for _ in 0..count {
        chain.join(Member::new("filter", FilterKind::RESOURCE, filter()));
    }
    chain
}

/// Does `step` to `chain`, and says how many bytes came out by it.
fn passed(chain: &mut Chain, step: impl FnOnce(&mut Chain) -> Result<()>) -> u64 {
    let came = |chain: &mut Chain| chain.terminal::<Sink>().map_or(0, |sink| sink.0);
    let before = came(chain);
    step(chain).expect("a sink takes all");
    came(chain) - before
}

/// Small writes, 2,048 of them and a flush, or each flushed.
pub(crate) fn write(c: &mut Criterion) {
    let mut rows = Rows::new(c, "chain, write 32 B", 2048 * 32).each_of(2048);
    for filters in [0, 5] {
        let mut chain = chain_of(filters, push_all);
        rows = rows.row(&format!("{filters} filters"), || {
            passed(&mut chain, |chain| {
                (0..2048).try_for_each(|_| chain.write(black_box(PIECE)))?;
                chain.flush()
            })
        });
    }
    drop(rows);
    let mut rows = Rows::new(c, "chain, write 32 B and flush", 32);
    for filters in [0, 5] {
        let mut chain = chain_of(filters, push_all);
        rows = rows.row(&format!("{filters} filters"), || {
            passed(&mut chain, |chain| {
                chain.write(black_box(PIECE))?;
                chain.flush()
            })
        });
    }
}

/// A brigade of borrowed buckets.
pub(crate) fn pass(c: &mut Criterion) {
    for count in [1, 8] {
        let name = format!("chain, pass {count} x 32 B");
        let (mut empty, mut idle) = (chain_of(0, push_all), chain_of(8, push_all));
        let mut reading = chain_of(8, push_loop);
        Rows::new(c, &name, count * 32)
            .each_of(count)
            .row("no filter", pass_again(&mut empty, count))
            .row("8 idle filters", pass_again(&mut idle, count))
            .row("8 push-loop filters", pass_again(&mut reading, count))
            .row("8 push-loop filters, new brigade", || {
                passed(&mut reading, |chain| chain.pass(&mut transients(count).collect()))
            });
    }
}

fn transients<'a>(count: u64) -> impl Iterator<Item = Bucket<'a>> {
    (0..count).map(|_| Bucket::transient(black_box(PIECE)))
}

/// With one brigade that is used again.
fn pass_again(chain: &mut Chain, count: u64) -> impl FnMut() -> u64 {
    let mut brigade = Brigade::new();
    move || {
        brigade.extend(transients(count));
        passed(chain, |chain| chain.pass(&mut brigade))
    }
}
