//! What makes a brigade longer.

use std::fmt;
use std::io::{IoSlice, Write as _};

use brigade::{Brigade, Bucket};

use super::World;
use super::item::{Item, items_of, items_of_text, text, text_file};
use super::op::{Made, Put};

impl World {
    pub(super) fn put(&mut self, put: &Put) {
        match put {
            Put::Back(made) => {
                let (bucket, items) = self.make(*made);
                self.oracle.extend(items);
                self.brigade.push_back(bucket);
            }
            Put::Front(made) => {
                let (bucket, items) = self.make(*made);
                self.oracle.splice(0..0, items);
                self.brigade.push_front(bucket);
            }
            Put::Append(made) => {
                let (mut other, items) = self.brigade_of(made);
                self.oracle.extend(items);
                self.brigade.append(&mut other);
                check_empty(&other);
            }
            Put::Prepend(made) => {
                let (mut other, items) = self.brigade_of(made);
                self.oracle.splice(0..0, items);
                self.brigade.prepend(&mut other);
                check_empty(&other);
            }
            Put::Extend(made) => {
                let (other, items) = self.brigade_of(made);
                self.oracle.extend(items);
                self.brigade.extend(other);
            }
            Put::File(offset, len) => {
                self.brigade.insert_file(text_file(), *offset as u64, *len as u64);
                self.oracle.extend(items_of_text(&text(offset + len)[*offset..]));
            }
            Put::Write(len) => {
                self.brigade.write(&mut self.alloc, text(*len));
                self.oracle.extend(items_of_text(text(*len)));
            }
            Put::Writev(lens) => self.writev(lens),
            Put::Print(len) => self.print(*len),
            Put::CloneFront => self.clone_front(),
        }
    }

    fn brigade_of(&mut self, made: &[Made]) -> (Brigade<'static>, Vec<Item>) {
        let (buckets, items): (Brigade<'_>, Vec<_>) =
            made.iter().map(|made| self.make(*made)).unzip();
        (buckets, items.concat())
    }

    fn writev(&mut self, lens: &[usize]) {
        let slices: Vec<IoSlice<'_>> = lens.iter().map(|len| IoSlice::new(text(*len))).collect();
        let mut writer = self.brigade.writer(&mut self.alloc);
        let taken = writer.write_vectored(&slices).expect("a brigade takes all");
        writer.flush().expect("a brigade holds what it took");
        assert_eq!(taken, lens.iter().sum::<usize>());
        lens.iter().for_each(|len| self.oracle.extend(items_of_text(text(*len))));
    }

    /// The text and a number, then the text alone.
    fn print(&mut self, len: usize) {
        let shown = std::str::from_utf8(text(len)).expect("the text is ASCII");
        self.brigade.print(&mut self.alloc, format_args!("{shown}{len}"));
        fmt::Write::write_str(&mut self.brigade.writer(&mut self.alloc), shown)
            .expect("it takes all");
        self.oracle.extend(items_of_text(format!("{shown}{len}{shown}").as_bytes()));
    }

    /// The front once more, at the end: two buckets then share storage, and writing must not.
    fn clone_front(&mut self) {
        if let Some(clone) = self.brigade.front().and_then(Bucket::try_clone) {
            self.oracle.extend(items_of(&clone));
            self.brigade.push_back(clone);
        }
    }
}

fn check_empty(other: &Brigade<'_>) {
    assert!(other.is_empty());
    other.assert_invariants();
}
