//! Scan the file's frames, and tell a tail that a crash tore from damage that must not be passed over.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::format::{Decoded, FRAME_BYTES_MAX, Frame, MARKER, decode};

/// So much is read at a time. Larger than any frame.
const WINDOW_BYTES: usize = 4 * 1024 * 1024;
const PAGE_BYTES: usize = 4096;
const _: () = assert!(WINDOW_BYTES > 2 * FRAME_BYTES_MAX);

/// How a scan ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ScanEnd {
    /// All is frames, up to the end of the range.
    Clean,
    /// No frame can be read at this offset.
    Bad { offset: u64, reason: String },
}

/// What unreadable bytes are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// The last group, which was never acknowledged: it may be cut off.
    TornTail,
    /// Bytes that were synced before others that can still be read.
    Middle { next_good: u64 },
}

/// Passes every frame of `from..to` with its offset to `on_frame`, which may refuse it with a reason.
pub(super) fn scan(
    file: &File,
    from: u64,
    to: u64,
    on_frame: &mut dyn FnMut(u64, &Frame<'_>) -> Result<(), String>,
) -> io::Result<ScanEnd> {
    let mut window = Window::new(file, to);
    let mut offset = from;
    while offset < to {
        let frame_bytes = match decode(window.at(offset)?, offset) {
            Decoded::Frame { frame, frame_bytes } => match on_frame(offset, &frame) {
                Ok(()) => frame_bytes,
                Err(reason) => return Ok(ScanEnd::Bad { offset, reason }),
            },
            Decoded::Incomplete { .. } => {
                return Ok(ScanEnd::Bad { offset, reason: "the frame is incomplete".to_owned() });
            }
            Decoded::Bad(reason) => return Ok(ScanEnd::Bad { offset, reason: reason.to_owned() }),
        };
        offset += frame_bytes as u64;
    }
    Ok(ScanEnd::Clean)
}

/// Judges the unreadable bytes at `bad`, which end at the next frame or at `to`, the end of the file.
///
/// A group is written at once and acknowledged after its sync, and the next group begins only then. So frames of a
/// later group behind the bad bytes prove that these had been synced: damage. Frames of the same group prove nothing
/// by themselves, since after a power failure pages of one unsynced write may be missing in any order; but a missing
/// page reads as zeroes. Without such a page it is damage too.
pub(super) fn judge(file: &File, bad: u64, to: u64) -> io::Result<Damage> {
    let mut next_good = None;
    let mut from = bad + 1;
    while let Some((offset, group_start, frame_bytes)) = next_frame(file, from, to)? {
        if group_start > bad {
            return Ok(Damage::Middle { next_good: offset });
        }
        next_good.get_or_insert(offset);
        from = offset + frame_bytes;
    }
    match next_good {
        Some(next_good) if !has_missing_page(file, bad, next_good)? => Ok(Damage::Middle { next_good }),
        _ => Ok(Damage::TornTail),
    }
}

/// The first whole frame at or after `from`: its offset, the beginning of its group, its length.
fn next_frame(file: &File, from: u64, to: u64) -> io::Result<Option<(u64, u64, u64)>> {
    let mut window = Window::new(file, to);
    let mut offset = from;
    while offset < to {
        let bytes = window.at(offset)?;
        // Only where a whole frame would fit into the window, or the file ends with it.
        let at_end = offset + bytes.len() as u64 == to;
        let searched = if at_end { bytes.len() } else { bytes.len().saturating_sub(FRAME_BYTES_MAX) };
        if searched == 0 {
            // The file became shorter meanwhile.
            break;
        }
        for at in 0..searched {
            if !bytes[at..].starts_with(&MARKER) {
                continue;
            }
            let found = offset + at as u64;
            if let Decoded::Frame { frame, frame_bytes } = decode(&bytes[at..], found) {
                return Ok(Some((found, frame.group_start, frame_bytes as u64)));
            }
        }
        offset += searched as u64;
    }
    Ok(None)
}

/// Whether one of the pages that end in `from..to` reads as zeroes from there on: it never reached the disk.
fn has_missing_page(file: &File, from: u64, to: u64) -> io::Result<bool> {
    let page_bytes = PAGE_BYTES as u64;
    let mut bytes = [0; PAGE_BYTES];
    let mut start = from;
    loop {
        let end = (start / page_bytes + 1) * page_bytes;
        if end > to {
            return Ok(false);
        }
        let wanted = usize::try_from(end - start).expect("at most a page");
        let read = read_up_to(file, &mut bytes[..wanted], start)?;
        if bytes[..read].iter().all(|&byte| byte == 0) {
            return Ok(true);
        }
        start = end;
    }
}

/// A moving view of the file that shows at least one whole frame ahead, unless the range ends.
struct Window<'a> {
    file: &'a File,
    to: u64,
    bytes: Vec<u8>,
    offset: u64,
    length: usize,
}

impl<'a> Window<'a> {
    fn new(file: &'a File, to: u64) -> Self {
        Window { file, to, bytes: Vec::new(), offset: 0, length: 0 }
    }

    fn at(&mut self, offset: u64) -> io::Result<&[u8]> {
        let end = self.offset + self.length as u64;
        let enough = offset >= self.offset && (end >= self.to || offset + (FRAME_BYTES_MAX as u64) <= end);
        if !enough || self.length == 0 {
            self.bytes.resize(WINDOW_BYTES, 0);
            let wanted = usize::try_from(self.to - offset).unwrap_or(usize::MAX).min(WINDOW_BYTES);
            self.length = read_up_to(self.file, &mut self.bytes[..wanted], offset)?;
            self.offset = offset;
        }
        let skipped = usize::try_from(offset - self.offset).unwrap_or(usize::MAX).min(self.length);
        Ok(&self.bytes[skipped..self.length])
    }
}

/// Fills the buffer as far as the file reaches; returns how far.
pub(super) fn read_up_to(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
