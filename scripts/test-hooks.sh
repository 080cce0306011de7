#!/usr/bin/env bash
# Runs the lines of docs/hooks.md in the systems they are for: Slurm, systemd, supervisord, cron, containers. Some three minutes.
# One file after the other: each starts a system of its own. What is missing is skipped, loudly, and makes this fail with
# HOOKS_REQUIRED=1.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
for program in slurmctld:slurm-wlm slurmd:slurm-wlm munged:munge supervisord:supervisor cron:cron tini:tini \
  promtool:prometheus unshare:util-linux systemctl:systemd pgrep:procps useradd:passwd; do
  PATH=$PATH:/usr/sbin command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
[ ${#missing[@]} -eq 0 ] || echo "test-hooks: NOT TESTED in part: apt-get install ${missing[*]}" >&2
[ "$(id -u)" = 0 ] || { echo "test-hooks: NOT TESTED: needs root" >&2; missing+=(root); }
if [ ${#missing[@]} -gt 0 ] && [ "${HOOKS_REQUIRED:-}" = 1 ]; then exit 1; fi
TEST_CONCURRENCY=1 timeout --kill-after=10 600 bash scripts/run-tests.sh test/hooks
