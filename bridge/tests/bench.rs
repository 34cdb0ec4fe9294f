//! The bridge against plain Zenoh: `make bench-bridge`. Both go over TCP on 127.0.0.1, with the same settings and the same payloads, and
//! only so many samples are on their way at once. The bridges are two processes more, which is what the bridge costs.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints and waits as it likes"
)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use support::library::{Topic, TopicAttributes};
use support::{World, until};
use zenoh::Wait;

const SAMPLES: u64 = 200_000;
const ROUND_TRIPS: usize = 5_000;
/// How many samples are on their way at once.
const WINDOW: u64 = 1_000;
const SIZES: [usize; 3] = [64, 1024, 16384];

/// One way to send samples and to count those that have arrived.
trait Way {
    fn send(&mut self, bytes: &[u8]);
    fn arrived(&mut self) -> u64;
}

struct Bridged {
    from: Topic,
    to: Topic,
    arrived: u64,
}

impl Way for Bridged {
    fn send(&mut self, bytes: &[u8]) {
        self.from.send(bytes, 0).unwrap();
    }

    fn arrived(&mut self) -> u64 {
        while let Ok(missed) = self.to.read(|_, info| info.missed) {
            self.arrived += 1 + missed;
        }
        self.arrived
    }
}

struct Plain {
    publisher: zenoh::pubsub::Publisher<'static>,
    arrived: Arc<AtomicU64>,
    _sessions: [zenoh::Session; 2],
}

impl Plain {
    fn open() -> Plain {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let session = |key: &str| {
            let mut config = zenoh::Config::default();
            for (key, value) in [
                ("listen/endpoints", "[]".to_owned()),
                ("scouting/multicast/enabled", "false".to_owned()),
                ("scouting/gossip/enabled", "false".to_owned()),
                (key, format!("[\"tcp/127.0.0.1:{port}\"]")),
            ] {
                config.insert_json5(key, &value).unwrap();
            }
            zenoh::open(config).wait().unwrap()
        };
        let sessions = [session("listen/endpoints"), session("connect/endpoints")];
        let arrived = Arc::new(AtomicU64::new(0));
        let count = arrived.clone();
        let on_sample = move |sample: zenoh::sample::Sample| {
            std::hint::black_box(sample.payload().to_bytes());
            count.fetch_add(1, SeqCst);
        };
        sessions[1]
            .declare_subscriber("bench")
            .callback(on_sample)
            .background()
            .wait()
            .unwrap();
        let publisher = sessions[0]
            .declare_publisher("bench")
            .congestion_control(zenoh::qos::CongestionControl::Block)
            .wait()
            .unwrap();
        let mut way = Plain {
            publisher,
            arrived,
            _sessions: sessions,
        };
        until("connection", || {
            way.send(b"?");
            (way.arrived() > 0).then_some(())
        });
        way
    }
}

impl Way for Plain {
    fn send(&mut self, bytes: &[u8]) {
        self.publisher.put(bytes).wait().unwrap();
    }

    fn arrived(&mut self) -> u64 {
        self.arrived.load(SeqCst)
    }
}

/// Samples per second.
fn throughput(way: &mut dyn Way, size: usize) -> f64 {
    let bytes = vec![7; size];
    settle(way);
    let (before, start) = (way.arrived(), Instant::now());
    let mut sent = 0;
    let count = (SAMPLES * 64 / size.max(64) as u64).max(10_000);
    loop {
        let arrived = way.arrived() - before;
        if arrived >= count {
            return count as f64 / start.elapsed().as_secs_f64();
        }
        while sent < count && sent - arrived < WINDOW {
            way.send(&bytes);
            sent += 1;
        }
    }
}

/// Waits until nothing is on its way any more.
fn settle(way: &mut dyn Way) {
    let (mut last, mut since) = (way.arrived(), Instant::now());
    while since.elapsed() < Duration::from_millis(100) {
        if way.arrived() != last {
            (last, since) = (way.arrived(), Instant::now());
        }
    }
}

/// The median and the 99th percentile of one way, in microseconds.
fn latency(way: &mut dyn Way, size: usize) -> (f64, f64) {
    let bytes = vec![7; size];
    settle(way);
    let mut times: Vec<f64> = (0..ROUND_TRIPS)
        .map(|_| {
            let (before, start) = (way.arrived(), Instant::now());
            way.send(&bytes);
            while way.arrived() == before {
                std::hint::spin_loop();
            }
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    (times[ROUND_TRIPS / 2], times[ROUND_TRIPS * 99 / 100])
}

#[test]
#[ignore = "a benchmark: make bench-bridge"]
fn bridge_against_plain_zenoh() {
    let world = World::new();
    let attributes = TopicAttributes {
        sample_size: 16384,
        capacity: 4096,
        history: 0,
        ..TopicAttributes::default()
    };
    let from = Topic::publish(&world.name("a", "bench"), Some(&attributes), None, 0o600).unwrap();
    let a = world.start("a", "a", "[[leave]]\ntopic = \"/*\"\n");
    let _b = world.start("b", "b", "[[arrive]]\ntopic = \"/*\"\n");
    a.wait_for_takers("/bench", 1);
    let to = Topic::subscribe(&world.name("b", "bench")).unwrap();
    let mut bridged = Bridged {
        from,
        to,
        arrived: 0,
    };
    let mut plain = Plain::open();
    println!(
        "{:>6} {:>28} {:>28} {:>28}",
        "bytes", "samples/s bridge, Zenoh", "median us bridge, Zenoh", "99 % us bridge, Zenoh"
    );
    for size in SIZES {
        let rates = [throughput(&mut bridged, size), throughput(&mut plain, size)];
        let times = [latency(&mut bridged, size), latency(&mut plain, size)];
        println!(
            "{size:>6} {:>13.0} {:>9.0} {:.2}x {:>13.1} {:>9.1} {:.2}x {:>13.1} {:>9.1}",
            rates[0],
            rates[1],
            rates[0] / rates[1],
            times[0].0,
            times[1].0,
            times[1].0 / times[0].0,
            times[0].1,
            times[1].1
        );
    }
    println!("Each ratio is above 1 where the bridge is better.");
}
