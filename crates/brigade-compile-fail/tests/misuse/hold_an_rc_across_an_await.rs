//! So do the futures of filters: what they hold while they wait is `Send`.

use std::rc::Rc;

use brigade::AsyncFilter;

fn main() {
    let _ = AsyncFilter::new(|mut body| async move {
        let name = Rc::new("held while it waits");
        while let Some(bucket) = body.read().await {
            body.push(bucket).await;
        }
        drop(name);
        Ok(())
    });
}
