//! What i_size, i_disksize and i_dio_count were since a thread's last event, and the numbers that
//! events give of them.

use super::dio::Stage;
use super::shared::World;
use super::span::{Sample, Span, Window};
use crate::conform::event::Thread;
use crate::conform::reject::Reason;
use crate::rule::RuleId;

/// So many threads are remembered between their calls.
const KEPT: usize = 256;

impl World {
    /// What the world was like since the thread's last event.
    pub fn window(&self, thread: Thread) -> Window {
        self.windows.get(&thread).cloned().unwrap_or_else(|| self.now())
    }

    fn now(&self) -> Window {
        Window {
            size: self.size,
            disksize: self.disksize,
            count: self.count(),
            earlier: (self.size, self.count()),
            samples: Vec::new(),
        }
    }

    fn count(&self) -> Span {
        let all = self.dios.len() as u64 + self.ending.len() as u64;
        Span {
            least: self.counted.saturating_add(self.before.least),
            most: all.saturating_add(self.before.most),
        }
    }

    pub(super) fn widen(&mut self) {
        let now = self.now();
        self.ever = match self.ever.0 {
            Span::ANY => (now.size, self.ever.1.or(now.count)),
            size => (size.or(now.size), self.ever.1.or(now.count)),
        };
        for window in self.windows.values_mut() {
            window.size = window.size.or(now.size);
            window.disksize = window.disksize.or(now.disksize);
            window.count = window.count.or(now.count);
        }
    }

    /// The thread is seen again: judges the numbers of its last event.
    ///
    /// # Errors
    /// A number that was never true; with its line.
    pub fn judge(&mut self, thread: Thread) -> Result<(), (usize, Reason)> {
        let Some(window) = self.windows.get(&thread).filter(|w| !w.samples.is_empty()) else {
            return Ok(());
        };
        let window = window.clone();
        for sample in &window.samples {
            self.judge_sample(sample, &window).map_err(|reason| (sample.line, reason))?;
        }
        Ok(())
    }

    /// The thread is seen again: what it ended has ended, and a new window begins.
    pub fn seen(&mut self, thread: Thread) {
        self.dios.retain(|_, dio| dio.stage != Stage::Ending(thread));
        self.ending.retain(|&other| other != thread);
        self.waiting.remove(&thread);
        let mut now = self.now();
        // Of a thread that was not seen before a number may be as old as the recording.
        now.earlier = self.windows.get(&thread).map_or(self.ever, |w| (w.size, w.count));
        self.windows.insert(thread, now);
    }

    /// An event's arguments are stored first, and it takes its number when it is committed (with a filter,
    /// `trace_event_buffer_lock_reserve` keeps it in a page of the processor until then): what it tells may be older than the
    /// thread's last event.
    fn judge_sample(&mut self, sample: &Sample, window: &Window) -> Result<(), Reason> {
        let value = sample.value;
        if sample.size {
            let size = window.size.or(window.earlier.0);
            if !size.has(value) {
                let Span { least, most } = size;
                let was =
                    if least == most { format!("{least}") } else { format!("{least} to {most}") };
                return Err(Reason::rule(
                    RuleId::R11,
                    format!("isize={value}, but i_size was {was}"),
                ));
            }
            return Ok(());
        }
        let now = window.count;
        let now = Span {
            least: now.least.saturating_add(sample.own),
            most: now.most.saturating_sub(sample.to_come),
        };
        // What is to come was not counted then.
        let Span { least, most } = now.or(window.earlier.1);
        if !(least..=most).contains(&value) {
            let was = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            return Err(Reason::rule(
                RuleId::R10,
                format!("dio={value}, but i_dio_count was {was}"),
            ));
        }
        Ok(())
    }

    /// The thread is in no call.
    pub fn forget(&mut self, thread: Thread) {
        if self.windows.len() > KEPT
            && self.windows.get(&thread).is_some_and(|window| window.samples.is_empty())
        {
            self.windows.remove(&thread);
        }
    }

    /// An event gives i_dio_count; `own` if the thread's own reference is in it although it is about
    /// to go.
    pub fn sample_count(&mut self, thread: Thread, line: usize, value: u64, own: bool) {
        if self.before.most == u64::MAX {
            // The first count in an excerpt tells how much was in flight before.
            let others = value.saturating_sub(own.into());
            let here = (self.dios.len() + self.ending.len()) as u64;
            let here = here.saturating_sub(own.into());
            self.before = Span {
                least: others.saturating_sub(here),
                most: others.saturating_sub(self.counted),
            };
            for window in self.windows.values_mut() {
                window.count = Span::ANY;
            }
            return;
        }
        let own = own.into();
        self.sample(thread, Sample { line, value, own, to_come: 0, size: false });
    }

    /// `iomap_dio_rw` gives i_dio_count, before its own reference is taken.
    pub fn sample_count_before(&mut self, thread: Thread, line: usize, value: u64) {
        if self.before.most == u64::MAX {
            return self.sample_count(thread, line, value, false);
        }
        self.sample(thread, Sample { line, value, own: 0, to_come: 1, size: false });
    }

    /// A drain has returned to a thread that keeps every new direct I/O out: none is counted.
    pub fn none_is_counted(&mut self, thread: Thread) {
        self.dios.retain(|_, dio| !matches!(dio.stage, Stage::Ending(_)));
        self.ending.clear();
        self.before = Span::only(0);
        self.windows.insert(thread, self.now());
    }

    /// An event gives i_size.
    pub fn sample_size(&mut self, thread: Thread, line: usize, value: u64) {
        if self.size == Span::ANY {
            self.size = Span::only(value);
            // A file at rest is written back.
            self.disksize = self.size;
            self.ever.0 = self.size;
            for window in self.windows.values_mut() {
                (window.size, window.disksize) = (self.size, self.disksize);
            }
        }
        self.sample(thread, Sample { line, value, own: 0, to_come: 0, size: true });
    }

    fn sample(&mut self, thread: Thread, sample: Sample) {
        let now = self.now();
        self.windows.entry(thread).or_insert(now).samples.push(sample);
    }

    /// i_size is that, or between that and what it was.
    pub fn set_size(&mut self, size: Span) {
        if size.most != u64::MAX {
            self.size = size;
        }
        self.widen();
    }

    /// The same of i_disksize.
    pub fn set_disksize(&mut self, size: Span) {
        if size.most != u64::MAX {
            self.disksize = size;
        }
        self.widen();
    }
}
