#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/eval/shift.txt: SciPy's two-sample Kolmogorov-Smirnov distance, ties included, and what it stays
below in 95% of draws from one distribution as sets grow (scipy.stats.kstwobign). Three lines a case: n, m, distance and
bound; n cosines; m cosines. Needs SciPy (1.17 when the file was made)."""
import pathlib

import numpy as np
from scipy import stats

random = np.random.default_rng(3)
CASES = [  # n, m, how far the second lies below the first
    (5, 7, 0), (12, 12, 0.1), (40, 25, 0), (30, 60, 0.2), (20, 20, 1),
]

lines = []
for n, m, below in CASES:
    a = np.round(0.7 + random.uniform(-0.25, 0.25, n), 2)  # of two digits, so that some are equal
    b = np.round(0.7 - below + random.uniform(-0.25, 0.25, m), 2)
    bound = stats.kstwobign.isf(0.05) * np.sqrt((n + m) / (n * m))
    lines.append(f"{n} {m} {float(stats.ks_2samp(a, b).statistic)!r} {float(bound)!r}")
    lines += [" ".join(map(str, side)) for side in (a, b)]
path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/eval/shift.txt"
path.write_text("\n".join(lines) + "\n")
