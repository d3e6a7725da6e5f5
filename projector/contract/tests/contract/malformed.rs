//! Contracts that are refused: each `tests/malformed/*.toml` has its problems beside it in a `.txt`.
//!
//! A file with lines `### name` stands for several contract files. `UPDATE_EXPECT=1` writes the `.txt` anew.

use std::path::{Path, PathBuf};

use expect_test::expect_file;
use prejoin_contract::{ContractFile, ContractSet};

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/malformed");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    cases.sort();
    cases
}

fn contract_files(path: &Path) -> Vec<ContractFile> {
    let text = std::fs::read_to_string(path).unwrap();
    if !text.starts_with("### ") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        return vec![ContractFile { path: name, text }];
    }
    let parts = text.split("### ").skip(1);
    let files = parts.map(|part| part.split_once('\n').unwrap());
    files.map(|(name, text)| ContractFile { path: name.into(), text: text.into() }).collect()
}

#[test]
fn every_problem_is_named_with_its_place_and_remedy() {
    let cases = cases();
    assert!(cases.len() >= 20, "only {} cases were found", cases.len());
    for case in cases {
        let problems = ContractSet::load(&contract_files(&case)).expect_err(&case.to_string_lossy());
        assert!(!problems.is_empty(), "{}", case.display());
        for problem in &problems {
            assert!(problem.line > 0 && problem.column > 0, "{}: {problem}", case.display());
            assert!(!problem.remedy.is_empty(), "{}: {problem}", case.display());
        }
        let text: String = problems.iter().map(|problem| format!("{problem}\n")).collect();
        expect_file![case.with_extension("txt")].assert_eq(&text);
    }
}
