//! Streams between two processes: pieces in order, held up while the way is cut, lost when the link is dead.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use hanse_sync::pipe::Piece;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};

use super::{End, Flight, Packet, State, Wire};
use crate::dice::{hash, mix};
use crate::message::Call;

/// A pipe's number.
pub type PipeId = u64;

/// A stream between two ends. Side 0 has opened it.
pub(super) struct Pipe {
    ends: [End; 2],
    /// Pieces on their way to each side, with when they are due.
    ways: [VecDeque<(Duration, Piece)>; 2],
    /// Where each side takes what arrives.
    taps: [Option<Tap>; 2],
    /// Whether each side has had the last piece.
    done: [bool; 2],
}

/// How a side is reached.
#[derive(Clone)]
pub struct Tap {
    /// Takes pieces.
    pub arrived: mpsc::Sender<Piece>,
    /// Says that the other end reads no more.
    pub stop: watch::Sender<Option<u32>>,
}

impl Wire {
    /// Opens a pipe, whose other end is told.
    ///
    /// # Errors
    /// The link is known to be dead, or the caller has ended.
    pub fn open_pipe(
        &self,
        from: End,
        to: End,
        lane: hanse_sync::lane::Lane,
        tap: Tap,
    ) -> Result<PipeId, &'static str> {
        let mut state = self.state();
        if state.lives[from].is_none() {
            return Err("the caller has ended");
        }
        if let Some(why) = state.known_dead(from, to) {
            return Err(why);
        }
        let id = state.take_number();
        let ways = [VecDeque::new(), VecDeque::new()];
        state.pipes.insert(id, Pipe { ends: [from, to], ways, taps: [Some(tap), None], done: [false; 2] });
        state.send(from, to, id, Packet::Call(Call::Open(lane)));
        Ok(id)
    }

    /// The other end has a place for what arrives. False when the pipe is gone.
    #[must_use]
    pub fn accept_pipe(&self, id: PipeId, tap: Tap) -> bool {
        let mut state = self.state();
        let Some(pipe) = state.pipes.get_mut(&id) else { return false };
        pipe.taps[1] = Some(tap);
        true
    }

    /// Sends a piece from a side. False when the pipe is gone.
    #[must_use]
    pub fn put_piece(&self, id: PipeId, side: usize, piece: Piece) -> bool {
        let mut state = self.state();
        let Some(ends) = state.pipes.get(&id).map(|pipe| pipe.ends) else { return false };
        if state.lives[ends[side]].is_none() {
            return false;
        }
        let delay = state.delay(ends[side], ends[1 - side]);
        let due = state.now + delay;
        let Some(pipe) = state.pipes.get_mut(&id) else { return false };
        let way = &mut pipe.ways[1 - side];
        let due = way.back().map_or(due, |(last, _)| due.max(*last));
        way.push_back((due, piece));
        state.tick(due, id, 1 - side);
        true
    }

    /// How many pieces of a side are on their way.
    #[must_use]
    pub fn pieces_on_way(&self, id: PipeId, side: usize) -> usize {
        self.state().pipes.get(&id).map_or(0, |pipe| pipe.ways[1 - side].len())
    }

    /// A side reads no more.
    pub fn stop_pipe(&self, id: PipeId, side: usize, code: u32) {
        let state = self.state();
        if let Some(pipe) = state.pipes.get(&id)
            && state.lives[pipe.ends[side]].is_some()
            && let Some(tap) = &pipe.taps[1 - side]
        {
            tap.stop.send_if_modified(|known| known.is_none() && known.replace(code).is_none());
        }
    }

    /// Ends the pipes of links that are dead.
    pub fn sweep_pipes(&self) {
        let mut state = self.state();
        let dead: Vec<PipeId> = state
            .pipes
            .iter()
            .filter(|(_, pipe)| {
                let [one, other] = pipe.ends;
                state.known_dead(one, other).is_some() || state.lives[other].is_none()
            })
            .map(|(id, _)| *id)
            .collect();
        for id in dead {
            state.lose_pipe(id, "the link is dead");
        }
    }
}

impl State {
    fn tick(&mut self, at: Duration, id: PipeId, side: usize) {
        let number = self.take_number();
        let packet = Packet::Piece(id, side);
        self.queue.push(Reverse(Flight { at, number, from: 0, to: 0, life: None, id, packet }));
    }

    /// Hands over the first piece for a side, if it can be.
    pub(super) fn piece(&mut self, id: PipeId, side: usize) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        let way = (pipe.ends[1 - side], pipe.ends[side]);
        let is_cut = self.cuts.contains_key(&way);
        let Some(tap) = pipe.taps[side].as_ref().filter(|_| !is_cut) else {
            let again = self.now + HELD_UP;
            return self.tick(again, id, side);
        };
        let Some((due, piece)) = pipe.ways[side].pop_front() else { return };
        let (sum, is_last) = if let Piece::Bytes(bytes) = &piece { (hash(bytes), false) } else { (7, true) };
        let mut is_full = false;
        match tap.arrived.try_send(piece) {
            Ok(()) => {
                pipe.done[side] |= is_last;
                self.trace.note(mix(sum ^ id) ^ side as u64);
            }
            Err(TrySendError::Full(piece)) => {
                pipe.ways[side].push_front((due, piece));
                is_full = true;
            }
            Err(TrySendError::Closed(_)) => {
                // Nobody reads there: the writer is told, and what is still on its way is of no use.
                pipe.done[side] = true;
                pipe.ways[side].clear();
                if let Some(tap) = &pipe.taps[1 - side] {
                    tap.stop.send_if_modified(|known| known.is_none() && known.replace(0).is_none());
                }
            }
        }
        if pipe.done == [true; 2] {
            self.pipes.remove(&id);
        } else if is_full {
            let again = self.now + HELD_UP;
            self.tick(again, id, side);
        }
    }

    /// Ends what a process that has ended had open.
    pub(super) fn end_pipes(&mut self, end: End) {
        let ended: Vec<PipeId> =
            self.pipes.iter().filter(|(_, pipe)| pipe.ends.contains(&end)).map(|(id, _)| *id).collect();
        for id in ended {
            self.lose_pipe(id, "the process at the other end has ended");
        }
    }

    pub(super) fn lose_pipe(&mut self, id: PipeId, why: &str) {
        let Some(pipe) = self.pipes.remove(&id) else { return };
        for tap in pipe.taps.into_iter().flatten() {
            // A full pipe is seen to be lost when it has been read: its sender is gone.
            drop(tap.arrived.try_send(Piece::Lost(why.to_owned())));
            tap.stop.send_if_modified(|known| known.is_none() && known.replace(0).is_none());
        }
    }
}

/// How soon a piece that is held up is tried again.
pub(super) const HELD_UP: Duration = Duration::from_millis(4);
