//! stub
use super::*;
use crate::rule::*;
use diolock::kernel::*;
pub fn parse(name: &str, _p: &str, text: &str) -> Result<Litmus, String> {
    let v: toml::Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
    let s = |v: &toml::Table, k: &str| v.get(k).and_then(|x| x.as_str()).map(str::to_owned);
    let n = |v: &toml::Table, k: &str| v.get(k).and_then(|x| x.as_integer()).map(|x| x as u8);
    let arr = |v: &toml::Table, k: &str| -> Vec<String> { v.get(k).and_then(|x| x.as_array()).map(|a| a.iter().map(|x| x.as_str().unwrap().to_owned()).collect()).unwrap_or_default() };
    let file = v["file"].as_table().unwrap();
    let mut rules = RuleSet::ALL;
    if v.contains_key("rules") { rules = arr(&v, "rules").iter().fold(RuleSet::NONE, |r, n| r.with(RuleId::named(n).unwrap())); }
    let mut except = vec![];
    if let Some(t) = v.get("except").and_then(|x| x.as_table()) { for (k, w) in t { let r = RuleId::named(k).unwrap(); rules = rules.without(r); except.push((r, w.as_str().unwrap().to_owned())); } }
    let tasks = v["task"].as_array().unwrap().iter().map(|t| { let t = t.as_table().unwrap(); TaskSpec { letter: s(t, "name").unwrap().chars().next().unwrap(), call: {
        let range = Range { start: n(t, "block").unwrap_or(0), len: n(t, "blocks").unwrap_or(1) };
        let half = s(t, "half").map(|h| if h == "lower" { Half::Lower } else { Half::Upper });
        let fault = s(t, "fail").map(|h| if h == "enomem" { Fault::Enomem } else { Fault::Enospc });
        match s(t, "call").unwrap().as_str() {
            "pwrite" => CallSpec::Pwrite { range, half, aio: false, fault },
            "aio_pwrite" => CallSpec::Pwrite { range, half, aio: true, fault },
            "pread" => CallSpec::Pread { range, stale_size: s(t, "size_read").as_deref() == Some("early"), repeat: t.contains_key("repeat") },
            "ftruncate" => CallSpec::Ftruncate { to: n(t, "to").unwrap() },
            "write" => CallSpec::Write, "commit" => CallSpec::Commit, x => panic!("{x}") } } } }).collect();
    let reaches = arr(&v, "reaches").into_iter().map(|text| { let (task, rest) = (text.chars().next().unwrap(), text[2..].to_owned());
        let verb = if let Some(x) = rest.strip_prefix("overlaps ") { ReachVerb::Overlaps(x.chars().next().unwrap()) } else if let Some(x) = rest.strip_prefix("waits for ") { ReachVerb::WaitsFor(x.chars().next().unwrap()) } else { ReachVerb::Plain(Verb::PLAIN.iter().find(|p| p.0 == rest).unwrap_or_else(|| panic!("{rest}")).1) };
        Reach { text, task, verb } }).collect();
    let expect = v["expect"].as_array().unwrap().iter().map(|t| { let t = t.as_table().unwrap();
        let mut kernel = Kernel::new(Version::ALL.into_iter().find(|v| v.name() == s(t, "kernel").unwrap()).unwrap());
        for w in arr(t, "without") { kernel = kernel.without(Fix::named(&w).unwrap()); }
        let ver = s(t, "verdict").unwrap();
        Expect { kernel, expected: match ver.as_str() { "never" => Expected::Never, "deadlock" => Expected::Deadlock, "livelock" => Expected::Livelock, v => Expected::Violates(RuleId::named(&v[9..]).unwrap()) },
          engines: arr(t, "engines").iter().map(|e| EngineName::ALL.into_iter().find(|x| x.name() == e).unwrap()).collect(), why: s(t, "why") } }).collect();
    Ok(Litmus { name: name.into(), source: text.into(), claim: s(&v, "claim").unwrap(), bug: s(&v, "bug"), evidence: s(&v, "evidence"), size: n(file, "size").unwrap(),
        extents: arr(file, "extents").iter().map(|e| match e.as_str() { "hole" => Extent::Hole, "unwritten" => Extent::Unwritten, _ => Extent::Written }).collect(),
        cached_pages: n(file, "cached_pages").unwrap_or(0), dioread_nolock: v.get("mount").is_none(), tasks, memory: if s(&v, "memory").is_some() { Memory::C11 } else { Memory::Sc },
        fair: if v.contains_key("fair") { vec![LockName::IDataSem] } else { vec![] }, rules, except, reaches, expect })
}
