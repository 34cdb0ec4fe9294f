//! A cell's versions: a writer that may die before each of its steps, the writer after it, and readers.
//!
//! A thread sets a flag at some moment. The writer reads it, relaxed, before each step, and takes no further step once
//! it has seen it: its words are replaced by others that nobody reads. So loom tries a death before every step, under
//! every order of steps. The kernel then frees the writers' latch, and the next writer goes on.

use crate::object::layout::Stamp;
use crate::run::model;
use crate::sync::versions::{Attempt, Versions, begin, publish, read, stamp};
use crate::sys::atomic::{AtomicU32, AtomicU64};
use loom::sync::atomic::Ordering::Relaxed;

/// A cell with room for so many versions of a value of two words.
#[derive(Default)]
struct Cell<const PLACES: usize> {
    latest: AtomicU64,
    stamps: [Stamp; 3],
    values: [[AtomicU64; 2]; 3],
    /// Set at any moment by a thread of the model.
    dies: AtomicU32,
    /// The number up to which the other thread has read.
    seen: AtomicU64,
}

/// The words of a writer that has died are these.
#[derive(Default)]
struct Nowhere {
    latest: AtomicU64,
    stamp: Stamp,
    word: AtomicU64,
}

impl<const PLACES: usize> Versions for Cell<PLACES> {
    fn latest(&self) -> &AtomicU64 {
        &self.latest
    }

    fn places(&self) -> u64 {
        PLACES as u64
    }

    fn stamp(&self, place: u64) -> &Stamp {
        &self.stamps[place as usize]
    }
}

/// A cell as a writer that may die sees it.
struct Mortal<'a, const PLACES: usize> {
    cell: &'a Cell<PLACES>,
    nowhere: Nowhere,
    is_dead: std::cell::Cell<bool>,
}

impl<'a, const PLACES: usize> Mortal<'a, PLACES> {
    fn new(cell: &'a Cell<PLACES>) -> Self {
        Mortal {
            cell,
            nowhere: Nowhere::default(),
            is_dead: std::cell::Cell::new(false),
        }
    }

    fn lives(&self) -> bool {
        if !self.is_dead.get() && self.cell.dies.load(Relaxed) != 0 {
            self.is_dead.set(true);
        }
        !self.is_dead.get()
    }

    fn word(&self, place: u64, index: usize) -> &AtomicU64 {
        match self.lives() {
            true => &self.cell.values[place as usize][index],
            false => &self.nowhere.word,
        }
    }
}

impl<const PLACES: usize> Versions for Mortal<'_, PLACES> {
    fn latest(&self) -> &AtomicU64 {
        match self.lives() {
            true => self.cell.latest(),
            false => &self.nowhere.latest,
        }
    }

    fn places(&self) -> u64 {
        PLACES as u64
    }

    fn stamp(&self, place: u64) -> &Stamp {
        match self.lives() {
            true => self.cell.stamp(place),
            false => &self.nowhere.stamp,
        }
    }
}

/// Writes a version whose two words are `value`, unless it dies.
fn write<const PLACES: usize>(cell: &Cell<PLACES>, value: u64) {
    let mortal = Mortal::new(cell);
    let version = begin(&mortal);
    for index in 0..2 {
        mortal.word(version.1, index).store(value, Relaxed);
    }
    stamp(&mortal, version, value);
    publish(&mortal, version.0);
}

/// The wrong order: the index first.
fn write_index_first<const PLACES: usize>(cell: &Cell<PLACES>, value: u64) {
    let mortal = Mortal::new(cell);
    let version = begin(&mortal);
    for index in 0..2 {
        mortal.word(version.1, index).store(value, Relaxed);
    }
    mortal
        .latest()
        .store(version.0, std::sync::atomic::Ordering::Release);
    stamp(&mortal, version, value);
    publish(&mortal, version.0);
}

/// Reads once. The value is whole, and its number is that of its time.
fn read_whole<const PLACES: usize>(cell: &Cell<PLACES>) -> Attempt {
    let mut words = [0; 2];
    let attempt = read(cell, |place| {
        for (index, word) in words.iter_mut().enumerate() {
            *word = cell.values[place as usize][index].load(Relaxed);
        }
    });
    assert_ne!(attempt, Attempt::Damaged);
    if let Attempt::Read(version) = attempt {
        assert_eq!(words[0], words[1], "the value is torn");
        assert_eq!(words[0], version.time_ns, "the value is another version's");
    }
    attempt
}

fn prepare<const PLACES: usize>(cell: &Cell<PLACES>) {
    write(cell, 1);
}

/// A reader finds a version in a bounded number of attempts: each that fails has seen a newer one.
fn read_twice<const PLACES: usize>(cell: &Cell<PLACES>) {
    for _ in 0..2 {
        if let Attempt::Read(version) = read_whole(cell) {
            assert!(
                version.number >= cell.seen.load(Relaxed),
                "the numbers go back"
            );
            cell.seen.store(version.number, Relaxed);
        }
    }
}

fn kill<const PLACES: usize>(cell: &Cell<PLACES>) {
    cell.dies.store(1, Relaxed);
}

/// After everything, a reader gets a version at the first attempt, although a writer may have died in any step.
fn is_readable<const PLACES: usize>(cell: &Cell<PLACES>) {
    assert!(matches!(read_whole(cell), Attempt::Read(_)));
    cell.dies.store(0, Relaxed);
    // The next writer, after the kernel has freed the latch.
    write(cell, 9);
    assert!(matches!(read_whole(cell), Attempt::Read(version) if version.time_ns == 9));
}

#[test]
fn a_dead_writer_leaves_the_version_before_or_the_new_one() {
    fn write_two<const PLACES: usize>(cell: &Cell<PLACES>) {
        write(cell, 2);
        write(cell, 3);
    }
    model::<Cell<3>>(3, prepare, &[write_two, read_twice, kill], is_readable);
}

#[test]
fn a_place_that_is_used_again_is_noticed() {
    fn write_round<const PLACES: usize>(cell: &Cell<PLACES>) {
        for value in 2..=4 {
            write(cell, value);
        }
    }
    model::<Cell<3>>(3, prepare, &[write_round, read_twice], is_readable);
}

#[test]
#[should_panic]
fn with_a_single_place_readers_depend_on_a_dead_writer() {
    fn write_one<const PLACES: usize>(cell: &Cell<PLACES>) {
        write(cell, 2);
    }
    model::<Cell<1>>(3, prepare, &[write_one, read_twice, kill], is_readable);
}

#[test]
#[should_panic]
fn with_the_index_first_readers_depend_on_a_dead_writer() {
    fn write_one<const PLACES: usize>(cell: &Cell<PLACES>) {
        write_index_first(cell, 2);
    }
    model::<Cell<3>>(3, prepare, &[write_one, read_twice, kill], is_readable);
}
