//! iceoryx2 as a peer of the queue benchmark (benches/queue): publish-subscribe with one publisher and
//! one subscriber. Payloads are written and read in place. There is no overflow, so the publisher waits
//! while the subscriber's buffer is full. (It retries with pauses, because there is nothing to sleep on.)
//!
//! A subscriber has no call that waits. So there are two peers. One polls as fast as it can. The other
//! follows the project's example "event_based_communication": each message has a notification, and a
//! listener sleeps until a notification comes.

use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use std::cell::OnceCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::hint::spin_loop;
use std::ptr;

// As in benches/queue/peer.h.
const POLLS: c_int = 2;
const SENDS: c_int = 1;
const RECEIVES: c_int = 2;

#[repr(C)]
pub struct Job {
    name: *const c_char,
    size: usize,
    depth: usize,
    write_payload: unsafe extern "C" fn(*mut c_void, usize, u64),
    read_payload: unsafe extern "C" fn(*const c_void, usize) -> u64,
}

#[repr(C)]
pub struct Peer {
    name: *const c_char,
    how: *const c_char,
    abilities: c_int,
    create: unsafe extern "C" fn(*const Job, *mut *const c_char) -> *mut c_void,
    attach: unsafe extern "C" fn(*mut c_void, c_int),
    send: unsafe extern "C" fn(*mut c_void, u64, u32),
    receive: unsafe extern "C" fn(*mut c_void) -> u64,
    flush: Option<unsafe extern "C" fn(*mut c_void)>,
    detach: unsafe extern "C" fn(*mut c_void),
    destroy: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the pointers lead to string literals.
unsafe impl Sync for Peer {}

struct Queue {
    name: String,
    words: usize,
    depth: usize,
    write_payload: unsafe extern "C" fn(*mut c_void, usize, u64),
    read_payload: unsafe extern "C" fn(*const c_void, usize) -> u64,
    sleeps: bool,
    publisher: Option<Publisher<ipc::Service, [u64], ()>>,
    subscriber: Option<Subscriber<ipc::Service, [u64], ()>>,
    notifier: Option<Notifier<ipc::Service>>,
    listener: Option<Listener<ipc::Service>>,
}

thread_local! {
    /// Each process has its own node, because it is forked before it creates one.
    static NODE: OnceCell<Node<ipc::Service>> = const { OnceCell::new() };
}

unsafe fn create(job: *const Job, sleeps: bool) -> *mut c_void {
    // SAFETY: the driver passes a job with a name.
    let (job, name) = unsafe { (&*job, CStr::from_ptr((*job).name)) };
    Box::into_raw(Box::new(Queue {
        name: name.to_str().expect("a name in ASCII").to_owned(),
        words: job.size / 8,
        depth: job.depth,
        write_payload: job.write_payload,
        read_payload: job.read_payload,
        sleeps,
        publisher: None,
        subscriber: None,
        notifier: None,
        listener: None,
    }))
    .cast()
}

unsafe extern "C" fn create_polling(job: *const Job, _why: *mut *const c_char) -> *mut c_void {
    // SAFETY: the driver passes a job with a name, as create requires.
    unsafe { create(job, false) }
}

unsafe extern "C" fn create_sleeping(job: *const Job, _why: *mut *const c_char) -> *mut c_void {
    // SAFETY: the driver passes a job with a name, as create requires.
    unsafe { create(job, true) }
}

fn queue<'q>(queue: *mut c_void) -> &'q mut Queue {
    // SAFETY: the driver passes what create() returned, to one call at a time.
    unsafe { &mut *queue.cast() }
}

unsafe extern "C" fn attach(of: *mut c_void, ends: c_int) {
    let queue = queue(of);
    NODE.with(|node| {
        let node = node.get_or_init(|| {
            set_log_level(LogLevel::Error);
            NodeBuilder::new()
                .signal_handling_mode(SignalHandlingMode::Disabled)
                .create()
                .expect("a node")
        });
        let name = ServiceName::new(&queue.name).expect("a service's name");
        let service = node
            .service_builder(&name)
            .publish_subscribe::<[u64]>()
            .enable_safe_overflow(false)
            .subscriber_max_buffer_size(queue.depth)
            .subscriber_max_borrowed_samples(1)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(1)
            .open_or_create()
            .expect("a service");
        let event = node.service_builder(&name).event().open_or_create();
        let event = event.expect("an event service");
        if ends & RECEIVES != 0 {
            queue.subscriber = Some(service.subscriber_builder().create().expect("a subscriber"));
            if queue.sleeps {
                queue.listener = Some(event.listener_builder().create().expect("a listener"));
            }
        }
        if ends & SENDS != 0 {
            let publisher = service
                .publisher_builder()
                .initial_max_slice_len(queue.words)
                .max_loaned_samples(1)
                .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
            queue.publisher = Some(publisher.create().expect("a publisher"));
            if queue.sleeps {
                queue.notifier = Some(event.notifier_builder().create().expect("a notifier"));
            }
        }
    });
}

unsafe extern "C" fn send(of: *mut c_void, value: u64, _priority: u32) {
    let queue = queue(of);
    let publisher = queue.publisher.as_ref().expect("attached to send");
    let mut sample = publisher.loan_slice_uninit(queue.words).expect("a sample");
    let payload = sample.payload_mut().as_mut_ptr();
    // SAFETY: the sample has so many words, all of which are written.
    let sample = unsafe {
        (queue.write_payload)(payload.cast(), queue.words * 8, value);
        sample.assume_init()
    };
    sample.send().expect("sent");
    if let Some(notifier) = &queue.notifier {
        notifier.notify().expect("notified");
    }
}

unsafe extern "C" fn receive(of: *mut c_void) -> u64 {
    let queue = queue(of);
    let subscriber = queue.subscriber.as_ref().expect("attached to receive");
    loop {
        if let Some(sample) = subscriber.receive().expect("received") {
            let words = sample.payload();
            assert!(words.len() == queue.words, "a message came cut");
            // SAFETY: the assertion above shows that the payload has that many words.
            return unsafe { (queue.read_payload)(words.as_ptr().cast(), queue.words * 8) };
        }
        match &queue.listener {
            Some(listener) => {
                listener.blocking_wait(|_| ()).expect("notified");
            }
            None => spin_loop(),
        }
    }
}

unsafe extern "C" fn detach(of: *mut c_void) {
    let queue = queue(of);
    queue.publisher = None;
    queue.subscriber = None;
    queue.notifier = None;
    queue.listener = None;
}

unsafe extern "C" fn destroy(of: *mut c_void) {
    // SAFETY: the pointer comes from create(), and this is the driver's last call with it.
    drop(unsafe { Box::<Queue>::from_raw(of.cast()) });
}

static POLLING: Peer = Peer {
    name: c"iceoryx2, polling".as_ptr(),
    how: c"publish-subscribe, loaned samples, no overflow; the receiver polls".as_ptr(),
    abilities: POLLS,
    create: create_polling,
    attach,
    send,
    receive,
    flush: None,
    detach,
    destroy,
};

static SLEEPING: Peer = Peer {
    name: c"iceoryx2, events".as_ptr(),
    how: c"as polling, with a notification for each message and a listener to sleep on".as_ptr(),
    abilities: 0,
    create: create_sleeping,
    attach,
    send,
    receive,
    flush: None,
    detach,
    destroy,
};

#[unsafe(no_mangle)]
pub extern "C" fn bench_peer(index: usize) -> *const Peer {
    match index {
        0 => &POLLING,
        1 => &SLEEPING,
        _ => ptr::null(),
    }
}
