"""The HTML in which some networks keep posts becomes the text that a reader sees."""

import re
from html import unescape
from html.parser import HTMLParser

BREAKS = frozenset({"br", "p", "div", "li", "blockquote", "h1", "h2", "h3", "h4", "tr"})
SILENT = frozenset({"script", "style", "template"})


class _Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        if tag in BREAKS:
            self.parts.append("\n")
        elif tag == "img":  # an emoji of the network's own is an image with its name
            self.parts.append(dict(attrs).get("alt") or "")

    def handle_endtag(self, tag: str) -> None:
        self.silent = max(self.silent - (tag in SILENT), 0)
        if tag == "p":
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(data)


def text_of(html: str) -> str:
    """What is seen of a piece of HTML: a line a paragraph, no tags, entities as their characters.

    Damaged HTML gives what can be read of it; a text without any tag or entity is itself.
    """
    if "<" not in html:
        return unescape(html).strip() if "&" in html else html.strip()
    seen = _Seen()
    seen.feed(html)
    seen.close()
    lines = "".join(seen.parts).replace("\xa0", " ").splitlines()
    return re.sub(r"\n{2,}", "\n", "\n".join(line.strip() for line in lines)).strip()
