use super::super::bench::map;
use super::*;

fn maps(all: &[object::Map]) -> Maps {
    Maps::new(all).expect("maps that the kernel takes")
}

/// Type, sizes of key and value, entries, and whether the kernel makes such a map.
#[test]
fn sizes_are_checked() {
    for (kind, key, value, entries, taken) in [
        (ARRAY, 4, 1, 1, true),
        (ARRAY, 8, 1, 1, false),
        (ARRAY, 4, 0, 1, false),
        (ARRAY, 4, 1, 0, false),
        (PERCPU_ARRAY, 4, 32 * 1024, 1, true),
        (PERCPU_ARRAY, 4, 32 * 1024 + 1, 1, false),
        (LRU_HASH, 512, 8, 1, true),
        (LRU_HASH, 513, 8, 1, false),
        (LRU_HASH, 0, 8, 1, false),
        (LRU_HASH, 8, 0, 1, false),
        (LRU_HASH, 8, 8, 0, false),
        (RINGBUF, 0, 0, 4096, true),
        (RINGBUF, 0, 0, 2048, false),
        (RINGBUF, 0, 0, 12_288, false),
        (RINGBUF, 0, 0, 0, false),
        (RINGBUF, 4, 0, 4096, false),
        (RINGBUF, 0, 4, 4096, false),
        (1, 4, 4, 1, false),
    ] {
        let made = Maps::new(&[map(kind, key, value, entries)]);
        assert_eq!(made.is_ok(), taken, "{kind}: {key}, {value}, {entries}");
    }
}

#[test]
fn arrays_have_a_value_for_each_index() {
    for kind in [ARRAY, PERCPU_ARRAY] {
        let mut maps = maps(&[map(kind, 4, 8, 2)]);
        let mut find = |index: u32| maps.lookup(0, &index.to_le_bytes());
        let (first, second) = (find(0), find(1));
        assert_eq!(first, Ok(Some(VALUES)));
        assert_eq!(second, Ok(Some(VALUES + 8)));
        assert_eq!(find(2), Ok(None));
        assert!(maps.update(0, &[0; 4], &[0; 8]).is_err() && maps.delete(0, &[0; 4]).is_err());
    }
}

/// Place and length of an access, and whether it lies in one value.
#[test]
fn values_have_bounds() {
    let mut maps = maps(&[map(ARRAY, 4, 8, 2), map(RINGBUF, 0, 0, 4096)]);
    for (at, len, inside) in [
        (VALUES, 8, true),
        (VALUES + 1, 8, false),
        (VALUES + 8, 8, true),
        (VALUES + 16, 1, false),
        (VALUES - 1, 1, false),
        (VALUES + STRIDE, 1, false),
        (VALUES + 2 * STRIDE, 1, false),
    ] {
        assert_eq!(maps.spot(at, len).is_some(), inside, "{at:#x}, {len}");
    }
    let spot = maps.spot(VALUES + 6, 2).expect("a place");
    assert_eq!(maps.write(spot, b"xy"), Ok(()));
    assert_eq!(maps.tail(VALUES + 5), Some(&b"\0xy"[..]));
    assert_eq!(maps.tail(VALUES + 16), None);
}

/// Type, entries, byte, and whether loads may name its address.
#[test]
fn only_arrays_of_one_value_have_addresses() {
    for (kind, entries, offset, found) in [
        (ARRAY, 1, 7, true),
        (ARRAY, 1, 8, false),
        (ARRAY, 2, 0, false),
        (PERCPU_ARRAY, 1, 0, false),
        (LRU_HASH, 1, 0, false),
    ] {
        let address = maps(&[map(kind, 4, 8, entries)]).value(0, offset);
        assert_eq!(address, found.then_some(VALUES + u64::from(offset)));
    }
}

#[test]
fn hashes_drop_what_was_not_used_for_longest() {
    let mut maps = maps(&[map(LRU_HASH, 1, 8, 2)]);
    let put = |maps: &mut Maps, key| maps.update(0, &[key], &[key; 8]);
    assert_eq!((put(&mut maps, 1), put(&mut maps, 2)), (Ok(()), Ok(())));
    let first = maps.lookup(0, &[1]).expect("a hash");
    assert_eq!(put(&mut maps, 3), Ok(()));
    assert_eq!(maps.lookup(0, &[2]), Ok(None));
    assert_eq!(maps.lookup(0, &[1]), Ok(first));
    // A place that was deleted is taken again: the map gets no larger.
    for key in 4..50 {
        assert_eq!(maps.delete(0, &[key - 1]), Ok(true));
        assert_eq!(maps.delete(0, &[key - 1]), Ok(false));
        assert_eq!(put(&mut maps, key), Ok(()));
    }
    assert_eq!(maps.0[0].values.len(), 16);
    assert_eq!(maps.lookup(0, &[1]), Ok(first));
    let spot = maps.spot(first.expect("a value"), 8).expect("a place");
    assert_eq!(maps.read(spot, 8), [1; 8]);
}

#[test]
fn constants_are_set_once_and_losses_counted() {
    let constants = object::Map {
        contents: Some(vec![1; 8]),
        ..map(ARRAY, 4, 8, 1)
    };
    let lost = object::Map {
        name: LOST.to_owned(),
        ..map(PERCPU_ARRAY, 4, 8, 2)
    };
    let mut maps = maps(&[lost, constants, map(RINGBUF, 0, 0, 4096)]);
    assert_eq!(maps.set_constant(4, &[2; 4]), Ok(()));
    assert!(maps.set_constant(5, &[2; 4]).is_err());
    let spot = maps.spot(VALUES + STRIDE, 8).expect("a place");
    assert_eq!(maps.read(spot, 8), [1, 1, 1, 1, 2, 2, 2, 2]);
    assert!(maps.write(spot, &[0]).is_err());
    let spot = maps.spot(VALUES, 8).expect("a place");
    assert_eq!(maps.write(spot, &3u64.to_le_bytes()), Ok(()));
    assert_eq!(maps.lost(), 3);
    assert_eq!(
        (maps.ring(2), maps.ring(0), maps.ring(9)),
        (Some(4096), None, None)
    );
}
