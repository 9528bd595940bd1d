//! Numbers, texts and addresses at the edges of things.

use tpc::ir::IntType;

use super::dice::Dice;

/// Components of paths; some are beginnings of others.
const NAMES: &[&str] = &[
    "a",
    "b",
    "etc",
    "bin",
    "usr",
    "passwd",
    "ssh",
    "sshd_config",
    "ssl",
    "lib",
    "libc.so",
    "libc.so.6",
    "x86_64-linux-gnu",
    "tmp",
    "var",
    "12345678",
    "123456789",
    "1234567",
    "proc",
    "self",
    ".so",
    "..a",
    "a b",
    "file (deleted)",
    "(deleted)",
    "deleted)",
    "memfd:x",
    "ünï",
    "\u{7f}\u{1}",
];

/// Texts that are no paths.
const TEXTS: &[&str] = &[
    "a",
    "ab",
    "abcdefg",
    "abcdefgh",
    "abcdefghi",
    "abcdefghijklmnop",
    "abcdefghijklmnopq",
    "GET ",
    "GET /",
    "/etc/passwd",
    "/",
    "",
    "-c",
    "x=1",
    "\u{7f}",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
];

/// A component, at most 255 bytes, never empty and without `/`.
pub(crate) fn name(dice: &mut Dice) -> Vec<u8> {
    let mut name = dice.pick(NAMES).as_bytes().to_vec();
    if dice.once_in(12) {
        let len = dice.one(&[8, 31, 32, 39, 40, 41, 64, 254, 255]);
        let filler = name.clone();
        name = filler.iter().copied().cycle().take(len).collect();
    }
    if dice.once_in(6) {
        name.push(b'0' + dice.below(10) as u8);
    }
    name.truncate(255);
    name
}

/// A path of some components.
pub(crate) fn path(dice: &mut Dice) -> Vec<u8> {
    let mut path = Vec::new();
    for _ in 0..dice.below(6) {
        path.push(b'/');
        path.extend(name(dice));
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

/// Any bytes.
pub(crate) fn text(dice: &mut Dice) -> Vec<u8> {
    let mut text = dice.pick(TEXTS).as_bytes().to_vec();
    for _ in 0..dice.below(3) {
        text.extend(dice.pick(TEXTS).as_bytes());
    }
    if dice.once_in(8) {
        text.push(dice.below(256) as u8);
    }
    text
}

/// A variation of a text: itself, or something that is almost the same.
pub(crate) fn near(dice: &mut Dice, text: &[u8]) -> Vec<u8> {
    let mut text = text.to_vec();
    match dice.below(10) {
        0..=3 => {}
        4 => text.truncate(dice.index(text.len() + 1)),
        5 => text = text.split_off(dice.index(text.len() + 1)),
        6 => text.extend(self::text(dice)),
        7 => text = [self::text(dice), text].concat(),
        8 => {
            let at = dice.index(text.len());
            if let Some(byte) = text.get_mut(at) {
                *byte ^= dice.one(&[1, 0x20, 0x80, 0xff]);
            }
        }
        _ => {
            let at = dice.index(text.len() + 1);
            text.insert(at, dice.below(256) as u8);
        }
    }
    text
}

pub(crate) fn limits(ty: IntType) -> (i128, i128) {
    let bits = 8 * ty.bytes();
    match ty.signed() {
        true => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
        false => (0, (1 << bits) - 1),
    }
}

/// A number of the type, most often a remarkable one.
pub(crate) fn number(dice: &mut Dice, ty: IntType) -> i128 {
    let (low, high) = limits(ty);
    let number = match dice.below(8) {
        0 | 1 => dice.below(4).into(),
        2 => low + i128::from(dice.below(3)),
        3 => high - i128::from(dice.below(3)),
        4 => {
            let power = 1i128 << dice.below(8 * u64::from(ty.bytes()));
            power + i128::from(dice.below(3)) - 1
        }
        5 => -i128::from(dice.below(4)),
        6 => dice.below(100).into(),
        _ => dice.bits().into(),
    };
    let range = high - low + 1;
    (number - low).rem_euclid(range) + low
}

/// A number at most a little away from another.
pub(crate) fn near_number(dice: &mut Dice, of: i128, ty: IntType) -> i128 {
    let (low, high) = limits(ty);
    (of + dice.one(&[0, -1, 1, 2, -2])).clamp(low, high)
}

/// An IPv6 address, in a quarter of the cases one that carries an IPv4 address.
pub(crate) fn v6(dice: &mut Dice) -> u128 {
    const BASES: &[u128] = &[
        0,
        0xfd00 << 112,
        0x2001_0db8 << 96,
        0xfe80 << 112,
        0x2001_0db8_0000_0001 << 64,
        u128::MAX,
        0xffff << 32,
        0xfffe_ffff_ffff,
        0x0001_0000_0000_0000,
    ];
    if dice.once_in(4) {
        return 0xffff << 32 | u128::from(v4(dice));
    }
    let base = dice.one(BASES);
    let shift = dice.one(&[0, 32, 64, 96]);
    base.wrapping_add(u128::from(dice.below(4)) << shift)
        .wrapping_sub(u128::from(dice.below(2)))
}

pub(crate) fn v4(dice: &mut Dice) -> u32 {
    const BASES: &[u32] = &[
        0x0a00_0000,
        0x7f00_0001,
        0xc0a8_0000,
        0,
        u32::MAX,
        0x0a00_00ff,
        0xac10_0000,
    ];
    let base = dice.one(BASES);
    let shift = dice.one(&[0, 8, 16, 24]);
    base.wrapping_add((dice.below(4) as u32) << shift)
        .wrapping_sub(dice.below(2) as u32)
}
