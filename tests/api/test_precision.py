"""`--precision bfloat16` reads what float32 reads, but for its rounding."""

import numpy as np


def test_predictions_in_bfloat16_are_those_in_float32_to_its_rounding(town, command):
    full, short = (
        command(*town.ask("predict", "--horizon", "2", "--json", "--precision", precision)).json
        for precision in ("float32", "bfloat16")
    )
    assert [row["user_id"] for row in full] == [row["user_id"] for row in short]
    names = [name for name, value in full[0].items() if isinstance(value, float)]
    one, other = (np.array([[row[name] for name in names] for row in rows]) for rows in (full, short))
    assert np.abs(one - other).max() > 0
    assert np.abs(one - other).mean() < 0.01
    same = np.mean([a["reading"] == b["reading"] for a, b in zip(full, short, strict=True)])
    assert same > 0.97


def test_reasons_are_not_asked_for_in_bfloat16(town, command):
    told = command(*town.ask("predict", "--explain", "--user", "ana", "--precision", "bfloat16"))
    assert told.code == 2
    assert "--explain wants gradients" in told.err
