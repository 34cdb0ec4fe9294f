//! Draws the results of the queue benchmark: `bench-chart queue.json queue.svg`.
//!
//! Each measure has a panel of bars, with the best at the top. The scale is logarithmic, because the rows differ by
//! powers of ten. The thin line on a bar goes from its worst round to its best. The charts below the panels show the
//! cost of a message while more and more others are queued.

use plotters::coord::Shift;
use plotters::prelude::*;
use serde_json::Value;
use std::error::Error;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Outcome = Result<(), Box<dyn Error>>;

const OURS: RGBColor = RGBColor(0, 90, 181);
const PEER: RGBColor = RGBColor(120, 120, 120);
const POLLING: RGBColor = RGBColor(200, 150, 60);
const LIMIT: RGBColor = RGBColor(205, 205, 205);
const TEXT: RGBColor = RGBColor(30, 30, 30);

const WIDTH: u32 = 1400;
const PANEL_HEIGHT: u32 = 400;
const HEADING: u32 = 90;
const NAMES: i32 = 170;
const FIGURES: i32 = 90;

struct Panel {
    title: &'static str,
    measure: &'static str,
    size: u64,
    /// Each value is divided by this.
    scale: f64,
    is_rate: bool,
}

const PANELS: [Panel; 8] = [
    panel(
        "Throughput, 64 B, million messages/s",
        "throughput",
        64,
        1e6,
        true,
    ),
    panel(
        "Throughput, 1 KiB, million messages/s",
        "throughput",
        1 << 10,
        1e6,
        true,
    ),
    panel(
        "Throughput, 8 KiB, thousand messages/s",
        "throughput",
        8 << 10,
        1e3,
        true,
    ),
    panel(
        "Throughput, 1 MiB, thousand messages/s",
        "throughput",
        1 << 20,
        1e3,
        true,
    ),
    panel(
        "One way while both wait, 64 B, microseconds",
        "rally",
        64,
        1e3,
        false,
    ),
    panel(
        "One way to a sleeping receiver, 64 B, microseconds",
        "wake",
        64,
        1e3,
        false,
    ),
    panel(
        "Send and receive in one thread, 64 B, nanoseconds",
        "alone",
        64,
        1.0,
        false,
    ),
    panel(
        "Four senders, four receivers, 64 B, million messages/s",
        "crowd",
        64,
        1e6,
        true,
    ),
];

const fn panel(
    title: &'static str,
    measure: &'static str,
    size: u64,
    scale: f64,
    is_rate: bool,
) -> Panel {
    Panel {
        title,
        measure,
        size,
        scale,
        is_rate,
    }
}

struct Bar {
    name: String,
    colour: RGBColor,
    median: f64,
    least: f64,
    most: f64,
}

fn list<'r>(results: &'r Value, key: &str) -> &'r [Value] {
    results[key].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn colour_of(results: &Value, name: &str) -> RGBColor {
    let peers = list(results, "peers");
    match peers.iter().find(|peer| text(&peer["name"]) == name) {
        Some(peer) if peer["ours"] == true => OURS,
        Some(peer) if peer["limit"] == true => LIMIT,
        Some(peer) if peer["polls"] == true => POLLING,
        _ => PEER,
    }
}

fn bars(results: &Value, panel: &Panel) -> Vec<Bar> {
    let rows = list(results, "rows").iter().filter(|row| {
        text(&row["measure"]) == panel.measure && row["size"].as_u64() == Some(panel.size)
    });
    let mut bars: Vec<Bar> = rows
        .filter_map(|row| {
            let values = list(row, "values").iter().filter_map(Value::as_f64);
            let values: Vec<f64> = values.map(|value| value / panel.scale).collect();
            Some(Bar {
                name: text(&row["peer"]).to_owned(),
                colour: colour_of(results, text(&row["peer"])),
                median: row["median"].as_f64()? / panel.scale,
                least: values.iter().copied().fold(f64::INFINITY, f64::min),
                most: values.iter().copied().fold(0.0, f64::max),
            })
        })
        .collect();
    bars.sort_by(|a, b| a.median.total_cmp(&b.median));
    if panel.is_rate {
        bars.reverse();
    }
    bars
}

/// The value with three significant digits.
fn figure(value: f64) -> String {
    let digits = (2.0 - value.log10().floor()).clamp(0.0, 4.0);
    format!("{value:.*}", digits as usize)
}

