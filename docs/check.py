#!/usr/bin/env python3
"""Checks the documentation without mdBook: python3 docs/check.py

- docs/src/SUMMARY.md names every page of the book once, and no other.
- Every relative link in a Markdown file of the repository leads to a file, and its anchor to a heading.
- Every `bacalhau` command in a code block of README.md and the book has a verb and flags that docs/src/reference/flags.md has.
- Every flag in `code` there is in flags.md too, every `section.key` in configuration.md, unless FOREIGN names it.
- Every decision record stands in architecture.md.

flags.md and configuration.md are generated from the code and compared with it by tests, so this script runs no command but git.
"""
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
BOOK = TOP / "docs/src"
FLAGS = BOOK / "reference/flags.md"
KEYS = BOOK / "reference/configuration.md"
# Flags and names of other programs that the text mentions in `code`.
FOREIGN = {"--cid-version", "--target", "--rm", "docker.io", "--cpus-per-task", "--mem", "--time", "--requeue", "--account"}
FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)")
problems = []


def markdown():
    """All Markdown files that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=TOP, check=True, capture_output=True, text=True,
    ).stdout
    return [TOP / name for name in sorted(set(listed.split("\0"))) if name and (TOP / name).exists()]


def prose(text):
    """The text without code blocks and code spans, in which nothing is a link."""
    text = FENCE.sub("", text)
    return re.sub(r"`[^`\n]*`", "", "\n".join(line for line in text.split("\n") if not line.startswith("    ")))


def anchors(path):
    """The anchors of a file's headings, as forges and mdBook make them."""
    found = {}
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", FENCE.sub("", path.read_text()), re.M):
        heading = re.sub(r"\]\([^)]*\)", "]", heading).lower()
        slug = re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading).strip())
        found[slug] = found.get(slug, -1) + 1
        if found[slug]:
            found[f"{slug}-{found[slug]}"] = 0
    return found


def check_links(path):
    for address in LINK.findall(prose(path.read_text())):
        if re.match(r"[a-z]+:", address):
            continue
        name, _, anchor = address.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists():
            problems.append(f"{path.relative_to(TOP)}: {address} leads to no file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            problems.append(f"{path.relative_to(TOP)}: {address} leads to no heading of {name or 'this file'}")


def check_summary():
    named = re.findall(r"\]\(([^)]+)\)", (BOOK / "SUMMARY.md").read_text())
    pages = [str(page.relative_to(BOOK)) for page in BOOK.rglob("*.md") if page.name != "SUMMARY.md"]
    for page in sorted(set(pages) ^ set(named)):
        problems.append(f"docs/src/SUMMARY.md and the pages differ in {page}")
    for page in sorted({page for page in named if named.count(page) > 1}):
        problems.append(f"docs/src/SUMMARY.md names {page} twice")


def check_decisions():
    records = (BOOK / "architecture.md").read_text()
    for record in sorted((BOOK / "decisions").glob("*.md")):
        if f"(decisions/{record.name})" not in records:
            problems.append(f"docs/src/architecture.md does not name {record.name}")


def commands():
    """Each command of flags.md with the flags that it has."""
    known = {}
    for section in re.split(r"^## ", FLAGS.read_text(), flags=re.M)[1:]:
        title = section.split("\n", 1)[0].strip("` ")
        known[title] = set(re.findall(r"(?<![\w-])--?[a-zA-Z][a-z0-9-]*", section))
    return known


def written(text):
    """The command lines in the code blocks of a text, continued lines joined."""
    blocks = [line.strip() for line in text.split("\n") if line.startswith("    ")]
    for block in FENCE.finditer(text):
        blocks += block[0].split("\n")
    return re.sub(r"\\\n", " ", "\n".join(blocks)).split("\n")


def check_commands(path, known):
    for line in written(path.read_text()):
        line = re.sub(r"^(\w+=\S+ )*cargo run( --release| --features \w+| --locked)* -- ", "bacalhau ", line)
        if not line.startswith("bacalhau "):
            continue
        # What stands behind -- is for the guest.
        words = re.sub(r"\s#.*", "", line).split(" -- ")[0].split()
        verb = next((" ".join(words[:n]) for n in (3, 2) if " ".join(words[:n]) in known), None)
        if verb is None:
            problems.append(f"{path.relative_to(TOP)}: {line}: there is no such command")
            continue
        for word in words:
            flag = word.split("=")[0]
            if re.fullmatch(r"--?[a-zA-Z][a-z0-9-]*", flag) and flag not in known[verb]:
                problems.append(f"{path.relative_to(TOP)}: {line}: {verb} has no flag {flag}")


def check_flags(path, known):
    flags = set().union(*known.values()) | FOREIGN
    for span in re.findall(r"`(--[a-z][a-z0-9-]*)", FENCE.sub("", path.read_text())):
        # `--max-job-…` stands for all that begin like that.
        if span not in flags and not any(span.endswith("-") and flag.startswith(span) for flag in flags):
            problems.append(f"{path.relative_to(TOP)}: there is no flag {span}")


def keys():
    """The sections of configuration.md with their keys."""
    known = {}
    for section in re.split(r"^## ", KEYS.read_text(), flags=re.M)[1:]:
        known[section.split("\n", 1)[0]] = set(re.findall(r"^\| `(\w+)`", section, re.M))
    return known


def check_keys(path, known):
    for span in re.findall(r"`(\w+\.\w+)`", FENCE.sub("", path.read_text())):
        section, key = span.split(".")
        if section in known and key not in known[section] and span not in FOREIGN:
            problems.append(f"{path.relative_to(TOP)}: there is no key {span}")


def main():
    for path in markdown():
        check_links(path)
    check_summary()
    check_decisions()
    known, settings = commands(), keys()
    for path in [TOP / "README.md", *sorted(BOOK.rglob("*.md"))]:
        if path != FLAGS:
            check_commands(path, known)
            check_flags(path, known)
            check_keys(path, settings)
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)


main()
