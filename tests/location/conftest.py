import pytest
from perturbed_medium import perturbed


@pytest.fixture(scope="session")
def truth():
    """20 events of 30 arrivals in a perturbed medium, without outliers."""
    return perturbed(20, seed=11, outliers=0.0, spacing_km=0.5)
