//! `ripc publish`, `echo`, `hz`, `bw` and `call`: topics and services.

use super::messages::{given, shown};
use super::with_slash;
use crate::cli::{Call, Echo, Measure, Publish};
use crate::library::{Client, FOREVER, Result, Topic};
use crate::output;
use crate::values;
use serde_json::json;
use std::time::{Duration, Instant};

/// `ripc publish`
pub(super) fn publish(publish: &Publish) -> Result<()> {
    let bytes = given(publish.sample.as_deref(), publish.hex)?;
    Topic::publish(&with_slash(&publish.name))?.send(&bytes, publish.timeout.unwrap_or(FOREVER))
}

/// `ripc echo`
pub(super) fn echo(echo: &Echo, json: bool) -> Result<()> {
    let topic = Topic::subscribe(&with_slash(&echo.name))?;
    let mut seen = 0;
    while echo.count.is_none_or(|count| seen < count) {
        let (bytes, info) = topic.receive(echo.timeout.unwrap_or(FOREVER))?;
        seen += 1;
        if json {
            let mut fields = values::bytes_as_json(&bytes);
            fields.insert("number".into(), json!(info.number));
            fields.insert("missed".into(), json!(info.missed));
            fields.insert("time_ns".into(), json!(info.time_ns));
            fields.insert("publisher".into(), json!(info.publisher));
            output::json(&fields.into());
        } else {
            if info.missed > 0 {
                output::line(&format!("({} missed)", info.missed));
            }
            output::line(&shown(&bytes, echo.hex));
        }
    }
    Ok(())
}

/// The traffic of a topic during an interval.
struct Traffic {
    samples: u64,
    missed: u64,
    bytes: u64,
    seconds: f64,
}

/// Counts for one interval after the other, and calls `show` with each.
fn measure(measure: &Measure, mut show: impl FnMut(&Traffic)) -> Result<()> {
    let topic = Topic::subscribe(&with_slash(&measure.name))?;
    let interval = Duration::from_nanos(measure.interval.unsigned_abs());
    let mut lines = 0;
    while measure.count.is_none_or(|count| lines < count) {
        let begin = Instant::now();
        let (mut samples, mut missed, mut bytes) = (0, 0, 0);
        loop {
            let left = interval.saturating_sub(begin.elapsed());
            match topic.receive(left.as_nanos() as i64) {
                Ok((sample, info)) => {
                    samples += 1;
                    missed += info.missed;
                    bytes += sample.len() as u64;
                }
                Err(error) if matches!(error.errno, libc::ETIMEDOUT | libc::EAGAIN) => {}
                Err(error) => return Err(error),
            }
            if begin.elapsed() >= interval {
                break;
            }
        }
        show(&Traffic {
            samples,
            missed,
            bytes,
            seconds: begin.elapsed().as_secs_f64(),
        });
        lines += 1;
    }
    Ok(())
}

/// `ripc hz`. Samples that this program was too slow for count too.
pub(super) fn hz(asked: &Measure, json: bool) -> Result<()> {
    measure(asked, |traffic| {
        let per_second = (traffic.samples + traffic.missed) as f64 / traffic.seconds;
        match json {
            true => output::json(
                &json!({ "samples_per_second": per_second, "samples": traffic.samples, "missed": traffic.missed }),
            ),
            false => output::line(&format!(
                "{per_second:.1} samples per second ({} seen, {} missed)",
                traffic.samples, traffic.missed
            )),
        }
    })
}

/// `ripc bw`
pub(super) fn bw(asked: &Measure, json: bool) -> Result<()> {
    measure(asked, |traffic| {
        let per_second = traffic.bytes as f64 / traffic.seconds;
        match json {
            true => output::json(
                &json!({ "bytes_per_second": per_second, "samples": traffic.samples, "missed": traffic.missed }),
            ),
            false => output::line(&format!(
                "{:.3} MB per second ({} samples seen, {} missed)",
                per_second / 1e6,
                traffic.samples,
                traffic.missed
            )),
        }
    })
}

/// `ripc call`
pub(super) fn call(call: &Call, json: bool) -> Result<()> {
    let request = given(call.request.as_deref(), call.hex)?;
    let client = Client::open(&with_slash(&call.name))?;
    let reply = client.call(
        &request,
        call.priority,
        call.capacity,
        call.timeout.unwrap_or(FOREVER),
    )?;
    match json {
        true => output::json(&values::bytes_as_json(&reply).into()),
        false => output::line(&shown(&reply, call.hex)),
    }
    Ok(())
}
