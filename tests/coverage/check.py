"""Holds what the tests run of src/ against the floor and against unreached.txt; the argument is llvm-cov's lcov file."""

import os
import sys
from collections import Counter

FOLDER = os.path.dirname(os.path.abspath(__file__))
UNREACHED = os.path.join(FOLDER, "unreached.txt")

# What the tests ran when this was measured last, in per cent and rounded down.
LINE_FLOOR = 99.3
BRANCH_FLOOR = 97.4


def tests_begin(source):
    """The line where the unit tests of a file begin: they are not what is measured."""
    for number, line in enumerate(source, 1):
        if line == "#[cfg(test)]":
            return number
    return len(source) + 1


def measured(lcov):
    """For each file its counts (lines, run, branches, taken), and the text of each line that was not run."""
    counts, unreached = {}, Counter()
    for line in open(lcov, encoding="utf-8"):
        key, _, value = line.strip().partition(":")
        if key == "SF":
            name = os.path.relpath(value)
            source = open(value, encoding="utf-8").read().splitlines()
            end = tests_begin(source)
            # A line, and a branch, that several kinds of a generic function have counts once.
            lines, branches = {}, {}
        elif key == "DA":
            number, count = (int(part) for part in value.split(",")[:2])
            if number < end:
                lines[number] = lines.get(number, 0) + count
        elif key == "BRDA":
            number, block, branch, count = value.split(",")
            if int(number) < end:
                place = number, block, branch
                branches[place] = branches.get(place, 0) + (0 if count == "-" else int(count))
        elif key == "end_of_record":
            run = sum(1 for count in lines.values() if count > 0)
            taken = sum(1 for count in branches.values() if count > 0)
            counts[name] = len(lines), run, len(branches), taken
            for number, count in lines.items():
                text = source[number - 1].strip()
                # What is only punctuation belongs to the lines around it.
                if count == 0 and any(letter.isalnum() for letter in text):
                    unreached[f"{name} | {text}"] += 1
    return counts, unreached


def known():
    """The lines of unreached.txt; those that begin with # are the reasons."""
    lines = open(UNREACHED, encoding="utf-8").read().splitlines()
    return Counter(line for line in lines if line and not line.startswith("#"))


def percent(part, whole):
    return 100.0 if whole == 0 else 100.0 * part / whole


def row(name, lines, run, branches, taken):
    return (f"{name:<40} {lines:>6} {lines - run:>7} {percent(run, lines):>7.2f} %"
            f" {branches:>8} {branches - taken:>7} {percent(taken, branches):>7.2f} %")


def main():
    counts, unreached = measured(sys.argv[1])
    print(f"{'file':<40} {'lines':>6} {'not run':>7} {'':>9} {'branches':>8} {'not':>7}")
    for name in sorted(counts):
        print(row(name, *counts[name]))
    lines, run, branches, taken = (sum(column) for column in zip(*counts.values()))
    print(row("all", lines, run, branches, taken))
    failed = False
    listed = known()
    for title, lines_of in (
        ("No test runs these lines. Write one, or say in unreached.txt why none can:", unreached - listed),
        ("unreached.txt has these lines, but they are gone, or a test runs them now:", listed - unreached),
    ):
        if lines_of:
            failed = True
            print(f"\n{title}", *sorted(lines_of.elements()), sep="\n")
    for what, share, floor in (
        ("lines", percent(run, lines), LINE_FLOOR),
        ("branches", percent(taken, branches), BRANCH_FLOOR),
    ):
        if share < floor:
            failed = True
            print(f"\n{share:.2f} % of the {what} are run: the floor is {floor} %")
    sys.exit(failed)


main()
