"""A recommender on disk: `recommender.safetensors` and `recommender.json`, so that it can lie in a model's folder."""

import hashlib
import json
from pathlib import Path
from typing import Any

from jaxtyping import Bool, Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from emotide.errors import EmotideError, ModelMismatch
from emotide.recommend.q_network import QConfig, QNetwork

FORMAT = 2

Parts = tuple[QNetwork, QNetwork, Float[Tensor, "items item"], Bool[Tensor, " items"], QConfig, dict[str, Any]]


def digest(network: nn.Module) -> str:
    """Of the weights of a network."""
    told = hashlib.sha256()
    for name, value in network.state_dict().items():
        told.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return told.hexdigest()


def save(
    folder: Path,
    network: QNetwork,
    target: QNetwork,
    items: Float[Tensor, "items item"],
    candidates: Bool[Tensor, " items"],
    config: QConfig,
    facts: dict[str, Any],
) -> None:
    """Write the parts of a recommender; the JSON, which makes it whole, comes last and holds the facts."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {"items": items, "candidates": candidates}
    for name, part in (("network", network), ("target", target)):
        tensors |= {f"{name}.{key}": value.detach().cpu().contiguous() for key, value in part.state_dict().items()}
    save_file(tensors, folder / "recommender.safetensors")
    head = {"format": FORMAT, "state": network.state, "context": network.context, "config": config.model_dump()}
    head["facts"] = facts
    part_file = folder / "recommender.json.part"
    part_file.write_text(json.dumps(head, indent=1), "utf-8")
    part_file.replace(folder / "recommender.json")


def load(folder: Path) -> Parts:
    """What `save` wrote.

    Raises:
        ModelMismatch: there is no whole recommender, or it was written by another version.
    """
    try:
        head = json.loads((folder / "recommender.json").read_text("utf-8"))
        tensors = load_file(folder / "recommender.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelMismatch(f"{folder}: no readable recommender here ({error}); fit one on feedback") from error
    found = head.get("format") if isinstance(head, dict) else None
    if found != FORMAT:
        raise ModelMismatch(f"{folder}: a recommender of format {found!r}, this version reads {FORMAT}: fit it again")
    try:
        return _parts(head, tensors)
    except (KeyError, ValueError, RuntimeError, TypeError, EmotideError) as error:
        line = str(error).splitlines()[0]
        raise ModelMismatch(f"{folder}: the recommender does not fit this version ({line}): fit it again") from error


def _parts(head: dict[str, Any], tensors: dict[str, Tensor]) -> Parts:
    items, candidates = tensors.pop("items"), tensors.pop("candidates")
    config = QConfig.model_validate(head["config"])
    networks = []
    for name in ("network", "target"):
        network = QNetwork(head["state"], items.shape[1], config, head["context"])
        network.load_state_dict(
            {key.removeprefix(f"{name}."): value for key, value in tensors.items() if key.startswith(f"{name}.")}
        )
        networks.append(network)
    return networks[0], networks[1], items, candidates, config, head.get("facts", {})
