import numpy as np

from emotide.recommend import reasons


def one(value: float, neutral: float, usual: float, explored: bool = False) -> str:
    return reasons(np.array([value]), np.array([neutral]), usual, ["Blue"], ["joy"], np.array([explored]))[0]


def test_the_greater_part_is_named():
    assert one(0.62, 0.5, 0.45) == "Blue: liked more in this mood (joy), +0.12 over the average mood"
    assert one(0.62, 0.6, 0.3) == "Blue: generally liked, +0.3 over the average item"


def test_what_speaks_against_it_is_not_kept_back():
    lifted, lowered = one(0.6, 0.2, 0.3), one(0.5, 0.7, 0.3)
    assert lifted == "Blue: liked more in this mood (joy), +0.4 over the average mood, though -0.1 in general"
    assert lowered == "Blue: generally liked, +0.4 over the average item, though -0.2 in this mood (joy)"


def test_no_reason_is_invented():
    assert one(0.1, 0.2, 0.3) == "Blue: the best of what is left, though -0.2 against the average item"


def test_chance_is_called_chance():
    said = one(0.62, 0.5, 0.45, explored=True)
    assert said == "Blue: shown by chance, to learn whether it is liked; +0.17 against the average item"


def test_one_line_for_every_row():
    values = np.linspace(0, 1, 5)
    said = reasons(values, values[::-1].copy(), 0.4, list("abcde"), ["joy"] * 5, np.zeros(5, bool))
    assert [line.split(":")[0] for line in said] == list("abcde")
    assert reasons(np.array([]), np.array([]), 0.0, [], [], np.array([], bool)) == []
