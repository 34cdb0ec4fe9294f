//! Reads what users write (durations, values of fields, bytes), and shows bytes to them.

use crate::library::{Error, Field, Result, Type};
use serde_json::{Map, Value, json};

/// A duration with its unit, in nanoseconds.
pub(crate) fn duration(text: &str) -> std::result::Result<i64, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: f64 = number
        .parse()
        .map_err(|_| format!("\"{text}\" is no duration; expected for example 500ms or 2s"))?;
    let unit_ns = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "" | "s" => 1e9,
        "m" => 60e9,
        "h" => 3600e9,
        _ => {
            return Err(format!(
                "\"{unit}\" is no unit; expected ns, us, ms, s, m or h"
            ));
        }
    };
    let ns = number * unit_ns;
    if ns >= i64::MAX as f64 {
        return Err(format!("\"{text}\" is too long"));
    }
    Ok(ns as i64)
}

/// The bytes that hexadecimal digits stand for.
pub(crate) fn from_hex(text: &str) -> Result<Vec<u8>> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let wrong = || Error::new(libc::EINVAL, "expected pairs of hexadecimal digits");
    let digit = |byte: u8| {
        (byte as char)
            .to_digit(16)
            .map(|digit| digit as u8)
            .ok_or_else(wrong)
    };
    if digits.len() % 2 != 0 {
        return Err(wrong());
    }
    digits
        .chunks(2)
        .map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes as text if they are printable text, otherwise as hexadecimal digits.
pub(crate) fn readable(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text)
            if text
                .chars()
                .all(|c| !c.is_control() || c == '\n' || c == '\t') =>
        {
            text.to_owned()
        }
        _ => to_hex(bytes),
    }
}

/// A message's bytes as JSON: as text where they are text, and always as hexadecimal digits.
pub(crate) fn bytes_as_json(bytes: &[u8]) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("length".into(), json!(bytes.len()));
    map.insert("hex".into(), json!(to_hex(bytes)));
    if let Ok(text) = std::str::from_utf8(bytes) {
        map.insert("text".into(), json!(text));
    }
    map
}

/// A declared field's bytes.
fn bytes_of<'a>(field: &Field, value: &'a [u8]) -> &'a [u8] {
    value
        .get(field.offset..)
        .and_then(|rest| rest.get(..field.size))
        .unwrap_or(&[])
}

/// A number of 1, 2, 4 or 8 bytes as an unsigned, a signed and a floating-point number. A declaration gives a field's size
/// and not its type, so the reader chooses.
pub(crate) struct Number {
    pub(crate) unsigned: u64,
    pub(crate) signed: i64,
    pub(crate) float: Option<f64>,
}

fn number_of(bytes: &[u8]) -> Option<Number> {
    Some(match *bytes {
        [a] => Number {
            unsigned: a.into(),
            signed: (a as i8).into(),
            float: None,
        },
        [a, b] => {
            let number = u16::from_ne_bytes([a, b]);
            Number {
                unsigned: number.into(),
                signed: (number as i16).into(),
                float: None,
            }
        }
        [a, b, c, d] => {
            let number = u32::from_ne_bytes([a, b, c, d]);
            Number {
                unsigned: number.into(),
                signed: (number as i32).into(),
                float: Some(f32::from_bits(number).into()),
            }
        }
        [_, _, _, _, _, _, _, _] => {
            let number = u64::from_ne_bytes(bytes.try_into().ok()?);
            Number {
                unsigned: number,
                signed: number as i64,
                float: Some(f64::from_bits(number)),
            }
        }
        _ => return None,
    })
}

/// The fields of a value, each with what it may mean. Without declared fields, the whole value is one field.
pub(crate) fn fields_of(declared: Option<&Type>, size: usize) -> Vec<Field> {
    match declared {
        Some(declared) if !declared.fields.is_empty() => declared.fields.clone(),
        _ => vec![Field {
            name: "(all)".into(),
            offset: 0,
            size,
        }],
    }
}

