"""The page docs/performance.md: targets beside what was measured, the tables, the plots."""

from . import plots
from .machine import say
from .measure import HOT, POSTGRES, ROOT

PAGE, PLOTS = ROOT / "docs/performance.md", ROOT / "docs/figures"
BEGIN, END = "<!-- figures: written by scripts/figures -->\n", "<!-- end of figures -->"
grouped = plots.grouped


def targets(figures):
    """What shall be reached, what is, and whether. None: not measured."""
    rows, stores = figures["rows"], {row["objects"]: row for row in figures.get("store", [])}

    def reached(name, target, key, shown, aim, note=lambda row: ""):
        row = rows.get(name, {})
        value = row.get(key) if isinstance(key, str) else key(row)
        if value is None:
            return (name, target, "", None)
        return (name, target, shown(value) + note(row), value >= aim)

    part = lambda value: f"{value:.3f}"
    rate = lambda value: f"{grouped(value)}/s"
    for name, _, _, _, target in HOT:
        if target and name != "locate-name":
            yield reached(name, f"{target:.2f} of the echo", "of_echo", part, target)
    yield reached("encrypt-gcm-64k", "8,000/s", "requests_per_second", rate, 8000)
    alone = figures.get("token", {}).get("microseconds", {})

    def of_token(name, target, key, unit, aim, part, call):
        """The lesser aim counts, where the token alone was measured."""
        text, least = f"{grouped(aim)}{unit}", aim
        if call in alone:
            least = min(aim, part * 1e6 / alone[call])
            target = target.format(f" ({grouped(part * 1e6 / alone[call])}{unit})")
        return reached(name, f"{text}, or {target.format('')}", key, lambda value: f"{grouped(value)}{unit}", least)

    each = "requests_per_second"
    yield of_token("sign-p256", "0.8 of the token alone{}", each, "/s", 20_000, 0.8, "ECDSA P-256")
    yield of_token("sign-rsa2048", "0.8 of the token alone{}", each, "/s", 1500, 0.8, "RSA-2048 PKCS#1 v1.5")
    yield of_token("derive-100", "half of the token alone{}", "items_per_second", " keys/s", 300_000, 0.5, "HMAC-SHA-256 of 64 B")
    for objects in sorted({1000, 100_000, 1_000_000, *stores}):
        name, aim = f"locate-name among {objects:,}", "0.10 of the echo"
        row = stores.get(objects)
        yield (name, aim, part(row["of_echo"]), row["of_echo"] >= 0.10) if row else (name, aim, "", None)
    if len(stores) > 1:
        rates = [row["requests_per_second"] for row in stores.values()]
        spread = max(rates) / min(rates)
        yield ("locate-name, fewest against most objects", "within 1.5", f"{spread:.2f}", spread <= 1.5)
    yield reached("connect", "1,500/s", "requests_per_second", rate, 1500)
    yield reached("connect-resumed", "4,000/s", "requests_per_second", rate, 4000)
    yield reached("create", "20 per fdatasync of the disk", lambda row: row["requests_per_second"] / row["synced_per_second"] if row.get("synced_per_second") else None,
                  lambda value: f"{value:.1f}", 20,
                  lambda row: f" ({rate(row['requests_per_second'])}, disk {rate(row['synced_per_second'])})")
    yield reached("create, PostgreSQL", "7,500/s", "requests_per_second", rate, 7500)
    yield reached("lifecycle, PostgreSQL", "1,155 cycles/s", lambda row: row["requests_per_second"] / 5 if row else None,
                  lambda value: f"{grouped(value)} cycles/s", 1155)
    yield reached("batch-create-10", "1,500 messages/s", "requests_per_second", rate, 1500)
    for loop, key, note in (("fewer connections", "half", None), ("open loop", "paced", "echo")):
        ratio = lambda seen: seen["p99_us"] / seen["p50_us"] if seen.get("p50_us") else None
        halves = [(ratio(row[key]), name, ratio(row[key].get(note, {}))) for name, row in rows.items()]
        halves = [each for each in halves if each[0]]
        if halves:
            over = sorted((each for each in halves if each[0] >= 4), reverse=True)
            text = f"{len(halves) - len(over)} of {len(halves)} operations"
            beside = lambda echo: f" (echo {echo:.1f})" if echo else ""
            text += "".join(f"; {name} {each:.1f}{beside(echo)}" for each, name, echo in over)
            yield (f"p99 at half of the highest rate, {loop}", "below 4 × p50", text, not over)
    memory = figures.get("memory")
    idle, each = (memory["idle_mib"], memory["connection_kib"]) if memory else (None, None)
    yield below("memory, idle", "30 MiB", idle, lambda value: f"{value:.1f} MiB", 30)
    yield below("memory of an idle connection", "20 KiB", each, lambda value: f"{value:.1f} KiB", 20)
    most = max(stores, default=1_000_000)
    grown, answered = None, None
    if len(stores) > 1:
        grown = stores[most]["rss_idle_mib"] - stores[min(stores)]["rss_idle_mib"]
        answered = stores[most]["first_answer_s"]
    yield below(f"memory with {most:,} objects", "no growth", grown, lambda value: f"{value:+.1f} MiB", 1)
    yield below(f"first answer after start, {most:,} objects", "0.3 s", answered, lambda value: f"{value:.2f} s", 0.3)


def below(name, target, value, shown, aim):
    return (name, target, "", None) if value is None else (name, target, shown(value), value <= aim)


