"""hx-audit through its command line, on trails made by hx_audit_log.py."""

import gzip
import json
import os
import random
import signal
import subprocess

import pytest

from conftest import TOP, until
from hx_audit_log import (START, TENANTS, Ed25519, Hmac, Writer, members,
                          record, stamp, trail)

TOOL = os.environ.get("HX_AUDIT", str(TOP / "build" / "hx-audit"))
SECRET = b"0123456789abcdef0123456789abcdef-x"


def run(*args, stdin=None):
    return subprocess.run([TOOL, *map(str, args)], capture_output=True,
                          timeout=60, check=False, input=stdin)


def text_of(lines):
    return b"".join(line + b"\n" for line in lines)


def write(folder, files):
    paths = []
    for number, lines in enumerate(files):
        path = folder / f"audit.{number}"
        path.write_bytes(lines if isinstance(lines, bytes) else text_of(lines))
        paths.append(path)
    return paths


def verify(folder, files, *options):
    """Exit code and report."""
    paths = write(folder, files)
    out = run("verify", "--json", *options, *paths)
    assert out.returncode in (0, 1), out.stderr
    report = json.loads(out.stdout)
    assert report["ok"] == (out.returncode == 0)
    for found in report["findings"] + report["notes"]:
        found["file"] = paths.index(folder / os.path.basename(found["file"]))
    return report


def findings(report):
    return {f["kind"]: f for f in report["findings"]}


def notes(report):
    return {n["note"]: n["count"] for n in report["notes"]}


def only(report, kind, count=1):
    assert [f["kind"] for f in report["findings"]] == [kind], report
    found = report["findings"][0]
    assert found["count"] == count, report
    return found


def at(found):
    return found["file"], found["line"], found["writer"], found["seq"]


def place(files, number, i):
    """What a finding at line i (from 0) of a file says."""
    return (number, i + 1, *members(files[number][i]))


def same_writer(lines, i):
    """The next line of the writer of line i."""
    name = members(lines[i])[0]
    return next(k for k in range(i + 1, len(lines))
                if members(lines[k])[0] == name)


def changed(files, number, i, line):
    """A copy with another line in place of one (None: with none)."""
    out = [list(lines) for lines in files]
    out[number][i:i + 1] = [] if line is None else [line]
    return out


@pytest.fixture(scope="module")
def small():
    return trail(600)


# ---- trails that are whole ---------------------------------------------------

@pytest.mark.parametrize("seed", range(4))
def test_a_whole_trail(tmp_path, seed):
    files = trail(400, n_writers=seed + 1, n_files=seed + 1, seed=seed)
    report = verify(tmp_path, files)
    assert report["findings"] == [] and report["notes"] == []
    assert report["records"] == 400
    assert report["writers"] == report["files"] == seed + 1
    assert report["checkpoints"] == sum(map(len, files)) - 400
    assert report["first"] == stamp(START)
    assert report["last"] == json.loads(files[-1][-1])["ts"]
    assert report["unsigned_tail"] == 400


def test_the_text_report(tmp_path, small):
    out = run("verify", *write(tmp_path, small))
    assert out.returncode == 0
    assert b"600 records" in out.stdout
    assert b"the chains are whole" in out.stdout
    bad = changed(small, 1, 50, None)
    out = run("verify", "--quiet", *write(tmp_path, bad))
    assert out.returncode == 1
    assert out.stdout.startswith(b"delete: 1\n")
    assert b"audit.1:" in out.stdout and b"writers" not in out.stdout


def test_gzip_and_standard_input(tmp_path, small):
    paths = write(tmp_path, small)
    packed = tmp_path / "audit.0.gz"
    packed.write_bytes(gzip.compress(paths[0].read_bytes()))
    out = run("verify", packed, "-", paths[2], stdin=paths[1].read_bytes())
    assert out.returncode == 0, out.stdout
    packed.write_bytes(packed.read_bytes()[:-2000])
    out = run("verify", packed, paths[1], paths[2])
    assert out.returncode == 2
    assert b"audit.0.gz" in out.stderr


def test_from_the_middle_of_a_trail(tmp_path, small):
    """Older files are gone: every writer opens the first that is there."""
    report = verify(tmp_path, small[1:])
    assert report["findings"] == []
    assert notes(report) == {"continued": 4}


def test_a_trail_that_goes_on(tmp_path, small):
    files = small[:2] + [small[2][:120]]
    assert only(verify(tmp_path, files), "truncate", 4)
    report = verify(tmp_path, files, "--live")
    assert report["findings"] == []
    assert notes(report) == {"open": 4}


def test_rotated_and_nothing_written_since(tmp_path, small):
    report = verify(tmp_path, [small[0], []], "--live")
    assert report["findings"] == []
    assert notes(report) == {"open": 4}
    assert only(verify(tmp_path, [small[0], []]), "truncate", 4)


def test_a_killed_writer_is_resumed(tmp_path):
    w = Writer("00000000000000aa")
    first = [w.checkpoint("begin", START), w.record(START + 1),
             w.record(START + 2)]
    second = [w.checkpoint("resume", START + 3, lost=2), w.record(START + 4),
              w.checkpoint("end", START + 5)]
    report = verify(tmp_path, [first + second])
    assert report["findings"] == []
    assert notes(report) == {"lost": 2}
    # rotated between the kill and the resumption: no "rotate" was written
    report = verify(tmp_path, [first, second])
    assert report["findings"] == []


def test_lines_from_before_the_chain(tmp_path, small):
    plain = [record(START - 5 + i) + b"}" for i in range(5)]
    report = verify(tmp_path, [plain + small[0], *small[1:]])
    assert report["findings"] == []
    assert notes(report) == {"before": 5}


