//! The file format of the embedded log, version 1: a header, then frames. Pure: bytes in, frames out.
//!
//! All integers are little-endian. Header: the magic text (16 bytes), the version (u32), zero (u32). Frame:
//!
//! | at | size | |
//! |---|---|---|
//! | 0 | 4 | marker |
//! | 4 | 4 | CRC-32 of the frame's file offset (u64) and of all that follows |
//! | 8 | 4 | length of what follows the frame's head |
//! | 12 | 1 | kind: 1 a message, 2 a stream was created |
//! | 13 | 1 | 1 if there is a message id |
//! | 14 | 2 | length of the service's name |
//! | 16 | 2 | length of the message id |
//! | 18 | 2 | length of the subject |
//! | 20 | 8 | stream sequence (0 when a stream was created) |
//! | 28 | 8 | when the log took it, nanoseconds since 1970 |
//! | 36 | 8 | file offset at which the group began that was written and synced together with this frame |
//! | 44 | | service, message id, subject, payload |

use crate::port::PAYLOAD_BYTES_MAX;

pub(super) const HEADER_BYTES: usize = 24;
pub(super) const FRAME_HEAD_BYTES: usize = 44;
/// No name in a frame is longer: its length has 16 bits.
pub(super) const NAME_BYTES_MAX: usize = u16::MAX as usize;
pub(super) const MARKER: [u8; 4] = [0xE7, b'P', b'j', b'F'];

const MAGIC: &[u8; 16] = b"prejoin-eventlog";
const VERSION: u32 = 1;
const BODY_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 3 * NAME_BYTES_MAX;
pub(super) const FRAME_BYTES_MAX: usize = FRAME_HEAD_BYTES + BODY_BYTES_MAX;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Message,
    StreamCreated,
}

/// A frame over the bytes it was read from or is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub(super) kind: Kind,
    pub(super) service: &'a str,
    pub(super) stream_sequence: u64,
    pub(super) time_ns: u64,
    pub(super) group_start: u64,
    pub(super) message_id: Option<&'a str>,
    pub(super) subject: &'a str,
    pub(super) payload: &'a [u8],
}

/// What a place in the file holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded<'a> {
    Frame {
        frame: Frame<'a>,
        frame_bytes: usize,
    },
    /// The bytes end before the frame does. It has this many, or at least a head.
    Incomplete {
        frame_bytes: usize,
    },
    Bad(&'static str),
}

pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..16].copy_from_slice(MAGIC);
    header[16..20].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// What is wrong with a complete header, if anything.
pub(super) fn check_header(bytes: &[u8; HEADER_BYTES]) -> Result<(), String> {
    if bytes[..16] != *MAGIC {
        return Err("it does not begin as an event log of Prejoin does".to_owned());
    }
    match u32_at(bytes, 16) {
        VERSION => Ok(()),
        other => {
            Err(format!("it has format version {other}; this program reads and writes version {VERSION}"))
        }
    }
}

/// Appends a frame that will lie at `offset` in the file. The caller has checked the lengths: names within
/// `NAME_BYTES_MAX`, the payload within `PAYLOAD_BYTES_MAX`.
pub(super) fn encode(frame: &Frame<'_>, offset: u64, out: &mut Vec<u8>) {
    let start = out.len();
    let message_id = frame.message_id.unwrap_or_default();
    let body_bytes = frame.service.len() + message_id.len() + frame.subject.len() + frame.payload.len();
    out.extend_from_slice(&MARKER);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&u32::try_from(body_bytes).expect("lengths were checked").to_le_bytes());
    out.push(match frame.kind {
        Kind::Message => 1,
        Kind::StreamCreated => 2,
    });
    out.push(u8::from(frame.message_id.is_some()));
    for name in [frame.service, message_id, frame.subject] {
        out.extend_from_slice(&u16::try_from(name.len()).expect("lengths were checked").to_le_bytes());
    }
    for number in [frame.stream_sequence, frame.time_ns, frame.group_start] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for part in [frame.service.as_bytes(), message_id.as_bytes(), frame.subject.as_bytes(), frame.payload] {
        out.extend_from_slice(part);
    }
    let checksum = checksum(offset, &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
}

