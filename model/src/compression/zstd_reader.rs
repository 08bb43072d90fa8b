//! Reading zstd with decoders that are used again: to make one costs as much as to decode a batch.

use std::cell::RefCell;
use std::io::{self, BufRead, BufReader};

use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation, OutBuffer, WriteBuf};
use zstd::stream::zio;

use crate::limits::{ZSTD_SPARE_DECODERS, ZSTD_WINDOW_LOG_MAX};

thread_local! {
    static SPARE: RefCell<Vec<Decoder<'static>>> = const { RefCell::new(Vec::new()) };
}

/// The plain form of zstd frames.
pub(super) fn reader(data: &[u8], buffer_bytes: usize) -> io::Result<impl BufRead> {
    let plain = zio::Reader::new(data, Borrowed::take()?);
    Ok(BufReader::with_capacity(buffer_bytes, plain))
}

/// A decoder that goes back to the spare ones of its thread.
struct Borrowed(Option<Decoder<'static>>);

impl Borrowed {
    fn take() -> io::Result<Self> {
        let spare = SPARE.with(|spare| spare.borrow_mut().pop());
        let decoder = match spare {
            Some(mut decoder) => {
                decoder.reinit()?;
                decoder
            }
            None => {
                let mut decoder = Decoder::new()?;
                decoder.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG_MAX))?;
                decoder
            }
        };
        Ok(Self(Some(decoder)))
    }

    fn decoder(&mut self) -> &mut Decoder<'static> {
        self.0.as_mut().expect("it is given back at the drop only")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        SPARE.with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < ZSTD_SPARE_DECODERS {
                spare.extend(self.0.take());
            }
        });
    }
}

impl Operation for Borrowed {
    fn run<C: WriteBuf + ?Sized>(
        &mut self,
        input: &mut InBuffer<'_>,
        output: &mut OutBuffer<'_, C>,
    ) -> io::Result<usize> {
        self.decoder().run(input, output)
    }

    fn flush<C: WriteBuf + ?Sized>(&mut self, output: &mut OutBuffer<'_, C>) -> io::Result<usize> {
        self.decoder().flush(output)
    }

    fn reinit(&mut self) -> io::Result<()> {
        self.decoder().reinit()
    }

    fn finish<C: WriteBuf + ?Sized>(
        &mut self,
        output: &mut OutBuffer<'_, C>,
        finished_frame: bool,
    ) -> io::Result<usize> {
        self.decoder().finish(output, finished_frame)
    }
}

#[cfg(test)]
mod tests {
    use crate::compression::{Compression, Level};

    #[test]
    fn a_decoder_forgets_what_it_failed_on() {
        let good = |text: &str| Compression::Zstd.compress(text.as_bytes(), Level::Default);
        let (one, two) = (good(&"one".repeat(5_000)).unwrap(), good("two").unwrap());
        for _ in 0..4 {
            let cut = Compression::Zstd.decompress(&one[..one.len() - 3], 1 << 20);
            assert!(cut.is_err(), "a cut frame is damaged");
            assert!(
                Compression::Zstd
                    .decompress(b"no zstd at all", 100)
                    .is_err()
            );
            assert!(Compression::Zstd.decompress(&one, 10).is_err(), "too large");
            let plain = Compression::Zstd.decompress(&two, 100).unwrap();
            assert_eq!(plain, b"two");
        }
    }
}
