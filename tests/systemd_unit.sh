#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The systemd unit is sound, starts what the program has, and stays closed. Skipped (77) without systemd-analyze.
set -euo pipefail
shoplens=$1/bin/shoplens unit=$(dirname "$0")/../packaging/shoplens.service work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$shoplens" serve --help >"$work/help"
stop=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
drain=$(sed -n 's/^  --drain .*(\([0-9]*\))$/\1/p' "$work/help")
[ "$stop" -gt "$drain" ] || { echo "want TimeoutStopSec above --drain, $drain s; got $stop"; exit 1; }
for flag in $(grep -E '^(ExecStart|# SHOPLENS_FLAGS)=' "$unit" | grep -oe '--[a-z-]*'); do
  grep -q -e "^  $flag " "$work/help" || { echo "the unit gives $flag, which serve has not"; exit 1; }
done

command -v systemd-analyze >/dev/null || { echo "no systemd-analyze: the unit is not verified"; exit 77; }
# As it is installed in /usr/local/bin, where systemd looks for it.
sed "s|^ExecStart=shoplens|ExecStart=$(realpath "$shoplens")|" "$unit" >"$work/shoplens.service"
complaints=$(systemd-analyze verify --man=no "$work/shoplens.service" 2>&1)
[ -z "$complaints" ] || { echo "$complaints"; exit 1; }
# Exposure in tenths, 0 to 100. Older ones cannot tell that of a file.
if systemd-analyze --help | grep -q -e --offline; then
  systemd-analyze security --no-pager --offline=true --threshold=20 "$work/shoplens.service" | tail -1
fi
