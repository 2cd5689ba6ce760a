"""Models and their weights: published ones through SeisBench, our own from the package or from a path.

Weights on disk are a pair ``NAME.json`` (arguments, thresholds, how they were made) and ``NAME.safetensors`` (tensors).
Nothing here unpickles.
"""

from __future__ import annotations

import json
import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seisbench.models import WaveformModel

PACKAGED = ("phasenet:synthetic",)
_REQUIRED = ("model_class", "model_args", "default_args")


class ModelError(RuntimeError):
    """A model or its weights cannot be had; the message names them, where they were looked for, and the remedy."""


def load_model(name: str | Path) -> WaveformModel:
    """A SeisBench model with weights, on the CPU, in evaluation mode.

    Args:
        name: ``"phasenet:original"`` (class and published weights, from SeisBench's cache or, if they are not there,
            from its server), ``"phasenet:synthetic"`` (trained by this project on the synthetic Earth, in the package,
            no network), or the path of a pair written by :func:`save_model`, with or without ``.json``.

    Raises:
        ModelError: no such class, no such weights in the cache and none to be fetched, or files that do not fit.
    """
    text = str(name)
    if text.lower() in PACKAGED:
        stem = text.lower().replace(":", "_")
        folder = resources.files("course_utils.picking") / "weights"
        model = _from_pair(folder / f"{stem}.json", folder / f"{stem}.safetensors", f"the packaged weights {text!r}")
        model.course_weights = text.split(":", 1)[1].lower()
        return model
    stem = Path(text[: -len(".json")] if text.endswith(".json") else text)
    if Path(f"{stem}.json").is_file():
        model = _from_pair(Path(f"{stem}.json"), Path(f"{stem}.safetensors"), f"the weights {stem}")
        model.course_weights = stem.name
        return model
    kind, separator, weights = text.partition(":")
    if not separator or not weights or os.sep in kind:
        raise ModelError(
            f'no model {text!r}: give "class:weights" such as "phasenet:original", "phasenet:synthetic", '
            "or the path of a .json and .safetensors pair"
        )
    model = _published(model_class(kind), weights)
    model.course_weights = weights
    return model


def save_model(
    model: WaveformModel, path: str | Path, *, recipe: str | dict, docstring: str = "", version: str = "1"
) -> None:
    """Write ``path.json`` and ``path.safetensors``, which :func:`load_model` reads back.

    Args:
        recipe: how the weights were made, for whoever finds the files later.
    """
    from safetensors.torch import save_file

    arguments = {k: v for k, v in model.get_model_args().items() if _is_plain(v)}
    if hasattr(model, "filter_factor"):  # SeisBench's PhaseNet leaves it out of its own arguments
        arguments["filter_factor"] = model.filter_factor
    card = {
        "model_class": type(model).__name__,
        "model_args": arguments,
        "default_args": model.default_args,
        "weights_version": version,
        "docstring": docstring,
        "recipe": recipe,
    }
    tensors = Path(f"{path}.safetensors")
    save_file({k: v.contiguous().cpu() for k, v in model.state_dict().items()}, tensors)
    tensors.chmod(0o644)  # safetensors writes for the owner alone
    Path(f"{path}.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def weights_name(model: WaveformModel) -> str:
    """Name of the weights that a model carries; "custom" when it did not come from :func:`load_model`."""
    return getattr(model, "course_weights", "custom")


def import_seisbench():
    """``seisbench.models``; a clear error where SeisBench cannot write the cache folder that it makes at import."""
    try:
        import seisbench.models
    except OSError as error:
        root = os.environ.get("SEISBENCH_CACHE_ROOT", "~/.seisbench")
        raise ModelError(
            f"SeisBench cannot use its cache folder {root} ({error}); set SEISBENCH_CACHE_ROOT to a folder that can be "
            'written, or that already holds config.json with {"dimension_order": "NCW", "component_order": "ZNE"}'
        ) from error
    return seisbench.models


def _is_plain(value: object) -> bool:
    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def model_class(kind: str):
    """The class of a name, in any case: a model of SeisBench, or "UNetPicker". ModelError when there is none."""
    models = import_seisbench()
    classes = {
        name.lower(): value
        for name, value in vars(models).items()
        if isinstance(value, type) and issubclass(value, models.WaveformModel) and value is not models.WaveformModel
    }
    if kind.lower() == "unetpicker":  # our own, for lessons and small networks
        from .training.unet_picker import UNetPicker

        return UNetPicker
    if kind.lower() not in classes:
        raise ModelError(f"SeisBench has no model class {kind!r}; it has {', '.join(sorted(classes))}")
    return classes[kind.lower()]


def _published(model_class, weights: str):
    import seisbench
    from requests import RequestException

    folder = Path(seisbench.cache_model_root) / model_class._name_internal().lower()
    there = sorted(folder.glob(f"{weights}.json*")) if folder.is_dir() else []
    try:
        model = model_class.from_pretrained(weights)
    except (OSError, ValueError, RequestException) as error:
        label = f"{model_class.__name__} weights {weights!r}"
        if there:
            raise ModelError(f"{label} are in {folder} but cannot be loaded: {error}; remove them and retry") from error
        raise ModelError(
            f"{label} are neither in SeisBench's cache {seisbench.cache_root} (SEISBENCH_CACHE_ROOT) nor to be fetched "
            f"from its server ({type(error).__name__}: {error}). Check the name (case matters) and the network, copy "
            f"{weights}.json.vN and {weights}.pt.vN into {folder}"
            + (f", or use the packaged {PACKAGED[0]!r}" if model_class.__name__ != "DeepDenoiser" else "")
        ) from error
    return model.eval()


def _from_pair(card_file, tensor_file, label: str):
    from safetensors.torch import load

    for file in (card_file, tensor_file):
        if not file.is_file():
            raise ModelError(f"{label} are not complete: {file.name} is missing beside its twin; reinstall or copy it")
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ModelError(f"{label}: {card_file.name} is not JSON ({error}); copy it again") from error
    absent = [key for key in _REQUIRED if key not in card]
    if absent:
        raise ModelError(f"{label}: {card_file.name} lacks {', '.join(absent)}; write it with picking.save_model")
    kind = model_class(card["model_class"])
    try:
        model = kind(**card["model_args"])
        model.load_state_dict(load(tensor_file.read_bytes()))
    except Exception as error:  # safetensors, torch and the model's own constructor each raise their own kinds
        raise ModelError(f"{label} do not fit {kind.__name__}: {error}; copy both files again") from error
    model.default_args.update(card["default_args"])
    model._weights_metadata = card
    model._weights_version = str(card.get("weights_version", "1"))
    model._weights_docstring = card.get("docstring", "")
    return model.eval()
