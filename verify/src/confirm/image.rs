//! What must be known of a kernel to find one's way in it: symbols, and where fields are.

use diolock::op::LockName;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};

/// A kernel's symbols and layout.
#[derive(Clone, Debug)]
pub struct Image {
    symbols: HashMap<String, u64>,
    /// Functions by address.
    text: BTreeMap<u64, String>,
    offsets: Offsets,
}

/// Offsets of fields, in bytes, as the kernel's type information has them.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Offsets {
    /// `task_struct.comm`.
    pub comm: u64,
    /// Where a task that sleeps has its stack pointer: `task_struct.thread.sp`.
    pub sp: u64,
    /// `file.f_inode`.
    pub f_inode: u64,
    /// `inode.i_rwsem`.
    pub i_rwsem: u64,
    /// `inode.i_data.invalidate_lock`.
    pub invalidate_lock: u64,
    /// `i_data_sem`, counted from the inode.
    pub i_data_sem: i64,
    /// `rw_semaphore.wait_list`.
    pub wait_list: u64,
    /// `task_struct.rethooks`: the functions whose returns are probed, the innermost first.
    pub rethooks: u64,
    /// Of one of those.
    pub rethook: Rethook,
}

/// Offsets of fields of `rethook_node`, in bytes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Rethook {
    /// `llist`.
    pub list: u64,
    /// `ret_addr`: where the function really returns to.
    pub returns_to: u64,
    /// `frame`: where on the stack that had stood.
    pub frame: u64,
}

impl Image {
    /// Of the text of `/proc/kallsyms`.
    ///
    /// # Errors
    /// What cannot be read, or is lacking.
    pub fn new(kallsyms: &str, offsets: Offsets) -> Result<Image, String> {
        let (mut symbols, mut text) = (HashMap::new(), BTreeMap::new());
        for line in kallsyms.lines() {
            let mut words = line.split_ascii_whitespace();
            let (Some(address), Some(kind), Some(name)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let address =
                u64::from_str_radix(address, 16).map_err(|_| format!("no address in `{line}`"))?;
            symbols.entry(name.to_owned()).or_insert(address);
            if kind.eq_ignore_ascii_case("t") {
                text.entry(address).or_insert_with(|| name.to_owned());
            }
        }
        let image = Image { symbols, text, offsets };
        image.current()?;
        Ok(image)
    }

    /// Where fields are.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// A symbol's address: of several names the first that is there.
    ///
    /// # Errors
    /// If the kernel has none of them.
    pub fn find(&self, names: &[&str]) -> Result<u64, String> {
        let found = names.iter().find_map(|&name| self.symbols.get(name));
        found.copied().ok_or_else(|| format!("the kernel has no symbol {}", names.join(" or ")))
    }

    /// All of these names that it has.
    pub fn all(&self, names: &[&str]) -> Vec<u64> {
        names.iter().filter_map(|&name| self.symbols.get(name).copied()).collect()
    }

    /// Where a processor has the pointer to the task that it runs, from its gs_base: `current`.
    ///
    /// # Errors
    /// If the kernel has it elsewhere.
    pub fn current(&self) -> Result<u64, String> {
        self.find(&["pcpu_hot", "current_task"])
    }

    /// The function that an address is in.
    pub fn function(&self, address: u64) -> Option<&str> {
        let (start, end) = (self.symbols.get("_stext")?, self.symbols.get("_etext")?);
        if !(*start..*end).contains(&address) {
            return None;
        }
        self.text.range(..=address).next_back().map(|(_, name)| name.as_str())
    }

    /// A lock of that inode.
    pub fn lock(&self, inode: u64, lock: LockName) -> Option<u64> {
        let offset = match lock {
            LockName::IRwsem => self.offsets.i_rwsem as i64,
            LockName::InvalidateLock => self.offsets.invalidate_lock as i64,
            LockName::IDataSem => self.offsets.i_data_sem,
            _ => return None,
        };
        inode.checked_add_signed(offset)
    }
}
