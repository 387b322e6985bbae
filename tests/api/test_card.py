"""The model card beside a model is filled in from the model."""

import json
import re


def test_train_writes_a_card_with_the_facts_of_the_model(town):
    card = (town.model / "MODEL_CARD.md").read_text("utf-8")
    head = json.loads((town.model / "model.json").read_text("utf-8"))
    facts = head["facts"]
    assert f"# Model card: {town.model.name}" in card
    assert f"`{facts['digest']}`" in card
    assert f"{facts['dev']:.4f}" in card
    assert f"judged by {facts['dev_labels']} labels" in card
    assert f"| step | {head['run']['timeline']['step']} |" in card
    for space in head["trained"]:
        assert space in card
    assert "Art. 5(1)(f)" in card
    assert not re.search(r"\$\w|None", card)
