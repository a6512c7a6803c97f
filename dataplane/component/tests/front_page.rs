//! The lines of the front page's table are those that are compiled below it, and the README shows
//! the same table.

const JOBS: &str = include_str!("../jobs.md");
const README: &str = include_str!("../README.md");

#[test]
fn every_line_of_the_table_is_compiled() {
    let rows = JOBS.lines().filter(|line| line.starts_with('|'));
    let table: Vec<&str> = rows.collect();
    assert!(
        README.contains(&table.join("\n")),
        "README.md has another table"
    );
    let (_, code) = JOBS.split_once("```").unwrap();
    let mut lines = 0;
    for row in table {
        let Some((_, line)) = row.split_once("| `Edit::") else {
            continue;
        };
        let line = line.trim_end_matches("` |").replace(r"\|", "|");
        assert!(
            code.contains(&format!("    Edit::{line},\n")),
            "{line} is not compiled"
        );
        lines += 1;
    }
    assert!(lines > 20, "{lines} lines");
}
