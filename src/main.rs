//! The `fanout` program.

use fanout::run::exit_code::ExitCode;

fn main() {
    let exit_code = fanout::run(std::env::args_os());
    if exit_code == ExitCode::BrokenPipe {
        fanout::sys::signals::die_of_broken_pipe();
    }
    std::process::exit(exit_code.code());
}
