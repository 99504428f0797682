//! The page of a node in a real browser: a job is watched from its submission to its verdict.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::browser::{FLAGS, program};
use bacalhau_testkit::{BOUND, Lab, guests};

/// A browser that is driven by its debugging protocol, over two named pipes.
struct Driven {
    child: Child,
    input: File,
    output: BufReader<File>,
    session: Value,
    sent: u64,
    /// Errors that the page reported.
    errors: Vec<Value>,
}

impl Driven {
    /// `None` where there is no browser.
    fn start(lab: &Lab) -> Option<Self> {
        let name = program()?;
        let [input, output] = ["commands", "answers"].map(|name| lab.path(name));
        for pipe in [&input, &output] {
            assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }
        let mut command = Command::new("sh");
        command.arg("-c").arg(r#"exec "$0" "$@" 3<"$COMMANDS" 4>"$ANSWERS""#).arg(name).args(FLAGS.split_whitespace());
        command.args(["--remote-debugging-pipe", "about:blank"]);
        command.arg(format!("--user-data-dir={}", lab.path("browser").display())).env("HOME", lab.path("home"));
        command.env("COMMANDS", &input).env("ANSWERS", &output);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Opening one end of a pipe waits for the other one.
        let input = OpenOptions::new().write(true).open(&input).unwrap();
        let output = BufReader::new(File::open(&output).unwrap());
        Some(Self { child, input, output, session: Value::Null, sent: 0, errors: Vec::new() })
    }

    fn call(&mut self, method: &str, params: &Value) -> Value {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if !self.session.is_null() {
            message["sessionId"] = self.session.clone();
        }
        self.input.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = Vec::new();
            assert!(self.output.read_until(0, &mut answer).unwrap() > 0, "the browser has ended");
            answer.pop();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
            let is_error = answer["method"] == "Runtime.exceptionThrown"
                || answer["method"] == "Log.entryAdded" && answer["params"]["entry"]["level"] == "error";
            if is_error {
                self.errors.push(answer);
            }
        }
    }

    fn open(&mut self, url: &str) {
        self.session = Value::Null;
        let target = self.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        self.session =
            self.call("Target.attachToTarget", &json!({"targetId": target, "flatten": true}))["sessionId"].clone();
        self.call("Log.enable", &json!({}));
        self.call("Runtime.enable", &json!({}));
        self.call("Page.enable", &json!({}));
        self.call("Page.navigate", &json!({"url": url}));
        self.until("document.readyState === 'complete' && !!document.querySelector('main')");
    }

    fn eval(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        self.call("Runtime.evaluate", &params)["result"]["value"].clone()
    }

    fn until(&mut self, expression: &str) {
        let begun = Instant::now();
        while self.eval(expression) != true {
            assert!(begun.elapsed() < BOUND, "{expression}\n{}", self.eval("document.body.innerText"));
            self.eval("new Promise(done => setTimeout(done, 50))");
        }
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_job_is_watched_from_its_submission_to_its_verdict() {
    let lab = Lab::new();
    let Some(mut browser) = Driven::start(&lab) else { return };
    lab.write("program.wat", guests::HELLO_AND_ARGS);
    let node = lab.serve("requester", "--compute=false");
    let label = "</td><script>window.hostile=1</script><img src=x onerror=window.hostile=1>";
    let mut submit = lab.command("wasm run program.wat -c 2 --id-only");
    let end = submit.args(["--api-host", &node.api, "--label", label]).output().unwrap();
    assert!(end.status.success(), "{end:?}");
    let id = String::from_utf8(end.stdout).unwrap().trim().to_owned();

    browser.open(&format!("{}/", node.api));
    browser.until(&format!("!!document.querySelector('main a[href=\"/jobs/{id}\"]')"));
    assert_eq!(browser.eval("document.querySelector('main .label').textContent"), label);
    browser.open(&format!("{}/jobs/{id}", node.api));
    browser.until("document.querySelector('h1').innerText.includes('Bidding')");
    browser.until("document.getElementById('live').textContent === 'Live'");
    // It is the same document to the end: nothing is loaded anew but what changes in it.
    browser.eval("window.mark = 'same'");
    let _providers = lab
        .node("providers", &format!("devstack --nodes 2 --job-selection-data-locality anywhere --peer {}", node.peer));
    browser.until("document.querySelector('h1').innerText.includes('Completed')");
    let text = browser.eval("document.querySelector('main').innerText");
    let text = text.as_str().unwrap();
    assert!(text.contains("Verified 2 of 2 runs agree") && text.contains("2 asked, 2 with a result"), "{text}");
    assert_eq!(browser.eval("document.querySelectorAll('a[href*=\"/receipts/0/\"]').length"), 2, "{text}");
    browser.until("document.getElementById('live').textContent === 'Ended'");
    assert_eq!(
        (browser.eval("window.mark"), browser.eval("typeof window.hostile")),
        ("same".into(), "undefined".into())
    );
    let receipt = browser.eval(
        "fetch(document.querySelector('a[href*=\"/receipts/0/\"]').href).then(it => it.json()).then(it => it.claim.h1)",
    );
    assert!(receipt.as_str().is_some_and(|h1| h1.starts_with("h1:")), "{receipt}");
    for path in ["/nodes", "/limits", "/publications"] {
        browser.open(&format!("{}{path}", node.api));
        assert_eq!(browser.eval("document.querySelectorAll('h1').length"), 1, "{path}");
    }
    assert_eq!(browser.errors, Vec::<Value>::new(), "nothing violates the policy of the page");
}
