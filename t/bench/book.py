"""What a bench has found: printed as it comes, as Markdown, and kept for
report.py as JSON.

    {"about": {name: text}, "sections": [{"name", "title", "text": [...],
     "tables": [{"columns": [...], "rows": [[...]]}],
     "judged": [[good, text]]}]}
"""

import json
import os


class Book:
    def __init__(self):
        self.about = {}
        self.sections = []
        self.failed = False

    def section(self, name, title, text=""):
        self.sections.append({"name": name, "title": title, "text": [],
                              "tables": [], "judged": []})
        print(f"\n### {title}\n")
        if text:
            self.say(text)

    def say(self, text):
        self.sections[-1]["text"].append(text)
        print(text + "\n", flush=True)

    def table(self, *columns):
        """The first column is text, the others are figures."""
        self.sections[-1]["tables"].append({"columns": list(columns),
                                            "rows": []})
        print(line(columns))
        print(line(["---"] + ["---:"] * (len(columns) - 1)))

    def row(self, *cells):
        cells = [str(cell) for cell in cells]
        self.sections[-1]["tables"][-1]["rows"].append(cells)
        print(line(cells), flush=True)

    def judge(self, good, text):
        good = bool(good)
        self.failed |= not good
        if self.sections:
            self.sections[-1]["judged"].append([good, text])
        print(("PASS  " if good else "FAIL  ") + text, flush=True)

    def save(self, directory):
        os.makedirs(directory, exist_ok=True)
        path = os.path.join(directory, "gate.json")
        with open(path + ".new", "w", encoding="utf-8") as f:
            json.dump({"about": self.about, "sections": self.sections}, f,
                      indent=1)
        os.replace(path + ".new", path)
        return path


def line(cells):
    return "| " + " | ".join(cells) + " |"


def whole(x):
    return f"{x:,.0f}"
