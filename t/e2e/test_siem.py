"""The examples for log shippers (packaging/siem) and the logrotate file are
what their programs take, and fit the lines that a gate writes.

A program that Debian has judges its file itself; for the others the names come
from their documentation.  Every check is shown to refuse a spoilt file."""

import configparser
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from datetime import datetime, timezone

import pytest
import requests

try:
    import tomllib
except ModuleNotFoundError:         # Python before 3.11
    import toml as tomllib

from conftest import TOP, free_port, until
from own_nginx import PATIENCE, LoneGate, Upstream, as_root, started

SIEM = TOP / "packaging" / "siem"
LOGROTATE = TOP / "packaging" / "logrotate" / "hx-gate"
LINE_MAX = 16384            # HX_AUDIT_LINE_MAX
ENV = {**os.environ, "HX_GATE_ELASTIC_PASSWORD": "x",
       "PATH": os.environ["PATH"] + ":/usr/sbin"}


class Refused(Exception):
    """What a check says of a file."""


def need(condition, what):
    if not condition:
        raise Refused(what)


def run(*command):
    """A program's own check."""
    done = subprocess.run(command, env=ENV, capture_output=True, text=True,
                          timeout=60, check=False)
    need(done.returncode == 0, done.stdout + done.stderr)
    return done.stdout + done.stderr


# ---- Fluent Bit: the classic format -----------------------------------------

FLUENT_COMMON = {"name", "log_level"}
FLUENT_KEYS = {
    "SERVICE": {"flush", "grace", "daemon", "log_level", "log_file",
                "parsers_file", "http_server", "http_listen", "http_port",
                "storage.path", "storage.sync", "storage.checksum",
                "storage.max_chunks_up", "storage.backlog.mem_limit",
                "storage.metrics"},
    "PARSER": {"name", "format", "time_key", "time_format", "time_keep",
               "time_strict", "time_offset", "types"},
    "INPUT tail": FLUENT_COMMON | {
        "tag", "path", "path_key", "exclude_path", "parser", "db", "db.sync",
        "db.locking", "db.journal_mode", "db.compare_filename",
        "read_from_head", "refresh_interval", "rotate_wait",
        "buffer_chunk_size", "buffer_max_size", "skip_long_lines",
        "skip_empty_lines", "mem_buf_limit", "storage.type",
        "storage.pause_on_chunks_overlimit"},
    "FILTER rewrite_tag": FLUENT_COMMON | {
        "match", "match_regex", "rule", "emitter_name", "emitter_storage.type",
        "emitter_mem_buf_limit"},
    "OUTPUT es": FLUENT_COMMON | {
        "match", "match_regex", "host", "port", "path", "http_user",
        "http_passwd", "index", "logstash_format", "logstash_prefix",
        "logstash_dateformat", "suppress_type_name", "trace_error",
        "generate_id", "id_key", "write_operation", "compress", "workers",
        "retry_limit", "tls", "tls.verify", "tls.ca_file"},
    "OUTPUT file": FLUENT_COMMON | {
        "match", "match_regex", "path", "file", "format", "mkdir", "workers",
        "retry_limit"},
}
FLUENT_REPEATED = {"rule"}


def fluent_sections(text):
    """[(section, {key: [values]})], as strict as the format is described."""
    sections = []
    for number, line in enumerate(text.splitlines(), 1):
        where = f"line {number}: {line!r}"
        if not line.strip():
            continue
        if line.startswith("#"):
            need(not sections, f"{where}: not indented")
            continue
        if head := re.fullmatch(r"\[([A-Z_]+)\]", line):
            sections.append((head[1], {}))
            continue
        need(sections and line.startswith("    ") and line[4] != " ", where)
        if line[4] == "#":
            continue
        entry = re.fullmatch(r"    ([A-Za-z_.]+) +(\S.*)", line)
        need(entry, where)
        key = entry[1].lower()
        values = sections[-1][1].setdefault(key, [])
        need(not values or key in FLUENT_REPEATED, f"{where}: twice")
        values.append(entry[2])
    return sections


def fluent_known(sections):
    for section, entries in sections:
        kind = section
        if section in ("INPUT", "FILTER", "OUTPUT"):
            need("name" in entries, f"[{section}] has no name")
            kind = f"{section} {entries['name'][0]}"
        need(kind in FLUENT_KEYS, f"unknown: [{kind}]")
        unknown = entries.keys() - FLUENT_KEYS[kind]
        need(not unknown, f"[{kind}]: unknown: {unknown}")


