#!/usr/bin/env python3
"""The arithmetic of the measuring scripts: CPU of a process, what a client said, ratios, the host's fingerprint.

Standard library only. `perf/compare.sh` and `perf/run.sh` call it; each subcommand has a --help.
"""

import argparse
import datetime
import json
import os
import platform
import re
import resource
import shlex
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NS_PER_SECOND = 1_000_000_000
ROUND_SECONDS_MIN = 0.5
NS_PER_TICK = NS_PER_SECOND // os.sysconf("SC_CLK_TCK")


def read(path, default=""):
    """The text of a file, or `default` when there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return default


def said(*command):
    """What a command printed, without its end; empty when it failed."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


# ---- the host


def fingerprint():
    """What a figure depends on besides the code that it measures, and the commit of that code."""
    cpu = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", read("/proc/meminfo"), re.MULTILINE)
    mitigations = Path("/sys/devices/system/cpu/vulnerabilities")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": said("git", "rev-parse", "HEAD"),
        "uncommitted_changes": bool(said("git", "status", "--porcelain", "--untracked-files=no")),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu": cpu.group(1) if cpu else "unknown",
        "cores": os.cpu_count(),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none"),
        "hypervisor": said("systemd-detect-virt") or "unknown",
        "memory_mib": int(memory.group(1)) // 1024 if memory else 0,
        "mitigations": {file.name: read(file) for file in sorted(mitigations.glob("*"))} if mitigations.is_dir() else {},
        "load_average": read("/proc/loadavg").split()[:3],
        "rustc": said("rustc", "--version"),
        "h2load": said("h2load", "--version"),
    }


# ---- a process's CPU


def cpu(pid):
    """CPU that a process has used so far, in nanoseconds, and how often its threads were switched away.

    The total comes from the scheduler in nanoseconds, threads that have ended included; user and system time are sampled
    at every tick and rounded to hundredths of a second, so only their proportion is used.
    """
    # The process's CPU clock, as clock_getcpuclockid(3) makes its number.
    total_ns = time.clock_gettime_ns((~pid << 3) | 2)
    voluntary = involuntary = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        switches = dict(re.findall(r"^(\w*ctxt_switches):\s*(\d+)$", read(task / "status"), re.MULTILINE))
        voluntary += int(switches.get("voluntary_ctxt_switches", 0))
        involuntary += int(switches.get("nonvoluntary_ctxt_switches", 0))
    # The name in parentheses may hold spaces; utime and stime are the 14th and 15th field.
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    user_ns, system_ns = int(fields[11]) * NS_PER_TICK, int(fields[12]) * NS_PER_TICK
    return {
        "total_ns": total_ns or user_ns + system_ns,
        "user_ns": user_ns,
        "system_ns": system_ns,
        "voluntary": voluntary,
        "involuntary": involuntary,
    }


# ---- what a client said


def seconds_of(number, unit):
    """A duration as h2load writes it."""
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}[unit]


