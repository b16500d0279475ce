//! A rule may look only at what its event touches, so its verdict is one of the trace: the same in
//! every order of the trace's steps. The reductions of loom and shuttle rest on that.

use diolock::kernel::Fix;
use diolock_verify::engine::selftest::{Random, enabled};
use diolock_verify::litmus::parse;
use diolock_verify::program::{Event, Program, System};
use diolock_verify::rule::{Gathered, RuleId, RuleSet, Rules};
use diolock_verify::trace::HappensBefore;

const PROGRAMS: u64 = 2_000;

/// Calls and their arguments, drawn at random.
const CALLS: [&str; 33] = [
    "call = \"pwrite\", block = 0",
    "call = \"pwrite\", block = 1",
    "call = \"pwrite\", block = 0, blocks = 2",
    "call = \"pwrite\", block = 0, half = \"lower\"",
    "call = \"pwrite\", block = 0, half = \"upper\"",
    "call = \"pwrite\", block = 1, osync = true",
    "call = \"pwrite\", block = 0, nowait = true",
    "call = \"pwrite\", block = 2, osync = true",
    "call = \"aio_pwrite\", block = 0",
    "call = \"aio_pwrite\", block = 1",
    "call = \"aio_pwrite\", block = 0, half = \"lower\"",
    "call = \"aio_pwrite\", block = 0, blocks = 2",
    "call = \"aio_pwrite_close\", block = 0",
    "call = \"pread\", block = 0",
    "call = \"pread\", block = 0, blocks = 2",
    "call = \"ftruncate\", to = 0",
    "call = \"ftruncate\", to = 1",
    "call = \"ftruncate\", to = 2",
    "call = \"punch_hole\", block = 0",
    "call = \"zero_range\", block = 0",
    "call = \"collapse_range\", block = 0",
    "call = \"insert_range\", block = 0",
    "call = \"falloc\", block = 0",
    "call = \"falloc_grow\", block = 1",
    "call = \"read\", block = 0",
    "call = \"read\", block = 1",
    "call = \"fault\", block = 0",
    "call = \"writepages\"",
    "call = \"writeback\", to = 1",
    "call = \"fsync\"",
    "call = \"write\"",
    "call = \"commit\"",
    "call = \"end_bio\", block = 0",
];

const FILES: [&str; 8] = [
    "size = 1, extents = [\"written\"]",
    "size = 1, extents = [\"unwritten\"]",
    "size = 1, extents = [\"hole\"]",
    "size = 2, extents = [\"written\", \"unwritten\"]",
    "size = 2, extents = [\"written\", \"written\"]",
    "size = 1, extents = [\"written\"], cached_pages = 1",
    "size = 1, extents = [\"written\"], cached_pages = 1, dirty = true",
    "size = 1, extents = [\"written\", \"unwritten\"]",
];

const KERNELS: [&str; 9] =
    ["rfc-v2", "v3.6", "v3.7", "v3.11", "v4.10", "v5.4", "v5.10", "v6.1", "v6.12"];

