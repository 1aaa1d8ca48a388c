//! This machine.

use super::kernel_file;

/// Its name, as `uname -n`.
pub fn name() -> String {
    let name = kernel_file::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim_end().to_owned()
}

/// The name of the process that started this one; empty where the kernel does not tell.
pub fn parent_name() -> String {
    let parent = std::os::unix::process::parent_id();
    let name = kernel_file::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}
