#!/usr/bin/python3
"""hx_lint.py ROOT MODULE.so: runs our own checks over a tree and the built
module; prints "path:line: message" lines and exits 1 if there are any."""

import subprocess
import sys

import checks


def main(root, module):
    bad = 0
    for check in checks.TREE_CHECKS:
        for message in check(root):
            print(f"{message} [{check.__name__[6:]}]")
            bad += 1
    nm = subprocess.run(["nm", "-D", "--defined-only", module], check=True,
                        capture_output=True, text=True)
    for message in checks.check_exports(nm.stdout):
        print(f"{message} [exports]")
        bad += 1
    files = len(checks.c_sources(root))
    print(f"own checks: {files} C files, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
