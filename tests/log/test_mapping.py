"""Foreign logs by a mapping file."""

import pytest

from emotide.errors import BadInput

TWEETS = ["id,author,created_at,body,mood,joyful", "1,ana,2021-01-01,hello,joy,0.5", "2,bo,2021-01-02,oh,sad,-1"]
MAPPING = """
[posts]
file = "tweets.csv"
columns = { post_id = "id", user_id = "author", time = "created_at", text = "body" }
constants = { network = "twitter" }

[[labels]]
file = "tweets.csv"
columns = { post_id = "id", user_id = "author", time = "created_at", category = "mood" }
constants = { network = "twitter", space = "ekman" }

[[labels]]
file = "tweets.csv"
columns = { user_id = "author", time = "created_at", pleasure = "joyful" }
constants = { space = "pad", weight = 2 }
"""


def test_one_file_gives_posts_and_two_kinds_of_labels(read):
    told = read("tweets", *TWEETS, mapping=MAPPING)
    posts, labels = told.rows["posts"], told.rows["labels"]
    assert posts.select("post_id", "user_id", "network", "text").rows() == [
        ("1", "ana", "twitter", "hello"), ("2", "bo", "twitter", "oh"),
    ]  # fmt: skip
    assert labels.select("space", "category", "weight", "post_id").rows() == [
        ("ekman", "joy", None, "1"), ("ekman", "sad", None, "2"), ("pad", "", 2.0, ""), ("pad", "", 2.0, ""),
    ]  # fmt: skip
    assert '{"pleasure": 0.5}' in labels["dimensions"][2]
    assert told.faults == []


@pytest.mark.parametrize(
    ("mapping", "reason"),
    [
        ("posts = 3", "posts: Input should be"),
        ("[posts", "not a readable mapping file"),
        ("[post]\nfile = 'a.csv'", "table 'post' is not known; did you mean 'posts'"),
        ("[posts]\nfile = 'tweets.csv'\nrename = {}", "posts.rename: .* 'rename' is not known; known: columns"),
        ("[posts]\ncolumns = {}", "posts.file: Field required"),
        (
            "[posts]\nfile = 'tweets.csv'\ncolumns = { user = 'author' }",
            "column 'user' is not known; did you mean 'user_id'",
        ),
        (
            "[posts]\nfile = 'tweets.csv'\ncolumns = { user_id = 'autor' }",
            "'autor', which is not there; did you mean 'author'",
        ),
        ("[posts]\nfile = 'tweet.csv'", "no such file in log; did you mean 'tweets.csv'"),
        ("[posts]\nfile = '../tweets.csv'", "leaves the folder"),
        ("[posts]\nfile = 'notes.txt'", "the format is none of"),
    ],
)
def test_a_mapping_that_is_wrong(read, tmp_path, mapping, reason):
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "notes.txt").write_text("")
    with pytest.raises(BadInput, match=reason):
        read("tweets", *TWEETS, mapping=mapping)


def test_a_file_in_a_folder_below(tmp_path, read):
    (tmp_path / "log" / "data").mkdir(parents=True)
    (tmp_path / "log" / "data" / "people.csv").write_text("source_id,target_id\nana,bo\n")
    told = read("posts", "post_id,user_id,time", "p1,ana,5", mapping="[ties]\nfile = 'data/people.csv'")
    assert told.rows["ties"].select("source_id", "target_id").rows() == [("ana", "bo")]
    assert len(told.rows["posts"]) == 1  # a table that the mapping leaves out keeps its usual name