/// A program of two or three random calls, if they can stand side by side.
fn random_program(random: &mut Random) -> Option<Program> {
    let mut pick = |from: &[&'static str]| from[random.below(from.len())];
    let (kernel, file) = (pick(&KERNELS), pick(&FILES));
    let mut tasks: Vec<String> =
        ('W'..'Y').map(|name| format!("{{ name = \"{name}\", {} }}", pick(&CALLS))).collect();
    if pick(&["two", "three"]) == "three" {
        tasks.push(format!("{{ name = \"Y\", {} }}", pick(&CALLS)));
    }
    let text = format!(
        "claim = \"random\"\nevidence = \"ours\"\nreaches = [\"W returns\"]\nfile = {{ {file} }}\n\
         task = [{}]\nexpect = [{{ kernel = \"{kernel}\", verdict = \"never\" }}]\n",
        tasks.join(", ")
    );
    let litmus = parse::parse("random", "random.toml", &text).ok()?;
    // Half of the kernels lack a fix or two, so that something goes wrong.
    let mut kernel = litmus.expect[0].kernel;
    let fixes: Vec<Fix> = kernel.fixes().collect();
    for _ in 0..2 {
        if random.once_in(2) && !fixes.is_empty() {
            kernel = kernel.without(fixes[random.below(fixes.len())]);
        }
    }
    Some(litmus.program(kernel))
}

/// A random execution.
fn walk(program: &Program, random: &mut Random) -> Vec<Event> {
    let mut system = System::new(program);
    let mut events = Vec::new();
    while events.len() < 400 {
        let ready = enabled(program, &system);
        // Now and then the same task goes on: races need runs as well as switches.
        let last = events.last().map(|event: &Event| event.task).filter(|t| ready.contains(t));
        let Some(&any) = ready.get(random.below(ready.len().max(1))) else { break };
        let task = if random.once_in(3) { any } else { last.unwrap_or(any) };
        let op = system.pending(task, &program.fair).expect("it is enabled");
        events.push(system.perform(task, op).expect("it is enabled"));
    }
    events
}

/// Another order of the same trace.
fn shuffled(tasks: usize, events: &[Event], random: &mut Random) -> Vec<usize> {
    let order = HappensBefore::new(tasks, events);
    let mut left: Vec<usize> = (0..events.len()).collect();
    let mut done = vec![0; tasks];
    let mut schedule = Vec::new();
    while !left.is_empty() {
        let ready: Vec<usize> =
            (0..left.len()).filter(|&at| order.ready(left[at], &done)).collect();
        let event = left.remove(ready[random.below(ready.len())]);
        done[usize::from(events[event].task)] += 1;
        schedule.push(event);
    }
    schedule
}

/// Which rules these events break, each judged alone, and in which words.
fn judge(program: &Program, events: &[&Event]) -> Vec<Option<RuleId>> {
    let mut end = System::new(program);
    for event in events {
        let again = end.perform(event.task, event.op.clone());
        assert_eq!(
            again.as_ref(),
            Ok(*event),
            "{}: steps that commute changed places",
            program.situation
        );
    }
    let alone = |rule: RuleId| {
        let program = Program { rules: RuleSet::NONE.with(rule), ..program.clone() };
        let mut rules = Rules::new(&program);
        let mut gathered = Gathered::default();
        let mut broken = false;
        let mut system = System::new(&program);
        for event in events {
            system.resume(event.task, &event.op, event.outcome.clone());
            let over = system.just_over(event.task);
            broken |= rules.observe(&program, event, over, &mut gathered).is_err();
        }
        broken |= end.finished() && rules.finish(&program, &end, &mut gathered).is_err();
        broken.then_some(rule)
    };
    RuleId::ALL.map(alone).to_vec()
}

#[test]
fn every_rule_says_the_same_of_every_order_of_a_trace() {
    let (mut programs, mut broken, mut wrong) = (0, 0, Vec::new());
    let mut random = Random::new(20);
    while programs < PROGRAMS {
        let Some(program) = random_program(&mut random) else { continue };
        programs += 1;
        for _ in 0..2 {
            let events = walk(&program, &mut random);
            let first = judge(&program, &events.iter().collect::<Vec<_>>());
            broken += first.iter().flatten().count();
            for _ in 0..3 {
                let order = shuffled(program.calls.len(), &events, &mut random);
                let other: Vec<&Event> = order.iter().map(|&at| &events[at]).collect();
                let again = judge(&program, &other);
                if again != first {
                    let (on, what) = (program.kernel, &program.situation);
                    wrong.push(format!("{what} on {on}: {first:?} or {again:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {programs} programs:\n{}", wrong.len(), wrong.join("\n"));
    assert!(broken > 150, "only {broken} broken rules: too few to tell");
}
