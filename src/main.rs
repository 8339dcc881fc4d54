//! The `keyward` program. Everything is in the library; see `cli`.

fn main() -> std::process::ExitCode {
    keyward::cli::main()
}
