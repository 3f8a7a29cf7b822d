"""What t/chaos takes from t/e2e and t/fleet: ports, waiting, an nginx of one's
own, Redis, proxies that fail.  Both the program and its tests import it."""

import importlib.util
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]


def load(name, path):
    """A module by its path: each folder of tests has a conftest."""
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fleet = load("fleet_conftest", TOP / "t" / "fleet" / "conftest.py")
scratch, free_port, until, running = (fleet.scratch, fleet.free_port,
                                      fleet.until, fleet.running)
program, run, error_of = fleet.program, fleet.run, fleet.e2e.error_of
sys.path.append(str(TOP / "t" / "fleet"))
