"""Public data sets, and what people can export from live networks, become social logs.

    convert("meld", Path("MELD"), Path("meld-log"))    # {"posts": 13708, "labels": 27416}

To add a set, write one file here with one function from the folder of the set to tables in the columns of DESIGN 4:

    def diary(source: Path) -> Tables:
        columns = {"id": pl.String, "who": pl.String, "at": pl.Datetime, "mood?": pl.String}
        rows = read_table(source, "diary.csv", columns)
        posts = rows.select("mood", post_id="id", user_id="who", time="at", network=pl.lit("diary"))
        return {"posts": posts.drop("mood"), "labels": labels(posts, diary="mood")}

    DIARY = Converter(diary, "what it holds", "its licence", spaces=("diary",))

and name it in `CONVERTERS` below. `read_table` (sources.py) finds the file, plain or gzipped, checks columns and types
and says where something is wrong; tables.py has the synthetic clock, labels and mentions; dialogues.py has dialogues.
Media are named by the posts as `media/NAME`, and `Converter.media` names the archives that hold them (media.py).
Exports of live networks (mastodon.py …) come with damage: export_files.py opens them within limits, export_rows.py
takes rows apart field by field, and a row that does not fit stands in `rejects.csv` of the log.
An emotion space that only this set has is a file `spaces/diary.toml` with the published coordinates of its words. Add a
sample with the set's traps to tests/convert/conftest.py: the contract in test_contract.py then holds for it too.
"""

from pathlib import Path
from typing import Any

from emotide.convert.airline_tweets import AIRLINE_TWEETS
from emotide.convert.bitcoin_otc import BITCOIN_OTC
from emotide.convert.bluesky import BLUESKY
from emotide.convert.college_msg import COLLEGE_MSG
from emotide.convert.converter import Converter, write_log
from emotide.convert.convokit import CONVOKIT
from emotide.convert.cped import CPED
from emotide.convert.emobank import EMOBANK
from emotide.convert.emodb import EMODB
from emotide.convert.esm_twitter import ESM_TWITTER
from emotide.convert.face_expressions import FACE_EXPRESSIONS
from emotide.convert.fanchuan import FANCHUAN
from emotide.convert.goemotions import GOEMOTIONS
from emotide.convert.incarmusic import INCARMUSIC
from emotide.convert.mastodon import MASTODON
from emotide.convert.media import media_entries, write_media
from emotide.convert.meld import MELD
from emotide.convert.open_bandit_men import OPEN_BANDIT_MEN
from emotide.convert.reddit import REDDIT
from emotide.convert.social_evolution import SOCIAL_EVOLUTION
from emotide.convert.tweet_emotion_13 import TWEET_EMOTION_13
from emotide.convert.weibo import WEIBO
from emotide.convert.x_archive import X_ARCHIVE
from emotide.errors import BadInput, UnknownName

CONVERTERS: dict[str, Converter] = {
    "airline_tweets": AIRLINE_TWEETS,
    "bitcoin_otc": BITCOIN_OTC,
    "bluesky": BLUESKY,
    "college_msg": COLLEGE_MSG,
    "convokit": CONVOKIT,
    "cped": CPED,
    "emobank": EMOBANK,
    "emodb": EMODB,
    "esm_twitter": ESM_TWITTER,
    "face_expressions": FACE_EXPRESSIONS,
    "fanchuan": FANCHUAN,
    "goemotions": GOEMOTIONS,
    "incarmusic": INCARMUSIC,
    "mastodon": MASTODON,
    "meld": MELD,
    "open_bandit_men": OPEN_BANDIT_MEN,
    "reddit": REDDIT,
    "social_evolution": SOCIAL_EVOLUTION,
    "tweet_emotion_13": TWEET_EMOTION_13,
    "weibo": WEIBO,
    "x_archive": X_ARCHIVE,
}


def convert(name: str, source: Path, out: Path, **options: Any) -> dict[str, int]:
    """A public data set, in the form in which it is published, as a social log in the folder `out`.

    Args:
        name: a key of `CONVERTERS`.
        source: the folder of the set, or for a set of one file also that file; files may be gzipped.
        out: the folder to write; tables of an earlier log in it are replaced.
        options: of this converter (`CONVERTERS[name].options`).

    Returns:
        The rows of each table written.

    Raises:
        UnknownName: no such converter, or it has no such option.
        BadInput: the source lacks a file or a column, or a value is not of its type; nothing is written then.
    """
    if name not in CONVERTERS:
        raise UnknownName("converter", name, CONVERTERS)
    converter = CONVERTERS[name]
    for option in options:
        if option not in converter.options:
            raise UnknownName(f"option of {name}", option, converter.options)
    source, out = Path(source), Path(out)
    if not source.exists():
        raise BadInput("no such file or folder", source)
    tables = converter.read(source, **options)
    entries = media_entries(source, converter.media, tables)
    written = write_log(tables, converter.space_files(), out)
    write_media(entries, out)
    return written


__all__ = ["CONVERTERS", "Converter", "convert"]
