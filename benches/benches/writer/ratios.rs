//! Each side's median beside one of them: what a bench says in one line a side.

use std::time::Duration;

/// What was measured of one operation, by side.
#[derive(Debug, Default)]
pub(crate) struct Ratios(Vec<(&'static str, Vec<f64>)>);

impl Ratios {
    /// Notes that `count` runs of a side took so long.
    pub(crate) fn note(&mut self, side: &'static str, spent: Duration, count: u64) {
        let nanoseconds = spent.as_secs_f64() * 1e9 / u32::try_from(count).map_or(1.0, f64::from);
        match self.0.iter_mut().find(|(name, _)| *name == side) {
            Some((_, samples)) => samples.push(nanoseconds),
            None => self.0.push((side, vec![nanoseconds])),
        }
    }

    /// Prints the sides and their ratios to `bare`, if that was measured too.
    pub(crate) fn print(mut self, operation: &str, bare: &str) {
        let medians: Vec<_> =
            self.0.iter_mut().map(|(side, samples)| (*side, median(samples))).collect();
        let bare = medians.iter().find(|(side, _)| *side == bare).map(|(_, median)| *median);
        println!("\n{operation}");
        for (side, median) in medians {
            let ratio = bare.map(|bare| format!("{:5.2}", median / bare)).unwrap_or_default();
            println!("  {side:<32} {:9.1} us  {ratio}", median / 1e3);
        }
        println!();
    }
}

fn median(samples: &mut [f64]) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
