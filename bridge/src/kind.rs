//! The kinds of objects that the bridge connects.

use std::ffi::c_int;
use std::fmt;

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    Topic,
    Cell,
    Queue,
    Service,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Topic, Kind::Cell, Kind::Queue, Kind::Service];

    /// The library's IPC_KIND_ constant.
    pub(crate) fn constant(self) -> c_int {
        match self {
            Kind::Queue => 0x100,
            Kind::Topic => 0x200,
            Kind::Cell => 0x400,
            Kind::Service => 0x800,
        }
    }

    pub(crate) fn of_constant(constant: c_int) -> Option<Kind> {
        Kind::ALL
            .into_iter()
            .find(|kind| kind.constant() == constant)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Topic => "topic",
            Kind::Cell => "cell",
            Kind::Queue => "queue",
            Kind::Service => "service",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An object, by the name that the network sees: "/" and more, without this machine's prefix.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectId {
    pub(crate) kind: Kind,
    pub(crate) name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
