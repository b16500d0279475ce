//! Times of the engines on the largest test that all of them hold, and of one observed step: a
//! step whose event nobody asks for must cost what it costs without the event.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use diolock::kernel::{Kernel, Version};
use diolock::op::TaskId;
use diolock_verify::engine::{graph, shuttle};
use diolock_verify::litmus::catalogue;
use diolock_verify::program::{Program, Run, System};
use diolock_verify::rule::Gathered;
use std::hint::black_box;
use tracing_subscriber::EnvFilter;

fn program() -> Program {
    let litmus = catalogue::find("two-overwrites-truncate-read").expect("it is in the catalogue");
    litmus.program(Kernel::new(Version::V3_7))
}

fn engines(criterion: &mut Criterion) {
    let program = program();
    let mut group = criterion.benchmark_group("two-overwrites-truncate-read");
    group.sample_size(10);
    group.bench_function("graph", |bencher| {
        bencher.iter(|| graph::run(&program, graph::Options::default()));
    });
    group.bench_function("shuttle exhaustive", |bencher| {
        bencher.iter(|| shuttle::run(&program, &shuttle::Options::exhaustive()));
    });
    group.finish();
}

/// A schedule in which every task returns: always the first that can go on.
fn schedule(program: &Program) -> Vec<TaskId> {
    let mut system = System::new(program);
    let mut schedule = Vec::new();
    while let Some(task) = { graph::enabled(&system).next() } {
        let op = graph::pending(&system, task).expect("an enabled task has a step");
        system.perform(task, op).expect("an enabled task need not wait");
        schedule.push(task);
    }
    assert!(system.finished());
    schedule
}

/// `graph::replay`, but no step is emitted.
fn replay_silently(program: &Program, schedule: &[TaskId]) -> Run {
    let mut run = Run::new(program);
    let mut gathered = Gathered::default();
    for &task in schedule {
        let op = graph::pending(&run.system, task).expect("the schedule fits");
        let event = run.system.perform(task, op).expect("the schedule fits");
        run.trace.observe(&event);
        let over = run.system.just_over(task);
        run.rules.observe(program, &event, over, &mut gathered).expect("no rule is broken");
        run.events.push(event);
    }
    run.rules.finish(program, &run.system, &mut gathered).expect("no rule is broken");
    run
}

fn observed_steps(criterion: &mut Criterion) {
    let program = program();
    let schedule = schedule(&program);
    assert_eq!(graph::replay(&program, &schedule).1.events.len(), schedule.len());
    let mut group = criterion.benchmark_group("steps of one execution");
    group.throughput(Throughput::Elements(schedule.len() as u64));
    group.bench_function("not emitted", |bencher| {
        bencher.iter(|| replay_silently(&program, black_box(&schedule)));
    });
    group.bench_function("no subscriber", |bencher| {
        bencher.iter(|| graph::replay(&program, black_box(&schedule)));
    });
    for (name, filter) in [("filtered out", "info,diolock::step=off"), ("written", "trace")] {
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(filter))
            .with_writer(std::io::sink)
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            group.bench_function(name, |bencher| {
                bencher.iter(|| graph::replay(&program, black_box(&schedule)));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, engines, observed_steps);
criterion_main!(benches);
