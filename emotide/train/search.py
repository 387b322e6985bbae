"""The search for the network's shortcut plan on a log, judged on its dev part (paper 3.1)."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from emotide.errors import BadInput, UnknownName
from emotide.model import AffectiveModel, FusedNetwork, NetworkConfig
from emotide.model.fused import MODULES, Module
from emotide.nn import Residual
from emotide.nn.search import Openness, close_gates, openness, strongest
from emotide.nn.shortcuts import PLANS, Shortcuts
from emotide.timeline import Timeline
from emotide.train.fit import Progress, fit
from emotide.train.trained import Trained

SHARES = (0.25, 0.5, 0.75)  # of all shortcuts that are kept, where no number is given
Plans = dict[Module, Shortcuts]


@dataclass(frozen=True)
class Candidate:
    """A plan, and how the network does with it when trained from the start.

    Attributes:
        name: of the plan.
        network: sizes and plan.
        dev: the best score on dev.
        gates: strength |g| of each shortcut after training, by module; the mean where a module has several networks.
    """

    name: str
    network: NetworkConfig
    dev: float
    gates: dict[Module, Openness]

    @property
    def shortcuts(self) -> int:
        """How many there are."""
        return sum(map(len, self.gates.values()))


@dataclass(frozen=True)
class Search:
    """Everything that the search looks at, and what it found."""

    network: NetworkConfig
    train: Callable[[str, AffectiveModel, Progress | None], float]  # the best score on dev
    fresh: Callable[[NetworkConfig], AffectiveModel]
    tried: list[Candidate] = field(default_factory=list)

    @property
    def best(self) -> Candidate:
        """The best on dev; of equals, the first."""
        return max(self.tried, key=lambda candidate: candidate.dev)

    @property
    def dense(self) -> dict[Module, Shortcuts]:
        """Every shortcut there is, by module."""
        config = self.network.model_copy(update={"plan": "dense"})
        return {module: config.plan_of(module).shortcuts for module in _gated(self.fresh(config))}

    def try_out(self, name: str, plan: str | Plans) -> Candidate:
        """Train with a plan from the start."""
        network = NetworkConfig.model_validate(self.network.model_dump() | {"plan": plan})
        model = self.fresh(network)
        dev = self.train(name, model, None)
        candidate = Candidate(name, network, dev, _gated(model))
        self.tried.append(candidate)
        return candidate

    def by_gates(self, keep: int | None) -> None:
        """Train dense with gates that close, then try the most open shortcuts: `keep`, or some shares of all."""
        model = self.fresh(self.network.model_copy(update={"plan": "dense"}))
        close_gates(model.network)
        latest: dict[str, Openness] = {}
        # dev chooses among weights, not among gates: those of the last epoch have decided most
        self.train("closing gates", model, lambda *_: latest.update(openness(model.network)))
        found = _by_module(latest)
        total = sum(map(len, found.values()))
        for size in [keep] if keep is not None else sorted({round(share * total) for share in SHARES}):
            self.try_out(f"searched, {size} kept", _everywhere(strongest(found, size)))

    def by_optuna(self, keep: int | None, trials: int, seed: int) -> None:
        """Try plans that Optuna's tree-structured Parzen estimator proposes; with `keep`, none with more shortcuts.

        Raises:
            BadInput: Optuna is not installed.
        """
        try:
            import optuna
        except ModuleNotFoundError as error:
            raise BadInput("the method 'optuna' needs Optuna: pip install 'emotide[optuna]'") from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        dense = self.dense

        def score(trial: Any) -> float:
            weight = {
                module: {(i, j): trial.suggest_float(f"{module} {i}-{j}", -1, 1) for i, j in shortcuts}
                for module, shortcuts in dense.items()
            }
            wanted = sum(value > 0 for each in weight.values() for value in each.values())
            plan = _everywhere(strongest(weight, wanted if keep is None else min(wanted, keep)))
            return self.try_out(f"optuna {trial.number + 1}", plan).dev

        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
        study.optimize(score, trials)


METHODS = ("gates", "optuna")


def search_plan(
    trained: Trained,
    timeline: Timeline,
    vectors: Float[Tensor, "posts width"],
    keep: int | None = None,
    method: str = "gates",
    trials: int = 12,
    progress: Progress | None = None,
) -> Search:
    """Search a plan for an untrained model, beside the plans that have a name.

    Every plan is trained from the same seed on the training part and judged on dev; shortcuts are scalars, so that
    all networks are of one size.

    Args:
        trained: the untrained model: sizes, seed, spaces, text vectors.
        timeline, vectors: of the log.
        keep: how many shortcuts to keep in all modules together; by default some numbers are tried.
        method: 'gates' or 'optuna'.
        trials: plans that Optuna proposes.
        progress: called with (epoch, epochs, what happened).

    Raises:
        UnknownName: no such method.
        BadInput: more shortcuts are to be kept than there are, or Optuna is not installed.
    """
    if method not in METHODS:
        raise UnknownName("search method", method, METHODS)

    def fresh(network: NetworkConfig) -> AffectiveModel:
        torch.manual_seed(trained.run.train.seed)
        made = FusedNetwork(network, trained.text.width, 2 * len(trained.kinds))
        return AffectiveModel(made, deepcopy(trained.model.readings)).to(trained.device)

    def train(name: str, model: AffectiveModel, watch: Progress | None) -> float:
        def told(epoch: int, epochs: int, what: str) -> None:
            if watch:
                watch(epoch, epochs, what)
            if progress:
                progress(epoch, epochs, f"{name}: {what}")

        return float(fit(model, timeline, vectors, trained.run.train, progress=told).best)

    search = Search(trained.run.network, train, fresh)
    there = sum(map(len, search.dense.values()))
    if keep is not None and not 0 <= keep <= there:
        raise BadInput(f"{keep} shortcuts cannot be kept: a dense plan of this depth has {there}")
    for name in PLANS:
        search.try_out(name, name)
    if method == "gates":
        search.by_gates(keep)
    else:
        search.by_optuna(keep, trials, trained.run.train.seed)
    return search


def _parts(network: FusedNetwork) -> Iterator[tuple[Module, str, Residual]]:
    """(module, name, residual network) of all that a plan is given for."""
    for name, part in network.named_modules():
        for module in MODULES:
            if isinstance(part, Residual) and name.split(".")[0] == module:
                yield module, name, part


def _gated(model: AffectiveModel) -> dict[Module, Openness]:
    """|g| of each shortcut, mean over the networks of a module."""
    found: dict[Module, list[Tensor]] = {}
    plan = {}
    for module, _, part in _parts(model.network):
        found.setdefault(module, []).append(part.gates.detach().abs().cpu())
        plan[module] = part.plan.shortcuts
    return {
        module: dict(zip(plan[module], torch.stack(gates).mean(0).tolist(), strict=True))
        for module, gates in found.items()
    }


def _by_module(found: dict[str, Openness]) -> dict[Module, Openness]:
    """The mean openness of a shortcut over the networks of its module; what has no plan of its own is left out."""
    out: dict[Module, Openness] = {}
    for module in MODULES:
        parts = [each for name, each in found.items() if name.split(".")[0] == module]
        if parts:
            out[module] = {shortcut: sum(part[shortcut] for part in parts) / len(parts) for shortcut in parts[0]}
    return out


def _everywhere(plans: Plans) -> Plans:
    return {module: plans.get(module, ()) for module in MODULES}