def test_nothing_chained(tmp_path):
    plain = [record(START + i) + b"}" for i in range(5)]
    report = verify(tmp_path, [plain])
    assert report["ok"] is False and report["findings"] == []
    assert b"nothing was checked" in run("verify", tmp_path / "audit.0").stdout


def test_torn_lines(tmp_path, small):
    """A write that was cut off, then a line feed; the record comes whole."""
    rng = random.Random(3)
    files = [list(lines) for lines in small]
    for _ in range(20):
        i = rng.randrange(10, 150)
        whole = files[1][i]
        files[1].insert(rng.randrange(max(i - 9, 0), i),
                        whole[:rng.randrange(1, len(whole))])
    report = verify(tmp_path, files)
    assert report["findings"] == []
    assert notes(report) == {"torn": 20}


def test_a_torn_line_at_the_end_of_a_file(tmp_path, small):
    half = small[1][2][:77]
    assert notes(verify(tmp_path, [text_of(small[0]) + half, *small[1:]])) \
        == {"torn": 1}
    # at the end of what is being written it is a note, elsewhere a finding
    files = [*small[:2], text_of(small[2][:60]) + small[2][60][:50]]
    report = verify(tmp_path, files, "--live")
    assert report["findings"] == []
    assert notes(report) == {"torn": 1, "open": 4}
    found = findings(verify(tmp_path, files))
    assert found["insert"]["line"] == 61


def test_a_torn_line_that_nothing_completes(tmp_path, small):
    files = [list(lines) for lines in small]
    whole = files[1].pop(40)
    files[1].insert(40, whole[:-9])
    found = findings(verify(tmp_path, files))
    assert sorted(found) == ["delete", "insert"]
    assert found["insert"]["line"] == 41
    assert (found["delete"]["writer"], found["delete"]["seq"]) \
        == members(whole)


# ---- each kind of change has its name ----------------------------------------

def test_edit(tmp_path, small):
    i = 57
    line = small[1][i].replace(b'"cus":0.', b'"cus":9.')
    assert line != small[1][i]
    found = only(verify(tmp_path, changed(small, 1, i, line)), "edit")
    assert at(found) == place(small, 1, i)


def test_edit_with_a_hash_that_fits(tmp_path, small):
    """Who recomputes the hash of the record breaks the one behind it."""
    i = 57
    w = Writer(members(small[1][i])[0])
    w.seq = members(small[1][i])[1] - 1
    before = max(k for k in range(i) if members(small[1][k])[0] == w.name)
    w.hash = bytes.fromhex(json.loads(small[1][before])["hash"])
    honest = small[1][i].split(b',"writer":')[0]
    assert w.link(honest) + b"}" == small[1][i]
    w.seq -= 1
    w.hash = bytes.fromhex(json.loads(small[1][before])["hash"])
    forged = w.link(honest.replace(b'"cus":0.', b'"cus":9.')) + b"}"
    found = only(verify(tmp_path, changed(small, 1, i, forged)), "edit")
    assert at(found) == place(small, 1, same_writer(small[1], i))


@pytest.mark.parametrize("old, new", [
    (b'"hash":"', b'"hash":"0123456789abcdef'), (b'"writer":"', b'"writer":"0')
])
def test_edit_of_the_chain_members(tmp_path, small, old, new):
    i = 57
    where = small[1][i].index(old)
    line = small[1][i][:where] + new + small[1][i][where + len(new):]
    assert line != small[1][i]
    found = only(verify(tmp_path, changed(small, 1, i, line)), "edit")
    assert found["line"] == i + 1
    assert (found["writer"], found["seq"]) == members(small[1][i])


@pytest.mark.parametrize("by", [1, 2, 50, 10**12, -1, -2, -20])
def test_edit_of_a_sequence_number(tmp_path, small, by):
    i = 150
    seq = members(small[1][i])[1]
    line = small[1][i].replace(b'"seq":%d,' % seq, b'"seq":%d,' % (seq + by))
    found = only(verify(tmp_path, changed(small, 1, i, line)), "edit")
    assert at(found) == place(small, 1, i)


def test_two_edits_are_two_findings(tmp_path, small):
    i = 57
    k = same_writer(small[1], i)
    files = changed(small, 1, i, small[1][i].replace(b'"cus":0', b'"cus":1'))
    files = changed(files, 1, k, small[1][k].replace(b'"cus":0', b'"cus":1'))
    found = only(verify(tmp_path, files), "edit", 2)
    assert at(found) == place(small, 1, i)


def test_delete(tmp_path, small):
    i = 57
    found = only(verify(tmp_path, changed(small, 1, i, None)), "delete")
    assert (found["writer"], found["seq"]) == members(small[1][i])
    assert found["line"] == same_writer(small[1], i)      # one line is gone
    assert found["text"].startswith("1 ")


def test_delete_of_many(tmp_path, small):
    files = [small[0], small[1][:50] + small[1][90:], small[2]]
    found = only(verify(tmp_path, files), "delete", 4)
    assert (found["file"], found["line"]) == (1, 51)


def test_insert(tmp_path, small):
    for line in (b'{"ts":"x"}', b"x", b"", b"\0\0", b"\xff" * 70_000,
                 record(START) + b"}"):
        files = [list(lines) for lines in small]
        files[1].insert(57, line)
        found = only(verify(tmp_path, files), "insert")
        assert (found["file"], found["line"]) == (1, 58)
        assert found["writer"] is None and found["seq"] is None


def test_insert_of_a_forged_record(tmp_path, small):
    """One that claims a number which is taken."""
    i = 57
    line = small[1][i].replace(b'"status":', b'"status":9')
    w = Writer(*members(line)[:1])
    w.seq = members(line)[1] - 1
    files = [list(lines) for lines in small]
    files[1].insert(i + 9, w.link(line.split(b',"writer":')[0]) + b"}")
    found = only(verify(tmp_path, files), "insert")
    assert at(found) == (1, i + 10, *members(small[1][i]))


