//! The form of everything that one bridge sends to another: one header of fixed size, two names, and bytes.
//!
//! All numbers are little-endian. A frame that is not whole, or of another version, is discarded, so a foreign program that publishes
//! under the bridge's keys does no harm.

use crate::kind::{Kind, ObjectId};

const VERSION: u8 = 2;
/// A frame's length stands before it.
const LENGTH: usize = 4;
const HEADER: usize = 3 + 2 + 2 + 3 * 8;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// "I am here." number: 1 if an answer is wanted. bytes: the bridge's description.
    Hello,
    /// "This object leaves here." stream: the stream of its values. bytes: its description.
    Offer,
    /// "This object does not leave here any more."
    Withdraw,
    /// "I take this object." stream: the number of the object at the sender's. number: the last value that it has.
    Want,
    /// "I do not take this object any more."
    Unwant,
    /// "I cannot take this object." bytes: the reason.
    Refuse,
    /// A value of a topic or cell. extra: how many values the rate limit has left out before; for a cell, the stamp.
    Value,
    /// A message of a queue. extra: the priority; bit 32: it may be a repetition; bit 33: there is no message under this number.
    Message,
    /// Messages that are in the queue: all up to number, and those of the bits of extra above it.
    Confirm,
    /// Whether a process serves the service at the sender's. number: 1 or 0. extra: the number of the Want that this answers.
    Serves,
    /// A request. number: the call's. extra: the priority. bytes: how many nanoseconds its client still waits, as a number of 8 bytes, or
    /// 2^64 - 1 without a limit; then the request.
    Call,
    /// The end of a call. number: the call's. extra: 0 and the reply in bytes, or an errno.
    Reply,
    /// Asks for [`What::Marked`] with the same numbers, when all frames before it have arrived. stream: the sender's window. number: how
    /// many bytes it has had.
    Mark,
    /// A mark has arrived. stream, number: those of the mark.
    Marked,
}

const ALL: [What; 14] = [
    What::Hello,
    What::Offer,
    What::Withdraw,
    What::Want,
    What::Unwant,
    What::Refuse,
    What::Value,
    What::Message,
    What::Confirm,
    What::Serves,
    What::Call,
    What::Reply,
    What::Mark,
    What::Marked,
];

impl What {
    /// Whether the frame concerns an object, and not a whole bridge.
    fn has_object(self) -> bool {
        !matches!(self, What::Hello | What::Mark | What::Marked)
    }
}

/// A message of one bridge to another.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) what: What,
    pub(crate) object: ObjectId,
    /// The bridge that has sent the frame.
    pub(crate) from: String,
    pub(crate) stream: u64,
    pub(crate) number: u64,
    pub(crate) extra: u64,
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(what: What, object: &ObjectId) -> Frame {
        Frame {
            what,
            object: object.clone(),
            from: String::new(),
            stream: 0,
            number: 0,
            extra: 0,
            bytes: Vec::new(),
        }
    }

    /// A frame that concerns no object.
    pub(crate) fn of_bridge(what: What) -> Frame {
        let nothing = ObjectId {
            kind: Kind::Topic,
            name: String::new(),
        };
        Frame::new(what, &nothing)
    }

    pub(crate) fn numbers(mut self, stream: u64, number: u64, extra: u64) -> Frame {
        (self.stream, self.number, self.extra) = (stream, number, extra);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Frame {
        self.bytes = bytes.to_vec();
        self
    }

    /// The frame's bytes, sent by `from`, behind their length.
    pub(crate) fn encode(&self, from: &str) -> Vec<u8> {
        let name = &self.object.name;
        let length = HEADER + name.len() + from.len() + self.bytes.len();
        let mut out = Vec::with_capacity(LENGTH + length);
        out.extend((length as u32).to_le_bytes());
        out.extend([VERSION, self.what as u8, self.object.kind as u8]);
        out.extend((name.len() as u16).to_le_bytes());
        out.extend((from.len() as u16).to_le_bytes());
        for number in [self.stream, self.number, self.extra] {
            out.extend(number.to_le_bytes());
        }
        out.extend(name.as_bytes());
        out.extend(from.as_bytes());
        out.extend(&self.bytes);
        out
    }

    /// The frames of a parcel: several frames, each behind its length.
    pub(crate) fn decode_all(mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() {
            let Some((frame, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)
            else {
                break;
            };
            frames.extend(Frame::decode(frame));
            bytes = rest;
        }
        frames
    }

    fn decode(bytes: &[u8]) -> Option<Frame> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        if header[0] != VERSION {
            return None;
        }
        let what = *ALL.get(usize::from(header[1]))?;
        let kind = *Kind::ALL.get(usize::from(header[2]))?;
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let number = |at: usize| Some(u64::from_le_bytes(header[at..at + 8].try_into().ok()?));
        let (name, rest) = rest.split_at_checked(length(3))?;
        let (from, bytes) = rest.split_at_checked(length(5))?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let name = text(name)?;
        let is_name = name.len() > 1 && name.len() <= 251 && name.starts_with('/');
        if what.has_object() && (!is_name || name[1..].contains(['/', '\0'])) {
            return None;
        }
        Some(Frame {
            what,
            object: ObjectId { kind, name },
            from: text(from)?,
            stream: number(7)?,
            number: number(15)?,
            extra: number(23)?,
            bytes: bytes.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(what: What) -> Frame {
        let object = ObjectId {
            kind: Kind::Queue,
            name: "/jobs".into(),
        };
        Frame::new(what, &object)
            .numbers(1, u64::MAX, 3)
            .bytes(b"abc")
    }

    #[test]
    fn every_frame_comes_back_as_it_was() {
        for what in ALL {
            let sent = Frame {
                from: "board-1/77".into(),
                ..frame(what)
            };
            assert_eq!(
                Frame::decode(&frame(what).encode("board-1/77")[LENGTH..]),
                Some(sent)
            );
        }
    }

    #[test]
    fn what_is_no_frame_is_discarded() {
        let good = frame(What::Value).encode("a/1")[LENGTH..].to_vec();
        for length in 0..HEADER + 5 + 3 {
            assert_eq!(Frame::decode(&good[..length]), None);
        }
        for (at, value) in [(0, 1), (1, 14), (2, 4), (4, 255), (6, 255)] {
            let mut bad = good.clone();
            bad[at] = value;
            assert_eq!(Frame::decode(&bad), None, "byte {at}");
        }
        let mut bad = good;
        bad[HEADER + 2] = b'/';
        assert_eq!(Frame::decode(&bad), None);
    }

    #[test]
    fn a_parcel_has_several_frames() {
        let mut parcel = frame(What::Value).encode("a/1");
        parcel.extend(frame(What::Confirm).encode("a/1"));
        let whats = |bytes: &[u8]| -> Vec<What> {
            Frame::decode_all(bytes)
                .iter()
                .map(|frame| frame.what)
                .collect()
        };
        assert_eq!(whats(&parcel), [What::Value, What::Confirm]);
        assert_eq!(whats(&parcel[..parcel.len() - 1]), [What::Value]);
        assert!(whats(b"").is_empty() && whats(&[255; 100]).is_empty());
    }
}