/// The rows of a value's table: field, offset, size, integer, floating-point number, bytes.
pub(crate) fn rows(fields: &[Field], value: &[u8]) -> Vec<Vec<String>> {
    let row = |field: &Field| {
        let bytes = bytes_of(field, value);
        let number = number_of(bytes);
        let integer = number
            .as_ref()
            .map_or(String::new(), |number| match number.signed < 0 {
                true => format!("{} ({})", number.unsigned, number.signed),
                false => number.unsigned.to_string(),
            });
        let float = number
            .and_then(|number| number.float)
            .filter(|float| is_plausible(*float));
        let shown = &bytes[..bytes.len().min(32)];
        let dots = if shown.len() < bytes.len() { "..." } else { "" };
        vec![
            field.name.clone(),
            field.offset.to_string(),
            field.size.to_string(),
            integer,
            float.map_or(String::new(), |float| float.to_string()),
            to_hex(shown) + dots,
        ]
    };
    fields.iter().map(row).collect()
}

/// Whether a number looks like one that a program stores, and not like the bits of an integer.
fn is_plausible(float: f64) -> bool {
    float != 0.0 && float.is_finite() && (1e-9..1e15).contains(&float.abs())
}

pub(crate) const HEADERS: [&str; 6] = ["FIELD", ">OFFSET", ">SIZE", ">INTEGER", ">FLOAT", "BYTES"];

pub(crate) fn as_json(fields: &[Field], value: &[u8]) -> Value {
    let field = |field: &Field| {
        let bytes = bytes_of(field, value);
        let number = number_of(bytes);
        json!({
            "name": field.name,
            "offset": field.offset,
            "size": field.size,
            "hex": to_hex(bytes),
            "unsigned": number.as_ref().map(|number| number.unsigned),
            "signed": number.as_ref().map(|number| number.signed),
            "float": number.and_then(|number| number.float).filter(|float| float.is_finite()),
        })
    };
    Value::Array(fields.iter().map(field).collect())
}

/// The bytes of a user's value for a field of this size: a number, or a text in double quotes, padded with zeros.
pub(crate) fn encode(text: &str, size: usize) -> Result<Vec<u8>> {
    let misfit = || {
        Error::new(
            libc::ERANGE,
            format!("{text} does not fit into {size} bytes"),
        )
    };
    if let Some(quoted) = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        let mut bytes = quoted.as_bytes().to_vec();
        if bytes.len() > size {
            return Err(misfit());
        }
        bytes.resize(size, 0);
        return Ok(bytes);
    }
    let integer = match text.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok(),
        None => text.parse::<i128>().ok(),
    };
    if let Some(integer) = integer {
        if ![1, 2, 4, 8].contains(&size) {
            return Err(misfit());
        }
        let bits = size as u32 * 8;
        if integer >= 1_i128 << bits || integer < -(1_i128 << (bits - 1)) {
            return Err(misfit());
        }
        let bytes = (integer as i64 as u64).to_ne_bytes();
        return Ok(if cfg!(target_endian = "little") {
            bytes[..size].to_vec()
        } else {
            bytes[8 - size..].to_vec()
        });
    }
    let float: f64 = text.parse().map_err(|_| {
        Error::new(
            libc::EINVAL,
            format!("{text}: expected a number, or a text in double quotes"),
        )
    })?;
    match size {
        4 => Ok((float as f32).to_ne_bytes().to_vec()),
        8 => Ok(float.to_ne_bytes().to_vec()),
        _ => Err(misfit()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(500_000_000));
        assert_eq!(duration("2"), Ok(2_000_000_000));
        assert_eq!(duration("0.5s"), Ok(500_000_000));
        assert!(
            duration("2 parsecs").is_err() && duration("").is_err() && duration("-1s").is_err()
        );
    }

    #[test]
    fn values_have_to_fit() {
        assert_eq!(encode("-1", 2).unwrap(), [0xff, 0xff]);
        assert_eq!(encode("0x10", 4).unwrap(), 16_u32.to_ne_bytes());
        assert_eq!(encode("1.5", 8).unwrap(), 1.5_f64.to_ne_bytes());
        assert_eq!(encode("\"ab\"", 4).unwrap(), [b'a', b'b', 0, 0]);
        assert!(encode("256", 1).is_err() && encode("-129", 1).is_err() && encode("x", 4).is_err());
        assert_eq!(encode("18446744073709551615", 8).unwrap(), [0xff; 8]);
    }

    #[test]
    fn hexadecimal_digits_come_in_pairs() {
        assert_eq!(from_hex("00 ff").unwrap(), [0, 255]);
        assert!(from_hex("0").is_err() && from_hex("xx").is_err());
    }
}
