#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The page in a browser; 77, "skipped", where there is none. Set SHOPLENS_BIN, SHOPLENS_TESTS: what was built;
# SHOPLENS_SHOTS: a folder for pictures of the page; with SHOPLENS_DEMO, what ./demo made, page.jpg is of that, as docs/page.jpg:
#   SHOPLENS_SHOTS=shots SHOPLENS_DEMO=demo-out tests/page/run.sh --test-name-pattern='the catalogue on a phone'
set -euo pipefail
skip() { echo "skipped: $*"; exit 77; }

browser=$(command -v "${CHROMIUM:-chromium}") || browser=$(command -v chromium-browser) || browser=$(command -v google-chrome) ||
  skip "want chromium (apt-get install chromium)"
command -v node >/dev/null && node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || skip "want node 18 or later (apt-get install nodejs npm)"
for folder in SHOPLENS_BIN SHOPLENS_TESTS SHOPLENS_SHOTS SHOPLENS_DEMO; do
  [[ -z ${!folder:-} ]] || export "$folder=$(realpath -m "${!folder}")"
done
cd "$(dirname "$0")"
if [[ ! -d node_modules ]]; then
  command -v npm >/dev/null || skip "want npm, for node_modules (apt-get install npm)"
  npm ci --no-audit --no-fund --silent || skip "want npm ci to fetch playwright-core and axe-core, it could not"
fi
CHROMIUM=$browser exec node --test "$@" page.test.mjs
