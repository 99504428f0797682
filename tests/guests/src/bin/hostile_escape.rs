//! Tries to read the host's secrets by every path that it can think of. The argument is the host's path of a secret
//! beside the input; `/inputs/link-*` are links of the host's that lead there.
use std::path::PathBuf;

fn main() {
    let host = std::env::args().nth(1).unwrap();
    let mut paths = vec![
        host.clone(),
        host.trim_start_matches('/').to_string(),
        format!("//{host}"),
        format!("/inputs/{host}"),
        format!("/inputs/../{host}"),
        "/etc/passwd".into(),
        "etc/passwd".into(),
        "/proc/self/environ".into(),
        "/dev/urandom".into(),
        "/inputs/../secret".into(),
        "inputs/../secret".into(),
        "/inputs/dir/../../secret".into(),
        "/inputs/./.././secret".into(),
        "/inputs/..//secret".into(),
        "..\\secret".into(),
        "/inputs/%2e%2e/secret".into(),
    ];
    for depth in 1..40 {
        paths.push(format!("{}secret", "../".repeat(depth)));
        paths.push(format!("/inputs/{}{}", "../".repeat(depth), host.trim_start_matches('/')));
    }
    for entry in std::fs::read_dir("/inputs").unwrap() {
        let path: PathBuf = entry.unwrap().path();
        paths.push(path.display().to_string());
        paths.push(path.join("secret").display().to_string());
    }
    // Own links that lead where the host has something.
    for (n, target) in ["/etc", "/", "../../../../..", host.as_str(), "/inputs/../.."].iter().enumerate() {
        let link = format!("own{n}");
        let _ = guests::symlink(target, &link);
        paths.extend([link.clone(), format!("{link}/passwd"), format!("{link}/secret"), format!("/{link}/../secret")]);
    }
    let mut read = 0;
    for path in paths {
        if let Ok(content) = std::fs::read(&path) {
            let text = String::from_utf8_lossy(&content);
            assert!(!text.contains("SECRET") && !text.contains("root:"), "{path} gave away {text:?}");
            read += 1;
        }
    }
    // Writing must not get out either.
    for path in ["/../escaped", "../escaped", "/inputs/../../escaped", "own2/escaped", "/inputs/link-dir/escaped"] {
        let _ = std::fs::write(path, "escaped");
    }
    println!("read {read} files of its own");
}
