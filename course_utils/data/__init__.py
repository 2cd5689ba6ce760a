"""Outside data: what the course may read, where it comes from, and readers into the common tables.

stations, stream = data.open("qm-volcanotectonic")["stations", "waveforms"]
folder  = data.fetch("pnw-ml")                # verified files, from mirror, cache or network
archive = data.read_waveforms("my_network/")  # a researcher's own folder
table   = data.read_stations("stations.csv")
"""

from __future__ import annotations

from .errors import DataError, MissingFile, NoNetwork, NoRoom, UnknownDataset, WrongContent
from .fetching import cache_folder, fetch, mirror_folder, mode, path, verify
from .manifests import dataset, files, manifest
from .mirroring import make_mirror
from .readers import Opened, openable
from .readers import open_dataset as open
from .real_files import read_real_picks, read_real_stations
from .stations import read_stations
from .waveforms import WaveformArchive, read_waveforms

__all__ = [
    "DataError",
    "MissingFile",
    "NoNetwork",
    "NoRoom",
    "Opened",
    "UnknownDataset",
    "WaveformArchive",
    "WrongContent",
    "cache_folder",
    "dataset",
    "fetch",
    "files",
    "make_mirror",
    "manifest",
    "mirror_folder",
    "mode",
    "open",
    "openable",
    "path",
    "read_real_picks",
    "read_real_stations",
    "read_stations",
    "read_waveforms",
    "verify",
]
