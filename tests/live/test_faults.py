"""Killed at any moment, with a damaged checkpoint, on a full disk: nothing is lost, nothing twice, states are equal."""

from emotide.bench.service.faults import faults


def test_faults_cost_nothing(town, tmp_path):
    told = faults(town.model, town.events[:250], tmp_path, kills=2, seed=1)
    assert told == {
        "kills": 2, "lost": 0, "double": 0, "state_equal": True, "corrupt_checkpoint": True, "disk_full": True,
        "database_away": True, "clock_jump": True,
    }  # fmt: skip
