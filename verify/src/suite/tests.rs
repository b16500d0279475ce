use super::*;
use crate::litmus::catalogue;
use crate::rule::RuleId;
use EngineName::{Graph, Loom, Native, Shuttle};

fn expect(kernel: Kernel, expected: Expected, engines: &[EngineName]) -> Expect {
    Expect { kernel, expected, engines: engines.to_vec(), why: None }
}

/// Some litmus test with expectations of our own.
fn litmus() -> Litmus {
    let mut litmus = catalogue::all().unwrap().remove(0);
    let v3_7 = Kernel::new(Version::V3_7);
    litmus.memory = Memory::Sc;
    litmus.expect = vec![
        expect(Kernel::new(Version::V3_6), Expected::Violates(RuleId::R6), &[]),
        expect(v3_7, Expected::Never, &[]),
        expect(v3_7.without(Fix::Gate), Expected::Livelock, &[Graph]),
    ];
    litmus
}

#[test]
fn without_a_selection_every_expectation_is_checked() {
    let cells = plan(&[litmus()], &[Graph, Loom], &[], &[]);
    let shown: Vec<String> =
        cells.iter().map(|c| format!("{} {}", c.kernel, c.engine.name())).collect();
    let gate = Fix::Gate.about().commit;
    assert_eq!(
        shown,
        [
            "v3.6 graph".to_owned(),
            "v3.6 loom".to_owned(),
            "v3.7 graph".to_owned(),
            "v3.7 loom".to_owned(),
            format!("v3.7 without {gate} graph"),
        ]
    );
}

#[test]
fn a_selection_names_kernels_exactly() {
    let (litmus, v3_7) = (litmus(), Kernel::new(Version::V3_7));
    assert_eq!(kernels(&litmus, &[Version::V3_7], &[]), [v3_7]);
    assert_eq!(kernels(&litmus, &[], &[Fix::Gate]), [v3_7.without(Fix::Gate)]);
    assert_eq!(kernels(&litmus, &[Version::V3_6], &[Fix::Gate]), []);
    let cells = plan(&[litmus], &[Graph], &[Version::RfcV2], &[]);
    assert!(cells[0].expected.is_none());
    assert_eq!(cells[0].judge(&Verdict::Exhausted, None), None);
    let vacuous = Verdict::Vacuous(String::new());
    assert_eq!(cells[0].judge(&vacuous, None), None, "nobody expects anything of it");
}

#[test]
fn weak_memory_runs_on_loom_only() {
    let mut litmus = litmus();
    litmus.memory = Memory::C11;
    let cells = plan(&[litmus], &EngineName::ALL, &[Version::V3_7], &[]);
    assert_eq!(cells.iter().map(|c| c.engine).collect::<Vec<_>>(), [Loom]);
}

#[test]
fn only_a_proof_is_a_proof() {
    let judge = |expected, engine, verdict: Verdict| {
        let kernel = Kernel::new(Version::V3_7);
        let expected = Some(expect(kernel, expected, &[]));
        Cell { litmus: Arc::new(litmus()), kernel, engine, expected }.judge(&verdict, None)
    };
    let (never, r6) = (Expected::Never, Expected::Violates(RuleId::R6));
    for engine in [Graph, Loom, Shuttle] {
        assert_eq!(judge(never, engine, Verdict::Exhausted), Some(true));
        assert_eq!(judge(never, engine, Verdict::Sampled), Some(false));
        assert_eq!(judge(never, engine, Verdict::Bounded(2)), Some(false));
        assert_eq!(judge(never, engine, Verdict::Vacuous(String::new())), Some(false));
        assert_eq!(judge(never, engine, Verdict::Incomplete(String::new())), Some(false));
        assert_eq!(judge(r6, engine, Verdict::Violated(RuleId::R6)), Some(true));
        assert_eq!(judge(r6, engine, Verdict::Violated(RuleId::R4)), Some(false));
        assert_eq!(judge(r6, engine, Verdict::Exhausted), Some(false));
    }
    assert_eq!(judge(never, Native, Verdict::Sampled), Some(true));
    assert_eq!(judge(never, Native, Verdict::Vacuous(String::new())), Some(true));
    assert_eq!(judge(r6, Native, Verdict::Sampled), Some(true));
    assert_eq!(judge(r6, Native, Verdict::Violated(RuleId::R4)), Some(true));
    assert_eq!(judge(never, Native, Verdict::Violated(RuleId::R4)), Some(false));
    assert_eq!(judge(never, Native, Verdict::Deadlocked), Some(false));
    assert_eq!(judge(Expected::Deadlock, Graph, Verdict::Livelocked), Some(false));
}

#[test]
fn results_come_in_plan_order_and_stopping_leaves_the_rest_out() {
    let cells = plan(&[litmus()], &[Graph, Native], &[Version::V3_6, Version::V3_7], &[]);
    let options = Options {
        jobs: 2,
        strategy: None,
        reduced: false,
        max_states: MAX_STATES,
        exe: PathBuf::new(),
    };
    let mut heard = 0;
    let done = run(&cells, &options, &AtomicBool::new(false), |_, _| heard += 1);
    assert_eq!((heard, done.len()), (4, 4));
    assert!(done.iter().all(Option::is_some));
    let graph = done[0].as_ref().unwrap();
    assert!(graph.report.states.is_some(), "the first cell is graph's");
    let mut stopped = 0;
    let stop = AtomicBool::new(true);
    let done = run(&cells, &options, &stop, |_, _| stopped += 1);
    assert_eq!(done.iter().flatten().count(), stopped);
    assert!(stopped < 4);
}
