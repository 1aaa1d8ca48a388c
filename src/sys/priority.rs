//! How nice processes are to others.

/// Gives the calling thread, and the processes that it will start, this niceness; as far as the kernel
/// lets it.
pub fn be_nice(niceness: i32) {
    // SAFETY: the call takes no pointers. On Linux it concerns the calling thread only.
    #[allow(unsafe_code)]
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, niceness);
    }
}
