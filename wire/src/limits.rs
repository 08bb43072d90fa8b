//! What a frame may make the decoder do. Every limit of this crate is here.

/// Tagged fields of one struct. The schemas know at most four; clients may add some of later versions.
pub const TAGGED_FIELDS_MAX: u32 = 64;

/// Bytes of one string, as in Kafka: what an int16 length can say.
pub const STRING_BYTES_MAX: usize = 0x7fff;

/// Allocation that every frame may cause, however small it is.
const BUDGET_BASE: usize = 64 * 1024;

/// Allocated bytes per byte of a small frame: an array element of 3 bytes becomes a struct of about 50.
const BUDGET_PER_BYTE: usize = 16;

/// Where the factor ends: larger frames get this much, or as much as they have bytes.
const BUDGET_SMALL_MAX: usize = 16 * 1024 * 1024;

/// Bytes of `Vec`s that decoding a frame of this size may allocate.
///
/// 64 KiB + 16 x frame, up to 16 MiB; beyond that 1 x frame. Strings and bytes are slices of the frame and cost nothing.
#[must_use]
pub const fn decode_budget(frame_bytes: usize) -> usize {
    let scaled = response_budget(frame_bytes);
    let small = if scaled < BUDGET_SMALL_MAX {
        scaled
    } else {
        BUDGET_SMALL_MAX
    };
    if small > frame_bytes {
        small
    } else {
        frame_bytes
    }
}

/// Bytes of `Vec`s that decoding a response may allocate: the broker that sent it was chosen, so the factor has no end.
#[must_use]
pub const fn response_budget(frame_bytes: usize) -> usize {
    frame_bytes
        .saturating_mul(BUDGET_PER_BYTE)
        .saturating_add(BUDGET_BASE)
}

// Messages nest as deep as their schema says (at most five structs); no schema refers to itself, so depth needs no limit.

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_grows_with_the_frame_and_never_falls_below_it() {
        assert_eq!(decode_budget(0), 64 * 1024);
        assert_eq!(decode_budget(1024), 80 * 1024);
        assert_eq!(decode_budget(1024 * 1024), 16 * 1024 * 1024);
        assert_eq!(decode_budget(100 * 1024 * 1024), 100 * 1024 * 1024);
    }
}
