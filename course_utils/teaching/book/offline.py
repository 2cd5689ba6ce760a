"""A built site must not ask another host for anything."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

# What a browser fetches by itself. Links that a reader may follow are not among them.
_FETCHED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
}
_LINKS = {"stylesheet", "preload", "prefetch", "icon", "modulepreload", "preconnect", "dns-prefetch", "manifest"}
_REMOTE = re.compile(r"^(?:https?:)?//", re.IGNORECASE)
_CSS_URL = re.compile(r"(?:url\(|@import\s+)['\"]?((?:https?:)?//[^'\")\s]+)")


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        if tag in _FETCHED:
            self.fetched.append(values.get(_FETCHED[tag], ""))
        if tag == "link" and _LINKS & set(values.get("rel", "").split()):
            self.fetched.append(values.get("href", ""))
        self.fetched += _CSS_URL.findall(values.get("style", ""))


def remote_requests(site: Path) -> list[str]:
    """ "page: address" for everything that pages and style sheets would fetch from elsewhere."""
    found = []
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)}: {url}" for url in page.fetched if _REMOTE.match(url)]
    for path in sorted(site.rglob("*.css")):
        found += [f"{path.relative_to(site)}: {url}" for url in _CSS_URL.findall(path.read_text(encoding="utf-8"))]
    return found