def check_fluent(directory):
    main = fluent_sections((directory / "fluent-bit.conf").read_text())
    parsers = fluent_sections((directory / "parsers.conf").read_text())
    fluent_known(main)
    fluent_known(parsers)
    need({name for name, _ in parsers} == {"PARSER"}, "only parsers there")
    names = {entries["name"][0] for _, entries in parsers}
    tags, sinks = set(), set()
    for section, entries in main:
        if section == "SERVICE":
            need((directory / entries["parsers_file"][0]).exists(),
                 "no such parsers file")
        elif section == "INPUT":
            need(entries["parser"][0] in names, "no such parser")
            need("db" in entries, "positions are not kept")
            need(entries["storage.type"] == ["filesystem"], "not on disk")
            tags.add(entries["tag"][0])
        elif section == "FILTER":
            for rule in entries["rule"]:
                parts = rule.split()
                need(len(parts) == 4 and parts[0].startswith("$"), rule)
                need(parts[3] in ("true", "false"), rule)
                re.compile(parts[1])
                tags.add(parts[2])
        elif section == "OUTPUT":
            need(entries.get("retry_limit") == ["no_limits"],
                 "gives up some time")
            sinks.add(entries["match"][0])
    need(tags == sinks, f"{tags} are made, {sinks} are delivered")
    if shutil.which("fluent-bit"):
        run("fluent-bit", "--dry-run", "-c", directory / "fluent-bit.conf")


# ---- Splunk -----------------------------------------------------------------

SPLUNK_KEYS = {
    "inputs.conf": {"whitelist", "blacklist", "sourcetype", "index", "disabled",
                    "host", "initCrcLength", "ignoreOlderThan"},
    "props.conf": {"SHOULD_LINEMERGE", "LINE_BREAKER", "EVENT_BREAKER_ENABLE",
                   "EVENT_BREAKER", "TRUNCATE", "CHARSET", "TIME_PREFIX",
                   "TIME_FORMAT", "MAX_TIMESTAMP_LOOKAHEAD", "TZ", "KV_MODE",
                   "FIELDALIAS-*", "EVAL-*"},
    "limits.conf": {"extraction_cutoff", "maxchars"},
    "savedsearches.conf": {
        "search", "description", "disabled", "enableSched", "cron_schedule",
        "dispatch.earliest_time", "dispatch.latest_time", "counttype",
        "relation", "quantity", "alert.severity", "alert.track",
        "alert.suppress", "alert.suppress.period", "action.email",
        "action.email.to"},
}


def splunk(directory, name):
    conf = configparser.RawConfigParser(
        delimiters=("=",), comment_prefixes=("#",), strict=True,
        default_section="default")
    conf.optionxform = str
    try:
        conf.read_string((directory / "splunk" / name).read_text())
    except configparser.Error as error:
        raise Refused(str(error)) from error
    return conf


def check_splunk(directory):
    found = {p.name for p in (directory / "splunk").iterdir()}
    need(found == SPLUNK_KEYS.keys(), f"files: {found}")
    confs = {name: splunk(directory, name) for name in SPLUNK_KEYS}
    for name, conf in confs.items():
        need(conf.sections(), f"{name} is empty")
        for section in conf.sections():
            for key, value in conf.items(section):
                known = re.sub(r"^(FIELDALIAS|EVAL)-\w+$", r"\1-*", key)
                need(known in SPLUNK_KEYS[name], f"{name}: {key}")
                need(value, f"{name}: {key} is empty")

    for section in confs["inputs.conf"].sections():
        need(section.startswith("monitor:///"), section)
        stanza = confs["inputs.conf"][section]
        need(stanza["sourcetype"] in confs["props.conf"], "no such sourcetype")
        pattern = re.compile(stanza["whitelist"])
        for name, wanted in (("audit.jsonl", True), ("audit.log", False),
                             ("audit.jsonl-20260131", True),
                             ("audit.jsonl-20260131.gz", False)):
            need(bool(pattern.search(f"/var/log/hx-gate/{name}")) == wanted,
                 f"whitelist: {name}")
    for section in confs["props.conf"].sections():
        stanza = confs["props.conf"][section]
        need(stanza["SHOULD_LINEMERGE"] == "false", "lines are merged")
        need(stanza["KV_MODE"] == "json" and stanza["TZ"] == "UTC", section)
        need(int(stanza["TRUNCATE"]) >= LINE_MAX, "long records are cut")
        for key in ("LINE_BREAKER", "EVENT_BREAKER"):
            need(re.compile(stanza[key]).groups >= 1, f"{key}: no group")
    for section in confs["savedsearches.conf"].sections():
        stanza = confs["savedsearches.conf"][section]
        need(stanza["enableSched"] == "1", section)
        need(len(stanza["cron_schedule"].split()) == 5, section)
        need(stanza["search"].startswith("index="), section)
        need(stanza["counttype"] == "number of events", section)


