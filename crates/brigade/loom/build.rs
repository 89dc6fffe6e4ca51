//! Takes the files of the allocator that hold and count blocks, and puts switches for mutants into them.
//!
//! Without a mutant named they do what they do in `brigade`. A place that has changed there, so that a
//! switch finds it no more, is an error: a mutant that is not one would prove nothing. That holds
//! `is_whole` to its text as well: without `Arc::get_mut` it would order nothing, which loom cannot
//! see, since its `strong_count` orders more than std's.

use std::path::{Path, PathBuf};
use std::{env, fs};

/// What is replaced, by what: each switch names its mutants.
const SWITCHES: [(&str, &str, &str); 6] = [
    (
        "budget.rs",
        "        if has_room && (before >= limit || self.waiting() > 0) {\n",
        "        let reaches = before >= limit && crate::mutant() != \"asks who waits\";
         if has_room && (reaches || self.waiting() > 0) {\n",
    ),
    (
        "budget.rs",
        "waiting.others.retain(|other| !other.will_wake(waker));\n",
        "waiting.others.retain(|other| {
             other.will_wake(waker) == (crate::mutant() == \"forgets the others\")
         });\n",
    ),
    (
        "budget.rs",
        "        let is_exhausted = self.budget.is_exhausted();\n",
        "        let is_exhausted =
             crate::mutant() == \"never looks again\" || self.budget.is_exhausted();\n",
    ),
    (
        "block.rs",
        "    Arc::strong_count(block) == 1 && Arc::get_mut(block).is_some()\n",
        "    match crate::mutant() {
             \"always whole\" => true,
             // It asks as the real one does: that is where loom changes threads.
             \"one slice is none\" => Arc::get_mut(block).is_some() || Arc::strong_count(block) <= 2,
             _ => Arc::strong_count(block) == 1 && Arc::get_mut(block).is_some(),
         }\n",
    ),
    (
        "block.rs",
        "slice.len == self.filled.wrapping_sub(slice.offset)\n",
        "(crate::mutant() == \"grows anywhere\"
             || slice.len == self.filled.wrapping_sub(slice.offset))\n",
    ),
    (
        "block.rs",
        "        let len = narrow(len);\n        self.filled += len;\n",
        "        let len = narrow(len);
         if crate::mutant() != \"never filled\" {
             self.filled += len;
         }\n",
    ),
];

fn main() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/alloc");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for name in ["block.rs", "blocks/mod.rs", "blocks/sweep.rs", "budget.rs", "cache.rs"] {
        let path = source.join(name);
        println!("cargo::rerun-if-changed={}", path.display());
        let text =
            fs::read_to_string(&path).expect("the allocator's source is beside this package");
        // An included file has no documentation of its own.
        let lines = text.lines().filter(|line| !line.starts_with("//!"));
        let mut text: String = lines.flat_map(|line| [line, "\n"]).collect();
        for (_, from, to) in SWITCHES.iter().filter(|(file, ..)| *file == name) {
            assert_eq!(text.matches(from).count(), 1, "{name} has no one place for {from:?}");
            text = text.replace(from, to);
        }
        let to = out.join(name);
        fs::create_dir_all(to.parent().expect("it is in the folder"))
            .expect("a folder can be made");
        fs::write(to, text).expect("the output folder can be written");
    }
}
