#!/usr/bin/env python3
"""mdBook preprocessor: relative links from the book to other files of the repository become links to the forge.

The pages link to those files by relative paths, which work on the forge and in a checkout. In the built book these files do
not exist, so the links get the address of the repository (`git-repository-url` of book.toml) in front.
"""
import json
import posixpath
import re
import sys

LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def outside(page, address, base):
    """The address on the forge of what `page` links to, or the link as it is if it stays inside the book."""
    if ":" in address or address.startswith("#"):
        return address
    path = posixpath.normpath(posixpath.join("docs/src", posixpath.dirname(page), address))
    return address if path.startswith("docs/src/") else f"{base}/blob/HEAD/{path}"


def rewrite(item, base):
    """Rewrites the links of all chapters in the book's JSON."""
    if isinstance(item, list):
        for part in item:
            rewrite(part, base)
    elif isinstance(item, dict):
        page = item.get("path")
        if page and "content" in item:
            item["content"] = LINK.sub(lambda link: link[1] + outside(page, link[2], base) + link[3], item["content"])
        for part in item.values():
            rewrite(part, base)


def main():
    if sys.argv[1:2] == ["supports"]:
        return
    context, book = json.load(sys.stdin)
    rewrite(book, context["config"]["output"]["html"]["git-repository-url"])
    json.dump(book, sys.stdout)


main()
