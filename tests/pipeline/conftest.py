import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """Folder of a small network: waveforms, stations.csv, velocity.csv, run.toml, and the truth."""
    from network import export

    return export(tmp_path_factory.mktemp("network"))


@pytest.fixture
def oracle(network, monkeypatch):
    """The picker that returns the truth, in place of the real one."""
    from network import Model, Oracle

    from course_utils import picking
    from course_utils.catalog.store import read_table
    from course_utils.pipeline import stages

    stages.model_identity.cache_clear()
    stages._model.cache_clear()
    one = Oracle(read_table(network / "arrivals.parquet", "arrivals"))
    monkeypatch.setattr(picking, "pick", one)
    monkeypatch.setattr(picking, "load_model", lambda name: Model())
    yield one
    stages.model_identity.cache_clear()
    stages._model.cache_clear()
