use std::process::ExitCode;

fn main() -> ExitCode {
    tpc::loader::cli::main()
}
