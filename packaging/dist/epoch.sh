#!/bin/sh
# epoch.sh: the time that everything made of this tree carries, in seconds:
# SOURCE_DATE_EPOCH, else that of the commit, else (an unpacked tarball) that of
# the Makefile.
set -eu

cd "$(dirname "$0")/../.."
if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
    echo "$SOURCE_DATE_EPOCH"
elif [ -e .git ]; then
    git log -1 --format=%ct
else
    stat -c %Y Makefile
fi
