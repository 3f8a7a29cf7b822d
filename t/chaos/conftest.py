"""What t/chaos takes from t/e2e and t/fleet: ports, waiting, an nginx of one's
own, Redis, proxies that fail.  Both the program and its tests import it."""

import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path.append(str(TOP / "t" / "lib"))

from by_path import load    # noqa: E402 (a folder of ours)


fleet = load("fleet_conftest", TOP / "t" / "fleet" / "conftest.py")
scratch, free_port, until, running = (fleet.scratch, fleet.free_port,
                                      fleet.until, fleet.running)
program, run, error_of = fleet.program, fleet.run, fleet.e2e.error_of
sys.path.append(str(TOP / "t" / "fleet"))
