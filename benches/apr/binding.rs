//! APR's side: the loops of `loops.c`, which call Apache's own library.
//!
//! Invariant: `state` is what `versus_new` made, until it is freed once, by the drop. The two things it
//! points to, the bytes and the file, live longer.

use std::ffi::{CStr, c_char, c_int};
use std::fs::File;
use std::marker::{PhantomData, PhantomPinned};
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The C state, seen from here only by its address.
#[repr(C)]
struct State {
    _private: [u8; 0],
    _neither_send_nor_moved: PhantomData<(*mut u8, PhantomPinned)>,
}

#[link(name = "versus_apr", kind = "static")]
#[link(name = "aprutil-1")]
#[link(name = "apr-1")]
unsafe extern "C" {
    fn versus_new(bytes: *const c_char, fd: c_int, file_len: usize) -> *mut State;
    fn versus_run(state: *mut State, name: *const c_char, count: u32) -> u64;
    fn versus_free(state: *mut State);
    fn versus_version() -> *const c_char;
}

/// APR's loops and what they work on.
#[derive(Debug)]
pub(crate) struct Apr {
    state: NonNull<State>,
    version: &'static str,
    _file: Arc<File>, // The C side reads its descriptor.
}

impl Apr {
    /// Makes the pools, the brigades and the bucket allocator that the loops share.
    ///
    /// # Errors
    ///
    /// What APR could not do.
    ///
    /// # Panics
    ///
    /// When it is called twice.
    pub(crate) fn new(bytes: &'static [u8; 8192], file: Arc<File>) -> Result<Self, &'static str> {
        static MADE: AtomicBool = AtomicBool::new(false);
        assert!(!MADE.swap(true, Ordering::Relaxed), "APR's side is made once in a process");
        let len = file.metadata().map_err(|_| "the length of the file")?.len();
        let len = usize::try_from(len).map_err(|_| "a file that fits in memory")?;
        // SAFETY: `bytes` are the 8 KiB that the loops read, and static. The descriptor is open as long
        // as `_file`, so at least until `versus_free`. The function sets up APR, which must not happen
        // on two threads at once: it is called once in a process.
        let state = unsafe { versus_new(bytes.as_ptr().cast(), file.as_raw_fd(), len) };
        let state = NonNull::new(state).ok_or("memory for APR's pools")?;
        // SAFETY: the function answers a string of the library's own, static and ending in a NUL.
        let version = unsafe { CStr::from_ptr(versus_version()) };
        let version = version.to_str().unwrap_or("of an unknown version");
        Ok(Self { state, version, _file: file })
    }

    /// The version of APR-util that is linked: "1.6.3".
    pub(crate) fn version(&self) -> &str {
        self.version
    }

    /// Does the operation `op` `count` times and answers what it saw, added up; 0 for a failure and for
    /// an operation that it does not know.
    pub(crate) fn run(&mut self, op: &CStr, count: u32) -> u64 {
        // SAFETY: `state` is alive, used through `&mut self` and on one thread, since `NonNull` is not
        // `Send`; `op` ends in a NUL and outlives the call.
        unsafe { versus_run(self.state.as_ptr(), op.as_ptr(), count) }
    }
}

impl Drop for Apr {
    fn drop(&mut self) {
        // SAFETY: `state` is alive, and nobody can use it after this.
        unsafe { versus_free(self.state.as_ptr()) }
    }
}