# ---- Vector -----------------------------------------------------------------

VECTOR_SINK = {"type", "inputs", "acknowledgements.enabled", "buffer.type",
               "buffer.max_size", "buffer.when_full"}
VECTOR_KEYS = {
    "sources file": {"type", "include", "exclude", "read_from", "data_dir",
                     "max_line_bytes", "rotate_wait_secs",
                     "fingerprint.strategy", "fingerprint.lines"},
    "transforms remap": {"type", "inputs", "source", "drop_on_error",
                         "drop_on_abort", "reroute_dropped"},
    "transforms route": {"type", "inputs", "route.*"},
    "sinks elasticsearch": VECTOR_SINK | {
        "endpoints", "mode", "bulk.index", "bulk.action", "id_key",
        "compression", "auth.strategy", "auth.user", "auth.password",
        "tls.ca_file"},
    "sinks file": VECTOR_SINK | {"path", "encoding.codec", "compression"},
}


def leaves(table, before=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{key}.")
        else:
            yield before + key


def check_vector(directory):
    file = directory / "vector.toml"
    try:
        conf = tomllib.loads(file.read_text())
    except ValueError as error:             # both libraries' errors are ones
        raise Refused(str(error)) from error
    need(conf.keys() == {"data_dir", "sources", "transforms", "sinks"},
         f"top: {conf.keys()}")
    made, read = set(), set()
    for room in ("sources", "transforms", "sinks"):
        for name, part in conf[room].items():
            kind = f"{room} {part['type']}"
            need(kind in VECTOR_KEYS, kind)
            for key in leaves(part):
                known = re.sub(r"^route\.\w+$", "route.*", key)
                need(known in VECTOR_KEYS[kind], f"{name}: {key}")
            if room != "sources":
                read.update(part["inputs"])
            if kind == "transforms remap":
                need(part["drop_on_error"] and part["drop_on_abort"]
                     and part["reroute_dropped"], f"{name} drops")
                made.add(f"{name}.dropped")
            if kind == "transforms route":
                made.update(f"{name}.{way}" for way in part["route"])
                made.add(f"{name}._unmatched")
            elif room != "sinks":
                made.add(name)
            if room == "sinks":
                need(part["acknowledgements"]["enabled"] is True, name)
            if kind == "sinks elasticsearch":
                need(part["buffer"]["type"] == "disk"
                     and part["buffer"]["when_full"] == "block"
                     and part["buffer"]["max_size"] >= 268435488, name)
            if room == "sources":
                need(part["max_line_bytes"] >= LINE_MAX, "cuts records")
    need(made == read, f"made, not read or the reverse: {made ^ read}")
    if shutil.which("vector"):
        run("vector", "validate", "--no-environment", file)


# ---- those that Debian has --------------------------------------------------

def check_rsyslog(directory):
    # level 1 warns of a parameter it does not know, and accepts the file
    said = run("rsyslogd", "-N1", "-f", directory / "rsyslog.conf")
    bad = [line for line in said.splitlines()
           if not re.search("config validation run|"
                            # of the main file, which this one is included by
                            "backward-compatible insecure default", line)]
    need(not bad, "\n".join(bad))


def check_logrotate(directory):
    """A copy in "directory" with paths that exist."""
    said = run("logrotate", "-d", "-s", directory / "state",
               directory / "hx-gate")
    need("rotating pattern:" in said, said)
    bad = re.findall(r"^(?:error|warning): (?!logrotate in debug).*", said,
                     re.MULTILINE)
    need(not bad, "\n".join(bad))
    text = re.sub(r"#.*", "", (directory / "hx-gate").read_text())
    words = set(text.split())
    need("copytruncate" not in words, "copytruncate loses lines")
    need({"delaycompress", "create", "dateext", "sharedscripts"} <= words,
         "what keeps lines whole is missing")


CHECKS = {"fluent": check_fluent, "splunk": check_splunk,
          "vector": check_vector, "rsyslog": check_rsyslog,
          "logrotate": check_logrotate}


@pytest.fixture
def copy(state_dirs):
    """Of all files; one that may be spoilt."""
    directory = state_dirs()
    shutil.copytree(SIEM, directory)
    log = directory / "log"
    log.mkdir()
    (log / "audit.jsonl").write_text("{}\n")
    text = LOGROTATE.read_text().replace("/var/log/hx-gate", str(log))
    if not as_root():
        text = re.sub(r"(?m)^    su .*\n", "", text)
    (directory / "hx-gate").write_text(text)
    (directory / "hx-gate").chmod(0o644)
    return directory


@pytest.mark.parametrize("name", CHECKS)
def test_files_are_valid(copy, name):
    CHECKS[name](copy)


@pytest.mark.parametrize("name, file, old, new", [
    ("fluent", "fluent-bit.conf", "[SERVICE]", "[SERVICE"),
    ("fluent", "fluent-bit.conf", "    Rotate_Wait ", "    Rotation_Wait "),
    ("fluent", "fluent-bit.conf", "    DB.sync ", "  DB.sync "),
    ("fluent", "fluent-bit.conf", "Match                       hx.gate.dead",
     "Match                       hx.gate.alive"),
    ("fluent", "fluent-bit.conf", "Retry_Limit                 no_limits",
     "Retry_Limit                 5"),
    ("fluent", "parsers.conf", "hx_gate_audit", "hx_gate"),
    ("fluent", "parsers.conf", "    Time_Format", "    Timeformat"),
    ("splunk", "splunk/props.conf", "TIME_PREFIX", "TIME_PREFIXES"),
    ("splunk", "splunk/props.conf", "[hx:gate:audit]", "[hx:gate]"),
    ("splunk", "splunk/props.conf", "TRUNCATE = 32768", "TRUNCATE = 10000"),
    ("splunk", "splunk/inputs.conf", "index =", "index"),
    ("splunk", "splunk/inputs.conf", r"(-\d{8})?$", ""),
    ("splunk", "splunk/savedsearches.conf", "quantity", "amount"),
    ("splunk", "splunk/limits.conf", "[kv]", "[spath]"),
    ("vector", "vector.toml", "[sources.hx_gate_audit]", "[sources"),
    ("vector", "vector.toml", "max_line_bytes", "max_bytes"),
    ("vector", "vector.toml", '["hx_gate_parsed.dropped"]',
     '["hx_gate_audit"]'),
    ("vector", "vector.toml", "hx_gate_kinds.checkpoint", "hx_gate_parsed"),
    ("vector", "vector.toml", "when_full = \"block\"",
     "when_full = \"drop_newest\""),
    ("vector", "vector.toml", "reroute_dropped = true",
     "reroute_dropped = false"),
    ("rsyslog", "rsyslog.conf", "ruleset(name", "rule set(name"),
    ("rsyslog", "rsyslog.conf", "RateLimit.Interval", "RateLimit.Intervals"),
    ("rsyslog", "rsyslog.conf", 'template="hx_gate_line"',
     'template="hx_gate_lines"'),
    ("logrotate", "hx-gate", "    missingok", "    missing"),
    ("logrotate", "hx-gate", "    endscript", ""),
    ("logrotate", "hx-gate", "    delaycompress", ""),
    ("logrotate", "hx-gate", "    compress", "    compress\n    copytruncate"),
])
def test_a_spoilt_file_is_refused(copy, name, file, old, new):
    path = copy / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Refused):
        CHECKS[name](copy)


