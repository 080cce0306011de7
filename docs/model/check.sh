#!/usr/bin/env bash
# Checks the model of the protocol: everything that holds, then every broken variant, which must not. `--all` adds the
# large state spaces (some minutes, 4 GB). Needs spin and gcc. README.md says what the names mean.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for tool in spin gcc; do
  command -v $tool >/dev/null || { echo "docs/model/check.sh: $tool is missing: apt-get install spin gcc" >&2; exit 2; }
done

# Deeper than any run of the model: reaching it is an error below. Memory in MB of each of two searches, likewise.
depth=20000
memory=2500
jobs=2

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
    rm -f pan pan.?
  )
  out=$work/$name/out
  states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$out" | awk '{printf "%d", $1}')
  seconds=$(sed -n 's/^pan: elapsed time \([0-9.]*\).*/\1/p' "$out")
  megabytes=$(sed -n 's/^ *\([0-9.]*\)\ttotal actual memory usage.*/\1/p' "$out")
}

complain() { echo "  WRONG: $*"; }

# holds NAME MODE FLOOR SPIN-OPTION...: no error, nothing left out, and no fewer states than when this was written.
holds() {
  local name=$1 mode=$2 floor=$3 optimize=-O0
  shift 3
  # Optimizing takes longer than a small search.
  [ "$floor" -ge 3000000 ] && optimize=-O1
  verify "$name" "$mode" $optimize "$@"
  printf '%-30s %-8s holds: %9d states, %6s s, %5.0f MB\n' "$name" "$mode" "${states:-0}" "${seconds:-?}" "${megabytes:-0}"
  grep -q 'errors: 0$' "$out" || complain "$(grep -m1 '^pan:1' "$out" || echo 'no verdict')"
  if grep -q -e 'Search not completed' -e 'max search depth too small' -e 'reached -DMEMLIM' "$out"; then complain 'the search was cut short'; fi
  [ "${states:-0}" -ge "$floor" ] || complain "only ${states:-0} states, expected at least $floor: did the model shrink?"
  # What no process ever did in this one, by line and statement.
  [ "$mode" = progress ] || sed -n 's/^\t\(protocol.pml:[0-9]*\), state [0-9]*, \(.*\)$/\1 \2/p' "$out" | sort -u >"$work/$name/unreached"
}

# fails NAME MODE LAW SPIN-OPTION...: the expected law is broken (a comment beside its assertion), and no other.
fails() {
  local name=$1 mode=$2 law=$3 line expected found
  shift 3
  verify "$name" "$mode" -O0 "$@" "-D$name"
  case $law in
    LIVELOCK) expected='^pan:1: non-progress cycle' found=LIVELOCK ;;
    *) expected='^pan:1: assertion violated' found=nothing ;; # spin repeats the expression only: the trail ends at its line
  esac
  line=$( (cd "$work/$name" && spin "$@" "-D$name" -t -p protocol.pml 2>/dev/null | sed -n 's/.*protocol.pml:\([0-9]*\), Error: assertion violated.*/\1/p' | head -1) || true)
  [ -n "$line" ] && found=$(sed -n "${line}p" "$here/protocol.pml" | sed -n 's|.*/\* \([A-Z]*\):\{0,1\} \{0,1\}.*|\1|p')
  printf '%-30s %-8s fails: %s\n' "$name" "$mode" "$found"
  grep -q "$expected" "$out" || complain "it holds, or fails otherwise: $(grep -m1 '^pan:1' "$out" || echo 'no error')"
  [ "$found" = "$law" ] || complain "expected $law"
}

# spare NAME SPIN-OPTION...: without this step everything still holds, since another one catches the same race.
spare() {
  local name=$1
  shift
  verify "$name" safety -O0 "$@" "-D$name"
  printf '%-30s %-8s holds: the step is spare\n' "$name" safety
  grep -q 'errors: 0$' "$out" || complain "$(grep -m1 '^pan:1' "$out" || echo 'no verdict')"
}

# also holds|fails|spare ...: two at a time; the lines are printed in the order of this file.
count=0
also() {
  while [ "$(jobs -rp | wc -l)" -ge $jobs ]; do wait -n || true; done
  count=$((count + 1))
  # A search that ends without a line of its own is an error, too.
  ("$@" >"$work/$(printf %03d $count).line" 2>&1 || complain "$2: no result" >>"$work/$(printf %03d $count).line") &
}

one='-DOWNERS=1'
quiet='-DSWEEPER_DEATHS=0 -DRUNNER_DEATHS=0'
also holds one-owner safety 1300000 $one
also holds waits safety 1100000 $one -DWAITS=1
also holds runners-die safety 4000000 $one -DFUNCTIONS=2 -DATTEMPTS=1 -DFAILURES=0 -DSWEEPER_DEATHS=0
also holds two-jobs safety 3400000 $one -DFUNCTIONS=2 -DJOBS=2 -DATTEMPTS=1 -DINODES=5 $quiet
also holds stranger safety 1300000 $one -DREMOVALS=1 -DATTEMPTS=1 -DFAILURES=0 $quiet
also holds lister safety 2000000 $one -DPROBES=1 -DGLANCES=2 -DTRIES=2 $quiet
also holds runners progress 1500000 $one -DFAILURES=0 -DSWEEPER_DEATHS=0
also holds creators progress 3800000 -DREGISTRATIONS=0 -DGLANCES=0 -DOWNER_DEATHS=0 $quiet
if [ "${1:-}" = --all ]; then
  also holds two-functions safety 4000000 $one -DFUNCTIONS=2 -DATTEMPTS=1 -DFAILURES=0
  also holds stranger-and-deaths safety 7000000 $one -DREMOVALS=1 -DATTEMPTS=1 -DFAILURES=0
  also holds one-owner-more-looks safety 2000000 $one -DGLANCES=2
  also holds sweeps progress 2000000 $one
  also holds creators-die progress 6000000 -DREGISTRATIONS=0 $quiet
  also holds two-owners safety 1000000 -DATTEMPTS=1 -DFAILURES=0 $quiet
