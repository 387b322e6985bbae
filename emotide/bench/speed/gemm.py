"""How near a step runs to what the processor can multiply: its own products, back to back, against the whole of it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from emotide.bench.bench import Bench, Progress, Say
from emotide.bench.speed.timing import faster, here, in_turn, rate, runs_of, threads, told
from emotide.model import AffectiveModel, Batch, FusedNetwork, NetworkConfig, Readings, State, built_in
from emotide.nn import rounded
from emotide.timeline import Timeline, TimelineConfig, compile_timeline
from emotide.train import TrainConfig
from emotide.train.loss import class_weights, window_loss

USERS, VECTOR, SPACE = 20_000, 128, "ekman"
WAYS = (1, 7, 49)  # everybody turns to those so many places on, every second one to the last: 2.5 contacts a person
SQUARE = 2048  # a product of two square matrices, for comparison: what the processor reaches at its best
aten = torch.ops.aten
# where the factors of a product begin; torch's own counter of FLOP knows none that is added in place
FACTORS = {aten.mm: 0, aten.bmm: 0, aten.addmm: 1, aten.addmm_: 1, aten.baddbmm: 1, aten.baddbmm_: 1}


class Product(NamedTuple):
    """A product of matrices, or of stacks of them: sizes and strides of both factors, and the type of their numbers."""

    left: tuple[tuple[int, ...], tuple[int, ...]]
    right: tuple[tuple[int, ...], tuple[int, ...]]
    dtype: torch.dtype

    @property
    def flop(self) -> int:
        """Multiplications and additions."""
        return 2 * math.prod(self.left[0]) * self.right[0][-1]


class Products(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down every product that torch computes meanwhile, those of the backward pass too."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[Product] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute it as always."""
        start = FACTORS.get(func.overloadpacket)
        if start is not None:
            left, right = args[start : start + 2]
            factors = [(tuple(x.shape), tuple(x.stride())) for x in (left, right)]
            self.found.append(Product(factors[0], factors[1], left.dtype))
        return func(*args, **(kwargs or {}))


