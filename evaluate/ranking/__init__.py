"""Places out of scores, and how sure they are. Pure: no files, no clocks, no logging."""

from evaluate.ranking.methods import METHODS, Method
from evaluate.ranking.own_places import places_of
from evaluate.ranking.ranker import rank, rank_table
from evaluate.ranking.result import RankingRow, Result
from evaluate.ranking.score_table import ALL, ScoreTable, table_of
from evaluate.ranking.settings import RankedColumn, RankSettings

__all__ = [
    "ALL",
    "METHODS",
    "Method",
    "RankSettings",
    "RankedColumn",
    "RankingRow",
    "Result",
    "ScoreTable",
    "places_of",
    "rank",
    "rank_table",
    "table_of",
]
