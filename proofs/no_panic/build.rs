//! How the library is linked: with `memcpy` and its like from the C library, and with nothing
//! undefined left.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=NO_PANIC_LINK_ANYWAY");
    // To look for who panics, where the link has failed.
    if std::env::var_os("NO_PANIC_LINK_ANYWAY").is_none() {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,defs");
    }
    println!("cargo::rustc-link-arg-cdylib=-lc");
}