# ---- the lines of a gate ----------------------------------------------------

@pytest.fixture(scope="module")
def upstream(state_dirs):
    with started(Upstream(state_dirs())) as server:
        yield server


def requests_of_all_kinds(gate):
    """Their ids; the log has the admin calls besides."""
    gate.onboard("acme", namespaces=["prod"])
    key = gate.keys["acme"]
    ids = []
    with requests.Session() as session:
        session.trust_env = False
        for path, sent in (("list/prod", key), ("get/prod/" + "k" * 3000, key),
                           ("list/other", key), ("list/prod", "wrong"),
                           ('get/prod/%22,"ts":"%0a\\u00fc', key),
                           ("get/prod/\u00fc?s=404", key)):
            ids.append(f"siem-{len(ids)}")
            session.get(f"http://127.0.0.1:{gate.port}/v1/{path}",
                        timeout=PATIENCE, headers={
                            "X-Api-Key": sent, "X-Request-Id": ids[-1],
                            "User-Agent": 'a "quoted"\t{agent}'})
    return ids


def trail(directory, upstream, switches):
    """The bytes of a trail with these switches."""
    gate = LoneGate(directory, upstream.port, zone="8m",
                    audit=f"{{log}} flush=0 {switches}")
    with started(gate):
        ids = requests_of_all_kinds(gate)
        gate.stop(signal.SIGQUIT)
    data = gate.audit_log.read_bytes()
    records = [json.loads(line) for line in data.splitlines()]
    known = {record.get("request_id") for record in records}
    assert known.issuperset(ids)
    assert len(records) > len(ids)
    return data


