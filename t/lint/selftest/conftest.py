import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


@pytest.fixture
def tree(tmp_path):
    """write(path, text) into a tree of its own; tree.messages(check)."""

    class Tree:
        root = tmp_path

        def write(self, path, text):
            path = tmp_path / path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            return self

        def messages(self, check):
            return list(check(tmp_path))

    return Tree()
