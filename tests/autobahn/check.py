#!/usr/bin/env python3
"""Judge the reports of one Autobahn run, more strictly than the runner does.

The runner lets NON-STRICT pass and cannot know that a case never ran. Here every case that the globs name must be in
the report with the verdict OK; a few may be INFORMATIONAL, since the suite gives 7.1.6, 7.13.1 and 7.13.2 no other
verdict. Run it with the Python that has the runner installed: the list of cases comes from there.
"""

import argparse
import json
import sys
from collections import Counter
from fnmatch import fnmatchcase
from pathlib import Path

from kosoku.cases import CASES

DEFAULT_GLOBS = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "9.*", "10.*"]
DEFAULT_COUNT = 301
MAX_INFORMATIONAL = 3
SECTIONS = {
    1: "framing",
    2: "pings and pongs",
    3: "reserved bits",
    4: "opcodes",
    5: "fragmentation",
    6: "UTF-8",
    7: "closing",
    9: "limits",
    10: "auto-fragmentation",
    12: "compression, defaults",
    13: "compression, parameters",
}
DETAILS = ["description", "result", "resultClose", "expected", "received", "expectedClose"]
MAX_DETAILED = 10
CLOSING = ["wasClean", "wasNotCleanReason", "closedByMe", "droppedByMe", "remoteCloseCode", "remoteCloseReason"]


def section(case: str) -> int:
    return int(case.split(".", 1)[0])


def load(directory: Path) -> tuple[str, dict[str, dict]]:
    """The one agent in the index, and its cases."""
    index = json.loads((directory / "index.json").read_text())
    if len(index) != 1:
        raise ValueError(f"the report names {len(index)} agents, not one: {sorted(index)}")
    return next(iter(index.items()))


def fault(entry: dict | None) -> str | None:
    """Why a case does not pass, or None."""
    if entry is None:
        return "missing"
    if entry["behavior"] not in ("OK", "INFORMATIONAL"):
        return entry["behavior"]
    if entry["behaviorClose"] not in ("OK", "INFORMATIONAL"):
        return f"close {entry['behaviorClose']}"
    return None


def print_table(expected: list[str], found: dict[str, dict]) -> None:
    print(f"{'section':<28} {'cases':>5} {'ok':>5} {'info':>5} {'other':>5} {'seconds':>8}")
    rows: dict[int, Counter] = {}
    for case in expected:
        entry = found.get(case)
        verdict = "other" if fault(entry) else "ok" if entry["behavior"] == "OK" else "info"
        # A case that is missing or went wrong in any way counts as `other`.
        row = rows.setdefault(section(case), Counter())
        row.update(["cases", verdict])
        row["ms"] += entry["duration"] if entry else 0
    rows_and_total = [(f"{n:>2} {SECTIONS.get(n, '')}", row) for n, row in sorted(rows.items())]
    rows_and_total.append(("all", sum(rows.values(), Counter())))
    for name, row in rows_and_total:
        print(
            f"{name:<28} {row['cases']:>5} {row['ok']:>5} {row['info']:>5} {row['other']:>5} {row['ms'] / 1000:>8.1f}"
        )


def print_details(directory: Path, case: str, why: str, entry: dict | None) -> None:
    print(f"\n{case}: {why}")
    if entry is None:
        return
    try:
        report = json.loads((directory / entry["reportfile"]).read_text())
    except (OSError, ValueError) as error:
        print(f"  no detail report: {error}")
        return
    for key in DETAILS:
        text = " ".join(str(report.get(key)).split())
        print(f"  {key}: {text[:240]}{' ...' if len(text) > 240 else ''}")
    print("  close: " + ", ".join(f"{key}={report.get(key)}" for key in CLOSING))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("role", choices=["server", "client"], help="the role of what was tested")
    parser.add_argument("directory", type=Path, help="where the runner wrote its reports")
    parser.add_argument(
        "--cases", nargs="+", metavar="GLOB", help="the cases that were to run (default: 1 to 7, 9, 10)"
    )
    options = parser.parse_args()

    globs = options.cases or DEFAULT_GLOBS
    expected = [case for case in CASES if any(fnmatchcase(case, glob) for glob in globs)]
    problems = []
    if not expected:
        problems.append(f"no case of the suite matches {globs}")
    if options.cases is None and len(expected) != DEFAULT_COUNT:
        problems.append(f"the suite has {len(expected)} cases, not the {DEFAULT_COUNT} it is known to have")
    try:
        agent, found = load(options.directory)
    except (OSError, ValueError) as error:
        problems.append(f"no report to read: {error}")
        agent, found = "unknown", {}

    print(f"Autobahn, {options.role} under test, agent {agent!r}")
    print_table(expected, found)

    informational = [case for case in expected if case in found and found[case]["behavior"] == "INFORMATIONAL"]
    print(f"informational: {', '.join(informational) or 'none'}")
    if len(informational) > MAX_INFORMATIONAL:
        problems.append(f"{len(informational)} informational verdicts, at most {MAX_INFORMATIONAL} are expected")
    unknown = sorted(set(found) - set(expected))
    if unknown:
        problems.append(f"the report has cases that were not to run: {', '.join(unknown)}")

    faults = [(case, why) for case in expected if (why := fault(found.get(case)))]
    for case, why in faults[:MAX_DETAILED]:
        print_details(options.directory, case, why, found.get(case))
    if len(faults) > MAX_DETAILED:
        print(f"\nand {len(faults) - MAX_DETAILED} more: {', '.join(case for case, _ in faults[MAX_DETAILED:])}")
    for problem in problems:
        print(f"\n{problem}")

    failed = len(faults) + len(problems)
    print(f"\n{options.role}: {len(expected) - len(faults)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
