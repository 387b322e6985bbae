"""Values one ahead: what is asked for comes, made once and in turn, and what goes wrong is told to whoever asks."""

import threading

import pytest

from emotide.model.ahead import Ahead


@pytest.mark.parametrize("order", [range(4), [0, 0, 1, 1, 3], [2, 0, 3], [3, 3, 0]], ids=str)
def test_every_number_has_its_value(order):
    ahead = Ahead(lambda number: number * number, 4)
    assert [ahead.at(number) for number in order] == [number * number for number in order]


def test_the_next_one_is_made_by_another_thread_and_once():
    made = []
    ahead = Ahead(lambda number: made.append((number, threading.current_thread())), 3)
    for number in (0, 0, 1, 2):
        ahead.at(number)
    assert [number for number, _ in made] == [0, 1, 2]
    here = threading.current_thread()
    assert [thread is here for _, thread in made] == [True, False, False]


def test_values_are_made_one_at_a_time():
    busy, clashes = threading.Lock(), []

    def make(number):
        clashes.append(not busy.acquire(blocking=False))
        threading.Event().wait(0.01)
        busy.release()
        return number

    ahead = Ahead(make, 9)
    assert [ahead.at(number) for number in (0, 5, 2, 3, 8)] == [0, 5, 2, 3, 8]
    assert not any(clashes)


def test_whoever_asks_is_told_what_went_wrong():
    def make(number):
        if number == 1:
            raise ValueError("no such page")
        return number

    ahead = Ahead(make, 3)
    assert ahead.at(0) == 0
    with pytest.raises(ValueError, match="no such page"):
        ahead.at(1)
    assert ahead.at(2) == 2
