"""`Emotide`: a model of everyone on a social network, trained on a log and asked about it or another (DESIGN 5)."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import polars as pl
import torch
from torch import Tensor

from emotide.api.behaving import behaviour_tables
from emotide.api.card import CARD, model_card
from emotide.api.checks import known_user, one_of, same_training, usable_device
from emotide.api.explaining import Question, reasons_table
from emotide.api.fetching import worth_fetching
from emotide.api.frames import attention_frame, predict_frame
from emotide.api.honesty import calibrated_rows, coverage_of, draw_reliability, set_column
from emotide.api.influences import Influences
from emotide.api.learning_on import resumed
from emotide.api.recipe import Recipe
from emotide.api.recommending import learn_recommender
from emotide.api.recommends import RECOMMENDER, Recommends
from emotide.api.screening import OpenedPosts, Screening
from emotide.api.sharpening import sharpen
from emotide.api.social_log import SocialLog
from emotide.api.workers import ThisProcess, Workers, threads_for
from emotide.errors import BadInput, UnknownName
from emotide.model import space_named
from emotide.model.attended import attention_weights
from emotide.model.screening import CHOICES, Choice
from emotide.model.trace import SHOWN
from emotide.nn import rounded
from emotide.recommend import Recommender
from emotide.timeline import SPLITS, Timeline
from emotide.train import History, Trained, answers, baseline_scores, calibrated, scores, trained_spaces
from emotide.train.conformal import checked_coverage
from emotide.train.hiding import hiding
from emotide.train.observed import Observed
from emotide.train.weak import WEAK_SPACE, weak_facts, weak_space, with_weak_labels
from emotide.vectors.again import Pair, pairs
from emotide.vectors.encoders import MediaEncoders

SCREENING = "screening"
DEV = SPLITS.index("dev")
Progress = Callable[[int, int, str], None]


class Emotide(Influences, Recommends):
    """Emotions, influence and recommendations for everyone on a social network.

    Attributes:
        trained: the model and what stands around it.
        recommender: learned from the log's feedback; None where it had none.
        screening: which posts are worth opening; None where that was not learned.
        history: of the training, one row an epoch.
    """

    def __init__(
        self,
        trained: Trained,
        history: History | None = None,
        recommender: Recommender | None = None,
        screening: Screening | None = None,
    ) -> None:
        self.trained, self.recommender, self.screening = trained, recommender, screening
        self.history = history or History(trained.facts.get("history", []))

    @classmethod
    def fit(
        cls,
        log: SocialLog,
        run: Recipe | None = None,
        *,
        checkpoint: Path | None = None,
        device: str = "cpu",
        progress: Progress | None = None,
        media: MediaEncoders | None = None,
        workers: Workers | None = None,
    ) -> "Emotide":
        """Learn vectors of posts, states, influences and readings from a log.

        Args:
            log: what people did.
            run: sizes, steps, spaces, seed; sensible defaults.
            checkpoint: a folder; training that was interrupted there goes on where it was.
            device: 'cpu', 'cuda', 'mps'.
            progress: called with (epoch, epochs, what happened).
            media: encoders of images, sounds and videos that another model has learned; by default they are taught on
                this log.
            workers: who compiles, encodes and trains; this process by default.

        Raises:
            BadInput: the log holds nothing to learn from.
            UnknownName: a space or category that is not known.
            ModelMismatch: what was interrupted there was a training of something else.
        """
        run, device, workers = run or Recipe(), usable_device(device), workers or ThisProcess()
        spaces = log.spaces()
        for name in run.train.spaces:
            space_named(name, spaces)
        timeline = log.timeline(run.timeline, spaces, workers=workers)
        for name in run.train.spaces:
            if name not in timeline.spaces:
                known = ", ".join(timeline.spaces) or "none"
                raise BadInput(f"the log has no labels in space {name!r}; it has: {known}")
        if checkpoint is not None:
            same_training(checkpoint, run, timeline.digest)
        contents = log.contents(timeline)
        taught, facts = timeline, {}
        if run.train.weak_labels:
            taught = with_weak_labels(timeline, contents.texts, run.train)
            spaces |= {WEAK_SPACE: weak_space()}
            facts["weak_labels"] = weak_facts(taught, run.train)
        trained = Trained.new(run.base(), taught, contents.texts, spaces, device, contents.files, progress, media)
        trained.tune(contents.texts)
        seen = workers.observed(trained, contents, progress)
        how = hiding(run.train, run.screening is not None or len(trained.layout.names) > 1)
        history = workers.fit(trained.model, seen.of(taught), seen.vectors, how, checkpoint, progress)
        trained = trained.settled()
        if run.train.tune_encoder is not None:
            seen = Observed(trained.vectors(contents.texts))
        compiled, timeline, vectors = timeline, seen.of(timeline), seen.vectors
        judged = sum(int((taught.labels[space].split == DEV).sum()) for space in trained_spaces(taught, run.train))
        best = history.best if judged else None  # without labels it is no score of emotions
        trained.facts.update(facts, history=history.rows, dev=best, dev_labels=judged)
        with threads_for(timeline):
            trained = replace(trained, calibration=calibrated(trained.model, timeline, vectors, run.train))
        recommender = learn_recommender(trained, log, timeline, vectors, run.recommend, progress)
        asked = run.screening
        screening = Screening.learn(trained, log, compiled, seen, asked, progress) if asked else None
        return cls(trained, history, recommender, screening)

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the model as safetensors and JSON, with its recipe and card, in place of what the folder held."""
        self.trained.save(Path(folder))
        (Path(folder) / "recipe.json").write_text(self.recipe.model_dump_json(indent=1), "utf-8")
        for name, part in ((RECOMMENDER, self.recommender), (SCREENING, self.screening)):
            if part is not None:
                part.save(Path(folder) / name)
            else:
                shutil.rmtree(Path(folder) / name, ignore_errors=True)
        card = model_card(self.trained, Path(folder).name, self.recommender is not None)
        (Path(folder) / CARD).write_text(card, "utf-8")

    @classmethod
    def from_pretrained(cls, folder: Path | str, device: str = "cpu", precision: str = "float32") -> "Emotide":
        """What `save_pretrained` wrote.

        Args:
            folder: where.
            device: 'cpu', 'cuda', 'mps'.
            precision: 'bfloat16' multiplies in it (`emotide.nn.rounded`): quicker where steps are large and the
                processor knows it, for readings that differ a little. Neither `explain` nor learning goes with it.

        Raises:
            BadInput: the device is not here.
            ModelMismatch: there is no whole model of this version.
        """
        trained = Trained.load(Path(folder), usable_device(device))
        if precision == "bfloat16":
            trained = replace(trained, model=rounded(trained.model))
        recommender, screening = Path(folder) / RECOMMENDER, Path(folder) / SCREENING
        return cls(
            trained,
            None,
            resumed(recommender) if recommender.exists() else None,
            Screening.load(screening, trained) if screening.exists() else None,
        )

    @property
    def recipe(self) -> Recipe:
        """What the model was made by: training by it again on the same log gives the same model."""
        learned = {} if self.recommender is None else {"recommend": self.recommender.config.model_dump()}
        screened = {} if self.screening is None else {"screening": self.screening.config.model_dump()}
        return Recipe.model_validate(self.trained.run.model_dump() | learned | screened)

    def sharpen(self, log: SocialLog, space: str) -> int:
        """Sharpen the readings of a space that was never trained on by a few labels, in closed form.

        Args:
            log: with labels of that space in its training part; how many there were is returned.
            space: any that can be read; it is saved with the model as it is read from now on.

        Raises:
            UnknownName: the log has no labels in this space.
            BadInput: none is of the training part, or the model was trained on this space.
        """
        timeline, vectors = self.compiled(log)
        return sharpen(self.trained, timeline, vectors, space)

    def evaluate(
        self,
        log: SocialLog,
        *,
        split: str = "test",
        space: str | None = None,
        reports: str = "hidden",
        baselines: bool = True,
        plot: Path | None = None,
        budget: float | None = None,
        choice: str = "top",
    ) -> dict[str, Any]:
        """Recognition and forecast beside the baselines, as one object (DESIGN 5).

        F1 and accuracy are of what the network decides on, nll, ece and auc of the calibrated probabilities; `sets`
        says how often sets (or intervals) that should hold the truth nine times in ten did.

        Args:
            log: with labels.
            split: train, dev or test.
            space: whose labels are asked for; the first that the model was trained on by default.
            reports: 'hidden' or 'known'.
            baselines: whether to fit and ask them too, on the same splits and vectors.
            plot: a .png, .svg or .pdf file for the reliability diagram.
            budget: share of the posts of each step that are opened; `opened` then says what that came to, and there
                are no baselines, which would open them all.
            choice: which those are: 'top', 'sample', 'random', 'recent' or 'first', see `Screen`.

        Raises:
            BadInput: the log, or this part of it, has no labels; or the model has not learned what is worth opening.
            UnknownName: the log has no labels in this space.
        """
        timeline, vectors = self._posts(log, budget, choice)
        if not timeline.labels:
            raise BadInput("the log has no labels: there is nothing to compare readings with")
        space = space or self._space(timeline)
        shown = one_of("reports", reports, SHOWN)
        code = SPLITS.index(one_of("split", split, SPLITS))
        if space not in timeline.labels:
            raise UnknownName("space with labels in this log", space, timeline.labels)
        labels = timeline.labels[space]
        with threads_for(timeline):
            raw = answers(self.trained.model, timeline, vectors, space, code, shown)
        if not len(raw.row):
            raise BadInput(f"the {split} part of this log has no labels in space {space!r}")
        calibration, known = self.trained.calibration, self.spaces()[space]
        found = calibration.apply(space, shown, raw)
        mine = scores(labels, found, space in timeline.dimensional, raw)
        sets = coverage_of(calibration, known, shown, found, raw, labels)
        if plot is not None:
            draw_reliability(calibration, known, shown, found, labels, plot)
        told = {"split": split, "space": space, "reports": reports, **mine, "baselines": {}, "sets": sets}
        if isinstance(vectors, OpenedPosts):
            return told | {"opened": vectors.told()}
        seed = self.trained.run.train.seed
        others = baseline_scores(timeline, vectors.cpu().numpy(), space, code, reports, seed) if baselines else {}
        return told | {"baselines": others}

    def predict(
        self,
        log: SocialLog,
        *,
        user: str | None = None,
        horizon: int = 0,
        space: str | None = None,
        reports: str = "known",
        coverage: float | None = None,
        budget: float | None = None,
        choice: str = "top",
        workers: Workers | None = None,
    ) -> pl.DataFrame:
        """Readings per user and step, and `horizon` steps beyond the end of each user's network.

        Args:
            log: what people did.
            user: one person only.
            horizon: how many steps to forecast.
            space: any known space; by default the first that the model was trained on.
            reports: whether labels of earlier steps may be used.
            coverage: how often the column `set` shall hold the truth, such as 0.9; no such column by default.
            budget: share of the posts of each step that are opened, decoded and encoded; all by default.
            choice: which those are: 'top', 'sample', 'random', 'recent' or 'first', see `Screen`.
            workers: who compiles, encodes and runs the steps; this process by default, and always under a budget.

        Returns:
            user_id, network, time, horizon (0: recognition), space, reading, then one column a category (calibrated
            probability) or dimension (coordinate), and `set` where a coverage is asked for. The reading is what the
            network decides on, which weighs rare emotions more than their probability does; of dimensions, the
            coordinate furthest from the middle of its range, such as 'low arousal'.

        Raises:
            BadInput: nobody did anything in this log; sets are asked for in a space that was never calibrated; or a
                budget is given, and the model has not learned what is worth opening.
            UnknownName: no such user or space.
        """
        workers = workers if workers is not None and budget is None else ThisProcess()
        timeline, vectors = self.compiled(log, workers) if budget is None else self._posts(log, budget, choice)
        if not len(timeline.events.active_user):
            raise BadInput("the log holds no posts, interactions or labels: there is nothing to read")
        known = space_named(space or self._space(timeline), self.spaces())
        known_user(timeline.users["user_id"], user)
        if coverage is not None:
            checked_coverage(coverage)
        shown = SHOWN[one_of("reports", reports, SHOWN)]
        found = workers.trace(self.trained.model, timeline, vectors, shown, horizon)
        with torch.no_grad():
            Y = torch.from_numpy(found.Y).to(self.trained.device)
            raw = self.trained.model.readings.read(known.name, Y).cpu().numpy()
        calibration = self.trained.calibration
        read = calibrated_rows(calibration, known.name, reports, found.horizon, raw)
        frame = predict_frame(timeline, found, known, read, raw.argmax(1))
        if coverage is not None:
            frame = frame.with_columns(set_column(calibration, known, reports, found.horizon, read, raw, coverage))
        return frame if user is None else frame.filter(pl.col("user_id") == user)

    def explain(
        self,
        log: SocialLog,
        user: str,
        *,
        at: datetime | None = None,
        space: str | None = None,
        name: str | None = None,
        reports: str = "known",
        window: int = 7,
    ) -> pl.DataFrame:
        """Why somebody is read as they are: what each post, their own and others', and each of its words adds.

        Args:
            log: what people did.
            user: whose recognition is explained.
            at: the last step that touched the user and had begun by then; the last of all by default.
            space: in which the reading is made.
            name: the category or dimension that is explained; by default the one that was read.
            reports: whether labels of earlier steps may be used.
            window: how many steps back posts are asked for.

        Returns:
            user_id, network, time, space, reading, kind ('reading', 'without', 'post', 'word'), share, post_id,
            author_id, posted, word; shares are of the probability before calibration, or of the coordinate. A model
            that reads more than text also tells the modality of each row, and the weight that its author gave it.

        Raises:
            BadInput: nothing is known of the user by then.
            UnknownName: no such user, space or name.
        """
        asked = self._asked(log, user, space, reports, 0)
        texts, known = log.texts(asked.timeline), self.spaces()[asked.space]
        question = Question(user, at, name, window)
        return reasons_table(self.trained, asked.timeline, asked.vectors, texts, known, asked.shown, question)

    def attention(self, log: SocialLog, *, user: str | None = None, reports: str = "known") -> pl.DataFrame:
        """Who attends to what: how much of what a person posted in a step each post, and each modality of it, tells.

        Returns:
            user_id, network, time (of the step), post_id, modality, weight; the weights of a person's step sum to 1.

        Raises:
            UnknownName: no such user.
        """
        timeline, vectors = self.compiled(log)
        known_user(timeline.users["user_id"], user)
        weight = attention_weights(self.trained.model, timeline, vectors, SHOWN[one_of("reports", reports, SHOWN)])
        frame = attention_frame(timeline, weight)
        return frame if user is None else frame.filter(pl.col("user_id") == user)

    def reconstructions(self, log: SocialLog, most: int = 8) -> dict[str, list[Pair]]:
        """Some of a log's images and sounds beside what is left of them after code and back, by kind."""
        timeline = log.timeline(self.trained.run.timeline, self.spaces(), self.trained.kinds)
        return pairs(self.trained.media, log.contents(timeline).files, most, self.trained.run.train.seed)

    def behaviour(
        self, log: SocialLog, *, user: str | None = None, top: int = 5, reports: str = "known"
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Who will post, and who will turn to whom, in the step after the end of each network.

        Args:
            log: what people did.
            user: one person only.
            top: contacts a person, the likeliest first.
            reports: whether labels of earlier steps may be used.

        Returns:
            user_id, network, time, post (probability); and source_id, target_id, network, time, probability.

        Raises:
            BadInput: the model has not learned behaviour.
            UnknownName: no such user.
        """
        timeline, vectors = self.compiled(log)
        known_user(timeline.users["user_id"], user)
        posts, contacts = behaviour_tables(
            self.trained, timeline, vectors, SHOWN[one_of("reports", reports, SHOWN)], top
        )
        if user is None:
            return posts, contacts
        return posts.filter(pl.col("user_id") == user), contacts.filter(pl.col("source_id") == user)

    def screen(
        self, log: SocialLog, budget: int | float | str, *, index: Path | None = None, reports: str = "known"
    ) -> pl.DataFrame:
        """Which posts are worth fetching or decoding, for whom; the best first.

        Args:
            log: what people did: it says in which state each author was.
            budget: how many posts (50), or a share of them (0.2, '20%').
            index: a table of posts that were not fetched yet (.csv, .jsonl or .parquet, columns as in `posts`), known
                by title, tags, thumbnails, author and time; the posts of the log by default.
            reports: whether labels of earlier steps may be used.

        Returns:
            post_id, user_id, network, time, importance (share of the author's attention in that step that the post is
            told to get), chance (with which a sample of so many posts takes it), rank. Everybody's best comes before
            any second one where the budget reaches.

        Raises:
            BadInput: the model has not learned what is worth opening; the budget or the index cannot be read.
        """
        shown, screening = SHOWN[one_of("reports", reports, SHOWN)], self._screening()
        return worth_fetching(screening, self.trained, log, self._timeline(log), shown, budget, index)

    def _posts(self, log: SocialLog, budget: float | None, choice: str) -> tuple[Timeline, Tensor | OpenedPosts]:
        """The same; under a budget, with who opens the posts that are worth it in the place of their vectors."""
        if budget is None:
            return self.compiled(log)
        chosen = cast(Choice, one_of("choice", choice, CHOICES))
        posts = OpenedPosts(self._screening().importance, self.trained, log, self._timeline(log), budget, chosen)
        return posts.timeline, posts

    def _screening(self) -> Screening:
        if self.screening is None:
            raise BadInput("this model has not learned which posts are worth opening: train it with --screening")
        return self.screening
