//! This process's memory as the kernel counts it.
//!
//! Invariant: after [`Memory::open`] nothing here allocates, so looking does not change what is
//! seen.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// The files in `/proc/self` that tell and reset this process's memory, opened once.
#[derive(Debug)]
pub(crate) struct Memory {
    status: File,
    statm: File,
    clear_refs: Option<File>,
    page_kib: u64,
}

impl Memory {
    /// Opens the files.
    ///
    /// # Errors
    ///
    /// `/proc` is not mounted, or this is not Linux.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self {
            status: open("/proc/self/status")?,
            statm: open("/proc/self/statm")?,
            clear_refs: File::options().write(true).open("/proc/self/clear_refs").ok(),
            page_kib: rustix::param::page_size() as u64 / 1024,
        })
    }

    /// Resident memory, in KiB.
    pub(crate) fn resident_kib(&self) -> io::Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// The most that was resident since the start or the last [`reset_peak`](Self::reset_peak),
    /// in KiB.
    pub(crate) fn peak_kib(&self) -> io::Result<u64> {
        self.status_kib("VmHWM:")
    }

    /// Resident memory, in KiB, cheaper than [`resident_kib`](Self::resident_kib): the kernel
    /// prints seven numbers and not sixty lines.
    pub(crate) fn sample_kib(&self) -> io::Result<u64> {
        let mut buffer = [0; 256];
        let len = self.statm.read_at(&mut buffer, 0)?;
        let pages = second_number(&buffer[..len]).ok_or_else(|| unreadable("statm"))?;
        Ok(pages * self.page_kib)
    }

    /// Makes the peak start again from what is resident now; false where the kernel refuses, as
    /// it may in a sandbox.
    pub(crate) fn reset_peak(&mut self) -> bool {
        self.clear_refs.as_mut().is_some_and(|file| file.write_all(b"5").is_ok())
    }

    fn status_kib(&self, field: &str) -> io::Result<u64> {
        let mut buffer = [0; 4096];
        let len = self.status.read_at(&mut buffer, 0)?;
        number_after(&buffer[..len], field).ok_or_else(|| unreadable(field))
    }
}

fn open(path: &str) -> io::Result<File> {
    let because = |error: io::Error| {
        let what = format!("open {path}, where Linux tells a process's memory: {error}");
        io::Error::new(error.kind(), what)
    };
    File::open(path).map_err(because)
}

#[cold]
fn unreadable(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no `{what}` to be read in /proc/self"))
}

/// The number in the line of `text` that begins with `field`.
fn number_after(text: &[u8], field: &str) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let rest = lines.find_map(|line| line.strip_prefix(field.as_bytes()))?;
    number(rest.split(u8::is_ascii_whitespace).find(|word| !word.is_empty())?)
}

fn second_number(text: &[u8]) -> Option<u64> {
    number(text.split(u8::is_ascii_whitespace).nth(1)?)
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_after_a_field_is_found_in_its_line_only() {
        let status = b"Name:\tVmRSS:\nVmHWM:\t   4096 kB\nVmRSS:\t   2048 kB\n";
        assert_eq!(number_after(status, "VmHWM:"), Some(4096));
        assert_eq!(number_after(status, "VmRSS:"), Some(2048));
        assert_eq!(number_after(status, "VmSwap:"), None);
        assert_eq!(number_after(b"VmRSS:\t", "VmRSS:"), None);
    }

    #[test]
    fn second_number_is_the_resident_pages_of_statm() {
        assert_eq!(second_number(b"1061 524 499 5 0 116 0\n"), Some(524));
        assert_eq!(second_number(b"1061"), None);
    }

    #[test]
    fn memory_read_three_ways_is_about_the_same() {
        let memory = Memory::open().expect("/proc is mounted");
        let resident = memory.resident_kib().expect("VmRSS");
        let sample = memory.sample_kib().expect("statm");
        let peak = memory.peak_kib().expect("VmHWM");
        // Other tests run in this process: only what always holds is asked.
        assert!(resident > 0 && sample > 0 && peak > 0, "{resident} {sample} {peak}");
        assert!(peak * 2 > resident, "a peak of {peak} KiB, and {resident} KiB resident");
    }
}