/// Decodes the frame at the beginning of `bytes`, which lie at `offset` in the file.
pub(super) fn decode(bytes: &[u8], offset: u64) -> Decoded<'_> {
    let seen = bytes.len().min(MARKER.len());
    if bytes[..seen] != MARKER[..seen] {
        return Decoded::Bad("no frame begins there");
    }
    if bytes.len() < FRAME_HEAD_BYTES {
        return Decoded::Incomplete { frame_bytes: FRAME_HEAD_BYTES };
    }
    let body_bytes = u32_at(bytes, 8) as usize;
    if body_bytes > BODY_BYTES_MAX {
        return Decoded::Bad("the frame's length is impossible");
    }
    let frame_bytes = FRAME_HEAD_BYTES + body_bytes;
    if bytes.len() < frame_bytes {
        return Decoded::Incomplete { frame_bytes };
    }
    let bytes = &bytes[..frame_bytes];
    if checksum(offset, &bytes[8..]) != u32_at(bytes, 4) {
        return Decoded::Bad("the frame's checksum does not match its content");
    }
    match parse(bytes) {
        Some(frame) => Decoded::Frame { frame, frame_bytes },
        None => Decoded::Bad("the frame's parts do not fit together"),
    }
}

fn parse(bytes: &[u8]) -> Option<Frame<'_>> {
    let kind = match bytes[12] {
        1 => Kind::Message,
        2 => Kind::StreamCreated,
        _ => return None,
    };
    let (head, body) = bytes.split_at(FRAME_HEAD_BYTES);
    let (service, rest) = name(body, u16_at(head, 14))?;
    let (message_id, rest) = name(rest, u16_at(head, 16))?;
    let (subject, payload) = name(rest, u16_at(head, 18))?;
    Some(Frame {
        kind,
        service,
        stream_sequence: u64_at(head, 20),
        time_ns: u64_at(head, 28),
        group_start: u64_at(head, 36),
        message_id: (head[13] == 1).then_some(message_id),
        subject,
        payload,
    })
}

fn name(bytes: &[u8], length: u16) -> Option<(&str, &[u8])> {
    let (name, rest) = bytes.split_at_checked(length.into())?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

/// The offset is part of it, so that a frame inside a payload is not taken for one of the file.
fn checksum(offset: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame<'static> {
        Frame {
            kind: Kind::Message,
            service: "orders",
            stream_sequence: 7,
            time_ns: 1_700_000_000_000_000_000,
            group_start: 24,
            message_id: Some("orders-7"),
            subject: "orders.placed.7",
            payload: b"{}",
        }
    }

    #[test]
    fn frames_are_read_back_where_they_were_written() {
        let mut bytes = Vec::new();
        encode(&frame(), 100, &mut bytes);
        let frame_bytes = bytes.len();
        bytes.extend_from_slice(b"what follows");
        assert_eq!(decode(&bytes, 100), Decoded::Frame { frame: frame(), frame_bytes });
        assert!(matches!(decode(&bytes, 101), Decoded::Bad(_)), "the same bytes elsewhere are no frame");
    }

    /// Files outlive programs: another layout needs another version, and this one must stay readable.
    #[test]
    fn version_1_stays_as_it_is() {
        let mut bytes = header().to_vec();
        encode(&frame(), HEADER_BYTES as u64, &mut bytes);
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        expect_test::expect!["7072656a6f696e2d6576656e746c6f670100000000000000e7506a4657d020731f0000000101060008000f00070000000000000000002a36fe9c971718000000000000006f72646572736f72646572732d376f72646572732e706c616365642e377b7d"].assert_eq(&text);
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let mut bytes = Vec::new();
        encode(&frame(), 0, &mut bytes);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            assert!(!matches!(decode(&changed, 0), Decoded::Frame { .. }), "byte {at} changed");
            assert!(matches!(decode(&bytes[..at], 0), Decoded::Incomplete { .. }), "cut at {at}");
        }
    }

    #[test]
    fn a_stream_without_messages_is_a_frame() {
        let created = Frame {
            kind: Kind::StreamCreated,
            stream_sequence: 0,
            message_id: None,
            subject: "",
            payload: b"",
            ..frame()
        };
        let mut bytes = Vec::new();
        encode(&created, 5, &mut bytes);
        assert!(matches!(decode(&bytes, 5), Decoded::Frame { frame, .. } if frame == created));
    }

    #[test]
    fn headers_of_others_and_of_later_versions_are_refused() {
        assert_eq!(check_header(&header()), Ok(()));
        let mut later = header();
        later[16] = 2;
        assert!(check_header(&later).unwrap_err().contains("version 2"));
        assert!(check_header(&[0; HEADER_BYTES]).is_err());
    }
}
