//! `adjtimex(2)`, which neither rustix nor any file of the kernel has. The C library is there in any
//! case: the standard library stands on it.

#![expect(unsafe_code, reason = "a call into the C library")]

use std::ffi::{c_int, c_long, c_uint};
use std::io;

/// The kernel's `struct timex` on machines of 64 bits.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Timex {
    /// What to set: nothing.
    pub(super) modes: c_uint,
    pub(super) offset: c_long,
    pub(super) freq: c_long,
    pub(super) maxerror: c_long,
    pub(super) esterror: c_long,
    pub(super) status: c_int,
    pub(super) constant: c_long,
    pub(super) precision: c_long,
    pub(super) tolerance: c_long,
    pub(super) time: [c_long; 2],
    pub(super) tick: c_long,
    pub(super) ppsfreq: c_long,
    pub(super) jitter: c_long,
    pub(super) shift: c_int,
    pub(super) stabil: c_long,
    pub(super) jitcnt: c_long,
    pub(super) calcnt: c_long,
    pub(super) errcnt: c_long,
    pub(super) stbcnt: c_long,
    pub(super) tai: c_int,
    pub(super) reserved: [c_int; 11],
}

// The C library writes this many bytes. Where a machine has another layout, this must not build.
const _: () = assert!(size_of::<Timex>() == 208);

unsafe extern "C" {
    fn adjtimex(buffer: *mut Timex) -> c_int;
}

/// The kernel's view of its clock, and the clock's state, such as [`super::UNSYNCHRONIZED`].
pub(super) fn read() -> io::Result<(Timex, c_int)> {
    // `modes` is 0: the clock is read and nothing is set.
    let mut timex = Timex::default();
    // SAFETY: the pointer is to a `struct timex` of the C library's layout, which is ours alone for
    // the time of the call.
    let state = unsafe { adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((timex, state))
}
