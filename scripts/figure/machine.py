"""The machine and the processes on it: servers to be measured, their CPU time and memory, noise."""

import contextlib
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


def say(text):
    print(f"figures: {text}", file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a program to its end; its output. Its own words, where it fails."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE, **options)
    if done.returncode != 0:
        raise SystemExit(f"figures: {' '.join(map(str, command))} left with {done.returncode}:\n{done.stdout}")
    return done.stdout


def cpu_of(pid):
    """CPU seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_of_machine():
    """CPU seconds that all processes together have used."""
    user, nice, system, _idle, _wait, irq, soft, *_ = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return (user + nice + system + irq + soft) / TICKS


def cpu_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Noise:
    """What part of the machine's CPU time went to anybody but these processes and what they were asked by."""

    def __init__(self, pids):
        self.pids = pids

    def _now(self):
        own = sum(cpu_of(pid) for pid in self.pids) + cpu_of_children() + time.process_time()
        return time.monotonic(), cpu_of_machine() - own

    def __enter__(self):
        self.began, self.others = self._now()
        return self

    def __exit__(self, *_):
        ended, others = self._now()
        self.part = round(max(0.0, others - self.others) / max(1e-3, (ended - self.began) * CORES), 3)


def children(pid):
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def rss(pid):
    """MiB in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise SystemExit("figures: the server did not end within a minute")


class Server:
    """`keyward quickstart` in a directory, on a free port of loopback."""

    def __init__(self, program, directory, *options):
        self.program, self.directory, self.options = program, Path(directory), options
        self.pki = self.directory / "pki"

    def __enter__(self):
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        self.log = (self.directory.parent / "log").open("w")
        command = [self.program, "quickstart", "--dir", self.directory, "--listen", "127.0.0.1:0", *self.options]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [str(word) for word in command], text=True, stdout=subprocess.PIPE, stderr=self.log
        )
        for line in self.process.stdout:
            if found := re.match(r"ready kmip=(\S+)", line):
                self.address = found[1]
                break
        else:
            raise SystemExit(f"figures: the server did not get ready; see {self.log.name}")
        self.port = int(self.address.rsplit(":", 1)[1])
        self.pid = self.process.pid
        return self

    def __exit__(self, *_):
        end(self.process)
        self.process.stdout.close()
        self.log.close()

    def tls(self):
        context = ssl.create_default_context(cafile=self.pki / "ca.pem")
        context.load_cert_chain(self.pki / "client.pem", self.pki / "client.key")
        return context

    def connect(self, context):
        socket_ = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        return context.wrap_socket(socket_, server_hostname="127.0.0.1")

    def client(self):
        return ["--ca", self.pki / "ca.pem", "--cert", self.pki / "client.pem", "--key", self.pki / "client.key"]


# Discover Versions in KMIP 1.4.
DISCOVER = bytes.fromhex(
    "42007801000000604200770100000038420069010000002042006a0200000004000000010000000042006b0200000004"
    "000000040000000042000d0200000004000000010000000042000f010000001842005c05000000040000001e00000000"
    "4200790100000000"
)


def ask(connection):
    connection.sendall(DISCOVER)
    answer = b""
    while len(answer) < 8 or len(answer) < 8 + int.from_bytes(answer[4:8]):
        part = connection.recv(65536)
        if not part:
            raise SystemExit("figures: the server hung up")
        answer += part


def free_port():
    with socket.socket() as socket_:
        socket_.bind(("127.0.0.1", 0))
        return socket_.getsockname()[1]


def wait_for(port):
    for _ in range(600):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"figures: nobody listens on port {port}")


class Cluster:
    """PostgreSQL with its defaults, in a directory of its own."""

    def __init__(self, home):
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        found = programs[-1] if programs else shutil.which("initdb")
        if not found:
            raise SystemExit("figures: no PostgreSQL here: apt-get install postgresql, or leave it out with --only")
        self.programs = Path(found).parent
        self.home = home / "cluster"
        # It refuses to run as root.
        self.user = {"user": "postgres"} if os.getuid() == 0 else {}

    def __enter__(self):
        self.home.mkdir()
        if self.user:
            os.chown(self.home, pwd.getpwnam("postgres").pw_uid, -1)
            for above in (self.home.parent,):
                above.chmod(0o711)
        data, port = self.home / "data", free_port()
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **self.user}
        initdb = [self.programs / "initdb", "-D", data, "-A", "trust", "-U", "postgres", "--no-instructions"]
        subprocess.run(initdb, check=True, **quiet)
        command = [self.programs / "postgres", "-D", data, "-p", str(port), "-k", self.home, "-h", "127.0.0.1"]
        self.process = subprocess.Popen(command, **quiet)
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        wait_for(port)
        for _ in range(300):
            ready = subprocess.run([self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)])
            if ready.returncode == 0:
                return self
            time.sleep(0.1)
        raise SystemExit("figures: PostgreSQL did not start")

    def pids(self):
        return []

    def __exit__(self, *_):
        end(self.process)


@contextlib.contextmanager
def scratch(options):
    """A new directory on the disk that is to be measured."""
    with tempfile.TemporaryDirectory(prefix="keyward-figures-", dir=options.disk) as home:
        yield Path(home)


def described():
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())[1])
    return {
        "cpu": model[1] if model else "",
        "cores": CORES,
        "memory_gib": round(memory / 2**20, 1),
        "kernel": os.uname().release.split("-")[0],
    }