def of_h2load(text):
    """The figures in h2load's report. It knows HTTP only: an answer with another grpc-status than 0 succeeds too."""
    finished = re.search(r"finished in ([\d.]+)(us|ms|s|m|h), ([\d.]+) req/s", text)
    counts = re.search(r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed", text)
    traffic = re.search(r"traffic: \S+ \((\d+)\) total, \S+ \((\d+)\) headers.*, \S+ \((\d+)\) data", text)
    if not (finished and counts and traffic):
        raise SystemExit(f"h2load's report is not understood:\n{text}")
    done = int(counts.group(2))
    good = int(re.search(r"status codes: (\d+) 2xx", text).group(1))
    figures = {
        "requests": done,
        "errors": int(counts.group(4)) + done - min(good, int(counts.group(3))),
        "seconds": seconds_of(finished.group(1), finished.group(2)),
        "rps": float(finished.group(3)),
        "reply_bytes": int(traffic.group(1)) / max(done, 1),
        "message_bytes": int(traffic.group(3)) / max(done, 1),
    }
    times = re.search(r"time for request:\s+(\S+?)(us|ms|s)\s+(\S+?)(us|ms|s)\s+(\S+?)(us|ms|s)", text)
    if times:
        figures["latency_mean_us"] = round(seconds_of(times.group(5), times.group(6)) * 1e6, 1)
    return figures


def of_replay(text):
    """The figures of bench's replay client, which prints JSON."""
    return json.loads(text.strip().splitlines()[-1])


def client_seconds():
    """CPU of all clients that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(pid, command):
    """Runs a client against the process `pid` and says what both did."""
    before = cpu(pid)
    client_before, started_ns = client_seconds(), time.monotonic_ns()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    elapsed = (time.monotonic_ns() - started_ns) / NS_PER_SECOND
    client_busy = (client_seconds() - client_before) / elapsed
    after = cpu(pid)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(command)} failed with {done.returncode}:\n{done.stdout}{done.stderr}")
    figures = (of_h2load if "h2load" in Path(command[0]).name else of_replay)(done.stdout)
    requests = max(figures["requests"], 1)
    spent = {name: after[name] - before[name] for name in after}
    sampled_ns = spent["user_ns"] + spent["system_ns"]
    user_share = spent["user_ns"] / sampled_ns if sampled_ns else 0.0
    cpu_ns = spent["total_ns"] / requests
    return figures | {
        "cpu_ns": round(cpu_ns, 1),
        "user_ns": round(cpu_ns * user_share, 1),
        "system_ns": round(cpu_ns * (1 - user_share), 1),
        "server_busy": round(spent["total_ns"] / NS_PER_SECOND / elapsed, 3),
        "client_busy": round(client_busy, 3),
        "waits_per_request": round(spent["voluntary"] / requests, 4),
        "preemptions": spent["involuntary"],
    }


# ---- comparing


def spread(values):
    """The least, the middle and the greatest."""
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def comparison(rounds):
    """Medians of either side, and the ratios A/B of the rounds that ran one after the other."""
    sides = {side: [one for one in rounds if one["side"] == side] for side in "AB"}
    pairs = list(zip(sides["A"], sides["B"]))
    summary = {"rounds": len(pairs)}
    for side, runs in sides.items():
        names = ("cpu_ns", "user_ns", "system_ns", "rps", "waits_per_request", "latency_mean_us")
        summary[side] = {name: spread([run[name] for run in runs]) for name in names if name in runs[0]}
    for name in ("cpu_ns", "rps", "latency_mean_us"):
        if any(name not in one for pair in pairs for one in pair):
            continue
        summary[f"{name}_ratio"] = spread([a[name] / b[name] if b[name] else 0.0 for a, b in pairs])
    return summary


def line_of(one):
    """One round for a person."""
    batch = f"{one['calls_per_read']:.1f}" if "calls_per_read" in one else "-"
    return (
        f"{one['round']:>5}  {one['side']}  {one['label']:<18.18} {one['rps']:>10,.0f} {one['cpu_ns'] / 1000:>9.3f} "
        f"{one['user_ns'] / 1000:>8.3f} {one['system_ns'] / 1000:>8.3f} {one['server_busy']:>7.0%} "
        f"{one['client_busy']:>7.0%} {one['waits_per_request']:>8.3f} {batch:>8} {one['preemptions']:>8} "
        f"{one['errors']:>7}"
    )


HEADING = (
    "round     server             requests/s CPU µs/rq     user   system  server  client waits/rq    batch preempt. "
    " errors"
)


def spread_of(figures, scale=1.0, digits=2):
    """A spread for a person: the middle, and the extremes in brackets."""
    low, middle, high = (figures[name] / scale for name in ("min", "median", "max"))
    return f"{middle:,.{digits}f} [{low:,.{digits}f} .. {high:,.{digits}f}]"


def verdict(rounds, summary):
    """The comparison for a person."""
    labels = {one["side"]: one["label"] for one in rounds}
    lines = []
    for side in "AB":
        figures = summary[side]
        lines.append(
            f"{side} {labels[side]}: CPU {spread_of(figures['cpu_ns'], 1000, 3)} µs a request, "
            f"{spread_of(figures['rps'], 1, 0)} requests/s"
        )
    ratio = summary["cpu_ns_ratio"]
    lines.append(f"CPU of A / CPU of B: {spread_of(ratio, 1, 3)}  (median [least .. greatest] of {summary['rounds']})")
    if ratio["median"]:
        lines.append(f"CPU of B / CPU of A: {1 / ratio['median']:.2f}")
    if "latency_mean_us_ratio" in summary:
        means = [spread_of(summary[side]["latency_mean_us"], 1, 1) for side in "AB"]
        lines.append(f"Mean time of a call in µs: A {means[0]}, B {means[1]}")
        lines.append(f"Time of A / time of B: {spread_of(summary['latency_mean_us_ratio'], 1, 3)}")
    lines.append(f"Rate of A / rate of B: {spread_of(summary['rps_ratio'], 1, 3)}")
    if ratio["min"] < 1 < ratio["max"]:
        lines.append("The rounds disagree on which is cheaper: take it as no difference, or measure longer.")
    if min(one["seconds"] for one in rounds) < ROUND_SECONDS_MIN:
        lines.append(f"Rounds of less than {ROUND_SECONDS_MIN} s say little: raise --requests.")
    client_bound = [one["label"] for one in rounds if one["client_busy"] > 0.95 > one["server_busy"]]
    if client_bound:
        names = ", ".join(sorted(set(client_bound)))
        lines.append(f"The client was the bottleneck for {names}: look at the CPU per request, not at the rate.")
    return "\n".join(lines)


def without_root(text):
    """A command line as it reads from the repository's root."""
    return text.replace(f"{ROOT}/", "")


# ---- subcommands


def varint(value):
    """A protobuf varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, data):
    """A length-delimited protobuf field; an empty one is not sent."""
    return varint(number << 3 | 2) + varint(len(data)) + data if data else b""


def do_body(options):
    """Writes the body of one call: the gRPC prefix and the message."""
    message = field(1, options.key.encode())
    if options.operation == "set":
        message += field(2, b"v" * options.value_bytes)
    message += field(15, options.namespace.encode())
    Path(options.output).write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)


def free_port():
    """A TCP port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def do_free_port(_options):
    """Prints a TCP port that is free now."""
    print(free_port())


def do_fingerprint(options):
    """Prints the host's fingerprint, with notes of the caller."""
    notes = dict(note.split("=", 1) for note in options.note)
    print(json.dumps(fingerprint() | notes, indent=2))


def do_measure(options):
    """Runs a client, prints the figures, and appends them to a file when one is given."""
    figures = measured(options.pid, options.command)
    figures = {"round": options.round, "side": options.side, "label": options.label} | figures
    figures["client_command"] = without_root(shlex.join(options.command))
    figures["server_command"] = without_root(options.server_command)
    with open(options.output, "a", encoding="utf-8") as file:
        file.write(json.dumps(figures) + "\n")
    print(line_of(figures), flush=True)
    if figures["errors"]:
        raise SystemExit(f"{figures['errors']} calls failed: {figures.get('first_error')}")


def do_compare(options):
    """Prints the comparison of the recorded rounds and writes it with the host's fingerprint."""
    rounds = [json.loads(line) for line in Path(options.rounds).read_text(encoding="utf-8").splitlines()]
    summary = comparison(rounds)
    print(verdict(rounds, summary))
    host = json.loads(Path(options.fingerprint).read_text(encoding="utf-8"))
    result = {"command": options.command_line, "fingerprint": host, "summary": summary, "rounds": rounds}
    Path(options.output).parent.mkdir(parents=True, exist_ok=True)
    Path(options.output).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {without_root(str(Path(options.output).resolve()))}")


def do_get(options):
    """Prints one value of a JSON document on standard input, rounded when it is a number."""
    value = json.loads(sys.stdin.read().strip().splitlines()[-1])[options.name]
    print(round(value) if isinstance(value, float) else value)


def main():
    """Runs the subcommand."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name, function, *arguments):
        sub = commands.add_parser(name, help=function.__doc__)
        for flag, details in arguments:
            sub.add_argument(flag, **details)
        sub.set_defaults(function=function)

    required = {"required": True}
    command(
        "body",
        do_body,
        ("--operation", {"choices": ["get", "set", "delete", "exists"], "default": "get"}),
        ("--key", required),
        ("--value-bytes", {"type": int, "default": 64}),
        ("--namespace", {"default": ""}),
        ("--output", required),
    )
    command("free-port", do_free_port)
    command("fingerprint", do_fingerprint, ("--note", {"action": "append", "default": [], "metavar": "NAME=VALUE"}))
    command(
        "measure",
        do_measure,
        ("--pid", {"type": int, "required": True}),
        ("--round", {"type": int, "default": 1}),
        ("--side", {"default": "A"}),
        ("--label", required),
        ("--server-command", required),
        ("--output", required),
        ("command", {"nargs": "+"}),
    )
    command(
        "compare",
        do_compare,
        ("--rounds", required),
        ("--fingerprint", required),
        ("--command-line", required),
        ("--output", required),
    )
    command("heading", lambda _options: print(HEADING))
    command("get", do_get, ("name", {}))
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
