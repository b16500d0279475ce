//! The pages that a task has yet to see to.

use crate::op::PageNo;

/// Pages; the first of them is the one that is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Todo(u8);

impl Todo {
    /// None.
    pub(super) const NONE: Todo = Todo(0);
    /// The file's first page, which is the only one where a page has four blocks.
    pub(super) const FIRST: Todo = Todo(1);

    /// The one that is looked at.
    pub(super) fn page(self) -> PageNo {
        self.0.trailing_zeros() as PageNo
    }

    /// Those behind it.
    #[must_use]
    pub(super) fn rest(self) -> Todo {
        Todo(self.0 & self.0.wrapping_sub(1))
    }

    pub(super) fn is_empty(self) -> bool {
        self == Todo::NONE
    }

    /// Whether all of them lie before that page.
    pub(super) fn ends_before(self, page: PageNo) -> bool {
        u16::from(self.0) >> page == 0
    }
}

impl FromIterator<PageNo> for Todo {
    fn from_iter<I: IntoIterator<Item = PageNo>>(pages: I) -> Todo {
        Todo(pages.into_iter().fold(0, |all, page| all | 1 << page))
    }
}
