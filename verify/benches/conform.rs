//! The cost of an event of a recording, and the memory it takes, from 4,000 to 1,000,000 events.
//!
//! The recording is made here: overlapping overwrites and reads of one file by a few threads, and a
//! truncate to the file's own size now and then.

use diolock::kernel::{Kernel, Version};
use diolock_verify::conform::{FileSystem, Journal, Reader, Verdict, conform};
use std::fmt::Write;
use std::io::Cursor;
use std::time::Instant;

/// A recording of at least that many events.
fn recording(events: usize) -> String {
    let (mut text, mut seq) = (String::new(), 0);
    let mut line = |task: &str, rest: &str| {
        seq += 1;
        let _ = writeln!(text, "{seq}\t{task}\t{rest}");
        seq
    };
    for round in 0.. {
        let block = round * 7 % 100;
        let (pos, next) = (block * 4096, (block + 1) * 4096);
        let (k, other) = (2 * round, 2 * round + 1);
        let enter = |kind: &str, pos: u64| {
            [
                format!("{kind}\tpos={pos} len=4096 kflags=0x20000 isize=524288"),
                "req\tl=rwsem m=S cnt=0x0".to_owned(),
                "acq\tl=rwsem m=S at=x".to_owned(),
            ]
        };
        let map = |block: u64| {
            [
                format!("iomap_begin\tpos={} len=4096 iflags=0x10", block * 4096),
                format!("map_blocks\tlblk={block} mlen=1 gflags=0x0"),
                "map_blocks_ret\tret=1 at=x".to_owned(),
                format!("set_iomap\tlblk={block} mlen=1 pblk={} mflags=0x10", 2000 + block),
                "iomap_dio_rw_ret\tret=dio at=x".to_owned(),
            ]
        };
        for rest in enter("write_iter", pos) {
            line("d_w", &rest);
        }
        line("d_w", &format!("map_blocks\tlblk={block} mlen=1 gflags=0x0"));
        line("d_w", "map_blocks_ret\tret=1 at=x");
        line(
            "d_w",
            &format!(
                "iomap_dio_rw\tiocb=k{k} pos={pos} len=4096 ops=ext4_iomap_overwrite_ops dflags=0x0 dio=0"
            ),
        );
        line("d_w", "dio_begin\tdio=1");
        line("d_w", &format!("iomap_ow_begin\tpos={pos} len=4096 iflags=0x11"));
        for rest in map(block) {
            line("d_w", &rest);
        }
        for rest in enter("read_iter", next) {
            line("d_r", &rest);
        }
        line(
            "d_r",
            &format!(
                "iomap_dio_rw\tiocb=k{other} pos={next} len=4096 ops=ext4_iomap_ops dflags=0x0 dio=1"
            ),
        );
        line("d_r", "dio_begin\tdio=2");
        for rest in map(block + 1) {
            line("d_r", &rest);
        }
        line(
            "d_w",
            &format!("dio_complete\tiocb=k{k} pos={pos} size=4096 err=0 dflags=0x40000000 dio=2"),
        );
        line("d_w", &format!("end_io\tiocb=k{k} pos={pos} size=4096 err=0 dflags=0x40000000"));
        line("d_w", "dio_end\tdio=2");
        line("d_w", "rel\tl=rwsem m=S cnt=0x200");
        line("d_w", "write_iter_ret\tret=4096 at=x");
        line(
            "d_r",
            &format!(
                "dio_complete\tiocb=k{other} pos={next} size=4096 err=0 dflags=0x80000000 dio=1"
            ),
        );
        line("d_r", "dio_end\tdio=1");
        line("d_r", "rel\tl=rwsem m=S cnt=0x100");
        if line("d_r", "read_iter_ret\tret=4096 at=x") >= events as u64 {
            break;
        }
    }
    text
}

/// Kilobytes in use at most so far.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn main() {
    println!("{:>9} {:>9} {:>9}  peak, the recording itself included", "events", "ms", "ns/event");
    for events in [4_000, 40_000, 75_000, 400_000, 1_000_000] {
        let text = recording(events);
        let lines = text.lines().count();
        let bytes = text.len() / 1024;
        let start = Instant::now();
        let mut reader = Reader::new("made", Cursor::new(text.into_bytes())).expect("it reads");
        let verdict = conform(
            &mut reader,
            FileSystem {
                kernel: Kernel::new(Version::V6_1),
                block: 4096,
                journal: Journal::Metadata,
            },
        )
        .expect("events");
        let took = start.elapsed();
        match verdict {
            Verdict::Accepted(coverage) => assert_eq!(coverage.events, lines),
            Verdict::Rejected(rejection) => panic!("{rejection:?}"),
        }
        let each = took.as_nanos() / lines as u128;
        println!("{lines:>9} {:>9} {each:>9}  {} KiB of {bytes} KiB", took.as_millis(), peak());
    }
}
