//! What each alteration does.

use super::lines::{Altered, Line};

impl Altered {
    /// Alters the lines as named; `None` if there is no place for that.
    pub fn apply(&mut self, name: &str) -> Option<()> {
        match name {
            "drop-dio-end" => {
                let at = self.one(|all, at| all.lines[at].is("dio_end"))?;
                let wake = self.next(at, "wake_bit").filter(|&to| self.between(at, to).len() == 2);
                self.drop_all([at].into_iter().chain(wake).collect());
            }
            "drain-returns-early" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("dio_wait") && all.lines[at].number("dio") > 0
                })?;
                let ret = self.next(at, "dio_wait_ret")?;
                self.relocate(ret, at + 1);
            }
            "remove-before-drain" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("es_remove") && all.before(at, "dio_wait").is_some()
                })?;
                let (drain, done) =
                    (self.before(at, "dio_wait")?, self.next(at, "ext4_ext_remove_space_done")?);
                for (moved, line) in self.between(at, done).into_iter().enumerate() {
                    self.relocate(line, drain + moved);
                }
            }
            "skip-drain" => {
                let at = self.one(|all, at| {
                    let inode_lock = all.before(at, "acq").is_some();
                    all.lines[at].is("dio_wait")
                        && inode_lock
                        && all.next(at, "es_remove").is_some()
                })?;
                let ret = self.next(at, "dio_wait_ret")?;
                self.drop_all(vec![at, ret]);
            }
            "extend-shared" => {
                let (from, to) = self.extending()?;
                self.hold_shared(from, to, "rwsem");
            }
            "acquire-early" => {
                let at = self.one(|all, at| {
                    let acq = all.next(at, "acq");
                    let meanwhile =
                        |to: usize| all.lines[at..to].iter().any(|line| line.lock("rel", "rwsem"));
                    all.lines[at].lock("req", "rwsem") && acq.is_some_and(meanwhile)
                })?;
                let acq = self.next(at, "acq")?;
                self.relocate(acq, at + 1);
            }
            "convert-after-end" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let end = self.next(at, "dio_end")?;
                self.relocate(end, at);
            }
            "lose-conversion" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let ret = self.next(at, "convert_unwritten_ret")?;
                let lines = self.between(at, ret);
                self.drop_all(lines);
            }
            "convert-elsewhere" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let (pos, block) = (self.lines[at].number("pos"), 4096);
                self.lines[at].set("pos", &(pos + block).to_string());
                let map = self.next(at, "map_blocks")?;
                let lblk = self.lines[map].number("lblk");
                self.lines[map].set("lblk", &(lblk + 1).to_string());
            }
            "swap-releases" => {
                let first = self.one(|all, at| all.lines[at].lock("rel", "rwsem"))?;
                let other = |all: &Altered, at: usize| {
                    let (a, b) = (&all.lines[first], &all.lines[at]);
                    at > first && b.lock("rel", "rwsem") && a.task != b.task
                };
                let second = (first..self.lines.len()).find(|&at| other(self, at))?;
                let task = self.lines[first].task.clone();
                self.lines[first].task = std::mem::replace(&mut self.lines[second].task, task);
            }
            "drop-release" => {
                let at = self.one(|all, at| all.lines[at].lock("rel", "rwsem"))?;
                self.drop_all(vec![at]);
            }
            "lie-in-lookup" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("set_iomap") && all.lines[at].number("mflags") & 0x10 != 0
                })?;
                let flags = self.lines[at].number("mflags") ^ 0x800;
                self.lines[at].set("mflags", &format!("{flags:#x}"));
            }
            "lie-about-place" => {
                // Only where the recording told of the block before.
                let at = self.one(|all, at| {
                    let line = &all.lines[at];
                    let told = |before: &Line| {
                        before.is("set_iomap")
                            && before.key("lblk") == line.key("lblk")
                            && before.key("pblk") == line.key("pblk")
                    };
                    let again = all.lines[at.saturating_sub(400)..at].iter().rposition(told);
                    let removed = |from: usize| {
                        all.lines[at.saturating_sub(400) + from..at].iter().any(|line| {
                            line.is("remove_space") || line.is("ext4_ext_shift_extents")
                        })
                    };
                    line.is("set_iomap")
                        && line.number("mflags") & 0x10 != 0
                        && again.is_some_and(|from| !removed(from))
                })?;
                let pblk = self.lines[at].number("pblk");
                self.lines[at].set("pblk", &(pblk + 1).to_string());
            }
            "lie-about-path" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("iomap_dio_rw")
                        && all.before(at, "write_iter") > all.before(at, "read_iter")
                })?;
                let overwrite = self.lines[at].key("ops") == Some("ext4_iomap_overwrite_ops");
                let other = if overwrite { "ext4_iomap_ops" } else { "ext4_iomap_overwrite_ops" };
                self.lines[at].set("ops", other);
            }
            "lie-about-count" => {
                let at = self.one(|all, at| all.lines[at].key("dio").is_some())?;
                let count = self.lines[at].number("dio");
                self.lines[at].set("dio", &(count + 5).to_string());
            }
            "lie-about-size" => {
                let at = self.one(|all, at| at > 400 && all.lines[at].is("setattr"))?;
                let size = self.lines[at].number("isize");
                self.lines[at].set("isize", &(size + 3 * 4096).to_string());
            }
            "count-without-lock" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("dio_begin") && all.before(at, "acq").is_some()
                })?;
                let rw = self.before(at, "iomap_dio_rw")?;
                let acq = self
                    .between(0, at)
                    .into_iter()
                    .chain(0..at)
                    .filter(|&to| {
                        self.lines[to].task == self.lines[at].task
                            && self.lines[to].lock("acq", "rwsem")
                    })
                    .max()?;
                self.relocate(at, acq);
                self.relocate(rw + 1, acq);
            }
            "complete-twice" => {
                let at = self.one(|all, at| {
                    all.lines[at].is("dio_complete_work") && all.next(at, "dio_end").is_some()
                })?;
                let end = self.next(at, "dio_end")?;
                let again: Vec<Line> =
                    self.between(at, end).into_iter().map(|at| self.lines[at].clone()).collect();
                let after =
                    self.next(end, "wake_bit").filter(|&to| self.between(end, to).len() == 2);
                let to = after.unwrap_or(end) + 1;
                self.lines.splice(to..to, again);
            }
            "convert-shared" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let ret = self.next(at, "convert_unwritten_ret")?;
                self.hold_shared(at, ret, "data");
            }
            "no-invalidate-lock" => {
                let at = self.one(|all, at| {
                    all.lines[at].lock("req", "inval") && all.lines[at].key("m") == Some("X")
                })?;
                let (acq, rel) = (self.next(at, "acq")?, self.lock_after(at, "rel", "inval")?);
                self.drop_all(vec![at, acq, rel]);
            }
            "shift-elsewhere" => {
                let at = self.one(|all, at| all.lines[at].is("ext4_ext_shift_extents"))?;
                let shift = self.lines[at].number("shift");
                self.lines[at].set("shift", &(shift + 1).to_string());
            }
            "allocate-before-drain" => {
                let at = self.one(|all, at| all.allocates(at) && all.drained(at).is_some())?;
                let (drain, ret) = (self.drained(at)?, self.next(at, "map_blocks_ret")?);
                for (moved, line) in self.between(at, ret).into_iter().enumerate() {
                    self.relocate(line, drain + moved);
                }
            }
            "skip-piece" => {
                let at = self.one(|all, at| all.allocates(at))?;
                let ret = self.next(at, "map_blocks_ret")?;
                let lines = self.between(at, ret);
                self.drop_all(lines);
            }
            "release-too-soon" => {
                let at = self.one(|all, at| {
                    let here = &all.lines[at];
                    here.is("dio_wait_ret")
                        && all.before(at, "fallocate") > all.before(at, "setattr")
                })?;
                let rel = self.lock_after(at, "rel", "rwsem")?;
                self.relocate(rel, at + 1);
            }
            "allocate-written" => {
                let at = self.one(|all, at| {
                    let line = &all.lines[at];
                    line.is("map_blocks") && line.key("gflags") == Some("0xb")
                })?;
                self.lines[at].set("gflags", "0x1");
            }
            "wrong-return" => {
                let at = self.one(|all, at| {
                    let line = &all.lines[at];
                    (line.is("write_iter_ret") || line.is("read_iter_ret"))
                        && line.number("ret") > 0
                })?;
                let ret = self.lines[at].number("ret");
                self.lines[at].set("ret", &(ret + 1).to_string());
            }
            "no-worker" => {
                let at = self.one(|all, at| all.lines[at].is("dio_complete_work"))?;
                self.drop_all(vec![at]);
            }
            "convert-less" => {
                let at = self.one(|all, at| all.lines[at].is("convert_unwritten"))?;
                let len = if self.lines[at].number("len") > 4096 { "4096" } else { "0" };
                self.lines[at].set("len", len);
            }
            "remove-less" => {
                let at = self.one(|all, at| all.lines[at].is("remove_space"))?;
                let end = self.lines[at].number("end");
                self.lines[at].set("end", &(end - 1).to_string());
            }
            "acquire-unasked" => {
                let at = self.one(|all, at| all.lines[at].is("req"))?;
                self.drop_all(vec![at]);
            }
            "drop-orphan" => {
                let (from, to) = self.extending()?;
                let adds = self.between(from, to);
                let at = adds.into_iter().find(|&at| self.lines[at].is("orphan_add"))?;
                self.drop_all(vec![at]);
            }
            "keep-orphan" => {
                let at = self.one(|all, at| all.lines[at].is("orphan_del"))?;
                self.drop_all(vec![at]);
            }
            "release-twice" => {
                let at = self.one(|all, at| all.lines[at].lock("rel", "rwsem"))?;
                let again = self.lines[at].clone();
                self.lines.insert(at + 1, again);
            }
            "release-otherwise" => {
                let at = self.one(|all, at| all.lines[at].lock("rel", "rwsem"))?;
                let other = if self.lines[at].key("m") == Some("S") { "X" } else { "S" };
                self.lines[at].set("m", other);
            }
            "hold-unacquired" => {
                let at = self.one(|all, at| {
                    let released = all.next(at, "rel").is_some();
                    all.lines[at].is("acq") && released
                })?;
                self.drop_all(vec![at]);
            }
            "truncate-shared" => {
                let at = self.one(|all, at| all.lines[at].is("setattr"))?;
                let (from, to) = (self.before(at, "req")?, self.lock_after(at, "rel", "rwsem")?);
                self.hold_shared(from, to, "rwsem");
            }
            "count-twice" => {
                let at = self.one(|all, at| all.lines[at].is("dio_begin"))?;
                let again = self.lines[at].clone();
                self.lines.insert(at + 1, again);
            }
            "allocate-unlocked" => {
                let at = self.one(|all, at| all.writes_new(at))?;
                let ret = self.next(at, "map_blocks_ret")?;
                let locks = self.between(at, ret).into_iter();
                let locks =
                    locks.filter(|&at| self.lines[at].key("l") == Some("data")).collect::<Vec<_>>();
                self.drop_all(locks);
            }
            "allocate-elsewhere" => {
                let at = self.one(|all, at| all.writes_new(at))?;
                let lblk = self.lines[at].number("lblk");
                self.lines[at].set("lblk", &(lblk + 1).to_string());
            }
            "no-extension" => {
                let (from, to) = self.extending()?;
                let at = self.between(from, to).into_iter();
                let at = at.into_iter().find(|&at| self.lines[at].is("inode_extension"))?;
                self.drop_all(vec![at]);
            }
            _ => return None,
        }
        Some(())
    }
}
