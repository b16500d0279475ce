use diolock_verify::engine::selftest::*;
use diolock_verify::engine::shuttle::{self, Options};
use std::time::Instant;
fn main() {
    let a: Vec<u64> = std::env::args().skip(1).map(|s| s.parse().unwrap()).collect();
    let (from, to, tasks, steps) = (a[0], a[1], a[2] as usize, a[3] as usize);
    let (mut ex, mut tr, mut cut, mut wid, mut bad, mut stuckn) = (0u64, 0u64, 0u64, 0u64, 0, 0);
    let (mut tb, mut ts) = (0.0, 0.0);
    let mut worst: Vec<(f64, u64, u64, u64)> = vec![];
    let mut avg = 0.0; let mut uf = (0, 0, 0, 0);
    for seed in from..to {
        let p = random_program(seed, tasks, steps);
        let t = Instant::now();
        let want = history_graph(&p);
        tb += t.elapsed().as_secs_f64();
        let t = Instant::now();
        let got = shuttle::explore(&p, &Options { traces: true, keep_going: true, ..Options::exhaustive() });
        ts += t.elapsed().as_secs_f64();
        let n = (want.traces.len() + want.stuck.len()) as u64;
        if got.report.trace_set != want.traces || got.stuck != want.stuck {
            bad += 1;
            if bad < 5 {
                println!("MISS seed {seed} fair {:?}: traces {}/{} stuck {}/{}", p.fair, got.report.trace_set.len(), want.traces.len(), got.stuck.len(), want.stuck.len());
                for c in &p.calls { println!("   {c:?}"); }
            }
        }
        stuckn += want.stuck.len();
        ex += got.report.executions; tr += n; cut += got.cut; wid += got.widened;
        avg += got.report.executions as f64 / n as f64;
        if std::env::var_os("SHOW").is_some() { println!("{seed}: fair {:?} ex {} tr {n} cut {} widened {}", p.fair, got.report.executions, got.cut, got.widened); for c in &p.calls { println!("   {c:?}"); } }
        if p.fair.is_empty() { uf.0 += got.report.executions; uf.1 += n; } if got.widened == 0 && p.fair.is_empty() { uf.2 += got.report.executions; uf.3 += n; }
        worst.push((got.report.executions as f64 / n as f64, seed, got.report.executions, n));
    }
    worst.sort_by(|a, b| b.0.total_cmp(&a.0));
    println!("unfair {uf:?}");
    println!("bad {bad} executions {ex} traces {tr} (stuck {stuckn}) ratio {:.3} avg {:.3} cut {cut} widened {wid} brute {tb:.2}s shuttle {ts:.2}s worst {:?}", ex as f64 / tr as f64, avg / (to - from) as f64, &worst[..worst.len().min(5)]);
}
