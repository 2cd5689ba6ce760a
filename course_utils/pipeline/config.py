"""The configuration of a run: a TOML file, checked as a whole before anything is computed.

Paths are relative to the file that names them. Keys that nobody knows are refused, with the nearest known one.
The sections ``[associate]`` and ``[locate]`` take the settings of their rooms, where each is explained; whatever
is not given follows from the geometry of the network.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, ValidationError, model_validator

SYNTHETIC, DATASET = "synthetic:", "data:"


class ConfigError(ValueError):
    """A configuration cannot be used; one line per key, with its value and the remedy."""


def _utc(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError("not a time; write 2014-08-24T00:00:00") from error
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value


Time = Annotated[datetime, BeforeValidator(_utc)]
Probability = Annotated[float, Field(gt=0, lt=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(_Section):
    """Where the data come from."""

    waveforms: str = Field(
        description='a folder of MiniSEED (any ending) or SAC, "synthetic:lesson" (or another synthetic world), or '
        '"data:NAME" with a data set of the manifest'
    )
    stations: str | None = Field(None, description="CSV or StationXML; a synthetic world or data set brings its own")
    velocity: str | None = Field(
        None, description="CSV: depth_km, vp_km_s, vs_km_s; a world or data set brings its own"
    )
    velocity_interpolation: Literal["linear", "layers"] | None = Field(
        None, description="rows are nodes with linear velocity between them, or tops of constant layers"
    )
    start: Time | None = Field(None, description="first time to use, UTC; default: all there is")
    end: Time | None = Field(None, description="end of the time to use, UTC; default: all there is")

    @model_validator(mode="after")
    def _complete(self) -> Input:
        if not self.waveforms.strip():
            raise ValueError("waveforms is empty; name a folder, a synthetic world or a data set")
        if self.start and self.end and self.end <= self.start:
            raise ValueError(f"end ({self.end.isoformat()}) is not after start ({self.start.isoformat()})")
        if self.velocity is None and self.velocity_interpolation is not None:
            raise ValueError("velocity_interpolation is given without velocity; remove it or name the file")
        if not self.waveforms.startswith((SYNTHETIC, DATASET)):
            for name in ("stations", "velocity"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name} is missing; a folder of waveforms needs stations and velocity as well")
        return self


class Pick(_Section):
    """How phases are picked (:func:`course_utils.picking.pick`)."""

    model: str = Field("phasenet:original", description='"class:weights", or the path of a .json and .safetensors pair')
    ensemble: tuple[str, ...] = Field((), description="further models, which run in the same pass over the data")
    consensus: int | None = Field(
        None, ge=1, description="models that must agree on a pick; default: the picks of all models side by side"
    )
    device: str = Field("auto", description='"auto", "cpu", "cuda", "cuda:1", ...')
    engine: Literal["auto", "torch", "kernel"] = Field(
        "auto", description="what runs the model: torch, or the compiled kernel that serves PhaseNet on a CPU"
    )
    p_threshold: Probability | None = Field(None, description="default: the weights' own")
    s_threshold: Probability | None = Field(None, description="default: the weights' own")
    time_stretch: float = Field(
        1.0, ge=0.1, le=10, description="2 shows the model data at half speed, for small, near events"
    )
    batch_size: int | None = Field(None, ge=1, description="windows at a time; default: the picker's own")
    overlap: float | None = Field(
        None, ge=0, description="of windows: a share below 1, or samples; default: the weights' own"
    )
    max_gap_s: float = Field(1.0, ge=0, description="gaps up to this long are interpolated")

    @model_validator(mode="after")
    def _models_differ(self) -> Pick:
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"a model stands twice among {', '.join(self.models)}; name each once")
        if self.consensus and self.consensus > len(self.models):
            raise ValueError(
                f"consensus is {self.consensus} of {len(self.models)} models; name more (--model again, or ensemble in a file)"
            )
        return self

    @property
    def models(self) -> tuple[str, ...]:
        """All models, the first first."""
        return self.model, *self.ensemble

    @property
    def thresholds(self) -> dict[str, float] | None:
        """The thresholds that the file gives, as the picker takes them."""
        given = {"P": self.p_threshold, "S": self.s_threshold}
        return {phase: value for phase, value in given.items() if value is not None} or None


class Associate(_Section):
    """The associator and its settings (:func:`course_utils.association.settings_for`)."""

    model_config = ConfigDict(extra="allow", frozen=True)
    method: str = "pyocto"
    chunk_hours: float = Field(1.0, gt=0, description="time that one worker takes at once; changes no result")
    workers: int = Field(1, ge=1, description="processes; changes no result")

    @property
    def settings(self) -> dict[str, Any]:
        """What the file gives explicitly."""
        return dict(self.model_extra or {})


class Locate(_Section):
    """Settings of the location (:func:`course_utils.location.locate`)."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @property
    def settings(self) -> dict[str, Any]:
        """What the file gives explicitly."""
        return dict(self.model_extra or {})


class Magnitude(_Section):
    """Local magnitudes of the located events; without this section none are computed. Needs instrument responses."""

    calibrate: bool = Field(
        False, description="distance correction and station terms from these readings, instead of the published ones"
    )
    min_distance_km: float | None = Field(
        None, ge=0, description="nearest reading of the published scale; default: its own, 10 km"
    )


class Grade(_Section):
    """Grades with reasons, and the probability that an event is right; without this section grades are those of the location."""