fi

also fails BROKEN_CREATE_ANYWAY safety LOST $one -DBROKEN_NO_LINK_CHECK
also fails BROKEN_KEEP_UNFINISHED_NAME safety LOST $one
also fails BROKEN_NO_LINK_CHECK safety LOST $one -DFUNCTIONS=2 -DREMOVALS=1 -DFAILURES=0 -DATTEMPTS=1 $quiet
also fails BROKEN_RETIRE_PENDING safety LOST $one
also fails BROKEN_LETTER_AFTER_MARK safety LOST $one
also fails BROKEN_CLEANUP_REMOVES_ALL safety LOST $one
also fails BROKEN_KEEP_CANDIDATES safety LOST $one
also fails BROKEN_RELEASE_BEFORE_RUN safety LIVING $one
also fails BROKEN_IGNORE_LOCK safety SHARED $one
also fails BROKEN_RUNNER_WITHOUT_LOCK safety SHARED $one $quiet
also fails BROKEN_STALE_READ safety AGAIN $one -DSWEEPER_DEATHS=0
also fails BROKEN_NO_DONE_MARK safety AGAIN $one
also fails BROKEN_NO_LIMIT safety LIMIT $one -DATTEMPTS=1 $quiet
also fails BROKEN_COUNT_AT_LOOK safety BURN $one $quiet
also fails BROKEN_ONE_LOOK safety SKIPPED $one $quiet
also fails BROKEN_CONTENDED_IS_DONE safety SKIPPED $one -DPROBES=1 -DGLANCES=2 $quiet
also fails BROKEN_NO_SUCCESSOR safety SKIPPED $one
also fails BROKEN_NO_WRITTEN_ATTEMPT safety SKIPPED $one
also fails BROKEN_NO_CLAIM_RECORD safety SKIPPED $one -DWAITS=1 -DOWNERS_ARE_KNOWN=0
also fails BROKEN_LINE_PER_FILE safety REPORT $one -DSWEEPER_DEATHS=0
also fails BROKEN_END_ANY_ATTEMPT safety REASON $one
also fails BROKEN_NO_START_OVER safety CREATOR $one
also fails BROKEN_UNFINISHED_IS_NEW progress LIVELOCK -DREGISTRATIONS=0
also fails BROKEN_CREATOR_TIDIES progress LIVELOCK -DREGISTRATIONS=0
also fails BROKEN_RUNNERS_FOR_EVER progress LIVELOCK $one
also fails BROKEN_START_LINE_FIRST progress LIVELOCK $one
also fails BROKEN_CONTENDED_IS_NEW progress LIVELOCK $one -DSWEEPER_DEATHS=0
also fails LIMIT_SWEEPER_DIES safety SKIPPED $one
also fails LIMIT_FEW_LOOKS safety SKIPPED $one -DPROBES=1 -DGLANCES=1 -DTRIES=2 $quiet
also fails LIMIT_FEW_TRIES safety SKIPPED $one -DPROBES=1 -DGLANCES=2 -DTRIES=1 $quiet
also fails LIMIT_WAITS_FOR_EVER progress LIVELOCK $one -DWAITS=1 -DSWEEPER_DEATHS=0

also spare WITHOUT_CREATE_4 $one $quiet
also spare WITHOUT_UNLINK_BEFORE_CLOSE $one -DSWEEPER_DEATHS=0
also spare WITHOUT_CHECK_AFTER_LOCK $one -DREMOVALS=1 -DATTEMPTS=1 -DFAILURES=0 $quiet
also spare WITHOUT_CHECK_BY_RUNNER $one -DREMOVALS=1 -DATTEMPTS=1 -DFAILURES=0 $quiet -DWITHOUT_CHECK_AFTER_LOCK
also spare WITHOUT_RUNNERS_CLAIM $one -DWAITS=1 -DOWNERS_ARE_KNOWN=0 -DSWEEPER_DEATHS=0
also spare WITHOUT_KEPT_LOCK $one -DSWEEPER_DEATHS=0

wait
cat "$work"/*.line

# A statement that is reached in none of them is a part of the model that checks nothing. D_STEP: a close in a place
# where there is nothing to close, such as at the end of a sweep.
never=$(cat "$work"/*/unreached | sort | uniq -c | awk -v n="$(ls "$work"/*/unreached | wc -l)" '$1 == n { $1 = ""; print }' |
  grep -v -e '"-end-"' -e '"D_STEP[0-9]*"' || true)
[ -z "$never" ] || complain "never reached: $never"
[ -z "$never" ] && ! grep -q WRONG "$work"/*.line
