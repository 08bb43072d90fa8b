//! Changes that wires, disks and attackers make.

use crate::Dice;

/// Numbers around which decoders go wrong.
const EDGES: [u64; 14] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// Largest input: what is beyond shows nothing that smaller ones do not.
const INPUT_BYTES_MAX: usize = 256 << 10;

/// Makes one change.
pub(crate) fn change(input: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    match dice.below(8) {
        0 => input.truncate(at),
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        2 => put_number(input, at, dice),
        3 => {
            let count = 1 + dice.below(8);
            let random = dice.bytes(count);
            overwrite(input, at, &random);
        }
        // A number of variable length that says a lot.
        4 => {
            let tail = input.split_off(at);
            input.extend([0xff, 0xff, 0xff, 0xff, 0x07]);
            input.extend(tail);
        }
        5 => {
            let to = (at + 1 + dice.below(64)).min(input.len());
            input.drain(at..to);
        }
        6 => {
            let to = (at + 1 + dice.below(256)).min(input.len());
            let again = input[at..to].to_vec();
            let there = dice.below(input.len() + 1);
            input.splice(there..there, again);
        }
        _ => {
            let count = 1 + dice.below(32);
            let random = dice.bytes(count);
            input.splice(at..at, random);
        }
    }
    input.truncate(INPUT_BYTES_MAX);
}

/// Writes an edge of 1, 2, 4 or 8 bytes in either order.
fn put_number(input: &mut [u8], at: usize, dice: &mut Dice) {
    let width = 1 << dice.below(4);
    let near = u64::try_from(dice.below(3)).unwrap_or(0);
    let number = dice.pick(&EDGES).wrapping_add(near).wrapping_sub(1);
    let big = number.to_be_bytes();
    let little = number.to_le_bytes();
    let bytes = if dice.below(2) == 0 {
        &big[8 - width..]
    } else {
        &little[..width]
    };
    overwrite(input, at, bytes);
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (byte, new) in input[at..].iter_mut().zip(bytes) {
        *byte = *new;
    }
}
