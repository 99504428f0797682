//! Which image runs: the same on every node, by its digest.

use serde_json::Value;

use crate::engine::Engine;
use crate::registry::Registry;
use bacalhau_testkit::{End, Lab, finish};

fn run(lab: &Lab, engine: &Engine, image: &str, flags: &str) -> End {
    let line = format!("docker run {image} --output json --docker-host {} {flags}", engine.host());
    finish(lab.command_of("client", &line), &line)
}

#[test]
fn a_tag_is_looked_up_once_and_what_it_named_is_what_runs() {
    let Some(engine) = Engine::shared("images from a registry") else { return };
    let (lab, registry) = (Lab::new(), Registry::start(&engine.archive()));
    let tag = registry.image("words:1");
    let end = run(&lab, &engine, &tag, "--output-dir out");
    assert_eq!(end.code, 0, "{}", end.stderr);
    let fixed = registry.image(&format!("words@{}", registry.digest));
    assert!(end.stderr.contains(&format!("{tag} is {fixed}")), "{}", end.stderr);
    let report: Value = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!(report["unclaimed"]["container"]["image"], fixed);
    assert_eq!(std::fs::read_to_string(lab.path("out/results/stdout")).unwrap(), "from the image\n");
    let looked_up = registry.asked().iter().filter(|path| path.ends_with("/manifests/1")).count();
    assert!(looked_up <= 2, "one pull asks for a head and a body: {:?}", registry.asked());

    // By digest, whoever runs it pulls it.
    for name in [&tag, &fixed] {
        // With its last name goes the image.
        let _ = engine.docker(&["image", "rm", "-f", name]).unwrap();
    }
    assert_ne!(engine.docker(&["image", "inspect", &fixed]).unwrap().code, 0);
    let end = run(&lab, &engine, &fixed, "--output-dir out2 -- us");
    assert_eq!(end.code, 0, "{}", end.stderr);
    assert_eq!(std::fs::read_to_string(lab.path("out2/results/stdout")).unwrap(), "from us\n");
    let looked_up_again = registry.asked().iter().filter(|path| path.ends_with("/manifests/1")).count();
    assert_eq!(looked_up_again, looked_up, "nobody asks for the tag");
}

#[test]
fn images_that_nobody_has_or_gives_away_are_failures_that_say_so() {
    let Some(engine) = Engine::shared("images that cannot be had") else { return };
    let (lab, registry) = (Lab::new(), Registry::start(&engine.archive()));
    let zeros = "0".repeat(64);
    let none = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let images = [
        (registry.image("secret:1"), "cannot pull it: "),
        (registry.image(&format!("secret@sha256:{zeros}")), "cannot pull it: "),
        (format!("{none}/nobody:1"), "refused"),
        (format!("sha256:{zeros}"), "import it on every node"),
    ];
    for (image, words) in images {
        let end = run(&lab, &engine, &image, "-c 2 --output-dir out");
        assert_eq!(end.code, 4, "{image}: {}", end.stderr);
        assert!(end.stderr.contains(words) && end.stderr.contains(image.as_str()), "{image}: {}", end.stderr);
        assert!(!lab.path("out").exists());
    }
    assert!(registry.asked().iter().any(|path| path.contains("secret")));
}

#[test]
fn an_image_that_was_imported_is_named_by_what_it_is() {
    let Some(engine) = Engine::shared("imported images") else { return };
    let lab = Lab::new();
    let id = engine.docker(&["image", "inspect", "-f", "{{.Id}}", "tiny:1"]).unwrap().stdout;
    let id = id.trim();
    let report = engine.report(&lab, 0, "-c 1 --output-dir out", "true");
    assert_eq!(report["unclaimed"]["container"]["image"], id);
    let end = run(&lab, &engine, id, "-c 1 --output-dir out2 -- true");
    let by_id: Value = serde_json::from_str(&end.stdout).unwrap();
    assert_eq!((end.code, &by_id["claim"]["outcome"]["exit"]), (0, &0.into()));
}

#[test]
fn without_an_engine_that_is_said_and_what_to_do() {
    let lab = Lab::new();
    for (host, words) in
        [("unix:///no/such.sock", "/no/such.sock does not exist"), ("tcp://127.0.0.1:1", "not a Unix socket")]
    {
        let line = format!("docker run busybox --docker-host {host} --output-dir out");
        let end = finish(lab.command_of("client", &line), &line);
        assert!(end.code == 4 && end.stderr.contains(words), "{} {}", end.code, end.stderr);
    }
}
