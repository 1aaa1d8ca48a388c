//! Frames: any stream is understood or refused, alike however it was cut, and what was understood is written as it was.

#![no_main]

use fanout::protocol::frame::TooLong;
use fanout::protocol::{Decoder, Down, Fault, Frame, Up};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&first, stream)) = data.split_first() else {
        return;
    };
    let piece = usize::from(first) + 1;
    check(stream, piece, Down::decode, Down::encode);
    check(stream, piece, Up::decode, Up::encode);
});

type Decode<T> = fn(&Frame) -> Result<T, Fault>;
type Encode<T> = fn(&T, &mut Vec<u8>) -> Result<(), TooLong>;

fn check<T: PartialEq + std::fmt::Debug>(
    stream: &[u8],
    piece: usize,
    decode: Decode<T>,
    encode: Encode<T>,
) {
    let (messages, is_refused) = decoded(stream, stream.len().max(1), decode);
    let (in_pieces, same) = decoded(stream, piece, decode);
    assert!(messages == in_pieces && is_refused == same);
    let mut again = Vec::new();
    for message in &messages {
        encode(message, &mut again).expect("it was short enough to be read");
    }
    assert_eq!(decoded(&again, piece, decode), (messages, false));
}

/// What a stream says when it comes in pieces of so many bytes, and whether it goes on with what cannot be understood.
fn decoded<T>(stream: &[u8], piece: usize, decode: Decode<T>) -> (Vec<T>, bool) {
    let mut decoder = Decoder::new();
    let mut messages = Vec::new();
    for piece in stream.chunks(piece) {
        decoder.push(piece);
        loop {
            match decoder
                .next_frame()
                .and_then(|frame| frame.map(|it| decode(&it)).transpose())
            {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}