def test_insert_behind_the_end(tmp_path):
    w = Writer("00000000000000aa")
    lines = [w.checkpoint("begin", START), w.checkpoint("end", START),
             w.record(START)]
    found = findings(verify(tmp_path, [lines]))
    assert found["insert"]["line"] == 3


def test_a_line_that_is_too_long(tmp_path, small):
    files = [list(lines) for lines in small]
    files[1].insert(57, b'{"a":"' + b"x" * 3_000_000 + b'"}')
    found = only(verify(tmp_path, files), "insert")
    assert (found["file"], found["line"]) == (1, 58)


def test_swap(tmp_path, small):
    i = 57
    k = same_writer(small[1], i)
    files = changed(small, 1, i, small[1][k])
    files = changed(files, 1, k, small[1][i])
    found = only(verify(tmp_path, files), "swap")
    assert at(found) == (1, k + 1, *members(small[1][i]))


def test_swap_of_a_block(tmp_path, small):
    lines = small[1]
    files = [small[0], lines[:40] + lines[80:120] + lines[40:80] + lines[120:],
             small[2]]
    found = only(verify(tmp_path, files), "swap", 40)
    assert (found["file"], found["line"]) == (1, 81)


def test_duplicate(tmp_path, small):
    for behind in (58, 100):
        files = [list(lines) for lines in small]
        files[1].insert(behind, small[1][57])
        found = only(verify(tmp_path, files), "duplicate")
        assert at(found) == (1, behind + 1, *members(small[1][57]))


def test_a_copy_from_long_before(tmp_path):
    files = trail(3000, n_files=1, n_writers=1)
    files[0].insert(2500, files[0][3])
    found = only(verify(tmp_path, files), "insert")
    assert at(found) == (0, 2501, *members(files[0][3]))


def test_truncate_at_the_end(tmp_path, small):
    found = only(verify(tmp_path, [*small[:2], small[2][:-1]]), "truncate")
    last = members(small[2][-1])
    assert (found["writer"], found["seq"]) == (last[0], last[1] - 1)


def test_truncate_of_a_rotated_file(tmp_path, small):
    found = only(verify(tmp_path, [small[0], small[1][:100], small[2]]),
                 "truncate", 4)
    assert found["file"] == 2


def test_truncate_by_a_missing_file(tmp_path, small):
    found = only(verify(tmp_path, [small[0], small[2]]), "truncate", 4)
    assert found["file"] == 1


def test_truncate_of_a_writer(tmp_path, small):
    """Nothing of one writer is left in later files."""
    name = members(small[0][0])[0]
    files = [small[0]] + [[x for x in lines if members(x)[0] != name]
                          for lines in small[1:]]
    found = only(verify(tmp_path, files), "truncate")
    assert (found["file"], found["writer"]) == (0, name)
    # while the gate runs it may be a worker that has nothing to do
    assert notes(verify(tmp_path, files, "--live")) == {"open": 1}
    # but not when it was in the middle of something
    cut_short = [[x for x in small[0] if members(x)[0] != name
                  or b'"rotate"' not in x], *files[1:]]
    found = only(verify(tmp_path, cut_short, "--live"), "truncate")
    assert (found["file"], found["writer"]) == (0, name)


def test_an_idle_writer(tmp_path, small):
    """Silent since a rotation: no "open", and its end comes files later."""
    w = Writer("00000000000000aa")
    idle = [w.checkpoint("begin", START), w.checkpoint("rotate", START)]
    end = w.checkpoint("end", START)
    files = [small[0] + idle, small[1], small[2] + [end]]
    assert verify(tmp_path, files)["ok"]
    assert verify(tmp_path, files[:2], "--live")["ok"]
    report = verify(tmp_path, [small[1] + [end], small[2]])
    assert report["findings"] == []
    assert notes(report) == {"continued": 5}


def test_splice_without_a_beginning(tmp_path, small):
    found = only(verify(tmp_path, changed(small, 0, 0, None)), "splice")
    assert found["writer"] == members(small[0][0])[0]
    assert found["seq"] == 2


def test_splice_of_another_node(tmp_path, small):
    other = trail(30, n_files=1, n_writers=2, seed=9, node="gate-2")
    mixed = [small[0][:20] + other[0] + small[0][20:], *small[1:]]
    found = only(verify(tmp_path, mixed), "splice", 2)
    assert (found["file"], found["line"]) == (0, 21)
    assert only(verify(tmp_path, small, "--node", "gate-2"), "splice", 4)
    assert verify(tmp_path, small, "--node", "gate-1")["ok"]


def test_a_writer_that_opens_out_of_nothing(tmp_path, small):
    """Its records are nowhere: it was put into the second file."""
    other = trail(40, n_files=2, n_writers=1, seed=9)
    files = [small[0], small[1] + other[1], small[2]]
    found = only(verify(tmp_path, files), "splice")
    assert at(found) == (1, len(small[1]) + 1, *members(other[1][0]))


def test_the_recipe_of_the_readme(tmp_path, small):
    """The few lines of Python say the same."""
    page = (TOP / "ngx_hx_gate_module/tool/README.md").read_text()
    recipe = tmp_path / "recipe.py"
    recipe.write_text(page.split("```python\n")[1].split("```")[0])

    def check(lines):
        path, = write(tmp_path, [lines])
        return subprocess.run(["/usr/bin/python3", recipe, path], check=True,
                              capture_output=True, text=True).stdout
    assert check(small[0]) == ""
    line = small[0][57].replace(b'"cus":0.', b'"cus":9.')
    assert check(changed([small[0]], 0, 57, line)[0]) == "58 does not fit\n"
    gone = same_writer(small[0], 57)
    assert check(changed([small[0]], 0, 57, None)[0]) \
        == (f"{gone} follows on {members(small[0][57])[1] - 1}\n"
            f"{gone} does not fit\n")


