use super::super::bench::*;
use super::*;
use crate::asm::{Insn, op};
use crate::object;

/// An array of one value, a hash, a ring buffer of one page, constants.
fn maps() -> [object::Map; 4] {
    let constants = object::Map {
        contents: Some(vec![0; 8]),
        ..map(2, 4, 8, 1)
    };
    [
        map(2, 4, 8192, 1),
        map(9, 8, 8, 2),
        map(27, 0, 0, 4096),
        constants,
    ]
}

fn run(parts: &[Vec<Insn>]) -> Result<u64, String> {
    Bench::new(&maps()).run(parts)
}

/// A pointer to a key, or to eight bytes to fill.
fn key(reg: u8) -> Vec<Insn> {
    [put(10, -8, 0), stack(reg, -8)].concat()
}

/// A call of a helper that reads `size` bytes at an address.
fn read(helper: u32, size: i32, from: u64) -> Vec<Insn> {
    [stack(1, -16), mov(2, size), wide(3, from), call(helper)].concat()
}

/// Helper, arguments, why the verifier refuses them.
#[test]
fn arguments_are_refused() {
    let map = |number| the_map(1, number);
    let number = |reg| mov(reg, 0);
    let unwritten = |reg| stack(reg, -8);
    let pointer = |reg| [store(op::DW, 10, -8, 1), stack(reg, -8)].concat();
    for (helper, arguments, why) in [
        (id::MAP_LOOKUP_ELEM, vec![number(1), key(2)], "not a map"),
        (id::MAP_LOOKUP_ELEM, vec![map(1), number(2)], "not memory"),
        (
            id::MAP_LOOKUP_ELEM,
            vec![map(1), unwritten(2)],
            "nobody wrote",
        ),
        (
            id::MAP_LOOKUP_ELEM,
            vec![pointer(2), map(1)],
            "a pointer on the stack",
        ),
        (
            id::MAP_LOOKUP_ELEM,
            vec![map(2), key(2)],
            "a map of type 27",
        ),
        (
            id::MAP_UPDATE_ELEM,
            vec![map(1), key(2), key(3), mov(4, 1)],
            "flags",
        ),
        (
            id::MAP_UPDATE_ELEM,
            vec![map(3), key(2), key(3), mov(4, 0)],
            "no hash",
        ),
        (id::MAP_DELETE_ELEM, vec![map(0), key(2)], "no hash"),
        (
            id::PROBE_READ_KERNEL,
            vec![number(1), mov(2, 8), mov(3, 0)],
            "not memory",
        ),
        (
            id::PROBE_READ_KERNEL,
            vec![key(1), mov(2, 9), mov(3, 0)],
            "outside of the stack",
        ),
        (
            id::PROBE_READ_KERNEL,
            vec![key(1), mov(2, 1 << 29), mov(3, 0)],
            "unbounded",
        ),
        (
            id::PROBE_READ_KERNEL,
            vec![key(1), mov(2, -1), mov(3, 0)],
            "unbounded",
        ),
        (
            id::PROBE_READ_KERNEL,
            vec![value(1, 3, 0), mov(2, 8), mov(3, 0)],
            "constants",
        ),
        (
            id::PROBE_READ_USER_STR,
            vec![key(1), mov(2, 64), mov(3, 0)],
            "outside of the stack",
        ),
        (
            id::PROBE_READ_KERNEL_STR,
            vec![value(1, 0, 8), mov(2, 8185), mov(3, 0)],
            "map's value",
        ),
        (
            id::PROBE_READ_KERNEL_STR,
            vec![number(1), mov(2, 0), mov(3, 0)],
            "not memory",
        ),
        (id::SEND_SIGNAL, vec![], "R1 is Context, not a number"),
        (
            id::OVERRIDE_RETURN,
            vec![mov(2, 0)],
            "an override where there is none",
        ),
        (id::GET_FUNC_RET, vec![key(2)], "no return value here"),
        (
            id::RINGBUF_OUTPUT,
            vec![map(0), key(2), mov(3, 8), mov(4, 0)],
            "not a ring",
        ),
        (
            id::RINGBUF_OUTPUT,
            vec![map(2), key(2), mov(3, 8), mov(4, 1)],
            "flags",
        ),
        (
            id::RINGBUF_OUTPUT,
            vec![map(2), key(2), mov(3, 9), mov(4, 0)],
            "outside of the stack",
        ),
    ] {
        refused(run(&[arguments.concat(), call(helper)]), why);
    }
    refused(run(&[value(1, 1, 0)]), "the address of no value");
}

