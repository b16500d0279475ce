//! temp
use diolock_verify::{
    engine::{graph, loom::job},
    litmus::*,
    verdict::*,
};
fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.get(1).map(String::as_str) == Some("loom-job") {
        job::serve().unwrap();
        return;
    }
    let exe = std::env::current_exe().unwrap();
    let mut files: Vec<_> =
        std::fs::read_dir("verify/litmus").unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for f in files {
        let name = f.file_stem().unwrap().to_str().unwrap().to_owned();
        if args.len() > 1 && !args[1..].contains(&name) {
            continue;
        }
        let l = match parse::load(&f) {
            Ok(l) => l,
            Err(e) => {
                println!("{:?}", miette::Report::new(e));
                continue;
            }
        };
        for e in &l.expect {
            let p = l.program(e.kernel);
            let show = |r: &Report| match &r.verdict {
                Verdict::Violated(x) => format!("violates {}", x.code()),
                Verdict::Deadlocked => "deadlock".into(),
                Verdict::Livelocked => "livelock".into(),
                Verdict::Exhausted => "never".into(),
                v => format!("{v:?}"),
            };
            let g = graph::run(&p, graph::Options { traces: false, max_states: None });
            let gt = if l.memory == diolock_verify::program::Memory::Sc
                && show(&g) == "never"
                && p.calls.len() <= 4
                && !p.calls.iter().any(|c| c.repeats())
            {
                Some(graph::run(&p, graph::Options { traces: true, max_states: None }))
            } else {
                None
            };
            let lo = job::run_child(&job::Job::new(&l, e.kernel), &exe);
            let ok = |r: &Report| if show(r) == e.expected.to_string() { "ok " } else { "BAD" };
            println!(
                "{:32} {:34} exp {:12} | graph {} {:12} {:>6} st {:.3}s steps {} | loom {} {} {:>6}x {:>4?}t {:.3}s {}",
                name,
                e.kernel.to_string(),
                e.expected.to_string(),
                ok(&g),
                show(&g),
                g.states.unwrap(),
                g.seconds,
                g.counterexample.as_ref().map_or(0, |c| c.events.len()),
                ok(&lo),
                show(&lo),
                lo.executions,
                lo.traces.unwrap_or(0),
                lo.seconds,
                match gt {
                    Some(gt) =>
                        if gt.trace_set == lo.trace_set {
                            format!("traces equal {}", gt.trace_set.len())
                        } else {
                            format!(
                                "TRACES DIFFER g{} l{} st {}",
                                gt.trace_set.len(),
                                lo.trace_set.len(),
                                gt.states.unwrap()
                            )
                        },
                    None => String::new(),
                }
            );
            if args.contains(&"-v".into()) {
                for r in [&g, &lo] {
                    if let Some(c) = &r.counterexample {
                        println!("   {}", c.text);
                        for ev in &c.events {
                            println!(
                                "      {} {:?} -> {:?}",
                                p.names[ev.task as usize].letter, ev.op, ev.outcome
                            );
                        }
                    }
                }
            }
        }
    }
}
