#!/usr/bin/env python3
"""callers.py LIBRARY: the functions that call what panics, by name, from the disassembly."""
import re
import subprocess
import sys

PANICS = re.compile(r"core::panicking|core::panic|unwrap_failed|expect_failed|_fail\b|extend_panic|alloc_error|capacity_overflow|rust_begin_unwind")

text = subprocess.run(["objdump", "-d", "-C", "--no-show-raw-insn", sys.argv[1]], check=True, capture_output=True, text=True).stdout
calls = set()
function = ""
for line in text.splitlines():
    if head := re.match(r"[0-9a-f]+ <(.*)>:$", line):
        function = head[1]
    elif called := re.search(r"\t(?:call|j[a-z]+|lea|b[a-z.]*)\b.*<(.*?)(?:\+0x[0-9a-f]+)?>$", line):
        if PANICS.search(called[1]) and not PANICS.search(function):
            calls.add((function, called[1]))
for caller, panic in sorted(calls):
    print(f"{caller}: {panic}")
