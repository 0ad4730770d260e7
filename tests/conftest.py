"""What all tests share: one thread per process, the order of their files, and where the real data lie."""

import os
from pathlib import Path

# before any library starts its threads; several test processes share the cores
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import pytest  # noqa: E402

ROOT = Path(__file__).parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
LONGEST = (  # files and folders whose tests take longest; those that mostly wait, for jobs to end and addresses to answer, among them
    "tests/docs/test_commands.py", "tests/pipelines/test_catalogue_faults.py", "tests/batch/", "tests/notebooks/", "tests/test_release.py",
    "tests/refinement/", "tests/pipelines/test_benchmark", "tests/docs/test_site.py", "tests/estimators/", "tests/population_inference/",
    "tests/calibration/", "tests/pipelines/", "tests/rendering/", "tests/populations/",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: begun last, one file would keep one worker busy and the others idle."""
    places = {prefix: place for place, prefix in enumerate(LONGEST)}
    items.sort(key=lambda item: min((places[p] for p in LONGEST if item.nodeid.startswith(p)), default=len(LONGEST)))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of the real data; skips where they are not there."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data are not at {SHARED_DATA}")
    return SHARED_DATA