def table(head, rows):
    """Columns whose head ends with a colon are numbers."""
    rule = "|".join("---:" if name.endswith(":") else "---" for name in head)
    lines = ["| " + " | ".join(name.rstrip(":") for name in head) + " |", f"|{rule}|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def written(figures):
    words = {True: "reached", False: "**missed**", None: "not measured"}
    judged = list(targets(figures))
    here = figures["machine"]
    count = lambda verdict: sum(1 for *_, seen in judged if seen is verdict)
    taken = sorted({(row["taken"], row["commit"]) for row in every(figures)})
    text = (
        f"Taken {' and '.join(f'{day} at {commit}' for day, commit in taken)} on {here['cores']} cores ({here['cpu']}), "
        f"{here['memory_gib']} GiB, Linux {here['kernel']}; {figures['seconds']} s a measurement after {figures['warm_up']} s of "
        f"warm-up, {figures['keys']} keys. Of {len(judged)} targets {count(True)} are reached, {count(False)} missed, "
        f"{count(None)} not measured.\n\n"
    )
    noisy = [name for name, row in figures["rows"].items() if row["others"] > 0.1]
    if noisy:
        text += (
            f"**Other work took more than a tenth of the machine's CPU time** while these were measured, which are worth "
            f"little more than an order of magnitude: {'; '.join(noisy)}.\n\n"
        )
    wrong = [f"{name} ({row['errors']})" for name, row in figures["rows"].items() if row["errors"]]
    text += f"**Requests came to nothing** in {'; '.join(wrong)}.\n\n" if wrong else "No request came to nothing.\n\n"
    text += "### Targets\n\n"
    text += table(["operation", "target", "measured", ""], [(*row[:3], words[row[3]]) for row in judged])
    text += "\n### Everything\n\n"
    number = lambda value: grouped(value) if value is not None else ""
    text += table(
        ["operation", "connections:", "requests/s:", "p50 µs:", "p99 µs:", "echo/s:", "of echo:", "at half: connections:", "p50 µs:", "p99 µs:",
         "open loop: p50 µs:", "p99 µs:", "CPU others used:", "measured by"],
        [
            (name, str(row["connections"]), number(row["requests_per_second"]), number(row["p50_us"]), number(row["p99_us"]),
             number(row["echo_per_second"]), f"{row['of_echo']:.3f}", str(row["half"]["connections"]), number(row["half"]["p50_us"]),
             number(row["half"]["p99_us"]), number(row["paced"]["p50_us"]), number(row["paced"]["p99_us"]), f"{100 * row['others']:.0f} %", row["instrument"])
            for name, row in ordered(figures)
        ],
    )
    if figures.get("store"):
        text += "\n### The size of the store\n\n"
        text += table(
            ["objects:", "locate-name/s:", "of echo:", "p50 µs:", "p99 µs:", "memory at rest, MiB:", "first answer after start, s:"],
            [
                (f"{row['objects']:,}", number(row["requests_per_second"]), f"{row['of_echo']:.3f}", number(row["p50_us"]),
                 number(row["p99_us"]), f"{row['rss_idle_mib']:.1f}", f"{row['first_answer_s']:.2f}")
                for row in figures["store"]
            ],
        )
    if figures.get("token"):
        text += "\n### The embedded token alone\n\nOne caller, a call after the other (`cargo bench -- token/embedded`).\n\n"
        rows = figures["token"]["microseconds"].items()
        text += table(["call", "µs:", "calls/s:"], [(name, f"{us:.2f}", grouped(1e6 / us)) for name, us in rows])
    text += "\n### Pictures\n\n"
    pictures = {
        "ratio": "Requests per second as a part of the echo's",
        "latency": "Latency at half of the highest rate",
        "locate": "Locate against the number of objects",
    }
    text += "\n\n".join(f"![{words}](figures/{name}.svg)" for name, words in pictures.items() if (PLOTS / f"{name}.svg").exists())
    return text + "\n\n"


def every(figures):
    """All that bears a date."""
    single = [figures[name] for name in ("memory", "token") if figures.get(name)]
    return [*figures["rows"].values(), *figures.get("store", []), *single]


def ordered(figures):
    names = [name for name, *_ in HOT] + [f"{name}, PostgreSQL" for name, _ in POSTGRES]
    return [(name, figures["rows"][name]) for name in names if name in figures["rows"]]


def draw(figures):
    PLOTS.mkdir(exist_ok=True)
    target = {name: target for name, *_, target in HOT}
    rows = ordered(figures)
    drawings = {
        "ratio": plots.ratios([(name, row["of_echo"], target.get(name)) for name, row in rows]) if rows else None,
        "latency": None,
        "locate": None,
    }
    halves = [(name, row["half"]["p50_us"], row["half"]["p99_us"]) for name, row in rows if row["half"]["p50_us"]]
    if halves:
        drawings["latency"] = plots.latencies(halves)
    if figures.get("store"):
        stores = figures["store"]
        aim = 0.10 * max(row["echo_per_second"] for row in stores)
        drawings["locate"] = plots.located([(row["objects"], row["requests_per_second"]) for row in stores], aim)
    for name, drawing in drawings.items():
        path = PLOTS / f"{name}.svg"
        if drawing:
            path.write_text(drawing)
        else:
            path.unlink(missing_ok=True)
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + BEGIN + "\n" + written(figures) + END + rest.split(END)[1])
    say(f"wrote {PAGE.relative_to(ROOT)} and {PLOTS.relative_to(ROOT)}/")
