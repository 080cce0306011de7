#!/usr/bin/env bash
# A script as a job: bash backup.sh DIRECTORY
# DEFERRED_SWEEP_DIR says where the job is kept; DEFERRED_SWEEP where the command is, if it is not in PATH.
# Each cleanup is registered before its thing exists. They run when the script ends, or by the next sweep when it is killed.
set -euo pipefail
export DIRECTORY=$1 SWEEP=${DEFERRED_SWEEP:-deferred-sweep}

exec $SWEEP exec --scratch -- bash -euo pipefail -c '
  $SWEEP defer -- rm -f "$DIRECTORY/lock-of-backup"
  touch "$DIRECTORY/lock-of-backup"
  tar --create --file "$TMPDIR/backup.tar" --directory "$DIRECTORY" data
  echo "packed into $TMPDIR"
  read -r answer            # the long part of the work
  mv "$TMPDIR/backup.tar" "$DIRECTORY/backup.tar"
'
