//! This machine.

use xxhash_rust::xxh3::xxh3_64;

use super::kernel_file;

/// Its name, as `uname -n`.
pub fn name() -> String {
    let name = kernel_file::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim_end().to_owned()
}

/// What no other machine has, in hexadecimal digits; empty where the system has nothing like that.
pub fn machine() -> String {
    // As machine-id(5) wants it: not to be shown as it is.
    match std::fs::read("/etc/machine-id") {
        Ok(id) if !id.trim_ascii().is_empty() => format!("{:x}", xxh3_64(id.trim_ascii())),
        _ => String::new(),
    }
}

/// What is another one each time that the machine is started, in hexadecimal digits.
pub fn boot() -> String {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim_end().replace('-', "")
}

/// The name of the process that started this one; empty where the kernel does not tell.
pub fn parent_name() -> String {
    let parent = std::os::unix::process::parent_id();
    let name = kernel_file::read_to_string(format!("/proc/{parent}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}