# ---- signatures --------------------------------------------------------------

@pytest.fixture(scope="module")
def hmac_key(tmp_path_factory):
    return Hmac(tmp_path_factory.mktemp("key") / "secret", SECRET)


def test_signed_by_hmac(tmp_path, hmac_key):
    files = trail(900, key=hmac_key, mark=50)
    report = verify(tmp_path, files, "--key", hmac_key.path)
    assert report["findings"] == [] and report["notes"] == []
    assert report["signed"] == [{"key": hmac_key.name,
                                 "count": report["checkpoints"]}]
    assert report["unsigned_tail"] == 0
    assert notes(verify(tmp_path, files)) == {"unchecked":
                                              report["checkpoints"]}


def test_records_behind_the_last_signature(tmp_path, hmac_key):
    w = Writer("00000000000000aa", key=hmac_key)
    lines = [w.checkpoint("begin", START)]
    lines += [w.record(START + i) for i in range(7)]
    report = verify(tmp_path, [lines], "--key", hmac_key.path, "--live")
    assert report["ok"] and report["unsigned_tail"] == 7


def test_signed_by_ed25519(tmp_path):
    key = Ed25519(tmp_path)
    files = trail(60, key=key, mark=5)
    for path in (key.path, key.public):
        report = verify(tmp_path, files, "--key", path)
        assert report["findings"] == []
        assert report["signed"][0]["key"] == key.name
    i = next(i for i, x in enumerate(files[1]) if b'"mark"' in x)
    where = files[1][i].index(b'"sig":"') + 20
    digit = b"0" if files[1][i][where:where + 1] != b"0" else b"1"
    line = files[1][i][:where] + digit + files[1][i][where + 1:]
    found = only(verify(tmp_path, changed(files, 1, i, line), "--key",
                        key.public), "signature")
    assert at(found) == place(files, 1, i)


def test_a_chain_that_was_recomputed(tmp_path, hmac_key):
    """Who rewrites all hashes has not the key."""
    files = trail(300, key=hmac_key, mark=40, n_writers=1, n_files=1)
    w = Writer(members(files[0][0])[0])
    forged = []
    for i, line in enumerate(files[0]):
        head, tail = line.split(b',"writer":')
        if i == 100:
            head = head.replace(b'"latency_ms":', b'"latency_ms":7')
        sig = tail[tail.index(b',"sig"'):] if b'"sig"' in tail else b"}"
        forged.append(w.link(head) + sig)
    assert forged[:100] == files[0][:100] and forged[100] != files[0][100]
    assert verify(tmp_path, [forged])["ok"]
    found = findings(verify(tmp_path, [forged], "--key", hmac_key.path))
    assert list(found) == ["signature"]
    first = next(i for i in range(101, 300) if b'"mark"' in forged[i])
    assert at(found["signature"]) == place([forged], 0, first)


def test_unsigned_and_signed_by_another(tmp_path, hmac_key, small):
    report = verify(tmp_path, small, "--key", hmac_key.path)
    found = only(report, "signature", report["checkpoints"])
    assert "not signed" in found["text"]
    other = Hmac(tmp_path / "other", SECRET[::-1])
    files = trail(100, key=other)
    report = verify(tmp_path, files, "--key", hmac_key.path)
    found = only(report, "signature", report["checkpoints"])
    assert "another key" in found["text"]


# ---- a thousand changes ------------------------------------------------------

def flip(rng, lines):
    """One byte of one line is another one; its place is known exactly."""
    i = rng.randrange(len(lines))
    where = rng.randrange(len(lines[i]))
    byte = lines[i][where]
    new = rng.choice([b for b in (*range(32, 127), 0, 9, 10, 200)
                      if b != byte])
    line = lines[i][:where] + bytes([new]) + lines[i][where + 1:]
    return text_of(lines[:i] + [line] + lines[i + 1:]), i


def drop(rng, lines):
    i = rng.randrange(len(lines))
    n = rng.choice([1, 1, 1, 2, 10, 1000])
    return text_of(lines[:i] + lines[i + n:]), None


def repeat(rng, lines):
    i = rng.randrange(len(lines))
    k = rng.randrange(i + 1, len(lines) + 1)
    return text_of(lines[:k] + [lines[i]] + lines[k:]), k


def garbage(rng, lines):
    i = rng.randrange(len(lines) + 1)
    line = rng.choice([
        b"", b"}", rng.randbytes(rng.randrange(1, 400)).replace(b"\n", b"-"),
        record(START) + b"}", lines[i - 1][1:], lines[i - 1] + b" ",
        Writer("feedfeedfeedfeed").record(START)])
    return text_of(lines[:i] + [line] + lines[i:]), i


def exchange(rng, lines):
    """Two lines of one writer."""
    i = rng.randrange(len(lines) - 100)
    name = members(lines[i])[0]
    k = rng.choice([k for k in range(i + 1, i + 100)
                    if members(lines[k])[0] == name])
    out = list(lines)
    out[i], out[k] = out[k], out[i]
    return text_of(out), None


