//! A native library of extensions only: the two examples, and `probe`, which does in each phase
//! what its configuration says. Linked into tests/extension.

mod probe;
mod signals;

strait_extension::export! {
    health_reporter::factory(),
    token_provider::factory(),
    probe::factory(),
}