/// Helper, size, address, result.
#[test]
fn reads_end_as_the_kernels_do() {
    use id::{PROBE_READ_KERNEL as KERNEL, PROBE_READ_KERNEL_STR as KERNEL_STR};
    use id::{PROBE_READ_USER as USER, PROBE_READ_USER_STR as USER_STR};
    let mut bench = Bench::new(&maps());
    let [kernel, user] = [Area::Kernel, Area::User].map(|area| {
        let texts = [&b"abc\0"[..], b"\0", b"abc"];
        texts.map(|text| bench.memory.store(area, text))
    });
    let (nowhere, value) = (
        0xffff_8880_7fff_0000,
        bench.maps.value(0, 8188).expect("a byte"),
    );
    for (helper, size, from, wanted) in [
        (KERNEL, 4, kernel[0], 0),
        (KERNEL, 5, kernel[0], EFAULT),
        (KERNEL, 4, value, 0),
        (KERNEL, 5, value, EFAULT),
        (KERNEL, 0, nowhere, 0),
        (KERNEL, 4, nowhere, EFAULT),
        (KERNEL, 4, 0, ERANGE),
        (KERNEL, 0, 0, ERANGE),
        (KERNEL, 4, user[0], ERANGE),
        (KERNEL, 4, 0x8000_0000_0000, ERANGE),
        (KERNEL, 4, 0xffff_ffff_ff60_0000, ERANGE),
        (USER, 4, user[0], 0),
        (USER, 4, kernel[0], EFAULT),
        (USER, 4, 0, EFAULT),
        (KERNEL_STR, 8, kernel[0], 4),
        (KERNEL_STR, 3, kernel[0], 3),
        (KERNEL_STR, 8, kernel[1], 1),
        (KERNEL_STR, 3, kernel[2], 3),
        (KERNEL_STR, 4, kernel[2], EFAULT),
        (KERNEL_STR, 4, value, 1),
        (KERNEL_STR, 0, kernel[0], 0),
        (KERNEL_STR, 0, 0, 0),
        (KERNEL_STR, 4, 0, ERANGE),
        (KERNEL_STR, 4, user[0], ERANGE),
        (KERNEL_STR, 4, nowhere, EFAULT),
        (USER_STR, 8, user[0], 4),
        // The NUL of an empty text does not count.
        (USER_STR, 8, user[1], 0),
        (USER_STR, 8, user[2], EFAULT),
        (USER_STR, 8, value, EFAULT),
        (USER_STR, 0, 0, 0),
    ] {
        let result = bench.run(&[read(helper, size, from)]);
        let what = format!("helper {helper}: {size} bytes at {from:#x}");
        assert_eq!(result.map(u64::cast_signed), Ok(wanted), "{what}");
    }
    let filled = [put(10, -16, -1), put(10, -8, -1)].concat();
    let cut = [
        filled,
        read(KERNEL_STR, 3, kernel[0]),
        load(op::W, 0, 10, -16),
    ];
    assert_eq!(bench.run(&cut), Ok(0xff00_6261), "a cut text ends with NUL");
    let failed = [read(KERNEL, 8, 0), load(op::DW, 0, 10, -16)];
    assert_eq!(bench.run(&failed), Ok(0), "a read that failed leaves zeros");
}

#[test]
fn maps_keep_what_programs_put_there() {
    let mut bench = Bench::new(&maps());
    let update = [
        the_map(1, 1),
        key(2),
        put(10, -16, 5),
        stack(3, -16),
        mov(4, 0),
    ]
    .concat();
    assert_eq!(bench.run(&[update, call(id::MAP_UPDATE_ELEM)]), Ok(0));
    let find = [the_map(1, 1), key(2), call(id::MAP_LOOKUP_ELEM)].concat();
    assert_eq!(bench.run(&[find.clone(), load(op::DW, 0, 0, 0)]), Ok(5));
    refused(
        bench.run(&[find, load(op::DW, 0, 0, 8)]),
        "outside of the map's value",
    );
    let delete = || [the_map(1, 1), key(2), call(id::MAP_DELETE_ELEM)];
    assert_eq!(bench.run(&delete()), Ok(0));
    assert_eq!(bench.run(&delete()).map(u64::cast_signed), Ok(ENOENT));
}

#[test]
fn effects_are_kept_in_their_order() {
    let output = |size| {
        let record = [the_map(1, 2), value(2, 0, 0), mov(3, size), mov(4, 0)].concat();
        [record, call(id::RINGBUF_OUTPUT)].concat()
    };
    let mut bench = Bench::new(&maps());
    bench.may_override = true;
    let set = [mov(2, -1), call(id::OVERRIDE_RETURN)].concat();
    let signal = [mov(1, 9), call(id::SEND_SIGNAL)].concat();
    assert_eq!(bench.run(&[set, signal, output(8)]), Ok(0));
    // With its header the record fills the ring buffer, and then is larger.
    assert_eq!(bench.run(&[output(4088)]), Ok(0));
    assert_eq!(bench.run(&[output(4089)]).map(u64::cast_signed), Ok(EAGAIN));
    let wanted = [
        Effect::Override(u64::MAX),
        Effect::Signal(9),
        Effect::Record(vec![0; 8]),
        Effect::Record(vec![0; 4088]),
        Effect::Lost,
    ];
    assert_eq!(bench.effects, wanted);
}
