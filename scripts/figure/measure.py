"""What is measured, and by which instrument. Each adds its rows to the figures."""

import datetime
import functools
import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

from .machine import Cluster, Noise, Server, ask, end, free_port, rss, run, say, scratch, wait_for

ROOT = Path(__file__).resolve().parents[2]
LOAD = os.environ.get("KMIP_LOAD")

# Name, connections, where it is a row of kmip-load, more options of it, target as a part of the echo.
HOT = [
    ("query", 4, "query", [], 0.45),
    ("get", 4, "get", [], 0.25),
    ("get-attributes", 4, "get-attributes", [], 0.30),
    ("locate-name", 4, "locate-name", [], 0.10),
    ("encrypt-gcm-64", 4, "encrypt-gcm-64", [], 0.30),
    ("encrypt-gcm-4k", 4, "encrypt-gcm-4k", [], 0.16),
    ("encrypt-gcm-64k", 4, "encrypt-gcm-64k", [], None),
    ("mac-hmac-sha256", 4, "mac-hmac-sha256", [], 0.30),
    ("sign-p256", 4, "sign-p256", [], None),
    ("sign-rsa2048", 4, "sign-rsa2048", [], None),
    ("derive", 4, None, [], 0.30),
    ("derive-100", 4, None, [], None),
    ("connect", 4, "connect", [], None),
    ("connect-resumed", 4, "connect", ["--resume"], None),
    # What lets the store grow comes last.
    ("batch-create-10", 4, "batch-create-10", [], None),
    ("create", 64, "create", [], None),
]
# On PostgreSQL with fsync.
POSTGRES = [("create", 64), ("lifecycle", 64)]


