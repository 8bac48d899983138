use super::*;

#[test]
fn what_is_printed_reads_back_to_the_same() {
    let loaded = interpret(&Args::default(), "", None, &[0, 1]).expect("the defaults are valid");
    let text = print(&loaded.effective);
    assert_eq!(interpret(&Args::default(), "", Some(&text), &[0, 1]), Ok(loaded));
}
