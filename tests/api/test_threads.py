"""How many of torch's threads walk through a log."""

import pytest
import torch

from emotide.api import SocialLog, workers
from emotide.api.workers import threads_for
from emotide.timeline import TimelineConfig


@pytest.fixture
def two():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_small_steps_have_one_thread_and_large_ones_all(two, town, monkeypatch):
    log = SocialLog.open(town.store)
    timeline = log.timeline(TimelineConfig(step="1d"), log.spaces())
    with threads_for(timeline):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    monkeypatch.setattr(workers, "SMALL", 1)
    with threads_for(timeline):
        assert torch.get_num_threads() == 2
