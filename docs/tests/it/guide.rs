//! `guide/`: what is said of its size is so.

use std::fs;

use crate::root;

/// The Rust blocks of a page, as they are shown: without the lines that only the compiler sees.
fn shown_blocks(page: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join("docs/guide").join(page)).unwrap();
    let blocks = text.split("```rust").skip(1).map(|block| block.split("```").next().unwrap());
    let shown = |line: &&str| *line != "#" && !line.starts_with("# ");
    blocks.map(|block| block.lines().skip(1).filter(shown).map(str::to_owned).collect()).collect()
}

#[test]
fn first_filter_of_the_guide_works_in_15_lines_with_its_chain() {
    let first = &shown_blocks("writing-a-filter.md")[0];
    assert!(first.iter().any(|line| line.contains("map_bytes")), "{first:#?}");
    assert!(
        first.iter().any(|line| line.contains("assert_eq!")),
        "it is shown to work: {first:#?}"
    );
    assert!(first.len() <= 15, "{} lines: {first:#?}", first.len());
}

#[test]
fn no_generic_parameter_reaches_the_signatures_of_who_writes_a_filter() {
    for page in ["writing-a-filter.md", "another-protocol.md"] {
        for line in shown_blocks(page).iter().flatten() {
            let is_generic = line.contains("impl<") || line.contains("where ") || {
                // A lifetime is no type: `fn filter<'b>` is the trait's own.
                line.split("fn ").nth(1).is_some_and(|rest| {
                    rest.split('(')
                        .next()
                        .is_some_and(|head| head.contains('<') && !head.contains("<'"))
                })
            };
            assert!(!is_generic, "{page}: {line}");
        }
    }
}
