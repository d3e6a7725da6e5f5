//! Messages are decoded on a second thread while those before them are folded.

use std::sync::mpsc::sync_channel;
use std::thread;

use prejoin_contract::{ContractSet, Decoded};

use crate::Incoming;

/// Messages handed over at once. Fewer than this are decoded where they are folded: a thread would cost more.
const CHUNK_MESSAGES: usize = 1_024;

/// Decoded chunks that may wait to be folded: they bound the memory.
const CHUNKS_AHEAD_MAX: usize = 4;

/// Decodes every message and gives it to `take`, in order, until that fails. Decoding a message depends on nothing but
/// its bytes, so the second thread changes nothing but the time.
pub(crate) fn decode_each<E>(
    contracts: &ContractSet,
    messages: &[Incoming],
    mut take: impl FnMut(&Incoming, Decoded) -> Result<(), E>,
) -> Result<(), E> {
    let decode = |message: &Incoming| contracts.decode(&message.service, &message.payload);
    let mut chunks = messages.chunks(CHUNK_MESSAGES);
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<Decoded>>(CHUNKS_AHEAD_MAX);
        let ahead = move || {
            for chunk in messages.chunks(CHUNK_MESSAGES) {
                if sender.send(chunk.iter().map(decode).collect()).is_err() {
                    break;
                }
            }
        };
        // Without a thread the sender is gone, and everything is decoded here.
        let started =
            messages.len() > CHUNK_MESSAGES && thread::Builder::new().spawn_scoped(scope, ahead).is_ok();
        chunks.try_for_each(|chunk| match started.then(|| receiver.recv()) {
            Some(Ok(decoded)) => {
                chunk.iter().zip(decoded).try_for_each(|(message, decoded)| take(message, decoded))
            }
            _ => chunk.iter().try_for_each(|message| take(message, decode(message))),
        })
    })
}
