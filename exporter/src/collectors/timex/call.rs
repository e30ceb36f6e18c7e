//! `adjtimex(2)`, which neither rustix nor any file of the kernel has.

#![expect(unsafe_code, reason = "calls of the C library")]

use std::ffi::c_int;
use std::io;

pub(super) use libc::timex as Timex;

/// A question that sets nothing: its `modes` is 0.
pub(super) fn nothing() -> Timex {
    // SAFETY: the structure has integers only, of which each may be 0.
    unsafe { std::mem::zeroed() }
}

/// The kernel's view of its clock, and the clock's state, such as [`super::UNSYNCHRONIZED`].
pub(super) fn read() -> io::Result<(Timex, c_int)> {
    let mut timex = nothing();
    // SAFETY: the pointer is to the C library's own structure, which is ours alone for the time of
    // the call.
    let state = unsafe { libc::adjtimex(&raw mut timex) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((timex, state))
}
