//! What changes where the bytes are, or which of the two brigades they are in.

use std::mem;

use brigade::Bucket;

use super::World;
use super::op::Keep;

impl World {
    pub(super) fn keep(&mut self, keep: &Keep) {
        match keep {
            Keep::SetAside => {
                self.brigade.set_aside(&mut self.aside, &mut self.alloc);
                assert!(self.brigade.is_empty());
                self.aside_oracle.append(&mut self.oracle);
            }
            Keep::SetAsideFront => {
                if let Some(front) = self.brigade.pop_front() {
                    let kept = front.set_aside(&mut self.alloc);
                    self.brigade.push_front(kept);
                }
            }
            Keep::IntoBytes => self.front_into_bytes(),
            Keep::Collect => self.brigade = mem::take(&mut self.brigade).into_iter().collect(),
            Keep::Compact => {
                self.brigade.compact(&mut self.alloc);
                self.aside.compact(&mut self.alloc);
            }
            Keep::Swap => {
                mem::swap(&mut self.brigade, &mut self.aside);
                mem::swap(&mut self.oracle, &mut self.aside_oracle);
            }
            Keep::TakeBack => self.take_back(),
            Keep::PutBefore => {
                self.brigade.prepend(&mut self.aside);
                self.oracle.splice(0..0, self.aside_oracle.drain(..));
            }
            Keep::Trim => self.alloc.trim(),
        }
    }

    pub(super) fn take_back(&mut self) {
        self.brigade.append(&mut self.aside);
        self.oracle.append(&mut self.aside_oracle);
    }

    /// The front as foreign bytes, if it is in memory.
    fn front_into_bytes(&mut self) {
        if self.brigade.front().is_some_and(|front| front.bytes().is_some()) {
            let front = self.brigade.pop_front().and_then(Bucket::into_bytes);
            self.brigade.push_front(Bucket::heap(front.expect("it is in memory")));
        }
    }
}
