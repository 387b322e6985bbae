"""Bitcoin OTC: who trusts whom on a market place, ratings over time."""

from pathlib import Path

import polars as pl

from emotide.convert.converter import Converter
from emotide.convert.sources import read_table
from emotide.convert.tables import Tables
from emotide.errors import BadInput

MOST = 10  # the highest rating; the lowest is -10, and 0 does not occur


def bitcoin_otc(source: Path) -> Tables:
    """An interaction a rating: `trust` above 0, `distrust` below; how far goes. Times are Unix seconds."""
    columns = {"source": pl.String, "target": pl.String, "weight": pl.Int64, "time": pl.Float64}
    rows = read_table(source, "soc-sign-bitcoinotc.csv", columns)
    wrong = rows.filter((pl.col("weight") == 0) | (pl.col("weight").abs() > MOST))
    if wrong.height:
        row, came = int(wrong["row"][0]) + 1, wrong["weight"][0]
        raise BadInput(f"{came} is not a rating from -{MOST} to {MOST} without 0", source, row, "weight")
    ratings = rows.filter(pl.col("source") != pl.col("target")).select(
        source_id="source",
        target_id="target",
        time=(pl.col("time") * 1e6).cast(pl.Int64).cast(pl.Datetime("us", "UTC")),
        kind=pl.when(pl.col("weight") > 0).then(pl.lit("trust")).otherwise(pl.lit("distrust")),
        network=pl.lit("bitcoin_otc"),
    )
    return {"interactions": ratings.unique(maintain_order=True)}


BITCOIN_OTC = Converter(
    bitcoin_otc,
    "35,592 ratings of 5,881 users of a Bitcoin market place: who trusts or distrusts whom",
    "none stated; cite Kumar, Spezzano, Subrahmanian & Faloutsos 2016 (SNAP soc-sign-bitcoin-otc)",
)
