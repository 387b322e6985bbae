"""axe finds nothing serious on any view, in either scheme of colours."""

import pytest

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
VIEWS = ("network", "people", "person?user=ana", "groups", "recommender", "health")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_no_serious_violation(opened, view, scheme):
    with opened(view, color_scheme=scheme, width=390 if scheme == "dark" else 1280) as it:
        it.shows(view)
        found = axe.Axe().run(it.page).response["violations"]
        told = [
            (one["id"], [node["html"][:160] for node in one["nodes"][:3]])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert told == []


def test_axe_would_find_what_is_wrong(opened):
    with opened() as it:
        it.page.evaluate("document.getElementById('help').removeAttribute('aria-label')")
        it.page.evaluate("document.getElementById('help').textContent = ''")
        assert "button-name" in {one["id"] for one in axe.Axe().run(it.page).response["violations"]}