class Instrument:
    """Measures one server: kmip-load for what it knows where it is at hand, else keyward bench."""

    def __init__(self, program, server, options, home):
        self.program, self.server, self.options, self.home = program, server, options, home
        self.echo = None

    def __enter__(self):
        if LOAD:
            port = free_port()
            pki = self.server.pki
            self.echo = subprocess.Popen(
                [LOAD, "echo-server", "--port", str(port), "--ca", pki / "client-ca.pem"]
                + ["--cert", pki / "server.pem", "--key", pki / "server.key"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            self.echo_port = port
            wait_for(port)
        return self

    def __exit__(self, *_):
        if self.echo:
            end(self.echo)

    def bench(self, operations, connections, *more, seconds=None, warm_up=None):
        options = self.options
        seconds = options.seconds if seconds is None else seconds
        warm_up = options.warm_up if warm_up is None else warm_up
        report = run(
            [self.program, "bench", "--json", "--server", self.server.address, "--dir", self.server.directory]
            + ["--connections", connections, "--seconds", seconds, "--warm-up", warm_up]
            + ["--operations", operations, "--master", "bench", "--keys", options.keys, *more]
        )
        return json.loads(report)["operations"][0]

    def load(self, port, operation, connections, more, pid):
        options = self.options
        report = run(
            [LOAD, "--port", port, *self.server.client(), "--op", operation, "--connections", connections]
            + ["--duration", options.seconds, "--warmup", options.warm_up, "--keys", options.keys]
            + ["--server-pid", pid, "--cleanup", "--json", "-", *more],
            stderr=subprocess.DEVNULL,
        )
        for line in report.splitlines():
            result = json.loads(line)
            if result["type"] == "result":
                return result
        raise SystemExit(f"figures: kmip-load did not measure {operation}:\n{report}")

    def measure(self, name, connections, loaded, more, pids=()):
        """One row: the echo, the server, and the server at half of its rate, in a closed and in an open loop."""
        loaded = loaded if LOAD else None
        with Noise([self.server.pid, *([self.echo.pid] if self.echo else []), *pids]) as noise:
            row = self.by_load(connections, loaded, more) if loaded else self.by_bench(name, connections)
            row["half"] = self.fewer(name, connections, loaded, more, row["requests_per_second"] / 2)
            open_loop = self.bench(name, connections, "--echo", "--rate", "half").get("paced", {})
        latency = lambda seen: {key: seen.get(key) for key in ("iterations_per_second", "p50_us", "p99_us")}
        # Where not one request was answered there is no half of it.
        row.update(operation=name, connections=connections, others=noise.part, paced=latency(open_loop))
        row["paced"]["echo"] = latency(open_loop.get("echo", {}))
        row["errors"] += sum(open_loop.get("errors", {}).values())
        return row

    def fewer(self, name, connections, loaded, more, half):
        """With as many connections as give about half of the highest rate."""
        best = {}
        while (connections := connections // 2) > 0:
            if loaded:
                seen = self.load(self.server.port, loaded, connections, more, self.server.pid)
                seen = {**seen["latency"], "requests_per_second": seen["messages_per_s"]}
            else:
                seen = self.bench(name, connections)
            rate = seen["requests_per_second"]
            if best and abs(rate - half) > abs(best["requests_per_second"] - half):
                break
            best = {"connections": connections, "requests_per_second": rate, "p50_us": seen.get("p50_us"), "p99_us": seen.get("p99_us")}
        return best

    def by_load(self, connections, loaded, more):
        echo = self.load(self.echo_port, loaded, connections, more, self.echo.pid)
        seen = self.load(self.server.port, loaded, connections, more, self.server.pid)
        latency = seen["latency"]
        return {
            "instrument": "kmip-load",
            "requests_per_second": seen["messages_per_s"],
            "items_per_second": seen["items_per_s"],
            "p50_us": latency.get("p50_us"),
            "p99_us": latency.get("p99_us"),
            "echo_per_second": echo["messages_per_s"],
            "of_echo": seen["messages_per_s"] / max(1e-9, echo["messages_per_s"]),
            "server_us": seen.get("server_cpu_us_per_message"),
            "errors": seen["errors"] + echo["errors"],
        }

    def by_bench(self, name, connections):
        seen = self.bench(name, connections, "--echo")
        if "refused" in seen:
            raise SystemExit(f"figures: {name}: {seen['refused']}")
        echo = seen["echo"]
        return {
            "instrument": "keyward bench",
            "requests_per_second": seen["requests_per_second"],
            "items_per_second": seen["items_per_second"],
            "p50_us": seen["p50_us"],
            "p99_us": seen["p99_us"],
            "echo_per_second": echo["requests_per_second"],
            "of_echo": seen["of_echo"],
            "errors": sum(seen["errors"].values()) + sum(echo["errors"].values()),
        }


def synced(directory, seconds):
    """How often a second the disk below this directory takes 8 KiB for good, one after another."""
    path = Path(directory) / "synced"
    block, count = os.urandom(8192), 0
    with path.open("wb", buffering=0) as file:
        file.write(block * 64)
        os.fsync(file.fileno())
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            os.pwrite(file.fileno(), block, 8192 * (count % 64))
            os.fdatasync(file.fileno())
            count += 1
    path.unlink()
    return count / (time.monotonic() - began)


def hot(program, options, figures):
    """The operations, on one new server with SQLite."""
    rows = [row for row in HOT if row[0] in options.only]
    if not rows:
        return
    with scratch(options) as home, Server(program, home / "data") as server:
        run([program, "key", "create-master", "bench", "--owner", "first-client", "--scope", "bench"]
            + ["--dir", server.directory])
        with Instrument(program, server, options, home) as instrument:
            for name, connections, loaded, more, _ in rows:
                say(name)
                row = instrument.measure(name, connections, loaded, more)
                if name == "create":
                    row["synced_per_second"] = synced(home, min(2.0, options.seconds))
                figures["rows"][name] = stamped(row)


def memory(program, options, figures):
    """A server at rest, and what a connection costs that does nothing."""
    say("memory")
    count = 1000 if options.seconds >= 1 else 100
    with scratch(options) as home, Server(program, home / "data") as server:
        time.sleep(1)
        idle = rss(server.pid)
        context = server.tls()
        first = server.connect(context)
        ask(first)
        before = rss(server.pid)
        connections = [server.connect(context) for _ in range(count)]
        # In TLS 1.3 a handshake is done on the client's side first.
        for connection in connections:
            ask(connection)
        time.sleep(1)
        each = (rss(server.pid) - before) * 1024 / count
        for connection in [first, *connections]:
            connection.close()
    figures["memory"] = stamped({"idle_mib": idle, "connection_kib": each, "connections": count})


def token(program, options, figures):
    """The embedded token alone, one caller, by the criterion benches."""
    say("token")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    seconds, began = str(max(0.2, options.seconds / 3)), time.time()
    with Noise([]) as noise:
        run(
            ["cargo", "bench", "--locked", "--bench", "parts", "--", "token/embedded"]
            + ["--measurement-time", seconds, "--warm-up-time", seconds],
            cwd=ROOT,
        )
    rows = {}
    for path in sorted(target.glob("criterion/token_embedded/*/new")):
        # Of an earlier run, under a name of then.
        if (path / "estimates.json").stat().st_mtime < began:
            continue
        name = json.loads((path / "benchmark.json").read_text())["function_id"]
        estimate = json.loads((path / "estimates.json").read_text())["median"]
        rows[name] = estimate["point_estimate"] / 1e3
    figures["token"] = stamped({"microseconds": rows, "others": noise.part})


def postgres(program, options, figures):
    """Many writers on PostgreSQL that waits for its disk."""
    for name, connections in POSTGRES:
        say(f"{name} on PostgreSQL")
        with scratch(options) as home, Cluster(home) as cluster:
            with Server(program, home / "data", "--database", cluster.url) as server:
                with Instrument(program, server, options, home) as instrument:
                    row = instrument.measure(name, connections, name, [], cluster.pids())
                    row["synced_per_second"] = synced(home, min(2.0, options.seconds))
                    figures["rows"][f"{name}, PostgreSQL"] = stamped(row)


def store(program, options, figures):
    """Locate, memory and start against the number of objects in the store."""
    kept = {row["objects"]: row for row in figures.get("store", [])}
    with scratch(options) as home:
        there = 0
        for objects in sorted(options.objects):
            # The keys that are searched for come on top, and go again.
            more = max(0, objects - options.keys - there)
            kept[objects] = stored(program, options, home / "data", more, objects)
            there += more
    for directory in options.store:
        database = sqlite3.connect(f"file:{Path(directory) / 'keyward.db'}?mode=ro", uri=True)
        (objects,) = database.execute("SELECT count(*) FROM objects").fetchone()
        database.close()
        kept[objects] = stored(program, options, Path(directory).absolute(), 0, objects)
    figures["store"] = [kept[objects] for objects in sorted(kept)]


def stored(program, options, directory, more, objects):
    say(f"a store of {objects:,} objects")
    row = {"objects": objects}
    # A first start makes certificates, token and database: that is not the start that is measured.
    if not directory.exists():
        with Server(program, directory):
            pass
    if more:
        with Server(program, directory) as server, Instrument(program, server, options, directory.parent) as instrument:
            began = time.monotonic()
            instrument.bench("query", 16, "--fill", more, seconds=0.1, warm_up=0)
            row["filled_per_second"] = more / (time.monotonic() - began)
    with Server(program, directory) as server:
        ready = time.monotonic()
        context = server.tls()
        with server.connect(context) as connection:
            ask(connection)
        row["first_answer_s"] = time.monotonic() - server.began
        row["ready_s"] = ready - server.began
        time.sleep(1)
        row["rss_idle_mib"] = rss(server.pid)
        with Instrument(program, server, options, directory.parent) as instrument:
            seen = instrument.measure("locate-name", 4, "locate-name", [])
        row["rss_mib"] = rss(server.pid)
    keys = ("instrument", "requests_per_second", "p50_us", "p99_us", "echo_per_second", "of_echo", "others", "errors")
    row.update({key: seen[key] for key in keys})
    return stamped(row)


@functools.cache
def commit():
    try:
        name = run(["git", "-C", ROOT, "rev-parse", "--short=10", "HEAD"], stderr=subprocess.DEVNULL).strip()
        changed = run(["git", "-C", ROOT, "status", "--porcelain", "-uno", "src", "ttlv", "token"]).strip()
        return name + ("+" if changed else "")
    except (SystemExit, OSError):
        return ""


def stamped(row):
    return {**row, "commit": commit(), "taken": datetime.date.today().isoformat()}
