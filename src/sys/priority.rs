//! How nice processes are to others.

/// Gives the calling thread, and the processes that it will start, this niceness; as far as the kernel
/// lets it.
pub fn be_nice(niceness: i32) {
    // On Linux it concerns the calling thread only.
    let _ = rustix::process::setpriority_process(None, niceness);
}
