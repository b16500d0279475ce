use super::*;

const OLD: [Content; 2] = [Content::Initial; 2];
const ZERO: [Content; 2] = [Content::Zero; 2];

const FIRST: Range = Range { start: 0, len: 1 };

fn paging(blocks: Blocks) -> Paging {
    Paging::of(blocks).expect("a page holds as many")
}

/// Its first page holds two blocks of data.
fn cached(blocks: Blocks) -> PageCache {
    let mut cache = PageCache::new(paging(blocks));
    cache.insert(0, Page::of(0, paging(blocks), &[OLD, OLD]));
    cache
}

fn store(cache: &mut PageCache, block: LogicalBlock) {
    cache.add(cache.paging().page(block)).store(block, None);
}

#[test]
fn who_found_a_page_copies_from_it_after_it_was_dropped() {
    let mut cache = cached(4);
    assert!(cache.find(1, 0, FIRST));
    cache.drop_page(0);
    cache.insert(0, Page::of(0, paging(4), &[]));
    assert_eq!((cache.read(1, 0), cache.read(2, 0)), (OLD, ZERO));
    assert!(cache.find(1, 0, FIRST));
    assert_eq!(cache.read(1, 0), ZERO);
}

#[test]
fn who_found_two_pages_keeps_each_of_them() {
    let mut cache = cached(1);
    cache.insert(1, Page::of(1, paging(1), &[OLD, OLD]));
    let second = Range { start: 1, len: 1 };
    assert!(cache.find(1, 0, FIRST) && cache.find(1, 1, second) && cache.find(2, 1, second));
    cache.drop_page(1);
    assert_eq!((cache.read(1, 0), cache.read(1, 1), cache.read(2, 1)), (OLD, OLD, OLD));
    assert!(!cache.find(1, 1, second), "it looks again, and there is none");
    assert_eq!((cache.read(1, 1), cache.read(2, 1)), (ZERO, OLD));
    assert_eq!(cache.found_by(1).0, [0]);
}

#[test]
fn a_page_that_goes_in_part_is_zeroed_there_and_stays() {
    let mut cache = cached(4);
    store(&mut cache, 0);
    store(&mut cache, 1);
    cache.truncate(0, Size::blocks(1), 8);
    assert_eq!((cache.held(0), cache.held(1)), (Some(OLD), Some(ZERO)));
    assert_eq!(cache.dirty().collect::<Vec<_>>(), [0]);
    cache.truncate(0, Size::default(), 8);
    assert_eq!(cache.count(paging(4).all()), 0);
}

#[test]
fn a_page_of_a_block_goes_as_a_whole_and_leaves_the_others() {
    let mut cache = cached(1);
    cache.insert(1, Page::of(1, paging(1), &[OLD, OLD]));
    cache.truncate(1, Size::blocks(1), 2);
    assert_eq!((cache.held(0), cache.held(1)), (Some(OLD), None));
    cache.truncate(0, Size::halves(1), 1);
    assert_eq!(cache.held(0), Some([Content::Initial, Content::Zero]), "it goes in part");
}

#[test]
fn a_dirty_page_is_not_invalidated() {
    let mut cache = cached(4);
    store(&mut cache, 0);
    assert!(!cache.invalidate(0));
    assert_eq!(cache.dirty_pages(paging(4).all()), [0]);
    cache.page_mut(0).expect("it is there").clean(0, 7, false);
    assert!(cache.invalidate(0));
    assert_eq!(cache.there(paging(4).all()), []);
}

#[test]
fn buffers_are_dropped_unless_one_is_dirty_and_so_is_what_is_known_of_a_page_in_part() {
    let mut page = Page::of(0, paging(4), &[OLD]);
    page.store(0, Some(3));
    assert!(!page.release());
    assert_eq!(page.buffers()[0].mapped, Some(3));
    page.clean(0, 3, false);
    assert!(page.release());
    assert_eq!((page.buffers()[0].mapped, page.held(0)), (None, Some(OLD)));
    let mut part = Page::new(0, paging(4));
    part.fill(1, OLD);
    assert!(part.release());
    assert_eq!(part.held(1), None);
    part.store(1, Some(4));
    assert_eq!(part.held(1), Some(OLD));
}

#[test]
fn only_what_was_read_or_stored_is_up_to_date_and_a_buffer_keeps_its_mapping() {
    let mut page = Page::new(0, paging(4));
    page.store(1, None);
    let second = Range { start: 1, len: 1 };
    assert!(page.uptodate(second) && !page.uptodate(FIRST));
    assert_eq!((page.held(0), page.held(1)), (None, Some(ZERO)));
    page.clean(1, 5, true);
    page.store(1, Some(5));
    assert_eq!(page.buffers()[1].mapped, Some(5));
    assert!(page.buffers()[1].uninit);
    page.zero(Size::blocks(1), 2);
    assert_eq!(page.buffers()[1], Buffer { uptodate: true, ..Buffer::default() });
}
