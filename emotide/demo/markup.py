"""HTML that cannot be injected into: whatever is not `Markup` is escaped."""

import html
import json

VOID = ("img",)  # elements that have no end


class Markup(str):
    """Text that is HTML already; made by `tag` and `join` only."""

    __slots__ = ()


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element; `class_` is written `class`, other underscores become dashes; what is None is left out."""
    named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    given = "".join(f' {key}="{html.escape(str(value))}"' for key, value in named.items())
    return Markup(f"<{name}{given}>" if name in VOID else f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: object) -> Markup:
    """The children one after another, escaped where they are not Markup."""
    parts = (child if isinstance(child, Markup) else html.escape(str(child)) for child in children if child is not None)
    return Markup("".join(parts))


def table(caption: str, head: list[str], rows: list[list[object]]) -> Markup:
    """A table whose first column names the row; it scrolls by itself where the page is narrow."""
    body = [tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:])) for row in rows]
    inner = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
        tag("tbody", *body),
    )
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption)


def data_block(value: object, name: str) -> Markup:
    """JSON that a script of the page reads by `id`; nothing inside can end the block or open a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    return Markup(f'<script type="application/json" id="{html.escape(name)}">{text}</script>')


def number(value: int | float | None, digits: int = 2) -> str:
    """A number for people: fixed digits, a real minus sign, a dash where there is none."""
    if value is None or value != value:
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")