@pytest.fixture(scope="module")
def trails(state_dirs, upstream):
    """{switches: bytes}"""
    return {switches: trail(state_dirs(), upstream, switches)
            for switches in ("", "extended", "chain", "extended chain")}


def seconds(text, form):
    """strptime; a fraction is %L for Fluent Bit and %3N for Splunk."""
    python = form.replace("%L", "%f").replace("%3N", "%f")
    try:
        return datetime.strptime(text, python).replace(tzinfo=timezone.utc)
    except (ValueError, re.error) as error:
        raise Refused(str(error)) from error


def events(data, breaker):
    """As Splunk breaks them: the first group is between two events."""
    found, begin = [], 0
    for gap in re.finditer(breaker.encode(), data):
        found.append(data[begin:gap.start(1)])
        begin = gap.end(1)
    return [event for event in [*found, data[begin:]] if event]


def fits_fluent(directory, data):
    parser = dict(fluent_sections(
        (directory / "parsers.conf").read_text()))["PARSER"]
    for line in data.splitlines():
        ts = json.loads(line).get(parser["time_key"][0])
        need(ts, "no such member")
        when = seconds(ts, parser["time_format"][0])
        need(abs(time.time() - when.timestamp()) < 600, f"{ts} is {when}")


def fits_splunk(directory, data):
    stanza = splunk(directory, "props.conf")["hx:gate:audit"]
    for key in ("LINE_BREAKER", "EVENT_BREAKER"):
        need(events(data, stanza[key]) == data.splitlines(), key)
    for line in data.decode().splitlines():
        ts = json.loads(line)["ts"]
        begin = re.search(stanza["TIME_PREFIX"], line)
        need(begin, f"no prefix: {line}")
        text = line[begin.end():][:int(stanza["MAX_TIMESTAMP_LOOKAHEAD"])]
        need(text == ts, f"{text} is not {ts}")
        when = seconds(text, stanza["TIME_FORMAT"])
        need(abs(time.time() - when.timestamp()) < 600, f"{ts} is {when}")
        need(len(line) < int(stanza["TRUNCATE"]), "would be cut")


def fits_readme(directory, data):
    """Every member is in the table."""
    rows = [line.split("|")[1] for line in
            (directory / "README.md").read_text().splitlines()
            if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    for line in data.splitlines():
        unknown = json.loads(line).keys() - named
        need(not unknown, f"not told: {unknown}")


FITS = {"fluent": fits_fluent, "splunk": fits_splunk, "readme": fits_readme}


@pytest.mark.parametrize("name", FITS)
def test_they_fit_the_lines_of_a_gate(trails, name):
    for data in trails.values():
        FITS[name](SIEM, data)


@pytest.mark.parametrize("name, file, old, new", [
    ("fluent", "parsers.conf", "%S.%LZ", "%SZ"),
    ("fluent", "parsers.conf", "%d", "%m"),
    ("fluent", "parsers.conf", "Time_Key     ts", "Time_Key     time"),
    ("splunk", "splunk/props.conf", "%3NZ", "%3N"),
    ("splunk", "splunk/props.conf", '{"ts"', '{"time"'),
    ("splunk", "splunk/props.conf", "LOOKAHEAD = 24", "LOOKAHEAD = 19"),
    ("splunk", "splunk/props.conf", r"LINE_BREAKER = ([\r\n]+)",
     'LINE_BREAKER = (,)"'),
    ("splunk", "splunk/props.conf", r"EVENT_BREAKER = ([\r\n]+)",
     r'EVENT_BREAKER = ([\r\n]+)\{"time'),
    ("readme", "README.md", "| `cus` |", "| `cu` |"),
])
def test_a_spoilt_one_does_not_fit(copy, trails, name, file, old, new):
    text = (copy / file).read_text()
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1))
    with pytest.raises(Refused):
        FITS[name](copy, trails[""])


