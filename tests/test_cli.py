"""The command line: exit codes, one line for what is wrong, results on stdout alone, nothing that steers a terminal."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from emotide.cli import app
from emotide.errors import UnknownName
from emotide.store import Store
from emotide.terminal import plain

POSTS = "post_id,user_id,time,text,image"
RECIPE = "text_width=8\n[network]\nstate=8\nwidth=8\ndepth=1\n[train]\nepochs=1\nupdates=4\n[recommend]\nsteps=5\n"
HOSTILE = ["[bold]ana[/]", "\x1b[31mred", "=cmd()|'x'!A1", ":smile:", "bell\x07", "right\u202eleft", "[/]"]


@pytest.fixture(scope="module")
def place(command, tmp_path_factory):
    """A store `town.db` and a model `model` of people with hostile names."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "recipe.toml").write_text(RECIPE)
    rows = {"posts": [], "labels": [], "feedback": []}
    for day in range(1, 11):
        for k, user in enumerate(HOSTILE):
            who = {"user_id": user, "time": f"2024-01-{day:02}"}
            rows["posts"].append(who | {"post_id": f"{k}-{day}", "text": "oh [red]well[/red]"})
            rows["labels"].append(who | {"space": "polarity", "category": ["positive", "negative"][(k + day) % 2]})
            rows["feedback"].append(who | {"item_id": "[bold]", "reward": k})
    rows["interactions"] = [
        {"source_id": a, "target_id": b, "time": "2024-01-02", "kind": "[/]"} for a in HOSTILE for b in HOSTILE
    ]
    rows["items"] = [{"item_id": "[bold]", "title": "\x1b]0;owned\x07[/title]"}]
    log = folder / "[red]log"
    log.mkdir()
    for name, table in rows.items():
        (log / f"{name}.jsonl").write_text("\n".join(map(json.dumps, table)))
    assert command("ingest", log, "--store", folder / "town.db").code == 0
    told = command(
        "train", "--store", folder / "town.db", "--model", folder / "model", "--config", folder / "recipe.toml"
    )
    assert told.code == 0, told.err
    return folder


def on(folder, *words):
    return (words[0], "--store", folder / "town.db", "--model", folder / "model", *words[1:])


def refused(told, code=1):
    """The one line on stderr of a command that was refused."""
    assert (told.code, told.out) == (code, ""), told
    if code == 1:
        assert told.err.startswith("emotide: ")
        assert told.err.count("\n") == 1
        assert len(told.err) < 600
    return told.err.removeprefix("emotide: ").rstrip("\n")


# usage


