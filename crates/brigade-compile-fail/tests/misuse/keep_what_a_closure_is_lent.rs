//! What a closure is given lives as long as its call: keep a copy.

use brigade::map_bytes;

fn main() {
    let mut kept: Vec<&[u8]> = Vec::new();
    let _ = map_bytes(|bytes, out| {
        kept.push(bytes);
        out.put(bytes);
        Ok(())
    });
}