# ---- syslog -----------------------------------------------------------------

class Rsyslog:
    """rsyslogd with our file, on paths and a port of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.port = free_port()
        self.socket = directory / "socket"
        self.audit = directory / "out" / "audit.jsonl"
        self.other = directory / "out" / "dead-letter.log"
        text = (directory / "rsyslog.conf").read_text()
        for old, new in (("5514", str(self.port)),
                         ("/run/hx-gate-syslog.sock", str(self.socket)),
                         ("/var/spool/rsyslog", str(directory)),
                         ("/var/log/hx-gate-syslog", str(directory / "out"))):
            assert old in text
            text = text.replace(old, new)
        (directory / "rsyslog.conf").write_text(text)
        self.process = subprocess.Popen(
            ["rsyslogd", "-n", "-f", directory / "rsyslog.conf",
             "-i", directory / "pid"], env=ENV, start_new_session=True)

    def udp(self):
        """Its port is open."""
        mark = f"{self.port:04X} "
        with open("/proc/net/udp", encoding="ascii") as f:
            return any(mark in line for line in f)

    def send(self, line):
        """As nginx does, over UDP."""
        now = time.strftime("%b %e %H:%M:%S")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(f"<190>{now} gate hx_gate: ".encode() + line,
                     ("127.0.0.1", self.port))

    def send_local(self, line):
        """As nginx does with "nohostname", over a Unix socket."""
        now = time.strftime("%b %e %H:%M:%S")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(str(self.socket))
            s.send(f"<190>{now} hx_gate: ".encode() + line)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


@pytest.fixture
def rsyslog(copy):
    server = Rsyslog(copy)
    try:
        until(lambda: server.udp() and server.socket.exists(), PATIENCE,
              "rsyslogd listens")
        yield server
    finally:
        server.stop()


def lines_of(path):
    return path.read_bytes().splitlines() if path.exists() else []


def test_rsyslog_keeps_the_bytes(rsyslog, trails):
    """And what is no record goes elsewhere, whole."""
    long = b'{"ts":"2026-01-31T00:00:00.000Z","path":"/'
    long += b"x" * (LINE_MAX - len(long) - 3) + b'"}'
    lines = [*b"".join(trails.values()).splitlines(), long]
    for number, line in enumerate(lines):
        (rsyslog.send_local if number % 2 else rsyslog.send)(line)
    rsyslog.send(b"torn line")
    until(lambda: len(lines_of(rsyslog.audit)) >= len(lines)
          and lines_of(rsyslog.other), PATIENCE, "all lines")
    assert sorted(lines_of(rsyslog.audit)) == sorted(lines)
    other = lines_of(rsyslog.other)
    assert len(other) == 1 and other[0].endswith(b"hx_gate: torn line")


def test_rsyslog_has_what_the_gate_sends(rsyslog, state_dirs, upstream):
    """The gate's second sink: the same lines as in the file."""
    gate = LoneGate(
        state_dirs(), upstream.port, zone="8m", audit="{log} flush=0 "
        f"syslog:server=127.0.0.1:{rsyslog.port},tag=hx_gate")
    with started(gate):
        requests_of_all_kinds(gate)
        gate.stop(signal.SIGQUIT)
    wanted = sorted(lines_of(gate.audit_log))
    until(lambda: len(lines_of(rsyslog.audit)) >= len(wanted), PATIENCE,
          "all lines")
    assert sorted(lines_of(rsyslog.audit)) == wanted
