"""``course curate``: a data set with its report from files, clear refusals, pictures with their descriptions."""

import importlib.util
import json
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from course_utils.catalog.formats import write_quakeml
from course_utils.pipeline.cli import main


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder with catalog.xml, stations.csv and raw/*.mseed."""
    path = Path(__file__).parents[1] / "picking" / "curation_cases.py"
    spec = importlib.util.spec_from_file_location("curation_cases_of_picking", path)
    cases = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = cases
    spec.loader.exec_module(cases)
    origins, picks = cases.sequence()
    catalog = cases.table(origins, picks)
    folder = tmp_path_factory.mktemp("files")
    (folder / "raw").mkdir()
    for trace in cases.records(arrivals=[(station, at) for _, station, _, at in picks]):
        trace.write(str(folder / "raw" / f"{trace.id}.mseed"), format="MSEED")
    write_quakeml(catalog, folder / "catalog.xml")
    catalog.stations.to_csv(folder / "stations.csv", index=False)
    return folder


def call(*arguments, capsys):
    with pytest.raises(SystemExit) as left:
        main(["curate", *map(str, arguments)])
    shown = capsys.readouterr()
    return left.value.code, shown.out, shown.err


def test_quakeml_and_a_folder_become_a_data_set_with_a_report(files, tmp_path, capsys):
    from seisbench.data import WaveformDataset

    out = tmp_path / "set"
    given = (files / "catalog.xml", "--waveforms", files / "raw", "--stations", files / "stations.csv", "--out", out)
    options = ("--window-s", 30, "--pick-at-s", 8, 12, "--rate", 50, "--noise", 0.5)
    code, said, errors = call(*given, *options, capsys=capsys)
    assert code == 0, errors
    assert "18 of 6 events" in said and "train:" in said and "left_out.csv" in said
    dataset = WaveformDataset(out, component_order="ZNE")
    assert dataset.get_waveforms().shape == (len(dataset), 3, 1500)
    assert json.loads((out / "curation.json").read_text())["split"] == "event"
    html = (out / "report.html").read_text()
    pictures = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert len(pictures) >= 7 and all(len(alt.split()) >= 5 for alt in pictures)
    assert "station without coordinates" in html and "http" not in html
    code, _, errors = call(*given, capsys=capsys)
    assert code == 1 and "is there already" in errors


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("{0}/catalog.xml", "--out", "{1}/set"), "--waveforms is missing"),
        (("{0}/catalog.xml", "--waveforms", "{0}/raw", "--out", "{0}/raw/set"), "nothing is ever written"),
        (("{0}/catalog.xml", "--waveforms", "{0}/raw", "--out", "{1}/set", "--window-s", "0"), "window_s is 0.0"),
        (("{0}/catalog.xml", "--waveforms", "{0}/raw", "--out", "{1}/set", "--units", "physical"), "no inventory"),
        (("{0}/none.xml", "--waveforms", "{0}/raw", "--out", "{1}/set"), "none.xml"),
    ],
)
def test_refusals_are_one_message(arguments, message, files, tmp_path, capsys):
    code, _, errors = call(*(a.format(files, tmp_path) for a in arguments), capsys=capsys)
    assert code == 1 and message in errors and "fault of the program" not in errors
    assert not (tmp_path / "set").exists()


def test_panels_say_what_is_not_known():
    from course_utils.teaching.figures.datasets import PANELS, overview

    figure, alt = overview(pd.DataFrame({"trace_name": ["a", "b"], "trace_P_arrival_sample": [10.0, np.nan]}))
    assert len(figure.axes) == len(PANELS) + 1 and "unknown" in alt
    with pytest.raises(ValueError, match="there is no row"):
        overview(pd.DataFrame())
    with pytest.raises(ValueError, match="bananas"):
        overview(pd.DataFrame({"x": [1]}), ("bananas",))
