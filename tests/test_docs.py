"""The documentation tells what is there: commands, options, files, links; and the README's blocks run."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer
import typer.main

from emotide import Recipe, read_space
from emotide.cli import app
from emotide.demo.town import TownConfig, simulate
from emotide.log import TABLES, read_mapping
from emotide.recommend import Guard
from emotide.serve.bodies import Events

ROOT = Path(__file__).parents[1]
COMMANDS = typer.main.get_command(app).commands
PAGES = (
    "README.md",
    "README.zh.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(f"docs/{file.name}" for file in sorted((ROOT / "docs").glob("*.md"))),
)
TEXTS = {page: (ROOT / page).read_text("utf-8") for page in PAGES}
BLOCKS = [
    (page, kind, body)
    for page, text in TEXTS.items()
    for kind, body in re.findall(r"^```(\w+)\n(.*?)^```", text, re.M | re.S)
]
USAGE_ERROR = typer.BadParameter.__base__  # typer carries a click of its own
TOML = {"mapping": read_mapping, "moods": read_space, "recipe": Recipe.read, "rules": Guard.read}


def blocks(kind: str, *pages: str) -> list[str]:
    """The code blocks of a kind, on these pages (all by default)."""
    return [body for page, its, body in BLOCKS if its == kind and page in (pages or PAGES)]


def command_lines(text: str) -> list[list[str]]:
    """The lines of a shell block, as words, without comments."""
    return [words for line in text.splitlines() if (words := shlex.split(line, comments=True))]


def parsed(words: list[str]) -> typer.Context:
    """A call of `emotide`, parsed as the shell would and not run; unknown or missing options raise."""
    assert words[0] in COMMANDS, f"no command {words[0]!r}"
    return COMMANDS[words[0]].make_context(words[0], list(words[1:]))


SHELL = [words for text in blocks("sh") for words in command_lines(text)]
CALLS = [words[1:] for words in SHELL if words[0].endswith("emotide")]
DEMO_CALLS = [words for words in CALLS if any("demo-out/demo.db" in word for word in words)]


# the command line


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_and_an_example_that_parses(name):
    text, marker, example = COMMANDS[name].help.partition("Example: emotide ")
    assert text.strip(), "no help"
    assert marker, "no example"
    words = shlex.split(example)
    assert words[0] == name
    parsed(words)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_says_what_it_is(name):
    silent = [p.name for p in COMMANDS[name].params if p.name != "json" and not p.help]
    assert set(silent) <= {"seed", "epochs", "split"}  # whose names say it all


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_every_call_in_the_documentation_parses(words):
    parsed(words)


def test_a_wrong_call_would_be_seen():
    with pytest.raises(USAGE_ERROR, match="--hurizon"):
        parsed(shlex.split("predict --store a.db --model m --hurizon 3"))
    with pytest.raises(USAGE_ERROR, match="model"):
        parsed(shlex.split("predict --store a.db"))


def test_the_readme_shows_every_command():
    assert {words[0] for words in CALLS} | {"demo"} == set(COMMANDS)


def test_every_other_line_of_a_shell_block_is_make_or_pytest():
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    for program, *words in SHELL:
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets
        else:
            assert program.endswith("emotide"), program


def test_the_body_that_the_readme_sends_by_hand_is_one():
    (body,) = re.findall(r"-d '(.*)'$", TEXTS["README.md"], re.M)
    assert Events.model_validate_json(body).events


# files, links, names


@pytest.mark.parametrize("page", PAGES)
def test_every_path_is_there(page):
    named = re.findall(r"`((?:emotide|tests|docs)/[\w./-]*)`", TEXTS[page])
    missing = [name for name in named if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[page]):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / file if file else ROOT / page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in headings}, target


def test_the_chinese_readme_has_the_same_commands_and_figures():
    ours, theirs = TEXTS["README.md"], TEXTS["README.zh.md"]
    assert set(blocks("sh", "README.zh.md")) <= set(blocks("sh", "README.md"))
    figures = re.findall(r"\d+\.\d ± \d+\.\d", theirs)
    assert figures
    assert set(figures) <= set(re.findall(r"\d+\.\d ± \d+\.\d", ours))
    assert [t for t in re.findall(r"^\| (\w+) \|", ours, re.M) if t in TABLES] == [
        t for t in re.findall(r"^\| (\w+) \|", theirs, re.M) if t in TABLES
    ]


@pytest.mark.parametrize("page", PAGES)
def test_lines_fit_a_screen(page):
    long = [line for line in TEXTS[page].splitlines() if len(line) > 130 and not line.startswith("|")]
    assert not long


def test_the_tables_of_the_contract_are_complete():
    for name, table in TABLES.items():
        row = re.search(rf"^\| {name} \| (.*) \|$", TEXTS["README.md"], re.M)
        assert row, name
        told = re.findall(r"\b([a-z_]+)(\?)?(?=,|$| \(| and\b)", row.group(1))
        wanted = {column.name for column in table.columns if column.name not in ("category", "dimensions")}
        assert wanted <= {word for word, _ in told}, name
        for column in table.columns:
            if column.required:
                assert (column.name, "") in told, f"{name}.{column.name}"


@pytest.mark.parametrize("text", blocks("toml"), ids=lambda text: text.splitlines()[0])
def test_every_toml_file_is_one(text, tmp_path):
    name = re.match(r"# (\w+)\.toml", text).group(1)
    file = tmp_path / f"{name}.toml"
    file.write_text(text, "utf-8")
    assert TOML[name](file)


# the README runs


@pytest.fixture(scope="module")
def readme_folder(tmp_path_factory):
    """A folder in which the README's last Python block was run on a small town: `demo-out` is what it made."""
    folder = tmp_path_factory.mktemp("readme")
    simulate(folder / "town", TownConfig(people=8, days=14))
    shutil.copytree(folder / "town" / "log", folder / "my-log")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("EMOTIDE_CACHE", str(folder / "cache"))
        _, fitting = blocks("python", "README.md")
        exec(compile(fitting, "README.md", "exec"), {})
        (folder / "demo-out").mkdir()
        shutil.copyfile(folder / "my.db", folder / "demo-out" / "demo.db")
        shutil.copytree(folder / "my-model", folder / "demo-out" / "model")
        yield folder


def test_the_python_blocks_run(readme_folder, capsys):
    asking, _ = blocks("python", "README.md")
    names: dict[str, object] = {}
    exec(compile(asking, "README.md", "exec"), names)
    assert names["readings"]["horizon"].max() == 3
    assert set(names["readings"]["user_id"]) == {"ana"}
    assert len(names["shown"]) == 3
    recognition, forecast = map(float, capsys.readouterr().out.split())
    assert 0 <= min(recognition, forecast) <= max(recognition, forecast) <= 1


@pytest.mark.parametrize("words", DEMO_CALLS, ids=" ".join)
def test_the_commands_on_the_demo_run(words, readme_folder, capsys):
    app([*words, "--json"], standalone_mode=False)
    out = capsys.readouterr().out
    if "--out" in words:
        assert (readme_folder / words[words.index("--out") + 1]).read_text("utf-8").startswith("user_id,network,time,")
    else:
        assert json.loads(out)
