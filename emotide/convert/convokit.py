"""ConvoKit corpora: conversations of many kinds in one form (Chang et al. 2020)."""

from pathlib import Path
from typing import Any

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.dialogues import dialogue_tables
from emotide.convert.export_files import open_export
from emotide.convert.export_rows import Rows, an_id, field, instant, some_id, text
from emotide.convert.tables import Tables
from emotide.errors import UnknownName

FORMS = ("dialogues", "network")


def convokit(source: Path, form: str = "dialogues") -> Tables:
    """Of utterances.jsonl. As dialogues, a network a conversation, for steps by turn; or all in one, with true times.

    As dialogues the order is that of the times, or of the file where there are none, and the clock is synthetic. As a
    network, an utterance without a time is turned away, and what answers another is a reply.
    """
    if form not in FORMS:
        raise UnknownName("form", form, FORMS)
    rows, said = Rows("convokit"), list[dict[str, Any]]()
    with open_export(source) as export:
        for name in export.one("utterances.jsonl", "utterances.json"):
            for number, row, fault in export.rows(name):
                if fault:
                    rows.reject(name, number, fault, value=row)
                    continue
                with rows.row(name, number):
                    if form == "network":
                        _utterance(rows, row)
                    else:
                        said.append(_turn(row))
    tables = rows.tables()
    if form == "network":
        return tables
    schema = {"network": pl.String, "user_id": pl.String, "text": pl.String, "at": pl.Float64}
    turns = pl.DataFrame(said, schema).with_columns(split=pl.lit(None, pl.String))
    begun = pl.int_range(pl.len()).min().over("network")
    dialogues = dialogue_tables(turns.sort(begun, "at", nulls_last=False, maintain_order=True))
    return {"posts": dialogues["posts"].drop("split"), "rejects": tables["rejects"]}


def _speaker(row: Any) -> str:
    return some_id(row, "user") or an_id(row, "speaker")  # `user` in corpora of before 2020


def _turn(row: Any) -> dict[str, Any]:
    conversation = some_id(row, "conversation_id") or an_id(row, "root")
    at = None if field(row, "timestamp") is None else instant(row, "timestamp").timestamp()
    return {"network": conversation, "user_id": _speaker(row), "text": text(row, "text"), "at": at}


def _utterance(rows: Rows, row: Any) -> None:
    parent = some_id(row, "reply_to") or some_id(row, "reply-to")
    rows.post(an_id(row, "id"), _speaker(row), instant(row, "timestamp"), text(row, "text"), reply_to=parent)


CONVOKIT = Converter(
    convokit,
    "a corpus in ConvoKit's form (utterances.jsonl): as dialogues with steps by turn, or as one network",
    "each corpus has its own; cite Chang et al. 2020 (ConvoKit) and the corpus",
    options={"form": "dialogues (default) or network"},
)
