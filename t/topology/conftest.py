"""What t/topology takes from t/e2e: waiting."""

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "t" / "lib"))

from by_path import load    # noqa: E402 (a folder of ours)

until = load("e2e_conftest", TOP / "t" / "e2e" / "conftest.py").until
