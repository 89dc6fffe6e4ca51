//! A filter sees what is below it, never the chain it runs in.

use brigade::{Bucket, Chain, FilterKind, Member, from_fn, recorder};

fn main() {
    let mut chain = Chain::new(recorder().0);
    let again = from_fn(|input, next| {
        chain.pass_bucket(Bucket::flush())?;
        next.push_all(input)
    });
    chain.join(Member::new("again", FilterKind::RESOURCE, again));
}
