use super::*;

#[test]
fn create_fills_holes_with_unwritten_blocks_and_lookup_does_not() {
    let mut file = Extents::new(&[Extent::Hole, Extent::Written]);
    let range = Range { start: 0, len: 2 };
    assert_eq!(file.map(range, MapFor::Io).unwrap()[0].block, None);
    let created = file.map(range, MapFor::Create).unwrap();
    assert_eq!(created[0], Mapped { extent: Extent::Unwritten, block: Some(1) });
    assert_eq!(created[1], Mapped { extent: Extent::Written, block: Some(0) });
    assert_eq!(file.map(range, MapFor::CreateFails), None);
}

#[test]
fn a_write_past_the_end_leaves_no_block_unwritten() {
    let mut file = Extents::new(&[Extent::Unwritten]);
    let both = Range { start: 0, len: 2 };
    for extent in [Extent::Hole, Extent::Written] {
        let found = file.map(both, MapFor::Extend).unwrap();
        assert_eq!(found[0], Mapped { extent, block: Some(0) });
        assert_eq!(found[1], Mapped { extent, block: Some(1) });
    }
}

#[test]
fn what_is_zeroed_is_unwritten_and_keeps_its_block() {
    let mut file = Extents::new(&[Extent::Written, Extent::Hole]);
    let range = Range { start: 0, len: 2 };
    let before = file.map(range, MapFor::Unwrite).unwrap();
    assert_eq!(before[0], Mapped { extent: Extent::Written, block: Some(0) });
    let after = file.map(range, MapFor::Io).unwrap();
    assert_eq!(after[0], Mapped { extent: Extent::Unwritten, block: Some(0) });
    assert_eq!(after[1], Mapped { extent: Extent::Unwritten, block: Some(1) });
}

#[test]
fn convert_marks_only_unwritten_blocks() {
    let mut file = Extents::new(&[Extent::Unwritten, Extent::Hole]);
    let found = file.convert(Range { start: 0, len: 2 });
    assert_eq!(
        found.iter().map(|m| m.extent).collect::<Vec<_>>(),
        [Extent::Unwritten, Extent::Hole]
    );
    assert_eq!(
        file.map(Range { start: 0, len: 1 }, MapFor::Io).unwrap()[0].extent,
        Extent::Written
    );
}

#[test]
fn freed_blocks_belong_to_another_file_at_once() {
    let mut file = Extents::new(&[Extent::Written, Extent::Written]);
    assert_eq!(file.free(1), [1]);
    assert_eq!(file.block(1).owner, Owner::AnotherFile);
    assert_eq!(file.block(0).owner, Owner::ThisFile);
}