/// A logarithmic scale from the pixel column `left` to `right`.
struct Scale {
    left: i32,
    right: i32,
    /// The powers of ten at the two ends.
    low: f64,
    high: f64,
}

impl Scale {
    /// Whole decades around all values of the bars.
    fn around(bars: &[Bar], left: i32, right: i32) -> Scale {
        let least = bars
            .iter()
            .map(|bar| bar.least)
            .fold(f64::INFINITY, f64::min);
        let most = bars.iter().map(|bar| bar.most).fold(0.0, f64::max);
        let low = least.log10().floor();
        let high = most.log10().ceil().max(low + 1.0);
        Scale {
            left,
            right,
            low,
            high,
        }
    }

    /// The pixel column of a value.
    fn x(&self, value: f64) -> i32 {
        let part = (value.log10() - self.low) / (self.high - self.low);
        self.left + (part * f64::from(self.right - self.left)).round() as i32
    }

    /// A line with a label at each power of ten.
    fn draw_grid(&self, area: &Area, top: i32, bottom: i32) -> Outcome {
        for decade in self.low as i32..=self.high as i32 {
            let value = 10f64.powi(decade);
            let at = self.x(value);
            area.draw(&PathElement::new([(at, top), (at, bottom)], LIMIT))?;
            let style = ("sans-serif", 12).into_font().color(&PEER);
            area.draw(&Text::new(value.to_string(), (at - 6, bottom + 5), style))?;
        }
        Ok(())
    }
}

fn draw_bars(area: &Area, panel: &Panel, bars: &[Bar]) -> Outcome {
    let (width, height) = area.dim_in_pixel();
    let (width, height) = (width as i32, height as i32);
    area.draw(&Text::new(
        panel.title,
        (20, 10),
        ("sans-serif", 19).into_font().color(&TEXT),
    ))?;
    if bars.is_empty() {
        area.draw(&Text::new(
            "not measured",
            (20, 50),
            ("sans-serif", 15).into_font().color(&PEER),
        ))?;
        return Ok(());
    }
    let scale = Scale::around(bars, NAMES + 15, width - FIGURES);
    let (top, bottom) = (42, height - 30);
    scale.draw_grid(area, top, bottom)?;
    let step = ((bottom - top) / bars.len() as i32).min(30);
    for (row, bar) in bars.iter().enumerate() {
        draw_bar(area, &scale, bar, top + row as i32 * step + 2, step - 4)?;
    }
    Ok(())
}

/// The bar, its name on the left, and its figure on the right. `top` and `height` are in pixels.
fn draw_bar(area: &Area, scale: &Scale, bar: &Bar, top: i32, height: i32) -> Outcome {
    let middle = top + height / 2;
    area.draw(&Rectangle::new(
        [(scale.left, top), (scale.x(bar.median), top + height)],
        bar.colour.filled(),
    ))?;
    area.draw(&PathElement::new(
        [(scale.x(bar.least), middle), (scale.x(bar.most), middle)],
        TEXT,
    ))?;
    let style = |colour: &RGBColor| ("sans-serif", 14).into_font().color(colour);
    let named = if bar.colour == OURS { &OURS } else { &TEXT };
    area.draw(&Text::new(bar.name.clone(), (20, middle - 7), style(named)))?;
    let place = (scale.x(bar.most.max(bar.median)) + 6, middle - 7);
    area.draw(&Text::new(figure(bar.median), place, style(named)))?;
    Ok(())
}

fn last_cost(points: &[(f64, f64)]) -> f64 {
    points.last().map_or(0.0, |&(_, cost)| cost)
}

