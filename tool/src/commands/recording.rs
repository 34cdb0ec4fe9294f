//! `ripc record` and `ripc replay`.
//!
//! The file, all numbers little-endian: 8 bytes "ripcrec1", the length of the queue's name in 4 bytes, the name; then for each
//! message: the time since the first message in nanoseconds (8 bytes), the priority (4 bytes), the length (4 bytes), the bytes.
//! ripc(1) documents it.

use super::with_slash;
use crate::cli::{Record, Replay};
use crate::library::{self, Error, FOREVER, Queue, Result};
use crate::output;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::time::{Duration, Instant};

const MAGIC: &[u8; 8] = b"ripcrec1";
/// The longest name and message that a file may hold: more is a damaged file.
const LENGTH_MAX: u32 = 1 << 30;

/// `ripc record`
pub(super) fn record(record: &Record) -> Result<()> {
    let name = with_slash(&record.name);
    let queue = Queue::open(&name, library::READ_ONLY)?;
    let mut file = BufWriter::new(File::create(&record.file)?);
    file.write_all(MAGIC)?;
    file.write_all(&(name.len() as u32).to_le_bytes())?;
    file.write_all(name.as_bytes())?;
    let mut first = None;
    let mut count = 0_u64;
    while record.count.is_none_or(|wanted| count < wanted) {
        let message = match queue.receive(record.timeout.unwrap_or(FOREVER)) {
            Err(error) if error.errno == libc::ETIMEDOUT => break,
            received => received?,
        };
        let first = *first.get_or_insert_with(Instant::now);
        file.write_all(&(first.elapsed().as_nanos() as u64).to_le_bytes())?;
        file.write_all(&message.priority.to_le_bytes())?;
        file.write_all(&(message.bytes.len() as u32).to_le_bytes())?;
        file.write_all(&message.bytes)?;
        // A message that was taken has to be in the file before the next one is taken.
        file.flush()?;
        count += 1;
    }
    output::line(&format!("{count} messages"));
    Ok(())
}

fn damaged(what: &str) -> Error {
    Error::new(
        libc::EPROTO,
        format!("the file is no recording, or is damaged: {what}"),
    )
}

fn number(file: &mut impl Read) -> Result<u32> {
    let mut bytes = [0; 4];
    file.read_exact(&mut bytes)
        .map_err(|_| damaged("it ends in the middle"))?;
    Ok(u32::from_le_bytes(bytes))
}

fn bytes(file: &mut impl Read) -> Result<Vec<u8>> {
    let length = number(file)?;
    if length > LENGTH_MAX {
        return Err(damaged("a length is impossible"));
    }
    let mut bytes = Vec::new();
    file.take(length.into()).read_to_end(&mut bytes)?;
    match bytes.len() == length as usize {
        true => Ok(bytes),
        false => Err(damaged("it ends in the middle")),
    }
}

/// `ripc replay`
pub(super) fn replay(replay: &Replay) -> Result<()> {
    let mut file = BufReader::new(File::open(&replay.file)?);
    let mut magic = [0; 8];
    file.read_exact(&mut magic)
        .map_err(|_| damaged("it is too short"))?;
    if &magic != MAGIC {
        return Err(damaged("it does not begin with ripcrec1"));
    }
    let recorded =
        String::from_utf8(bytes(&mut file)?).map_err(|_| damaged("the name is no text"))?;
    let name = replay.name.as_deref().map_or(recorded, with_slash);
    let queue = Queue::open(&name, library::WRITE_ONLY)?;
    let begin = Instant::now();
    let mut count = 0_u64;
    loop {
        let mut time = [0; 8];
        match file.read(&mut time[..1])? {
            0 => break,
            _ => file
                .read_exact(&mut time[1..])
                .map_err(|_| damaged("it ends in the middle"))?,
        }
        let priority = number(&mut file)?;
        let message = bytes(&mut file)?;
        if replay.timed {
            let due = begin + Duration::from_nanos(u64::from_le_bytes(time));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        queue.send(&message, priority, FOREVER)?;
        count += 1;
    }
    output::line(&format!("{count} messages"));
    Ok(())
}
