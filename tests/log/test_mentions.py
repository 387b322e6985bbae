"""Names after an @."""

import polars as pl
import pytest

from emotide.log import mentions_in


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("hi @ana", ["ana"]), ("@ana @bo.", ["ana", "bo"]), ("(@a_b-c.d)", ["a_b-c.d"]), ("mail me at ana@bo.org", []),
        ("@ana,@ana", ["ana"]), ("@小明 你好", ["小明"]), ("@", []), (None, []),
        ("看@ana", ["ana"]), ("\n@ana!", ["ana"]),
    ],
)  # fmt: skip
def test_mentions(text, names):
    posts = pl.DataFrame({"network": [""], "post_id": ["p"], "text": [text]}, schema_overrides={"text": pl.String})
    assert sorted(mentions_in(posts)["name"]) == names
