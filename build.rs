//! Relative relocations take a thirtieth of their place in the program file, and so in its memory
//! while it starts. Debian 12's linkers and C library know them (glibc 2.36).
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
}
