//! Every message about a builder file, from a bad file named after the
//! mistake, exactly as a user sees it without colours. A new file in
//! `testdata/` is a new test; `INSTA_UPDATE=always` accepts what it prints.

use std::fs;
use std::path::Path;

use miette::GraphicalTheme;
use strait::builder_file::BuilderFile;
use strait::finding::Report;

#[test]
fn every_mistake_has_its_message() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_snapshot_path("../testdata/expected");
    settings.set_omit_expression(true);
    let mut count = 0;
    let mut files: Vec<_> = fs::read_dir("testdata")
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    for path in files
        .iter()
        .filter(|path| path.extension().is_some_and(|e| e == "yaml"))
    {
        let text = fs::read_to_string(path).unwrap();
        let findings = BuilderFile::parse(&text, path)
            .err()
            .unwrap_or_else(|| panic!("{} has no findings", path.display()));
        assert!(
            findings.iter().all(|f| f.at.end <= text.len()),
            "{}: a place outside",
            path.display()
        );
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let shown = path
            .strip_prefix("testdata")
            .unwrap_or(Path::new("?"))
            .display()
            .to_string();
        let report = Report::new(&shown, &text, findings).render(GraphicalTheme::unicode_nocolor());
        settings.bind(|| insta::assert_snapshot!(name.as_str(), report));
        count += 1;
    }
    assert!(count >= 28, "{count} bad files");
}
