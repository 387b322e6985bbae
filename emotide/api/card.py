"""The model card beside a trained model: what it is made of, how good it was, what it must not be used for."""

from pathlib import Path
from string import Template

from emotide.train import Trained

CARD = "MODEL_CARD.md"
_TEMPLATE = Path(__file__).with_name("model_card.md")


def model_card(trained: Trained, name: str, recommends: bool) -> str:
    """The filled-in card, Markdown.

    Args:
        trained: the model.
        name: what it is called: the folder's name.
        recommends: whether a recommender lies beside it.
    """
    facts, run = trained.facts, trained.run
    best, judged = facts.get("dev"), facts.get("dev_labels")
    values = {
        "name": name,
        "version": facts.get("version", "unknown"),
        "digest": facts.get("digest") or "unknown",
        "step": run.timeline.step,
        "spaces": ", ".join(sorted(trained.model.readings.taught)) or "none: the log has no labels",
        "text": run.text,
        "media": ", ".join(sorted(trained.media.by_kind)) or "none",
        "recommender": "fitted on the feedback of the log" if recommends else "none",
        "state": run.network.state,
        "influence": run.network.influence,
        "seed": run.train.seed,
        "epochs": len(facts.get("history", [])),
        "score": "not measured" if best is None else f"{best:.4f} (F1, AUC or concordance, meaned over tasks)",
        "labels": "unknown" if judged is None else judged,
    }
    return Template(_TEMPLATE.read_text("utf-8")).substitute(values)