class ReportSection(_Section):
    """What the HTML report shows."""

    title: str = "Earthquake catalog"
    unmatched_shown: int = Field(40, ge=0, description="detections without a reference event to show with waveforms")
    missed_shown: int = Field(20, ge=0, description="reference events without a detection to show with waveforms")
    weakest_shown: int = Field(4, ge=0, description="events with the fewest picks to show with waveforms")


class Reference(_Section):
    """A published catalog to compare with."""

    catalog: str = Field(description='file or folder of a catalog, "data:NAME" or "synthetic:NAME"')
    max_dt_s: float = Field(1.5, gt=0, description="largest difference of origin times in s")
    max_km: float = Field(10.0, gt=0, description="largest distance of epicenters in km")


class Config(_Section):
    """A whole configuration. :meth:`path` resolves what its sections name."""

    input: Input
    pick: Pick = Pick()
    associate: Associate = Associate()
    locate: Locate = Locate()
    magnitude: Magnitude | None = None
    grade: Grade | None = None
    report: ReportSection = ReportSection()
    reference: Reference | None = None
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _one_pick_per_arrival(self) -> Config:
        if self.pick.ensemble and self.pick.consensus is None:
            raise ValueError(
                "[pick] ensemble without consensus gives an arrival several picks; say how many must agree"
            )
        return self

    def path(self, text: str) -> Path:
        """A path that the file names, relative to the file's own folder."""
        return self._folder / Path(text).expanduser()

    @classmethod
    def from_dict(cls, values: dict[str, Any], folder: str | Path = ".") -> Config:
        """A configuration from plain values; ConfigError lists everything that is wrong with them."""
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError("\n".join(explain(item) for item in error.errors())) from None
        config._folder = Path(folder)
        return config


def settings_of(kind: type[BaseModel], section: str, values: dict[str, Any]) -> Any:
    """One section from plain values; ConfigError as for a file."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ConfigError("\n".join(explain({**e, "loc": (section, *e["loc"])}) for e in error.errors())) from None


def read_config(path: str | Path) -> Config:
    """Read a configuration file.

    Raises:
        FileNotFoundError: there is no such file.
        ConfigError: not TOML, or keys and values that cannot be used; the message has a line for each.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"configuration {path}: no such file; examples/ holds two to start from")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    try:
        return Config.from_dict(values, path.parent)
    except ConfigError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None


def refuse_inside(waveforms: Path, out: Path) -> None:
    """ConfigError when an output would lie in the folder of waveforms."""
    raw, here = waveforms.resolve(), out.resolve()
    if here == raw or raw in here.parents:
        raise ConfigError(
            f"--out {out}: lies inside the folder of waveforms, where nothing is ever written; choose another"
        )


def check_keys(section: str, given: dict[str, Any], known: list[str]) -> None:
    """Refuse keys of an open section that its room does not know; ConfigError names the nearest known one."""
    lines = [_unknown(f"[{section}] {key}", key, value, known) for key, value in given.items() if key not in known]
    if lines:
        raise ConfigError("\n".join(lines))


def said(error: ValidationError) -> list[str]:
    """A line for each thing that a room says against its settings: the name, the value, what is wrong."""
    lines = []
    for item in error.errors():
        name, message = ".".join(str(part) for part in item["loc"]), item["msg"].removeprefix("Value error, ")
        value = "" if isinstance(item["input"], dict) else f" = {item['input']!r}"
        lines.append(f"{name}{value}: {message[:1].lower()}{message[1:]}")
    return lines


@contextmanager
def explain_settings(section: str) -> Iterator[None]:
    """Turn what a room says against its settings into a ConfigError that names the section."""
    try:
        yield
    except ValidationError as error:
        raise ConfigError("\n".join(f"[{section}] {line}".replace("] :", "]:") for line in said(error))) from None
    except ValueError as error:
        raise ConfigError(f"[{section}]: {error}") from error


def _unknown(where: str, key: str, value: Any, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"{where} = {value!r}: there is no such key; {hint}"


_SECTIONS: dict[str, type[BaseModel]] = {
    "input": Input,
    "pick": Pick,
    "associate": Associate,
    "locate": Locate,
    "magnitude": Magnitude,
    "grade": Grade,
    "report": ReportSection,
    "reference": Reference,
}


def explain(
    error: dict[str, Any], sections: dict[str, type[BaseModel]] | None = None, open_sections: tuple[str, ...] = ()
) -> str:
    """One line on one error of pydantic: where, what value, what to do. ``sections`` of the file (default: those of
    ``course run``); ``open_sections`` exist as well and are checked elsewhere."""
    sections = _SECTIONS if sections is None else sections
    place = [str(part) for part in error["loc"]]
    where = f"[{place[0]}] {'.'.join(place[1:])}".strip() if place else "the file"
    value = error["input"]
    if error["type"] == "extra_forbidden":
        known = list(sections[place[0]].model_fields) if len(place) > 1 else [*sections, *open_sections]
        shown = "{...}" if isinstance(value, dict) else value
        return _unknown(where, place[-1], shown, known)
    if error["type"] == "missing":
        kind = sections.get(place[0])
        field = kind.model_fields.get(place[-1]) if kind and len(place) > 1 else None
        meaning = f" ({field.description})" if field is not None and field.description else ""
        return f"{where}: is missing; add it{meaning}"
    message = error["msg"].removeprefix("Value error, ")
    if isinstance(value, dict):  # a rule about the section as a whole
        return f"{where}: {message}"
    return f"{where} = {value!r}: {message[:1].lower()}{message[1:]}"
