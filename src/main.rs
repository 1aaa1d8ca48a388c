//! The `fanout` program.

fn main() {
    let exit_code = fanout::run(std::env::args_os());
    if let Some(signal) = exit_code.signal() {
        fanout::sys::signals::die_of(signal);
    }
    std::process::exit(exit_code.code());
}
