#!/usr/bin/python3
"""hx_lint.py ROOT MODULE.so [PROGRAM...]: runs our own checks over a tree, the
built module and the programs; prints "path:line: message" lines and exits 1 if
there are any."""

import subprocess
import sys

import checks
import lock_rules


def exported(path):
    return subprocess.run(["nm", "-D", "--defined-only", path], check=True,
                          capture_output=True, text=True).stdout


def main(root, module, *programs):
    bad = 0
    for check in checks.TREE_CHECKS + [lock_rules.check_locks]:
        for message in check(root):
            print(f"{message} [{check.__name__[6:]}]")
            bad += 1
    messages = list(checks.check_exports(exported(module)))
    for program in programs:
        messages += checks.check_program_exports(program, exported(program))
    for message in messages:
        print(f"{message} [exports]")
        bad += 1
    files = len(checks.c_sources(root))
    print(f"own checks: {files} C files, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
