//! `completions` and `wrapper`: what a shell needs.

use crate::folder::Folder;

#[test]
fn each_shell_has_its_completions() {
    let folder = Folder::new();
    for shell in ["bash", "fish", "zsh"] {
        let script = folder.run(&["completions", shell]).succeeds();
        assert!(script.contains("ami-scheduler") && script.contains("max-builds"), "{shell}");
    }
}

#[test]
fn the_wrapper_is_a_shell_script() {
    assert!(Folder::new().run(&["-q", "wrapper"]).succeeds().starts_with("#!/bin/sh\n"));
}
