"""The hackathon kit: worlds with a public and a hidden part, submissions that nobody needs to trust, scores and a board.

A folder of worlds, as ``course hackathon worlds`` makes it, holds::

    public/          a catalog with its truth, from a seed that everybody knows
    hidden/world1/   a catalog alone; hidden/world2/ ...
    commitment.json  SHA-256 of the hidden seeds and truths: published before the start
    secret/          these seeds and truths: for the organiser, until the scores are out

A submission is a folder with one table of events per world: ``public.csv``, ``world1.csv``, ... or ``.parquet``.
"""

from course_utils.teaching.hackathon.kit import WorldsError, load_worlds, new_kit, read_world
from course_utils.teaching.hackathon.leaderboard import Entry, board, judge, ranks
from course_utils.teaching.hackathon.scoring import GradedWorld, Score, score
from course_utils.teaching.hackathon.submission import COLUMNS, SubmissionError, clean_name, read_submission, validate

__all__ = [
    "COLUMNS",
    "Entry",
    "GradedWorld",
    "Score",
    "SubmissionError",
    "WorldsError",
    "board",
    "clean_name",
    "judge",
    "load_worlds",
    "new_kit",
    "ranks",
    "read_submission",
    "read_world",
    "score",
    "validate",
]
