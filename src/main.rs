//! The `keyward` program. Everything is in the library; see `cli`.

/// What a buffer held is wiped when it is given back (docs/memory.md).
#[global_allocator]
static ALLOCATOR: token::Wiping<mimalloc::MiMalloc> = token::Wiping(mimalloc::MiMalloc);

fn main() -> std::process::ExitCode {
    keyward::cli::main()
}
