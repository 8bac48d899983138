//! The committed code is what the generator makes of the definitions.

#[path = "../codegen/mod.rs"]
mod codegen;

#[test]
fn generated_code_is_current() {
    let expected = codegen::generate().expect("the definitions compile");
    let committed = codegen::read(&codegen::generated_directory()).expect("the generated code is committed");
    let names = expected.keys().chain(committed.keys());
    let stale: Vec<_> = names.filter(|&name| expected.get(name) != committed.get(name)).collect();
    assert!(stale.is_empty(), "stale: {stale:?}; run: cargo run -p prism-proto --example generate");
}
