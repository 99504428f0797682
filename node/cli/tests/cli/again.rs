//! A run into the directory of an earlier one: what bacalhau has written there is replaced, and nothing else.

use std::fs;
use std::time::{Duration, SystemTime};

use bacalhau_testkit::Lab;

#[test]
fn what_the_user_has_put_there_is_not_removed() {
    let lab = Lab::new();
    let run = "wasm run hello.wat -c 2 --output-dir out";
    lab.expect(0, run);
    lab.expect(0, run);
    for name in ["out/notes.txt", "out/results/notes.txt", "out/results/outputs/notes.txt", "out/executions/notes.txt"]
    {
        let dir = lab.path(name).parent().unwrap().to_path_buf();
        let made = !dir.exists();
        lab.write(name, "mine");
        let end = lab.expect(2, run);
        let shown = name.strip_prefix("out/").unwrap();
        assert!(end.stderr.contains(&format!("it contains {shown:?}")), "{}", end.stderr);
        assert_eq!(lab.read(name), "mine");
        fs::remove_file(lab.path(name)).unwrap();
        if made {
            fs::remove_dir(dir).unwrap();
        }
    }
    std::os::unix::fs::symlink("/etc", lab.path("out/results/link")).unwrap();
    assert!(lab.expect(2, run).stderr.contains("it contains \"results/link\""));
    fs::remove_file(lab.path("out/results/link")).unwrap();
    // What was written to is the user's, whether it is longer or not.
    let stdout = lab.path("out/results/stdout");
    let (before, later) = (fs::read(&stdout).unwrap(), SystemTime::now() + Duration::from_secs(5));
    for content in [&b"hello, world"[..], b"HELLO\n"] {
        fs::write(&stdout, content).unwrap();
        fs::File::options().append(true).open(&stdout).unwrap().set_modified(later).unwrap();
        let end = lab.expect(2, run);
        assert!(end.stderr.contains("\"results/stdout\" in it was changed after"), "{}", end.stderr);
        assert_eq!(fs::read(&stdout).unwrap(), content);
    }
    fs::write(&stdout, before).unwrap();
    fs::File::options().append(true).open(&stdout).unwrap().set_modified(later).unwrap();
    lab.expect(0, run);
    lab.expect(0, "verify out/receipt.json");
}

#[test]
fn results_of_shards_are_replaced_as_well() {
    let lab = Lab::new();
    lab.write("in/a", "1");
    lab.write("in/b", "2");
    let run = "wasm run hello.wat -c 1 -i in --sharding-glob-pattern /* --output-dir out";
    lab.expect(0, run);
    assert_eq!(lab.list("out/shards"), ["0", "1"]);
    lab.expect(0, run);
    lab.write("out/shards/1/results/mine", "mine");
    let end = lab.expect(2, run);
    assert!(end.stderr.contains("it contains \"shards/1/results/mine\""), "{}", end.stderr);
    assert_eq!(lab.read("out/shards/1/results/mine"), "mine");
}