class Bare:
    """Products alone, in order, into outputs that lie ready."""

    def __init__(self, products: list[Product]) -> None:
        self._held: dict[Any, Tensor] = {}
        self._calls = [(len(p.left[0]) == 2, *self._ready(p)) for p in products]

    def __call__(self, run: int = 0) -> None:
        """All of them."""
        for plain, left, right, out in self._calls:
            if plain:
                torch.mm(left, right, out=out)
            else:
                torch.bmm(left, right, out=out)

    def _ready(self, product: Product) -> tuple[Tensor, Tensor, Tensor]:
        shape = (*product.left[0][:-1], product.right[0][-1])
        left, right = (self._filled(place, *x, product.dtype) for place, x in enumerate((product.left, product.right)))
        key = ("out", shape, product.dtype)
        if key not in self._held:
            self._held[key] = torch.empty(shape, dtype=product.dtype)
        return left, right, self._held[key]

    def _filled(self, place: int, shape: tuple[int, ...], stride: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        key = (place, shape, stride, dtype)
        if key not in self._held:
            size = 1 + sum((length - 1) * by for length, by in zip(shape, stride, strict=True))
            self._held[key] = torch.randn(size, dtype=dtype).as_strided(shape, stride)
        return self._held[key]


def products_of(once: Callable[[], object]) -> tuple[list[Product], int]:
    """The products of a computation, and the FLOP of all of them; what is only done the first time does not count."""
    once()
    with Products() as seen:
        once()
    return seen.found, sum(product.flop for product in seen.found)


def busy_timeline(users: int, seed: int = 0) -> Timeline:
    """Two steps alike, in which everybody posts, says how they feel, and is in touch with five others on average."""
    rng = np.random.default_rng(seed)
    place, everybody = rng.permutation(users), np.arange(users)
    walked = (everybody, everybody, everybody[::2])
    source = np.concatenate(walked)
    target = np.concatenate([(who + way) % users for who, way in zip(walked, WAYS, strict=True)])
    day = pl.Series([0, 86_400_000_000]).cast(pl.Datetime("us", "UTC"))
    times = pl.DataFrame({"time": day})
    name = pl.format("u{}", "who")
    network = pl.lit("").alias("network")
    people = pl.DataFrame({"who": place}).select(network, name.alias("user_id")).join(times, how="cross")
    ends = pl.DataFrame({"source": place[source], "target": place[target]}).select(
        network, pl.format("u{}", "source").alias("source_id"), pl.format("u{}", "target").alias("target_id"),
        kind=pl.lit("reply"), post_id=pl.lit(None, pl.String),
    ).join(times, how="cross")  # fmt: skip
    number = pl.int_range(pl.len())
    names = built_in()[SPACE].names
    nothing = pl.lit(None, pl.String)
    posts = people.with_columns(post_id=number.cast(pl.String), reply_to=nothing, split=pl.lit("train"))
    felt = pl.Series(names, dtype=pl.String).gather(rng.integers(0, len(names), len(people)))
    labels = posts.select(
        "network", "user_id", "time", "post_id", space=pl.lit(SPACE), category=felt, dimensions=nothing,
        weight=pl.lit(1.0),
    )  # fmt: skip
    ties = ends.select("network", "source_id", "target_id", "time", "kind", until="time").clear()
    feedback = people.select("network", "user_id").clear()
    tables = {"posts": posts, "interactions": ends, "labels": labels, "ties": ties, "feedback": feedback}
    return compile_timeline(tables, TimelineConfig(step="1d"), {SPACE: names})


class Steps:
    """One step of training, and one of inference, of the network as it is by default."""

    def __init__(self, users: int) -> None:
        torch.manual_seed(0)
        self.timeline = busy_timeline(users)
        self.config = NetworkConfig()
        space = built_in()[SPACE]
        readings = Readings(self.config.affect, VECTOR, {SPACE: space})
        readings.add(space, torch.randn(len(space.names), VECTOR))
        network = FusedNetwork(self.config, VECTOR, 2 * len(self.timeline.kinds))
        self.model = AffectiveModel(network, readings)
        self.vectors = torch.randn(len(self.timeline.posts), VECTOR)
        self.batch = Batch(self.timeline.group())
        self.classes = {SPACE: class_weights(self.timeline, SPACE, 0.5)}
        self.optimizer = torch.optim.AdamW(self.model.parameters(), 1e-3)
        with torch.no_grad():
            before = self.model.network.initial(users, self.batch.group.pairs)
            (followed,) = self.model.follow(self.batch, self.vectors, before, 0, 1)
        self.state: State = followed.state

    def train(self, run: int = 0) -> None:
        """Recognition and forecast of everybody, the loss, the gradients, and what the optimizer makes of them."""
        self.model.train()
        unrolled = list(self.model.unroll(self.batch, self.vectors, self.state, 1, 2))
        loss = window_loss(self.model, unrolled, self.vectors, self.classes, TrainConfig())
        if loss is None:
            raise ValueError("this step teaches nothing")
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()

    def infer(self, run: int = 0) -> Tensor:
        """The states after the step, and everybody's scores read from them."""
        return self.inferred(self.model.eval())

    @torch.no_grad()
    def inferred(self, model: AffectiveModel) -> Tensor:
        """The same by any model."""
        (followed,) = model.follow(self.batch, self.vectors, self.state, 1, 2)
        memory = followed.state.M.index_select(0, followed.step.seen.user)
        return model.readings.scores(SPACE, model.network.read(followed.H, memory, followed.X))


def run(data: Path, seeds: list[int], say: Say, progress: Progress) -> dict[str, Any]:
    """The share of the rate of its bare products that a step reaches, in training and in inference."""
    with threads():
        steps = Steps(USERS)
        view = next(iter(steps.batch.steps(1, 2)))
        rows = {
            "active": len(view.seen.user), "pairs": len(view.seen.pair),
            "active_forecast": len(view.silent.user), "pairs_forecast": len(view.silent.pair),
        }  # fmt: skip
        how = {kind: measured(getattr(steps, kind), runs_of(seeds), progress, kind) for kind in ("train", "infer")}
        shares = {kind: one["share"] for kind, one in how.items()}
        how["bfloat16"] = in_bfloat16(steps, runs_of(seeds), progress)
        square = Product(((SQUARE, SQUARE), (SQUARE, 1)), ((SQUARE, SQUARE), (SQUARE, 1)), torch.float32)
        taken = in_turn({"square": Bare([square])}, runs_of(seeds), progress)["square"]
        how["square"] = {"size": SQUARE, "gflop_s": rate(2 * SQUARE**3, taken) / 1e9, "seconds": told(taken)}
        say(f"share of the GEMM peak: {shares}")
        return {**shares, "how": {**how, "rows": rows, "machine": here()}}


def in_bfloat16(steps: Steps, runs: int, progress: Progress) -> dict[str, Any]:
    """The inference step in bfloat16 beside that in float32: how many times quicker, and how far its scores are off."""
    short = rounded(steps.model.eval())
    sides = {"float32": steps.infer, "bfloat16": lambda run: steps.inferred(short)}
    seconds = in_turn(sides, runs, progress, "infer")
    whole = steps.infer()
    return {
        "infer_ratio": faster(seconds["float32"], seconds["bfloat16"]),
        "mean_abs_diff": float((steps.inferred(short) - whole).abs().mean()),
        "scores_sd": float(whole.std()),
        "seconds": {name: told(values) for name, values in seconds.items()},
    }


def measured(step: Callable[[int], object], runs: int, progress: Progress, what: str) -> dict[str, Any]:
    """A step against its own products: FLOP, seconds and GFLOP/s of both, and the share of the rate."""
    products, flop = products_of(lambda: step(0))
    bare = Bare(products)
    _, again = products_of(bare)
    seconds = in_turn({"step": step, "products": bare}, runs, progress, what)
    return {
        "share": share(flop, seconds["step"], again, seconds["products"]),
        "flop": flop,
        "products": len(products),
        "products_flop": again,
        "seconds": {name: told(values) for name, values in seconds.items()},
        "gflop_s": {name: rate(count, seconds[name]) / 1e9 for name, count in (("step", flop), ("products", again))},
    }


def share(flop: int, seconds: list[float], bare_flop: int, bare_seconds: list[float]) -> float:
    """(FLOP of the step / seconds of the step) / (FLOP of the bare products / their seconds), at the medians."""
    return round(faster(bare_seconds, seconds) * flop / bare_flop, 4)


BENCH = Bench("the share of the GEMM peak that a step of 20,000 people and 100,000 pairs reaches", None, run)