@pytest.mark.parametrize(
    "words",
    [
        ("dance",), ("predict",), ("ingest", "--store", "x.db"), ("predict", "--store", "x.db"),
        ("predict", "--store", "x.db", "--model", "m", "--horizon", "-1"),
        ("predict", "--store", "x.db", "--model", "m", "--horizon", "soon"),
        ("recommend", "--store", "x.db", "--model", "m", "--epsilon", "2"),
        ("influence", "--store", "x.db", "--model", "m", "--top", "0"),
        ("evaluate", "--store", "x.db", "--model", "m", "--split", "tst"),
        ("evaluate", "--store", "x.db", "--model", "m", "--reports", "some"),
        ("evaluate", "--store", "x.db", "--model", "m", "--colour"),
        ("convert", "meld"), ("convert", "meld", "a", "b", "--option", "community"), ("spaces", "--add", "x.toml"),
        ("bench", "meld", "--seeds", "0"), ("train", "--store", "x.db", "--model", "m", "--seed", "-1"),
        ("train", "--store", "x.db", "--model", "m", "--seed", str(2**32)), ("demo", "--seed", "-1"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_2(command, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    told = refused(command(*words), 2)
    assert "Usage: emotide" in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_no_words_is_help_and_2(command):
    told = command()
    assert told.code == 2
    assert "Commands:" in told.err


@pytest.mark.parametrize("name", [each.name or each.callback.__name__ for each in app.registered_commands])
def test_help_has_an_example(command, name):
    told = command(name, "--help")
    assert (told.code, told.err) == (0, "")
    assert f"Example: emotide {name}" in " ".join(told.out.split())


def test_help_of_every_command_needs_no_torch():
    call = """
import sys
from typer.testing import CliRunner
from emotide.cli import app
for each in app.registered_commands:
    assert CliRunner().invoke(app, [each.name or each.callback.__name__, "--help"]).exit_code == 0
print(*sorted({"torch", "sklearn", "gensim", "sentence_transformers", "matplotlib"} & set(sys.modules)))
"""
    told = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == ("\n", "")


def test_the_installed_command_ends_with_the_code(tmp_path):
    program = Path(sys.executable).with_name("emotide")
    told = subprocess.run([program, "spaces", "--show", "ekmann"], capture_output=True, text=True, cwd=tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("emotide: space 'ekmann' is not known; did you mean 'ekman'? known: ")
    assert told.stderr.count("\n") == 1


# names


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("predict", "--user", "=cmd()"), "did you mean \"=cmd()|'x'!A1\"?"),
        (("predict", "--space", "plutchick"), "space 'plutchick' is not known; did you mean 'plutchik'?"),
        (("influence", "--space", "plutchick"), "did you mean 'plutchik'?"),
        (("influence", "--user", "nobody"), "user 'nobody' is not known"),
        (("recommend", "--user", "nobody"), "user 'nobody' is not known"),
        (("evaluate", "--space", "polarty"), "labels in this log 'polarty' is not known; did you mean 'polarity'?"),
        (("predict", "--device", "abacus"), "device 'abacus' cannot be used here"),
        (("predict", "--out", "x.xlsx"), "x.xlsx: the ending '.xlsx' names no format: wanted one of .csv, .jsonl"),
        (("predict", "--out", "nowhere/x.csv"), "nowhere/x.csv: cannot be written: there is no such folder"),
    ],
)  # fmt: skip
def test_an_unknown_name_is_one_line(command, place, words, reason):
    assert reason in refused(command(*on(place, *words)))


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--text", "word"), "text: Input should be 'words' or 'minilm'"),
        (("--step", "1y"), "timeline.step: step '1y' is neither 'turn', a window such as 15m, 1h, 1d, 1w, nor"),
        (("--epochs", "0"), "train.epochs: Input should be greater than or equal to 1"),
        (("--space", "polarty"), "space 'polarty' is not known; did you mean 'polarity'?"),
        (("--space", "pad"), "the log has no labels in space 'pad'; it has: polarity"),
        (("--device", "abacus"), "device 'abacus' cannot be used here"),
    ],
)  # fmt: skip
def test_training_refuses_what_it_does_not_know(command, place, tmp_path, words, reason):
    told = command("train", "--store", place / "town.db", "--model", tmp_path / "model", *words)
    assert reason in refused(told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[train]\nepoch = 3", "train.epoch: field of a recipe 'epoch' is not known; did you mean 'epochs'? known: "),
        ("[screening]\nbatches = 3", "screening.batches: field of a recipe 'batches' is not known; did you mean"),
        ("[train]\nepochs = 0", "train.epochs: Input should be greater than or equal to 1"),
        ("[train]\nepochs = 'many'", "train.epochs: Input should be a valid integer"),
        ("[network]\ndropout = 1", "network.dropout: Input should be less than 1"),
        ("[timeline]\nstep = '1y'", "step '1y' is neither 'turn', a window"),
        ("[recommend]\nloss = 'hubr'", "loss 'hubr' is not known; did you mean 'huber'?"),
        ("[train", "not a readable"),
        (None, "recipe.toml: not a readable recipe: there is no such file"),
    ],
)
def test_a_recipe_that_is_wrong(command, place, tmp_path, text, reason):
    recipe = tmp_path / "recipe.toml"
    if text is not None:
        recipe.write_text(text)
    told = command("train", "--store", place / "town.db", "--model", tmp_path / "model", "--config", recipe)
    assert reason in refused(told)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("model", ["nowhere", "file"])
def test_a_model_that_is_not_there_is_told_in_plain_words(command, place, tmp_path, model):
    (tmp_path / "file").write_text("mine")
    told = command("predict", "--store", place / "town.db", "--model", tmp_path / model)
    assert refused(told) == f"{tmp_path / model}: no readable model here; train one: emotide train"


