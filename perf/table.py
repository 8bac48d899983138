#!/usr/bin/env python3
"""The memstore's table against hashbrown with boxed keys and values: time, memory, growth, and cache misses.

Runs bench/examples/table.rs (built first, in release) on core 0, and then each kind of operation under cachegrind with
small caches, as this machine may have no counters: a table of a million keys against a last-level cache of 1 MiB is about
what ten million are to one of 10 MiB. Writes the figures with the host's fingerprint to perf/results/. Needs valgrind.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

import figures

PROGRAM = "target/release/examples/table"
CACHES = ["--cache-sim=yes", "--D1=32768,8,64", "--LL=1048576,16,64"]
COUNTED = {"get": ["memstore", "hashbrown"], "turn": ["memstore"], "set": ["memstore", "hashbrown"],
           "ttl-set": ["memstore"]}


def cachegrind(options, operation, subject, rounds):
    """Instructions, and misses of the first and of the last level for data, of a fill and so many rounds."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["valgrind", "--tool=cachegrind", *CACHES, f"--cachegrind-out-file={scratch}/out", PROGRAM,
                   "--count", operation, "--subject", subject, "--keys", str(options.counted_keys),
                   "--operations", str(options.counted), "--rounds", str(rounds)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    number = lambda name: int(re.search(rf"{name}:\s+([\d,]+)", said)[1].replace(",", ""))
    return [number(r"I\s+refs"), number(r"D1\s+misses"), number(r"LLd misses")]


def count(options):
    """Of one operation of each kind."""
    counted = {}
    for operation, subjects in COUNTED.items():
        for subject in subjects:
            before, after = (cachegrind(options, operation, subject, rounds) for rounds in (1, 2))
            each = [(more - less) / options.counted for less, more in zip(before, after)]
            counted[f"{subject} {operation}"] = dict(zip(["instructions", "first_misses", "last_misses"], each))
            print(f"{subject:10} {operation:8} {each[0]:7.0f} instructions, misses: first level {each[1]:5.2f}, "
                  f"last level {each[2]:5.2f}")
    return counted


def main():
    """Measures, prints a table and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=10_000_000, help="keys of the timed tables (10,000,000)")
    parser.add_argument("--counted-keys", type=int, default=1_000_000, help="keys under cachegrind (1,000,000)")
    parser.add_argument("--counted", type=int, default=100_000, help="operations under cachegrind (100,000)")
    parser.add_argument("--realtime", action="store_true", help="before everything else on the core (needs root)")
    options = parser.parse_args()
    subprocess.run(["cargo", "build", "--release", "-p", "prism-bench", "--example", "table"], check=True)
    first = ["chrt", "-f", "20"] if options.realtime else []
    command = [*first, "taskset", "-c", "0", PROGRAM, "--keys", str(options.keys)]
    timed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    for name, ratio in timed["ratios"].items():
        print(f"{name:14} memstore {ratio['memstore_ns']:7.0f} ns, hashbrown {ratio['hashbrown_ns']:7.0f} ns: "
              f"{ratio['median']:.2f} [{ratio['least']:.2f} .. {ratio['greatest']:.2f}]")
    print(f"resident memory {timed['resident_bytes']['ratio']:.3f}, "
          f"worst wall time while growing {timed['growth']['worst_wall_ns'] / 1e6:.3f} ms")
    result = {"host": figures.fingerprint(), "command": " ".join(command), "timed": timed,
              "caches": " ".join(CACHES), "counted_keys": options.counted_keys, "counted": count(options)}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = Path(figures.ROOT) / "perf/results" / f"{stamp}-{result['host']['commit'][:7]}-table.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path.relative_to(figures.ROOT)}")


if __name__ == "__main__":
    main()
