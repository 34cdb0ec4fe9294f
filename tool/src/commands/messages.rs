//! `ripc send`, `receive`, `peek` and `repair`.

use super::with_slash;
use crate::cli::{Receive, Send};
use crate::library::{self, FOREVER, Queue, Result};
use crate::output;
use crate::values;
use serde_json::json;
use std::io::Read;

/// The bytes that the command line gives, or standard input.
pub(super) fn given(text: Option<&str>, is_hex: bool) -> Result<Vec<u8>> {
    let bytes = match text {
        None | Some("-") => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes)?;
            bytes
        }
        Some(text) => text.as_bytes().to_vec(),
    };
    match is_hex {
        true => values::from_hex(&String::from_utf8_lossy(&bytes)),
        false => Ok(bytes),
    }
}

/// Bytes for people.
pub(super) fn shown(bytes: &[u8], as_hex: bool) -> String {
    match as_hex {
        true => values::to_hex(bytes),
        false => values::readable(bytes),
    }
}

/// `ripc send`
pub(super) fn send(send: Send) -> Result<()> {
    let bytes = given(send.message.as_deref(), send.hex)?;
    let queue = Queue::open(&with_slash(&send.name), library::WRITE_ONLY)?;
    queue.send(&bytes, send.priority, send.timeout.unwrap_or(FOREVER))
}

/// `ripc receive`
pub(super) fn receive(receive: &Receive, json: bool) -> Result<()> {
    let queue = Queue::open(&with_slash(&receive.name), library::READ_ONLY)?;
    let timeout_ns = receive.timeout.unwrap_or(FOREVER);
    let mut received = 0;
    while receive.follow || received < receive.count {
        let message = queue.receive(timeout_ns)?;
        received += 1;
        if json {
            let mut fields = values::bytes_as_json(&message.bytes);
            fields.insert("priority".into(), json!(message.priority));
            output::json(&fields.into());
        } else {
            output::line(&shown(&message.bytes, receive.hex));
        }
    }
    Ok(())
}

/// `ripc peek`
pub(super) fn peek(name: &str, json: bool) -> Result<()> {
    let queue = Queue::open(&with_slash(name), library::READ_ONLY)?;
    let attributes = queue.attributes()?;
    let next = match queue.next_priority() {
        Ok(priority) => Some(priority),
        Err(error) if error.errno == libc::EAGAIN => None,
        Err(error) => return Err(error),
    };
    if json {
        output::json(&json!({
            "messages": attributes.current_messages,
            "capacity": attributes.max_messages,
            "message_size": attributes.message_size,
            "next_priority": next,
        }));
    } else {
        let next = next.map_or(String::new(), |priority| {
            format!(", the next one with priority {priority}")
        });
        output::line(&format!(
            "{} of {} messages{next}",
            attributes.current_messages, attributes.max_messages
        ));
    }
    Ok(())
}

/// `ripc repair`: opening a queue and asking for its statistics makes the library repair what dead processes left.
pub(super) fn repair(name: &str, json: bool) -> Result<()> {
    let queue = Queue::open(&with_slash(name), 0)?;
    let statistics = queue.statistics()?;
    let attributes = queue.attributes()?;
    if json {
        output::json(&json!({
            "messages": attributes.current_messages,
            "repairs": statistics.repairs,
            "redelivered": statistics.redelivered,
            "abandoned": statistics.abandoned,
        }));
    } else {
        output::line(&format!(
            "{} messages; since the queue was made: {} repairs, {} messages came back, {} reserved places came back",
            attributes.current_messages,
            statistics.repairs,
            statistics.redelivered,
            statistics.abandoned
        ));
    }
    Ok(())
}