def test_a_model_wants_a_folder(command, place, tmp_path):
    (tmp_path / "file").write_text("mine")
    told = command("train", "--store", place / "town.db", "--model", tmp_path / "file")
    assert refused(told) == f"{tmp_path}/file: is a file; the model wants a folder"
    assert refused(command("demo", "--data", place, "--out", tmp_path / "file")).endswith("file: File exists")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("convert", "meldd"), "converter 'meldd' is not known; did you mean 'meld'?"),
        (("convert", "meld", "nowhere", "out"), "nowhere: no such file or folder"),
        (("convert", "meld", ".", "out"), "train_sent_emo.csv: no such file (nor with .gz)"),
        (("convert", "fanchuan", ".", "out", "--option", "comunity=x"), "did you mean 'community'?"),
        (("spaces", "--show", "ekmann"), "did you mean 'ekman'?"),
        (("spaces", "--store", "none.db"), "there is no store at none.db: ingest a log first"),
        (("ingest", "nowhere", "--store", "new.db"), "nowhere: no such folder or file"),
        (("demo", "--data", "nowhere"), "nowhere: no such folder or file"),
    ],
)
def test_a_request_that_cannot_be_met(command, tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    assert reason in refused(command(*words))
    assert not (tmp_path / "out").exists()


# stores


@pytest.mark.parametrize("name", ["train", "evaluate", "predict", "influence", "recommend"])
def test_a_question_never_makes_a_store(command, place, tmp_path, name):
    told = command(name, "--store", tmp_path / "typo.db", "--model", place / "model")
    assert "there is no store at" in refused(told)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("store", ["notes.txt", ".", "nowhere/town.db", "mysql://host/db", "http://["])
def test_what_is_no_store(command, place, tmp_path, monkeypatch, store):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("no database " * 1000)
    refused(command("predict", "--store", store, "--model", place / "model"))
    refused(command("ingest", place / "[red]log", "--store", store))
    assert (tmp_path / "notes.txt").read_text() == "no database " * 1000
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


# bad input

GOOD = "p1,ana,2024-01-01,hello,"
REJECTED = {
    "broken csv": ((POSTS, GOOD, "p2,bo,2024-01-01", '"p3,ana'), 2),
    "wrong types": ((POSTS, GOOD, "p2,bo,2021-13-40,x,", ",bo,2024-01-01,x,"), 2),
    "a path that leaves": ((POSTS, GOOD, "p2,bo,2024-01-01,x,../../etc/passwd", "p3,bo,2024-01-01,x,/etc/passwd"), 2),
    "duplicate ids": ((POSTS, GOOD, "p1,bo,2024-01-01,x,", GOOD), 1),
    "times out of order and in the future": ((POSTS, "p2,bo,2024-01-02,x,", GOOD, "p3,bo,2999-01-01,x,"), 1),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_row_is_put_aside_and_the_rest_is_kept(command, tmp_path, name):
    lines, rejected = REJECTED[name]
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "posts.csv").write_text("\n".join(lines) + "\n")
    told = command("ingest", tmp_path / "log", "--store", tmp_path / "new.db", "--json")
    assert (told.code, told.err) == (0, "")
    (row,) = told.json
    assert row["rejected"] == rejected
    assert row["new"] + row["there"] + rejected == row["rows"]
    assert row["new"] >= 1
    kept = Path(row["rejects"]).read_text()
    assert kept.startswith("file,row,column,value,reason")
    assert "log/posts.csv" in kept
    again = command("ingest", tmp_path / "log", "--store", tmp_path / "new.db", "--json").json[0]
    assert (again["new"], again["rejected"]) == (0, rejected)


def test_unknown_columns_are_a_warning_on_stderr(command, tmp_path):
    (tmp_path / "posts.csv").write_text("post_id,user_id,time,texts,\x1b[31mred\np1,ana,5,x,y\n")
    told = command("ingest", tmp_path / "posts.csv", "--store", tmp_path / "new.db", "--json")
    assert told.code == 0
    assert told.json[0]["new"] == 1
    first, second = told.err.splitlines()
    assert first == "warning: posts.csv: column 'texts' is not known and is ignored; did you mean 'text'?"
    assert "\x1b" not in second


def _write(name, content):
    return lambda folder: (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


REFUSED = {
    "no table": (_write("readme.md", "hello"), "no table to read"),
    "a column is missing": (_write("posts.csv", "post_id,userid,time\n"), "required column 'user_id' is missing"),
    "an overlong line": (_write("posts.csv", f"{POSTS}\n{'x' * (9 << 20)}\n"), "line 2 is longer than 8 MB"),
    "another encoding": (_write("posts.csv", f"{POSTS}\n{GOOD}\n".encode("utf-16")), "is UTF-16; save it as UTF-8"),
    "no parquet": (_write("ties.parquet", "PAR1"), "is no Parquet that can be read"),
    "no zip": (_write("log.zip", "PK"), "no table to read"),
    "a broken space": (lambda folder: (_write("posts.csv", f"{POSTS}\n{GOOD}\n")(folder), (folder / "spaces").mkdir(),
                                       _write("spaces/x.toml", "[")(folder)), "not a readable TOML file"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_log_that_is_refused_leaves_the_store_as_it_was(command, place, tmp_path, name):
    spoil, reason = REFUSED[name]
    store = Store.open(place / "town.db", create=False)
    before = store.counts(), store.digest(), store.spaces()
    (tmp_path / "log").mkdir()
    spoil(tmp_path / "log")
    assert reason in refused(command("ingest", tmp_path / "log", "--store", place / "town.db"))
    assert (store.counts(), store.digest(), store.spaces()) == before


@pytest.mark.parametrize("content", ["", f"{POSTS}\n"])
def test_an_empty_table_is_nothing_new(command, place, tmp_path, content):
    store = Store.open(place / "town.db", create=False)
    before = store.counts(), store.digest()
    (tmp_path / "posts.csv").write_text(content)
    told = command("ingest", tmp_path / "posts.csv", "--store", place / "town.db", "--json")
    assert told.code == 0
    assert told.json[0]["rows"] == 0
    assert (store.counts(), store.digest()) == before


def test_a_mapping_that_is_wrong(command, place, tmp_path):
    (tmp_path / "mapping.toml").write_text("[posts]\nfile = 3\n")
    told = command("ingest", place / "[red]log", "--store", tmp_path / "x.db", "--mapping", tmp_path / "mapping.toml")
    assert "mapping.toml" in refused(told)


# what is printed


ASKS = [
    ("predict", "--horizon", "1"),
    ("influence",),
    ("influence", "--total"),
    ("recommend",),
    ("evaluate", "--no-baselines"),
]


@pytest.mark.parametrize("words", ASKS, ids=" ".join)
def test_stdout_is_json_and_nothing_else(command, place, words):
    told = command(*on(place, *words, "--json"))
    assert (told.code, told.err) == (0, "")
    assert told.json
    assert told.out.count("\n") == 1


@pytest.mark.parametrize("words", ASKS, ids=" ".join)
def test_names_do_not_steer_the_terminal(command, place, words):
    out = command(*on(place, *words)).out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", out)
    if words[0] in ("predict", "influence"):
        shown = [name in out for name in ("[bold]ana[/]", ":smile:", " [31mred", "=cmd()|'x'!A1")]
        assert all(shown) if words[0] == "predict" else sum(shown) > 1  # of influences the first twenty are printed
    if words[0] == "recommend":
        assert " ]0;owned [/title]" in out


def test_names_do_not_steer_the_terminal_in_messages_and_tables_hold_them_as_they_are(command, place, tmp_path):
    told = refused(command(*on(place, "predict", "--user", "\x1b[31mredd")))
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e]", told)
    assert "=cmd()|'x'!A1" in told
    assert command(*on(place, "predict", "--out", tmp_path / "x.jsonl")).code == 0
    users = {json.loads(line)["user_id"] for line in (tmp_path / "x.jsonl").read_text().splitlines()}
    assert users == set(HOSTILE)


def test_progress_shows_names_as_they_are(monkeypatch):
    from io import StringIO

    from emotide.terminal import Bar

    class Screen(StringIO):
        def isatty(self):
            return True

    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with Bar() as bar:
        bar.progress(1, 2, "[/]log\x1b]0;owned\x07/:smile:.csv")
        bar.say("[bold]done[/] :smile:\x07")
    shown = screen.getvalue()
    assert "[bold]done[/] :smile: " in shown
    assert "[/]log ]0;owned /:smile:.csv" in shown
    assert "\x1b]0;" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(("text", "shown"), [("a\nb\tc", "a b c"), ("哈 😀é", "哈 😀é"), ("\x9b31m\u2028", " 31m ")])
def test_plain(text, shown):
    assert plain(text) == shown


def test_a_list_of_a_million_names_is_cut():
    told = str(UnknownName("user", "u1234x", (f"u{k}" for k in range(5000))))
    assert "did you mean 'u1234'?" in told
    assert told.endswith("and 4970 more")
    assert len(told) < 300


def test_spaces_are_listed_and_shown(command):
    listed = {row["space"]: row for row in command("spaces", "--json").json}
    assert listed["pad"] == {"space": "pad", "kind": "dimensions", "names": "pleasure, arousal, dominance"}
    assert listed["polarity"]["kind"] == "categories"
    rows = command("spaces", "--show", "ekman", "--json").json
    assert [row["name"] for row in rows] == listed["ekman"]["names"].split(", ")
    assert all(set(row) == {"name", "pleasure", "arousal", "dominance"} for row in rows)
    header, *lines = command("spaces", "--show", "ekman").out.splitlines()
    assert header.split() == ["name", "pleasure", "arousal", "dominance"]
    assert len(lines) == len(rows)


def test_converters_are_listed(command):
    rows = command("convert", "list", "--json").json
    assert {"meld", "fanchuan", "goemotions"} <= {row["name"] for row in rows}
    assert all(row["about"] and row["licence"] for row in rows)


def test_converting_says_how_many_rows(command, tmp_path):
    (tmp_path / "emobank.csv").write_text("id,split,V,A,D,text\nA_1_9,train,3.0,1,5.0,hm\n")
    told = command("convert", "emobank", tmp_path, tmp_path / "out", "--json")
    assert told.json[0] == {"table": "posts", "rows": 1}
    assert command("ingest", tmp_path / "out", "--store", tmp_path / "x.db").code == 0
