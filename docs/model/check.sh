#!/usr/bin/env bash
# Checks the model of the protocol: everything that holds, then every broken variant, which must not. `--all` adds the
# large state spaces (some minutes, 2 GB). Needs spin and gcc. README.md says what the names mean.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tool in spin gcc; do
  command -v $tool >/dev/null || { echo "docs/model/check.sh: $tool is missing: apt-get install spin gcc" >&2; exit 2; }
done

# Deeper than any run of the model: reaching it is an error below. Memory in MB, likewise.
depth=10000
memory=4000
wrong=0

complain() { echo "  WRONG: $*"; wrong=1; }

# verify NAME safety|progress GCC-OPTION SPIN-OPTION... -> $work/NAME/out
verify() {
  local name=$1 mode=$2 optimize=$3 compile=-DSAFETY search=
  shift 3
  [ "$mode" = progress ] && { compile=-DNP; search=-l; }
  mkdir -p "$work/$name"
  (
    cd "$work/$name"
    cp "$here/protocol.pml" .
    spin -a "$@" protocol.pml >spin.out 2>&1 || { cat spin.out >&2; exit 1; }
    # -w: the generated undo code trips warnings of gcc that say nothing about the model.
    gcc -w $optimize $compile -DCOLLAPSE -DMEMLIM=$memory -o pan pan.c
    ./pan -m$depth $search >out 2>&1 || true
  )
  out=$work/$name/out
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$out" | awk '{printf "%d", $1}')
  seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\).*/\1/p' "$out")
  megabytes=$(sed -n 's/^ *\([0-9.]*\)\ttotal actual memory usage.*/\1/p' "$out")
}

# holds NAME MODE FLOOR SPIN-OPTION...: no error, nothing left out, and no fewer states than when this was written.
holds() {
  local name=$1 mode=$2 floor=$3
  shift 3
  verify "$name" "$mode" -O2 "$@"
  printf '%-28s %-8s holds: %9d states, %6s s, %5.0f MB\n' "$name" "$mode" "${states:-0}" "${seconds:-?}" "${megabytes:-0}"
  grep -q 'errors: 0$' "$out" || complain "$(grep -m1 '^pan:1' "$out" || echo 'no verdict')"
  grep -q -e 'Search not completed' -e 'max search depth too small' -e 'reached -DMEMLIM' "$out" && complain 'the search was cut short'
  [ "${states:-0}" -ge "$floor" ] || complain "only ${states:-0} states, expected at least $floor: did the model shrink?"
  # What no process ever did in this one, by line and statement.
  [ "$mode" = progress ] || sed -n 's/^\t\(protocol.pml:[0-9]*\), state [0-9]*, \(.*\)$/\1 \2/p' "$out" | sort -u >"$work/$name/unreached"
}

# fails NAME MODE LAW SPIN-OPTION...: the expected law is broken (a comment beside its assertion), and no other.
fails() {
  local name=$1 mode=$2 law=$3 line expected
  shift 3
  verify "$name" "$mode" -O0 "$@" "-D$name"
  if [ "$mode" = progress ]; then
    expected='^pan:1: non-progress cycle'
  else
    # spin repeats the expression without telling the line: the trail ends at it.
    expected='^pan:1: assertion violated'
  fi
  line=$( (cd "$work/$name" && spin "$@" "-D$name" -t -p protocol.pml 2>/dev/null | sed -n 's/.*protocol.pml:\([0-9]*\), Error: assertion violated.*/\1/p' | head -1) || true)
  local found=LIVELOCK
  [ -n "$line" ] && found=$(sed -n "${line}p" "$here/protocol.pml" | sed -n 's|.*/\* \([A-Z]*\):\{0,1\} \{0,1\}.*|\1|p')
  printf '%-28s %-8s fails: %s\n' "$name" "$mode" "$found"
  grep -q "$expected" "$out" || complain "it holds, or fails otherwise: $(grep -m1 '^pan:1' "$out" || echo 'no error')"
  [ "$found" = "$law" ] || complain "expected $law"
}

# spare NAME SPIN-OPTION...: without this step everything still holds, since another one catches the same race.
spare() {
  local name=$1
  shift
  verify "$name" safety -O0 "$@" "-D$name"
  printf '%-28s %-8s holds: the step is spare\n' "$name" safety
  grep -q 'errors: 0$' "$out" || complain "$(grep -m1 '^pan:1' "$out" || echo 'no verdict')"
}

one='-DOWNERS=1'
holds two-owners safety 10000000 -DFAILURES=0
holds two-jobs safety 200000 $one -DFUNCTIONS=2 -DJOBS=2 -DATTEMPTS=1 -DINODES=5
holds two-sweeps safety 250000 $one -DSWEEPS=2
holds stranger safety 900000 $one -DFUNCTIONS=2 -DREMOVALS=1
holds creators progress 2500000 -DREGISTRATIONS=0
holds sweeps progress 500000 $one -DSWEEPS=2
if [ "${1:-}" = --all ]; then
  holds two-owners-failing safety 15000000 -DATTEMPTS=1
  holds two-jobs-two-sweeps safety 6000000 $one -DFUNCTIONS=2 -DJOBS=2 -DSWEEPS=2 -DATTEMPTS=1 -DINODES=5
  holds two-owners-running progress 13000000 -DATTEMPTS=1 -DFAILURES=0 -DCHILDREN=0
fi

# A statement that is reached in none of them is a part of the model that checks nothing. D_STEP: a close in a place
# where there is nothing to close, such as at the end of a sweeper whose child outlived it.
never=$(cat "$work"/*/unreached | sort | uniq -c | awk -v n="$(ls "$work"/*/unreached | wc -l)" '$1 == n { $1 = ""; print }' |
  grep -v -e '"-end-"' -e '"D_STEP[0-9]*"' || true)
[ -z "$never" ] || complain "never reached: $never"

fails BROKEN_CREATE_ANYWAY safety LOST $one -DBROKEN_NO_LINK_CHECK
fails BROKEN_KEEP_UNFINISHED_NAME safety LOST $one
fails BROKEN_NO_LINK_CHECK safety LOST $one -DFUNCTIONS=2 -DREMOVALS=1
fails BROKEN_RETIRE_PENDING safety LOST $one
fails BROKEN_LETTER_AFTER_MARK safety LOST $one
fails BROKEN_CLEANUP_REMOVES_ALL safety LOST $one
fails BROKEN_RELEASE_BEFORE_RUN safety LIVING $one
fails BROKEN_NO_CHECK_AFTER_LOCK safety LIVING $one -DFUNCTIONS=2 -DREMOVALS=1 -DFAILURES=0
fails BROKEN_IGNORE_LOCK safety SHARED $one
fails BROKEN_CHILD_WITHOUT_LOCK safety TWICE $one
fails BROKEN_NO_DONE_MARK safety AGAIN $one
fails BROKEN_NO_START_OVER safety CREATOR $one
fails BROKEN_UNFINISHED_IS_NEW progress LIVELOCK -DREGISTRATIONS=0
fails BROKEN_CREATOR_TIDIES progress LIVELOCK -DREGISTRATIONS=0
fails BROKEN_CHILD_FOR_EVER progress LIVELOCK $one

spare WITHOUT_CREATE_4 $one
spare WITHOUT_UNLINK_BEFORE_CLOSE $one
exit $wrong
