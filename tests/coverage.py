"""Prints the line coverage of each crate and each backend from cargo-llvm-cov's summary on standard input.

Usage: cargo llvm-cov report --json --summary-only | coverage.py ROOT

Exit 1 when a backend is below its floor. A backend is a folder below backends/src.
"""

import json
import pathlib
import sys

# Percent of lines that the tests must reach.
FLOORS = {"backends/memstore": 85.0}


def group_names(root: pathlib.Path, path: pathlib.PurePath) -> list[str]:
    """The crate, and the backend when the file belongs to one."""
    names = [path.parts[0]]
    if path.parts[:2] == ("backends", "src") and (root / "backends" / "src" / path.parts[2] / "mod.rs").exists():
        names.append(f"backends/{path.parts[2]}")
    return names


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    groups: dict[str, list[int]] = {}
    for file in json.load(sys.stdin)["data"][0]["files"]:
        path = pathlib.Path(file["filename"]).relative_to(root)
        # Tests do not count for what they test.
        if "tests" in path.parts or path.name == "tests.rs":
            continue
        lines = file["summary"]["lines"]
        for name in group_names(root, path):
            group = groups.setdefault(name, [0, 0])
            group[0] += lines["covered"]
            group[1] += lines["count"]

    print(f"{'lines reached by the tests':<28} {'percent':>8} {'of':>8}")
    percents = {}
    for name in sorted(groups):
        covered, count = groups[name]
        percents[name] = 100.0 * covered / max(count, 1)
        print(f"{name:<28} {percents[name]:>8.1f} {count:>8}")

    missed = {name: floor for name, floor in FLOORS.items() if percents.get(name, 0.0) < floor}
    for name, floor in missed.items():
        print(f"coverage: {name} is at {percents.get(name, 0.0):.1f} %, below {floor} %", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
