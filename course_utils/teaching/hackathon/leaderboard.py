"""Judging folders of submissions, and the board. Nothing in a submission stops it: what cannot be scored gets a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

import numpy as np

from course_utils.teaching.hackathon.scoring import GradedWorld, Score, mean_score, score
from course_utils.teaching.hackathon.submission import SubmissionError, clean_name, find, read_submission

MAX_TEAMS = 500


@dataclass(frozen=True)
class Entry:
    """A team's scores by world, and one line for each world that could not be scored."""

    team: str
    scores: dict[str, Score] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def public(self) -> Score | None:
        return self.scores.get("public")

    @property
    def hidden(self) -> Score | None:
        """Mean of the hidden worlds; None unless all that were asked for could be scored."""
        scores = [s for name, s in self.scores.items() if name != "public"]
        lost = any(name != "public" for name in self.refused)
        return mean_score(scores) if scores and not lost else None

    @property
    def gap(self) -> float:
        """Public minus hidden points; NaN unless both are there."""
        return self.public.points - self.hidden.points if self.public and self.hidden else float("nan")

    def lines(self) -> list[str]:
        """What ``course hackathon score`` prints."""
        out = [f"{'world':10s} points  95 % interval   F1     km     AUC    Brier  calibration"]
        rows = list(self.scores.items()) + ([("hidden", self.hidden)] if self.hidden else [])
        for name, s in rows:
            low, high = s.interval
            out.append(
                f"{name:10s} {s.points:6.1f}  {low:5.1f} to {high:5.1f}  {s.event_f1:.3f}  {s.location_km:5.2f}  {s.auc:.3f}  "
                f"{s.brier_skill:+.3f}  {s.calibration_error:.3f}"
            )
        out += [f"{name:10s} not scored: {why}" for name, why in self.refused.items()]
        if np.isfinite(self.gap):
            out.append(f"gap        {self.gap:+.1f} points, public minus hidden")
        return out


def judge(folder: str | Path, worlds: dict[str, GradedWorld]) -> Entry:
    """Score one team's folder on every world; the team is called as the folder is."""
    folder, scores, refused = Path(folder), {}, {}
    for name, world in worlds.items():
        try:
            path = find(folder, name)
            if path is None:
                raise SubmissionError(f"{name}.csv (or .parquet) is missing")
            scores[name] = score(read_submission(path, world.given), world)
        except SubmissionError as error:
            refused[name] = str(error)
        except OSError as error:
            refused[name] = str(SubmissionError(f"cannot be read: {error.strerror or type(error).__name__}"))
    return Entry(clean_name(folder.name), scores, refused)


def judge_all(folder: str | Path, worlds: dict[str, GradedWorld], progress=iter) -> list[Entry]:
    """Every folder in ``folder`` as a team; ``progress`` wraps the list of folders."""
    if not Path(folder).is_dir():
        raise ValueError(f"{folder}: no such folder; give the one that holds a folder of each team")
    places = sorted(p for p in Path(folder).iterdir() if not p.name.startswith("."))
    teams = [p for p in places if p.is_symlink() or p.is_dir()]
    if len(teams) > MAX_TEAMS:
        raise ValueError(f"{folder} holds {len(teams)} folders; at most {MAX_TEAMS} teams are judged")
    return [judge(p, worlds) for p in progress(teams)]


def ranks(entries: Iterable[Entry]) -> list[tuple[int | None, Entry]]:
    """Entries by hidden score (public where no world is hidden), with their rank.

    Who cannot be told from the first of a rank shares it: the 95 % interval of their paired difference, from the same draws of
    blocks of time, includes 0. None: not scored.
    """
    entries = list(entries)
    hides = any(name != "public" for e in entries for name in (*e.scores, *e.refused))

    def counted(entry: Entry) -> Score | None:
        return entry.hidden if hides else entry.public

    scored = sorted((e for e in entries if counted(e)), key=lambda e: -counted(e).points)
    out, first, rank = [], None, 0
    for position, entry in enumerate(scored, 1):
        mine = counted(entry)
        if first is None or np.quantile(first.draws - mine.draws, 0.025) > 0:
            first, rank = mine, position
        out.append((rank, entry))
    return out + [(None, e) for e in entries if not counted(e)]


def board(entries: Iterable[Entry]) -> str:
    """The board as an HTML table, every text of a submission escaped."""
    head = ("rank", "team", "hidden", "95 %", "public", "gap", "F1", "km", "AUC", "Brier", "remarks")
    rows = []
    for rank, entry in ranks(entries):
        s = entry.hidden or entry.public
        cells = [str(rank or "–"), escape(entry.team)]
        cells += [f"{entry.hidden.points:.1f}" if entry.hidden else "–"]
        cells += [f"{s.interval[0]:.1f}–{s.interval[1]:.1f}" if s else "–"]
        cells += [f"{entry.public.points:.1f}" if entry.public else "–"]
        cells += [f"{entry.gap:+.1f}" if np.isfinite(entry.gap) else "–"]
        cells += (
            [f"{s.event_f1:.3f}", f"{s.location_km:.2f}", f"{s.auc:.3f}", f"{s.brier_skill:.2f}"] if s else ["–"] * 4
        )
        cells += [escape("; ".join(f"{name}: {why}" for name, why in entry.refused.items()))]
        rows.append("<tr>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    header = "".join(f'<th scope="col">{h}</th>' for h in head)
    caption = "Ranked by the mean of the hidden worlds; ranks are shared where the paired difference could be luck."
    return (
        f"<table>\n<caption>{caption}</caption>\n<thead><tr>{header}</tr></thead>\n<tbody>\n"
        + "\n".join(rows)
        + "\n</tbody>\n</table>"
    )