def cut(rng, lines):
    """The end of the file is gone."""
    text = text_of(lines)
    # all but the last line feed alone, which is no part of a record
    return text[:rng.randrange(len(text) // 2, len(text) - 1)], None


def join(rng, lines):
    """A line feed is gone."""
    i = rng.randrange(len(lines) - 1)
    return text_of(lines[:i] + [lines[i] + lines[i + 1]] + lines[i + 2:]), None


def split(rng, lines):
    i = rng.randrange(len(lines))
    where = rng.randrange(1, len(lines[i]))
    return text_of(lines[:i] + [lines[i][:where], lines[i][where:]]
                   + lines[i + 1:]), None


def shorten(rng, lines):
    """A line without its end: what is left may look torn."""
    i = rng.randrange(len(lines))
    where = rng.randrange(1, len(lines[i]))
    return text_of(lines[:i] + [lines[i][:where]] + lines[i + 1:]), None


# under the sanitizers every run takes five times as long
RUNS = 200 if os.environ.get("HX_BUILD") == "asan" else 1000
CHANGES = [flip, flip, flip, drop, repeat, garbage, exchange, cut, join, split,
           shorten]


def test_a_thousand_changes_are_found(tmp_path):
    files = trail(20_000, n_files=3, n_writers=4, seed=77)
    paths = write(tmp_path, files)
    clean = run("verify", "--json", *paths)
    assert clean.returncode == 0, clean.stdout
    assert json.loads(clean.stdout)["records"] == 20_000
    rng = random.Random(2026)
    bad = tmp_path / "changed"
    missed = []
    for n in range(RUNS):
        change = CHANGES[n % len(CHANGES)]
        number = rng.randrange(3)
        text, line = change(rng, files[number])
        bad.write_bytes(text)
        out = run("verify", "--json", *paths[:number], bad,
                  *paths[number + 1:])
        found = json.loads(out.stdout)["findings"]
        if out.returncode != 1 or not found:
            missed.append((n, change.__name__, number, line))
        elif line is not None:
            first = min((str(bad) != f["file"], f["line"]) for f in found)
            if first != (False, line + 1):
                missed.append((n, change.__name__, number, line, found))
    assert missed == [], "\n".join(map(str, missed))


# ---- hostile input -----------------------------------------------------------

def test_any_bytes(tmp_path):
    rng = random.Random(5)
    path = tmp_path / "noise"
    good = trail(20, n_files=1)[0]
    for n in range(40):
        text = b""
        for _ in range(30):
            piece = bytearray(rng.choice(good))
            for _ in range(rng.randrange(4)):
                piece[rng.randrange(len(piece))] = rng.randrange(256)
            text += rng.choice([bytes(piece), rng.randbytes(50), b"\0" * 9,
                                b"{" * 200, b'{"ts":"', b""]) + b"\n"
        path.write_bytes(text)
        for args in (["verify"], ["filter", "--count"], ["stats"],
                     ["stats", "--by", "operation", "--json"], ["replay"]):
            out = run(*args, path)
            assert out.returncode in (0, 1), (n, args, out.stderr)


def test_more_writers_than_there_may_be(tmp_path):
    path = tmp_path / "many"
    with path.open("wb") as out:
        for i in range(65_537):
            w = Writer(f"{i:016x}")
            out.write(w.checkpoint("begin", START) + b"\n")
    out = run("verify", path)
    assert out.returncode == 2
    assert b"65537: more than 65536 writers" in out.stderr


@pytest.mark.parametrize("args, message", [
    ([], b"usage"),
    (["look"], b'no command "look"'),
    (["verify"], b"no FILE"),
    (["verify", "/nonexistent/x"], b"/nonexistent/x: No such file"),
    (["verify", "/"], b"/: Is a directory"),
    (["verify", "--key", "/nonexistent/k", "x"], b"--key /nonexistent/k: No"),
    (["verify", "--key", "/dev/null", "x"], b"--key /dev/null: a secret must"),
    (["verify", "--node", "", "x"], b"--node"),
    (["verify", "--wrong", "x"], b"--wrong"),
    (["filter", "--status", "4x", "x"], b"--status"),
    (["filter", "--since", "yesterday", "x"], b"--since"),
    (["filter", "--since", "2026-02-29", "x"], b"--since"),
    (["stats", "--by", "color", "x"], b"--by"),
    (["stats", "/nonexistent/x"], b"/nonexistent/x"),
    (["follow", "/nonexistent/x"], b"/nonexistent/x"),
    (["follow"], b"exactly one FILE"),
    (["replay", "--default-rate", "5", "x"], b"--default-rate"),
    (["replay", "--plan", "a requests=1 window=1s quota=1", "x"], b"--plan"),
    (["replay", "--registry", "/nonexistent", "x"], b"--registry"),
])
def test_could_not_run(args, message):
    out = run(*args)
    assert out.returncode == 2
    assert message in out.stderr


@pytest.mark.parametrize("command", ["", "verify", "filter", "follow", "stats",
                                     "replay"])
def test_help(command):
    out = run(*command.split(), "--help")
    assert out.returncode == 0
    assert b"usage: hx-audit " + command.encode() in out.stdout


# ---- filter ------------------------------------------------------------------

def some_records():
    rng = random.Random(11)
    out = []
    for i in range(300):
        out.append({
            "ms": START + i * 60_000, "tenant": rng.choice(TENANTS),
            "method": rng.choice(["GET", "POST"]),
            "path": rng.choice(["/v1/list/default", "/v1/get/default/k",
                                "/v1/put", "/v1/nothing"]),
            "ns": rng.choice(["default", "staging", None]),
            "status": rng.choice([200, 200, 201, 304, 401, 403, 404, 429, 500,
                                  503]),
            "cus": rng.choice(["0.0", "0.1", "1.0", "12.5"]),
            "latency": rng.choice([0, 1, 5, 20, 127, 400]),
            "request_id": f"id-{i}",
            "outcome": rng.choice(["allowed", "rate_limited"])})
    return out


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Records, chained, and their lines."""
    rows = some_records()
    w = Writer("00000000000000aa")
    lines = [w.checkpoint("begin", START)]
    for row in rows:
        lines.append(w.record(**row))
    lines.append(w.checkpoint("end", START))
    path = tmp_path_factory.mktemp("plain") / "audit"
    path.write_bytes(text_of(lines))
    return path, rows, lines


@pytest.mark.parametrize("options, wanted", [
    ([], lambda r: True),
    (["--tenant", "acme"], lambda r: r["tenant"] == "acme"),
    (["--tenant", "acme", "--tenant", "-"],
     lambda r: r["tenant"] in ("acme", None)),
    (["--status", "4xx"], lambda r: 400 <= r["status"] < 500),
    (["--status", "403", "--status", "500-502"],
     lambda r: r["status"] in (403, 500)),
    (["--since", stamp(START + 100 * 60_000)],
     lambda r: r["ms"] >= START + 100 * 60_000),
    (["--until", stamp(START + 100 * 60_000)],
     lambda r: r["ms"] < START + 100 * 60_000),
    (["--since", "2026-01-01", "--until", "2026-01-01T01:00:00Z"],
     lambda r: r["ms"] < START + 3_600_000),
    (["--namespace", "staging"], lambda r: r["ns"] == "staging"),
    (["--path", "/v1/get/"], lambda r: r["path"].startswith("/v1/get/")),
    (["--request-id", "id-7"], lambda r: r["request_id"] == "id-7"),
    (["--outcome", "rate_limited"], lambda r: r["outcome"] == "rate_limited"),
    (["--tenant", "beta", "--status", "2xx", "--path", "/v1/put"],
     lambda r: r["tenant"] == "beta" and r["status"] // 100 == 2
     and r["path"].startswith("/v1/put")),
])
def test_filter(plain, options, wanted):
    path, rows, lines = plain
    expected = [line for row, line in zip(rows, lines[1:-1]) if wanted(row)]
    assert expected
    out = run("filter", *options, path)
    assert out.returncode == 0 and out.stderr == b""
    assert out.stdout == text_of(expected)
    out = run("filter", "--count", *options, path)
    assert out.stdout == b"%d\n" % len(expected)


def test_filter_checkpoints(plain):
    path, _, lines = plain
    assert run("filter", "--checkpoints", path).stdout == text_of(lines)


def test_filter_nothing(plain):
    out = run("filter", "--tenant", "nobody", plain[0])
    assert (out.returncode, out.stdout) == (1, b"")


def test_filter_relative_times(tmp_path):
    import time
    now = int(time.time() * 1000)
    ages = {"s": 30_000, "m": 10 * 60_000, "h": 5 * 3_600_000,
            "d": 4 * 86_400_000}
    path = tmp_path / "log"
    path.write_bytes(text_of(record(now - age, request_id=name) + b"}"
                             for name, age in ages.items()))
    for since, found in (("1m", "s"), ("15m", "sm"), ("6h", "smh"),
                         ("1w", "smhd"), ("3d", "smh"), ("40s", "s")):
        out = run("filter", "--since", since, path).stdout.splitlines()
        assert [json.loads(x)["request_id"] for x in out] == list(found)


def test_lines_that_are_no_records(tmp_path):
    """Other spellings of JSON are read; what lacks a member is not."""
    good = record(START, path="/ä\n\"", tenant="a", note={"x": [1, "}"]})
    spaced = json.dumps(json.loads(good + b"}"), indent=None).encode()
    swapped = json.dumps(dict(reversed(json.loads(good + b"}").items())))
    twice = record(START) + b',"status":200}'
    bad = [b"x", b"", b"[]", b"{}", b'{"ts":1}', twice,
           record(START, status=-1) + b"}", record(START, cus="1.23") + b"}",
           record(START).replace(b"2026-01-01", b"2026-13-01") + b"}",
           good, good + b"}}", b"\0" + good + b"}"]
    path = tmp_path / "log"
    path.write_bytes(text_of([good + b"}", spaced, swapped.encode(), *bad]))
    out = run("filter", path)
    assert out.returncode == 0
    assert out.stdout == text_of([good + b"}", spaced, swapped.encode()])
    assert out.stderr == b"hx-audit: 12 lines were no records\n"


# ---- stats -------------------------------------------------------------------

def rank(values, permille):
    values = sorted(values)
    return values[-(-len(values) * permille // 1000) - 1]


def rounded(ms):
    """The end of the class that a latency of 128 ms or more is counted in."""
    bits = ms.bit_length() - 7
    return ms if ms < 128 else ((ms >> bits) + 1 << bits) - 1


def expected_stats(rows):
    latency = [r["latency"] for r in rows]

    def at_rank(permille):
        return min(rounded(rank(latency, permille)), max(latency))
    return {
        "requests": len(rows),
        "2xx": sum(r["status"] // 100 == 2 for r in rows),
        "4xx": sum(r["status"] // 100 == 4 for r in rows),
        "429": sum(r["status"] == 429 for r in rows),
        "5xx": sum(r["status"] // 100 == 5 for r in rows),
        "aborted": 0,
        "cus": sum(int(r["cus"].replace(".", "")) for r in rows) / 10,
        "latency_ms": {"p50": at_rank(500), "p95": at_rank(950),
                       "p99": at_rank(990), "max": max(latency)},
        "first": stamp(min(r["ms"] for r in rows)),
        "last": stamp(max(r["ms"] for r in rows))}


def operation_of(row):
    return {("GET", "/v1/list/default"): "list",
            ("GET", "/v1/get/default/k"): "get",
            ("POST", "/v1/put"): "put"}.get((row["method"], row["path"]))


@pytest.mark.parametrize("by, name", [
    ("tenant", lambda r: r["tenant"]), ("namespace", lambda r: r["ns"]),
    ("path", lambda r: r["path"]), ("operation", operation_of)])
def test_stats(plain, by, name):
    path, rows, _ = plain
    out = run("stats", "--json", "--by", by, path)
    assert out.returncode == 0
    report = json.loads(out.stdout)
    groups = {}
    for row in rows:
        groups.setdefault(name(row), []).append(row)
    assert {g.pop("name"): g for g in report["groups"]} \
        == {n: expected_stats(r) for n, r in groups.items()}
    assert report["total"] == expected_stats(rows)
    assert report["other"]["requests"] == 0
    assert report["no_records"] == 0


def test_stats_filtered(plain):
    path, rows, _ = plain
    report = json.loads(run("stats", "--json", "--tenant", "acme", "--status",
                            "4xx", path).stdout)
    assert report["total"] == expected_stats(
        [r for r in rows if r["tenant"] == "acme" and r["status"] // 100 == 4])


def test_stats_table(plain):
    path, rows, _ = plain
    lines = run("stats", path).stdout.decode().splitlines()
    assert len(lines) == 1 + len(TENANTS) + 1
    assert lines[0].split()[:4] == ["requests", "2xx", "4xx", "429"]
    counts = [int(x.split()[0]) for x in lines[1:-1]]
    assert counts == sorted(counts, reverse=True)
    assert {x.split()[-1] for x in lines[1:-1]} == {"acme", "beta", "corp-3",
                                                    "-"}
    total = lines[-1].split()
    want = expected_stats(rows)
    assert total[0] == str(len(rows)) and total[-1] == "total"
    assert float(total[6]) == want["cus"]


def test_stats_aborted_and_variants(tmp_path):
    lines = [record(START, method="POST", path="/v1/serve", operation="x_op"),
             record(START, method="POST", path="/v1/serve"),
             record(START, status=499, cus="0.0", amends="r"),
             record(START, status=499, cus="0.0")]
    path = tmp_path / "log"
    path.write_bytes(text_of(x + b"}" for x in lines))
    report = json.loads(run("stats", "--json", "--by", "operation",
                            path).stdout)
    counts = {g["name"]: (g["requests"], g["aborted"])
              for g in report["groups"]}
    assert counts == {"x_op": (1, 0), "serve": (1, 0), "list": (1, 1)}
    assert report["total"]["requests"] == 3
    assert report["total"]["4xx"] == 1


def test_a_name_cannot_talk_to_the_terminal(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(record(START, tenant="a\x1b[2J\nb") + b"}\n")
    out = run("stats", path).stdout
    assert b"\x1b" not in out and b"a?[2J?b" in out
    groups = json.loads(run("stats", "--json", path).stdout)["groups"]
    assert groups[0]["name"] == "a\x1b[2J\nb"


# ---- follow ------------------------------------------------------------------

class Follower:
    def __init__(self, folder, *args):
        self.out = folder / "out"
        self.err = folder / "err"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen([TOOL, "follow", *map(str, args)],
                                            stdout=out, stderr=err)

    def sees(self, *ids):
        def seen():
            text = self.out.read_bytes()
            assert not text or text.endswith(b"\n")
            got = [json.loads(x)["request_id"] for x in text.splitlines()]
            assert got == list(ids)[:len(got)], got
            return got == list(ids)
        until(seen, 20, f"{ids} followed")

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def follow(tmp_path):
    started = []

    def start(*args):
        started.append(Follower(tmp_path, *args))
        return started[-1]
    yield start
    for f in started:
        if f.process.poll() is None:
            f.process.kill()
            f.process.wait()


def append(path, data):
    with path.open("ab") as f:
        f.write(data)


def line_of(request_id, **more):
    return record(START, request_id=request_id, **more) + b"}\n"


def test_follow(tmp_path, follow):
    log = tmp_path / "audit"
    log.write_bytes(line_of("old"))
    f = follow("--from-start", "--tenant", "acme", log)
    f.sees("old")
    append(log, line_of("a") + line_of("b", tenant="beta") + line_of("c")[:50])
    f.sees("old", "a")
    append(log, line_of("c")[50:] + b"no record\n" + line_of("d"))
    f.sees("old", "a", "c", "d")

    # rotated: the rest of the old file first
    old = log.rename(tmp_path / "audit.1")
    log.write_bytes(line_of("new"))
    append(old, line_of("late"))
    f.sees("old", "a", "c", "d", "late", "new")

    # cut to nothing
    log.write_bytes(b"")
    until(lambda: f.process.poll() is None, 1, "it runs")
    append(log, line_of("x"))
    f.sees("old", "a", "c", "d", "late", "new", "x")

    assert f.end() == 0
    assert f.err.read_bytes() == b"hx-audit: 1 line was no record\n"


def test_follow_from_the_end(tmp_path, follow):
    log = tmp_path / "audit"
    log.write_bytes(line_of("old") + line_of("half")[:40])
    f = follow(log)

    # it is at the end when it has the file open
    def opened():
        fds = f"/proc/{f.process.pid}/fdinfo"
        return any("pos:\t%d\n" % log.stat().st_size in
                   open(f"{fds}/{fd}").read() for fd in os.listdir(fds))
    until(opened, 20, "the file is open")
    append(log, line_of("half")[40:] + line_of("new"))
    f.sees("new")
    assert f.end(signal.SIGINT) == 0


# ---- replay ------------------------------------------------------------------

def replay(folder, lines, *options):
    path = folder / "replayed"
    path.write_bytes(text_of(x + b"}" for x in lines))
    out = run("replay", "--json", *options, path)
    assert out.returncode in (0, 1), out.stderr
    report = json.loads(out.stdout)
    assert (report["differ"] != 0) == (out.returncode == 1)
    report["different"] = {d["request_id"]: d["decision"]
                           for d in report["differences"]}
    return report


def test_replay_the_window(tmp_path):
    """3 in any 10 s; a refusal does not count."""
    times = [0, 1000, 2000, 3000, 9000, 10_100, 11_000, 11_200, 30_000]
    lines = [record(START + t, request_id=f"at-{t}") for t in times]
    report = replay(tmp_path, lines, "--default-rate", "3/10")
    assert report["different"] == {"at-3000": "rate_limited",
                                   "at-9000": "rate_limited",
                                   "at-11000": "rate_limited"}
    assert (report["judged"], report["not_judged"]) == (9, 0)
    assert replay(tmp_path, lines, "--default-rate", "3/10",
                  "--no-rate")["different"] == {}
    assert replay(tmp_path, lines)["different"] == {}


def test_replay_what_was_refused(tmp_path):
    lines = [record(START, status=429, request_id="limited"),
             record(START, status=404, path="/v1/get/default/k",
                    request_id="engine"),
             record(START, status=404, path="/v1/nothing", request_id="path"),
             record(START, status=404, path="/v1/list/default",
                    outcome="unknown_operation", request_id="new-path"),
             record(START, tenant=None, ns=None, status=401, request_id="401"),
             record(START, status=400, request_id="body"),
             record(START, status=200, outcome="rate_limited",
                    request_id="shadow"),
             record(START, path="/gate/admin/tenants", tenant=None,
                    request_id="admin"),
             record(START, status=499, amends=True, request_id="aborted")]
    report = replay(tmp_path, lines)
    assert report["different"] == {"limited": "allowed", "new-path": "allowed"}
    assert (report["judged"], report["not_judged"]) == (6, 3)
    assert sorted((t["was"], t["decision"], t["records"])
                  for t in report["table"]) == [
        ("401", "invalid_key", 1), ("404", "allowed", 1),
        ("404", "unknown_operation", 1), ("429", "allowed", 1),
        ("allowed", "allowed", 2)]


def test_replay_the_text(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(record(START, status=429, request_id="x-1") + b"}\n")
    out = run("replay", path)
    assert out.returncode == 1
    lines = out.stdout.decode().splitlines()
    assert lines[0] == f"{stamp(START)} acme x-1 429 allowed"
    assert lines[-1] == "1 records judged, 1 differ; 0 not judged"


def tree(folder):
    return {p.name: p.read_bytes() for p in folder.iterdir()
            if p.name != "lock.mdb"}


def test_replay_with_a_registry(gate, tmp_path):
    """Tenants of a gate that is running; nothing of it is changed."""
    made = [gate.onboard("one", plan="starter"), gate.onboard("two")]
    one, two = (m["tenant_id"] for m in made)
    gate.admin("POST", "/gate/onboard/suspend", json={"tenant_id": two})
    registry = registry_of(gate)
    before = tree(registry)
    lines = [record(START, tenant=one, ns="one", path="/v1/list/one",
                    request_id="good"),
             record(START, tenant=one, ns="two", path="/v1/list/two",
                    request_id="namespace"),
             record(START, tenant=one, ns="other", path="/v1/put",
                    method="POST", request_id="body-namespace"),
             record(START, tenant=one, ns="two", path="/v1/list/two",
                    status=403, request_id="denied"),
             record(START, tenant=two, ns="two", path="/v1/list/two",
                    request_id="suspended"),
             record(START, tenant="nobody-x", request_id="gone"),
             record(START, tenant=one, ns="one", path="/v1/nothing",
                    request_id="operation")]
    report = replay(tmp_path, lines, "--registry", registry)
    assert report["different"] == {
        "namespace": "namespace_denied", "body-namespace": "namespace_denied",
        "suspended": "suspended", "gone": "invalid_key",
        "operation": "unknown_operation"}
    assert tree(registry) == before

    # plans: starter has a quota, and no overage
    lines = [record(START + i, tenant=one, ns="one", path="/v1/list/one",
                    cus="0.4", request_id=f"n-{i}") for i in range(5)]
    for quota, refused in (("1.2", [3, 4]), ("1.3", [4]), ("2", []),
                           ("unlimited", [])):
        plan = f"starter requests=default quota={quota}"
        report = replay(tmp_path, lines, "--registry", registry, "--plan",
                        plan)
        assert report["different"] == {f"n-{i}": "quota_exceeded"
                                       for i in refused}, quota
        assert replay(tmp_path, lines, "--registry", registry, "--no-quota",
                      "--plan", plan)["different"] == {}
        assert replay(tmp_path, lines, "--registry", registry, "--plan",
                      plan + " overage=on")["different"] == {}
    report = replay(tmp_path, lines, "--registry", registry, "--plan",
                    "starter requests=2 window=1m quota=unlimited")
    assert report["different"] == {f"n-{i}": "rate_limited"
                                   for i in (2, 3, 4)}


def test_replay_a_copy_of_a_registry(gate, tmp_path):
    """Only the data file is there; no other is made."""
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "data.mdb").write_bytes(
        (registry_of(gate) / "data.mdb").read_bytes())
    report = replay(tmp_path, [record(START, tenant="nobody-x")],
                    "--registry", copy)
    assert list(report["different"].values()) == ["invalid_key"]
    assert [p.name for p in copy.iterdir()] == ["data.mdb"]
    (copy / "data.mdb").write_bytes((copy / "data.mdb").read_bytes()[:9000])
    out = run("replay", "--registry", copy, tmp_path / "replayed")
    assert out.returncode == 2 and b"--registry" in out.stderr


def registry_of(gate):
    found = [p.parent for p in gate.state.rglob("data.mdb")
             if "registry" in str(p.parent)]
    assert len(found) == 1, found
    return found[0]
