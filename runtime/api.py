#!/usr/bin/env python3
"""Compares the public interface of the crates for embedders with the text that was reviewed, runtime/api.txt; `--bless` writes it.

    cargo doc --locked --no-deps -p bacalhau-tree -p bacalhau-receipt -p bacalhau-runtime
    runtime/api.py [--bless] [DOC]

DOC is the directory of the documentation: target/doc. Its pages have the declaration of each item, of which this takes the text. Pages of
another release of Rust may differ in more than the source, so the text has the release, and is compared with pages of the same one only."""

from __future__ import annotations

import difflib
import html
import re
import subprocess
import sys
from pathlib import Path

CRATES = ("bacalhau_tree", "bacalhau_receipt", "bacalhau_runtime")
HERE = Path(__file__).resolve().parent
REVIEWED = HERE / "api.txt"
HEAD = """# The public interface of the crates for embedders: declarations, methods, and traits that are implemented.
# Written by: runtime/api.py --bless
# Release of Rust: {release}
"""
# Pages of items, such as struct.Job.html.
ITEM = re.compile(r"(struct|enum|union|trait|type|fn|constant|static|macro|derive|attr)\.\w+\.html")
DECLARATION = re.compile(r'<pre class="rust item-decl"><code>(.*?)</code></pre>', re.DOTALL)
# Methods and variants, then traits. What the compiler and blanket implementations add follows behind the third heading.
MEMBER = re.compile(r'<h[34] class="code-header">(.*?)</h[34]>', re.DOTALL)
IMPLEMENTED = re.compile(r'<h3 class="code-header">(.*?)</h3>', re.DOTALL)
TRAITS = re.compile(r'<h2 id="trait-implementations"')
REST = re.compile(r'<h2 id="(?:synthetic|blanket)-implementations"')
# Of derived traits, beside those that are derived.
DERIVED = "impl StructuralPartialEq for "
REEXPORT = re.compile(r'<dt id="reexport[^"]*"><code>(.*?)</code>', re.DOTALL)


def text(part: str) -> str:
    """A declaration in one line."""
    plain = html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<details.*?</summary>|</details>|<br ?/?>", " ", part, flags=re.DOTALL)))
    return re.sub(r"\s+", " ", plain.replace("\u200b", "")).strip()


def page(path: Path) -> list[str]:
    """The lines of an item."""
    whole = path.read_text()
    own, *traits = TRAITS.split(REST.split(whole)[0])
    found = [text(declaration) for declaration in DECLARATION.findall(own)]
    members = [text(header) for header in MEMBER.findall(own)]
    members += sorted(text(header) for part in traits for header in IMPLEMENTED.findall(part))
    return [*found, *("    " + member for member in dict.fromkeys(members) if not member.startswith(DERIVED))]


def release() -> str:
    """The release of Rust that makes the pages, such as 1.95."""
    said = subprocess.run(["rustc", "--version"], cwd=HERE, check=True, capture_output=True, text=True).stdout
    return ".".join(said.split()[1].split(".")[:2])


def interface(docs: Path) -> str:
    lines = [HEAD.format(release=release())]
    for crate in CRATES:
        root = docs / crate
        if not root.is_dir():
            sys.exit(f"{root} does not exist: run cargo doc first")
        lines.append(f"\n## {crate}\n")
        for path in sorted(root.rglob("*.html"), key=lambda path: path.relative_to(root).parts):
            where = "::".join((crate, *path.relative_to(root).parent.parts))
            if ITEM.fullmatch(path.name):
                lines.extend(f"{where}: {line}\n" if not line.startswith(" ") else f"{line}\n" for line in page(path))
            elif path.name == "index.html":
                lines.extend(f"{where}: {text(line)}\n" for line in REEXPORT.findall(path.read_text()))
    return "".join(lines)


def main() -> None:
    args = sys.argv[1:]
    bless = "--bless" in args
    places = [arg for arg in args if arg != "--bless"]
    found = interface(Path(places[0]) if places else HERE.parent / "target/doc")
    if bless:
        REVIEWED.write_text(found)
        return
    reviewed = REVIEWED.read_text() if REVIEWED.exists() else ""
    if found.split("\n")[:3] != reviewed.split("\n")[:3]:
        print(f"skipped: {REVIEWED.name} is of another release of Rust than {release()}; write it anew with runtime/api.py --bless")
        return
    if found != reviewed:
        sys.stdout.writelines(difflib.unified_diff(reviewed.splitlines(True), found.splitlines(True), "reviewed", "found"))
        sys.exit("the public interface changed: look at the difference, and write it with runtime/api.py --bless")


if __name__ == "__main__":
    main()