fn draw_growth(area: &Area, results: &Value, priorities: u64, title: &str) -> Outcome {
    let growth = list(results, "growth");
    let mut lines: Vec<(&str, Vec<(f64, f64)>)> = Vec::new();
    for point in growth
        .iter()
        .filter(|point| point["priorities"].as_u64() == Some(priorities))
    {
        let (Some(queued), Some(cost)) = (point["queued"].as_f64(), point["pair_ns"].as_f64())
        else {
            continue;
        };
        let name = text(&point["peer"]);
        match lines.iter_mut().find(|(line, _)| *line == name) {
            Some((_, points)) => points.push((queued, cost)),
            None => lines.push((name, vec![(queued, cost)])),
        }
    }
    let all = || lines.iter().flat_map(|(_, points)| points.iter().copied());
    let most = all().map(|(_, cost)| cost).fold(100.0, f64::max) * 2.0;
    let last = all().map(|(queued, _)| queued).fold(100.0, f64::max) * 16.0;
    let mut chart = ChartBuilder::on(area)
        .margin(20)
        .caption(title, ("sans-serif", 19).into_font().color(&TEXT))
        .x_label_area_size(45)
        .y_label_area_size(60)
        .build_cartesian_2d((8f64..last).log_scale(), (10f64..most).log_scale())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_desc("messages queued")
        .y_desc("ns")
        .x_label_formatter(&|value| format!("{value:.0}"))
        .y_label_formatter(&|value| format!("{value:.0}"))
        .light_line_style(LIMIT.mix(0.4))
        .draw()?;
    // The cheapest peer comes first, so that each label can keep a distance from the label below.
    lines.sort_by(|(_, a), (_, b)| last_cost(a).total_cmp(&last_cost(b)));
    let mut below = 0.0;
    for (name, points) in &lines {
        let colour = colour_of(results, name);
        chart.draw_series(LineSeries::new(
            points.iter().copied(),
            colour.stroke_width(2),
        ))?;
        chart.draw_series(
            points
                .iter()
                .map(|&point| Circle::new(point, 3, colour.filled())),
        )?;
        if let Some(&(queued, cost)) = points.last() {
            let style = ("sans-serif", 13).into_font().color(&colour);
            let height = f64::max(cost * 1.1, below);
            below = height * (most / 10.0).powf(0.05);
            chart.draw_series([Text::new(name.to_string(), (queued * 1.3, height), style)])?;
        }
    }
    Ok(())
}

/// The title, the machine and the conditions of the run, and the legend.
fn draw_heading(heading: &Area, results: &Value) -> Outcome {
    let title = "The message queue of robustipc against its peers";
    heading.draw(&Text::new(
        title,
        (20, 15),
        ("sans-serif", 27).into_font().color(&TEXT),
    ))?;
    let machine = &results["machine"];
    let below = format!(
        "{}, {} processors, Linux {}; medians of {} alternating rounds{}{}; logarithmic scales",
        text(&machine["processor"]),
        machine["processors"],
        text(&machine["system"]),
        results["rounds"],
        if results["quick"] == true {
            " (quick)"
        } else {
            ""
        },
        if machine["load_before"].as_f64() > Some(0.5) {
            ", on a busy machine"
        } else {
            ""
        },
    );
    heading.draw(&Text::new(
        below,
        (20, 55),
        ("sans-serif", 15).into_font().color(&PEER),
    ))?;
    let legend = [
        ("robustipc", OURS),
        ("blocks", PEER),
        ("polls", POLLING),
        ("limit", LIMIT),
    ];
    for (position, (name, colour)) in legend.into_iter().enumerate() {
        let x = WIDTH as i32 - 420 + position as i32 * 105;
        heading.draw(&Rectangle::new([(x, 20), (x + 14, 34)], colour.filled()))?;
        let style = ("sans-serif", 15).into_font().color(&TEXT);
        heading.draw(&Text::new(name, (x + 20, 20), style))?;
    }
    Ok(())
}

fn draw(results: &Value, path: &str) -> Outcome {
    let rows = PANELS.len().div_ceil(2) as u32 + 1;
    let root = SVGBackend::new(path, (WIDTH, HEADING + rows * PANEL_HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let (heading, body) = root.split_vertically(HEADING);
    draw_heading(&heading, results)?;
    let areas = body.split_evenly((rows as usize, 2));
    for (panel, area) in PANELS.iter().zip(&areas) {
        draw_bars(area, panel, &bars(results, panel))?;
    }
    let last = &areas[PANELS.len()..];
    draw_growth(
        &last[0],
        results,
        1,
        "Send + receive at 64 B by queue length, one priority",
    )?;
    draw_growth(&last[1], results, 1000, "The same with 1,000 priorities")?;
    root.present()?;
    Ok(())
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, from, to] = arguments.as_slice() else {
        return Err("usage: bench-chart queue.json queue.svg".into());
    };
    draw(&serde_json::from_str(&std::fs::read_to_string(from)?)?, to)?;
    println!("{to} is drawn.");
    Ok(())
}
