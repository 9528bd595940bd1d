use std::process::ExitCode;

fn main() -> ExitCode {
    tpc::cli::main()
}
