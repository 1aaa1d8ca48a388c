//! The standard input of an attempt at a worker, sent piece by piece as far as there is credit for it.

use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt as _;

use crate::flow::block::Block;
use crate::flow::feed_queue::Next;
use crate::model::{Body, Stdin};
use crate::protocol::{INPUT_CREDIT, PIECE};

/// What is still to be sent to one attempt.
#[derive(Debug)]
pub(super) struct Input {
    stdin: Stdin,
    /// How much of the header, and then of the body, has been sent.
    at: u64,
    in_body: bool,
    /// The block of a stream that is being sent.
    current: Option<Block>,
    /// So much may be on its way.
    credit: usize,
    /// Whether the attempt was begun: what comes once only is not sent before.
    begun: bool,
}

/// What there is to be sent now.
#[derive(Debug)]
pub(super) enum Piece {
    Bytes(Vec<u8>),
    /// There is nothing yet, or no credit.
    None,
    /// That was all.
    End,
    /// There is less than there should be.
    Short,
}

impl Input {
    pub(super) fn new(stdin: Stdin) -> Self {
        Self {
            stdin,
            at: 0,
            in_body: false,
            current: None,
            credit: INPUT_CREDIT,
            begun: false,
        }
    }

    /// So many bytes were taken by the attempt.
    pub(super) fn taken(&mut self, bytes: u64) {
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.credit = self.credit.saturating_add(bytes).min(INPUT_CREDIT);
    }

    pub(super) fn begun(&mut self) {
        self.begun = true;
    }

    /// Whether what is sent cannot be sent to another attempt.
    pub(super) fn comes_once(&self) -> bool {
        self.stdin.comes_once()
    }

    /// Nobody wants the rest.
    pub(super) fn abandon(&self) {
        self.stdin.abandon();
    }

    /// What becomes readable when there is more, if that is what is missing.
    pub(super) fn awaited(&self) -> Option<BorrowedFd<'_>> {
        match &self.stdin.body {
            Body::Stream(stream) if self.begun && self.credit > 0 => Some(stream.wake_fd()),
            _ => None,
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// When the file that it is a part of cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Piece> {
        let most = self.credit.min(PIECE);
        if most == 0 || (self.comes_once() && !self.begun) {
            return Ok(Piece::None);
        }
        if !self.in_body {
            let rest = &self.stdin.header[self.at as usize..];
            if !rest.is_empty() {
                let piece = rest[..rest.len().min(most)].to_vec();
                return Ok(self.sends(piece));
            }
            (self.at, self.in_body) = (0, true);
        }
        let piece = match &self.stdin.body {
            Body::Nothing => return Ok(Piece::End),
            Body::Block(block) => part(block, self.at, most),
            Body::Part { file, range, .. } => {
                let left = range.end.saturating_sub(range.start + self.at);
                if left == 0 {
                    return Ok(Piece::End);
                }
                let mut piece = vec![0; most.min(usize::try_from(left).unwrap_or(usize::MAX))];
                let got = file.read_at(&mut piece, range.start + self.at)?;
                if got == 0 {
                    return Ok(Piece::Short);
                }
                piece.truncate(got);
                piece
            }
            Body::Stream(stream) => {
                let block = match self.current.take() {
                    Some(block) => block,
                    None => match stream.next() {
                        Next::Block(block) => block,
                        Next::Wait => return Ok(Piece::None),
                        Next::End => return Ok(Piece::End),
                    },
                };
                let piece = part(&block, self.at, most);
                if self.at + piece.len() as u64 == block.bytes().len() as u64 {
                    stream.done(block.bytes().len());
                    self.credit -= piece.len();
                    self.at = 0;
                    return Ok(Piece::Bytes(piece));
                }
                self.current = Some(block);
                piece
            }
        };
        if piece.is_empty() {
            return Ok(Piece::End);
        }
        Ok(self.sends(piece))
    }

    fn sends(&mut self, piece: Vec<u8>) -> Piece {
        self.at += piece.len() as u64;
        self.credit -= piece.len();
        Piece::Bytes(piece)
    }
}

fn part(block: &Block, at: u64, most: usize) -> Vec<u8> {
    let rest = &block.bytes()[at as usize..];
    rest[..rest.len().min(most)].to_vec()
}
