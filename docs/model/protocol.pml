/*
 * The protocol of docs/protocol.md: create, register, close, sweep, run, cleanup. README.md beside this file says
 * what is and what is not modelled; check.sh runs it. One atomic block is one system call, and every one of them may be
 * the last of its process. Marks such as [create 4] are the numbers of the protocol; README.md has their sources.
 *
 * An inode is a slot. The slot of a file that has neither a name nor an open descriptor is given to the next file, so
 * inode numbers are reused as early as any kernel could; names never are. A list of names is a mask of slots, and a new
 * file in a slot takes the slot off every list.
 */
#ifndef OWNERS
#define OWNERS 2
#endif
#ifndef FUNCTIONS
#define FUNCTIONS 1 /* each owner's, over all its jobs */
#endif
#ifndef JOBS
#define JOBS 1
#endif
#ifndef SWEEPS
#define SWEEPS 1 /* each sweeper's; a sweeper that dies comes back for its next one */
#endif
#ifndef INODES
#define INODES 4
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 2
#endif
#ifndef FAILURES
#define FAILURES 1 /* functions may fail */
#endif
#ifndef REGISTRATIONS
#define REGISTRATIONS 1 /* 0: owners only create and remove their files */
#endif
#ifndef REMOVALS
#define REMOVALS 0 /* of state files, by a process that is no part of the protocol */
#endif
#ifndef PROBES
#define PROBES 0 /* looks of a lister, which takes the lock for a moment; only with one owner */
#endif
#ifndef GLANCES
#define GLANCES 1 /* further looks of a sweeper at the files whose lock was contended */
#endif
#ifndef TRIES
#define TRIES 1 /* of a runner to lock one file */
#endif
#ifndef SWEEPER_DEATHS
#define SWEEPER_DEATHS 1 /* 0: sweepers do not die */
#endif
#ifndef RUNNER_DEATHS
#define RUNNER_DEATHS 1
#endif
#ifndef OWNER_DEATHS
#define OWNER_DEATHS 1
#endif
#ifndef WAITS
#define WAITS 0 /* 1: sweepers wait for files that are being swept */
#endif
#define FILES_MAY_VANISH (REMOVALS > 0 || defined(BROKEN_CLEANUP_REMOVES_ALL) || defined(BROKEN_CREATE_ANYWAY))
#define SWEEPERS 2
#if defined(BROKEN_NO_START_OVER)
#define START_OVER hasGivenUp = true; x = NO_SLOT; endOwner(); goto gone
#else
#define START_OVER x = NO_SLOT; goto create
#endif
#define ALL (OWNERS * FUNCTIONS)

/* Processes. Each opens files for itself: no lock is shared. */
#define PROBER 1 /* in the place of the second owner */
#define SWEEPER(s) (2 + (s)) /* the last one is the cleanup when all is quiet: neither it nor its runner dies */
#define LAST SWEEPERS
#define RUNNER(s) (5 + (s))
#define BIT(p) (1 << (p))
#define EVERY(n) ((1 << (n)) - 1)

/* What the directory says about a slot. */
#define NOTHING 0
#define UNFINISHED 1 /* func<id>.tmp */
#define FINISHED 2   /* func<id> */

/* A record: 0 is none, 1 + attempts is pending, FINAL is done, whatever came of it. */
#define FINAL 15
#define REC(x, f) rec[(x) * ALL + (f)]
#define IS_PENDING(x, f) (REC(x, f) != 0 && REC(x, f) != FINAL)
#define IS_USED_UP(x, f) (IS_PENDING(x, f) && REC(x, f) > ATTEMPTS)
#define NO_SLOT INODES
#define NO_FUNCTION ALL

/* A runner. */
#define NONE 0
#define STARTING 1
#define ASKING 2 /* it is up, and wants names */
#define WORKING 3
#define ENDED 4
#define DEAD 5

/* The file system. */
bool directory, deadDirectory;
byte entry[INODES];
byte refs[INODES];   /* processes that have it open */
byte holder[INODES]; /* 1 + process that has locked it; 0: not locked */
bool header[INODES];
bool claimed[INODES]; /* it has a claim record */
byte rec[INODES * ALL];
byte looked; /* locked for a look, which is shorter than the pause between two tries */
byte startedBy[ALL]; /* 1 + sweep whose runner wrote the last start mark, until its end mark; 0: it has ended */
#define ANOTHER 9    /* an earlier sweep, or an owner */

/* Per sweep. */
bool isSweeping[SWEEPERS + 1];
byte runner[SWEEPERS + 1];
byte listedUnfinished[SWEEPERS + 1];
byte listedFinished[SWEEPERS + 1];
byte again[SWEEPERS + 1];  /* contended: to be looked at again */
byte swept[SWEEPERS + 1];  /* contended, and being swept by another */
byte seen[SWEEPERS + 1];   /* claimed in this sweep */
byte tasks[SWEEPERS + 1];  /* what the runner has to do */
bool hasMarked[SWEEPERS + 1]; /* a runner told of a start mark since the last death */
#ifdef BROKEN_STALE_READ
byte saw[SWEEPERS + 1];
#endif
byte since[SWEEPERS + 1];  /* functions with a mark that is younger than the sweep */
#ifdef BROKEN_COUNT_AT_LOOK
byte look[(SWEEPERS + 1) * ALL];
byte ended[SWEEPERS + 1];
#endif

/* What only the properties look at. */
byte user[INODES];     /* 1 + process that took the file for its own */
bool registered[ALL];  /* defer returned */
bool jobIsOpen[ALL];   /* the owner of this function lives, and its job has not ended */
bool isRunning[ALL];
bool isFinished[ALL];  /* it ran to its end, and its runner lived on to write so */
bool hasLetter[ALL];
bool isExcused[ALL];   /* somebody removed the file it was in: a documented limit */
byte owed[SWEEPERS + 1]; /* orphaned functions that waited when the sweep began, and have not been tried since */
byte fresh; /* functions tried by the present holder of their file */
byte told[SWEEPERS + 1]; /* functions whose outcome the sweeper knows */
byte did[SWEEPERS + 1];  /* functions that have a done mark of this sweep */
byte lives = OWNERS + SWEEPERS;
bool hasGivenUp;       /* a creator has */

/* Gives back what no process refers to: the kernel at the last close, or at a death. */
inline settle(x) {
  d_step {
    if :: holder[x] != 0 && (refs[x] & BIT(holder[x] - 1)) == 0 ->
      holder[x] = 0;
      looked = looked & ~BIT(x);
      i = 0;
      do :: i < ALL -> fresh = fresh & ~(REC(x, i) != 0 -> BIT(i) : 0); i++ :: else -> break od
    :: else
    fi;
    if :: user[x] != 0 && (refs[x] & BIT(user[x] - 1)) == 0 -> user[x] = 0 :: else fi;
    if
    :: entry[x] == NOTHING && refs[x] == 0 ->
      header[x] = false;
      claimed[x] = false;
      i = 0;
      do :: i < ALL -> REC(x, i) = 0; i++ :: else -> break od;
      i = 0
    :: else
    fi;
    skip
  }
}

inline close(x, p) { d_step { refs[x] = refs[x] & ~BIT(p) }; settle(x) }

/* A new file in a slot: no list has its name. */
inline forget(x) {
  d_step {
    i = 0;
    do
    :: i <= SWEEPERS ->
      listedUnfinished[i] = listedUnfinished[i] & ~BIT(x);
      listedFinished[i] = listedFinished[i] & ~BIT(x);
      again[i] = again[i] & ~BIT(x);
      swept[i] = swept[i] & ~BIT(x);
      seen[i] = seen[i] & ~BIT(x);
      tasks[i] = tasks[i] & ~BIT(x);
      i++
    :: else -> break
    od;
    i = 0
  }
}

/* A start or end mark of a function. */
inline mark(f) {
  d_step {
    i = 0;
    do
    :: i <= SWEEPERS -> since[i] = since[i] | BIT(f); owed[i] = owed[i] & ~BIT(f); i++
    :: else -> break
    od;
    i = 0;
    fresh = fresh | BIT(f)
  }
}

/* LOST at the moment a name goes: nothing in the file is owed. */
inline unlinkFinished(x) {
  d_step {
    i = 0;
    do
    :: i < ALL ->
      assert(!(entry[x] == FINISHED && IS_PENDING(x, i)) || isExcused[i]); /* LOST: a name goes, its function pending */
      i++
    :: else -> i = 0; break
    od;
    entry[x] = NOTHING
  }
}

/* Taking a file for one's own. */
inline use(x, p) {
  assert(user[x] == 0); /* SHARED: two in one file */
  user[x] = p + 1
}

inline begin(f) {
  d_step {
    assert(!isRunning[f]);  /* TWICE: two runs at once */
    assert(!isFinished[f]); /* AGAIN: run after it was marked done */
    isRunning[f] = true
  }
}

inline anyPending(x, answer) {
  d_step {
    answer = false;
    i = 0;
    do
    :: i < ALL -> if :: IS_PENDING(x, i) -> answer = true :: else fi; i++
    :: else -> break
    od;
    i = 0
  }
}

/* [letter] The letter, then the mark that makes it final. A cleanup may remove the empty dead/ in between: then the
   function stays as it is. */
#ifdef BROKEN_LETTER_AFTER_MARK
#define FIRST(x, f) setFinal(x, f)
#define SECOND(x, f) hasLetter[f] = true
#else
#define FIRST(x, f) hasLetter[f] = true
#define SECOND(x, f) setFinal(x, f)
#endif
inline setFinal(x, f) { REC(x, f) = FINAL; startedBy[f] = 0; mark(f) }

/* The next function to bury, from j on; ALL: none. */
inline nextUsedUp(x) { d_step { do :: j < ALL && !IS_USED_UP(x, j) -> j++ :: else -> break od; skip } }

#if INODES > 5
#define MORE_ENTRIES entry[4] + entry[5]
#elif INODES > 4
#define MORE_ENTRIES entry[4]
#else
#define MORE_ENTRIES 0
#endif
#define HAS_ENTRIES (entry[0] + entry[1] + entry[2] + entry[3] + MORE_ENTRIES > 0 || deadDirectory)

inline endJob() {
  d_step {
    i = me * FUNCTIONS;
    do :: i < me * FUNCTIONS + FUNCTIONS -> jobIsOpen[i] = false; isRunning[i] = isRunning[i] && !isMine; i++ :: else -> break od;
    i = 0
  }
}

/* An owner at its end, whatever brought it: the kernel closes what it had open. */
inline endOwner() {
  isMine = true;
  if :: x < NO_SLOT -> close(x, me) :: else fi;
  if :: file < NO_SLOT -> close(file, me) :: else fi;
  endJob();
  d_step { isMine = false; x = 0; file = 0; next = 0; jobs = 0; j = 0; lives-- }
}
#define REGISTERS (REGISTRATIONS && next < FUNCTIONS)
#if OWNER_DEATHS
#define DIES if :: true :: endOwner(); goto gone fi
#else
#define DIES skip
#endif

proctype Owner(byte me) {
  byte file = NO_SLOT, x = NO_SLOT, next = 0, i, j, jobs = 0;
  bool ok, isMine;

create:
#ifdef BROKEN_CREATOR_TIDIES
  atomic { DIES; if :: !HAS_ENTRIES -> directory = false :: else fi };
#endif
  atomic { DIES; directory = true }; /* [create 1] */
  atomic {                           /* [create 2] */
    DIES;
    if
    :: directory ->
      x = 0;
      do :: x < INODES && (entry[x] != NOTHING || refs[x] != 0) -> x++ :: else -> break od;
      assert(x < INODES); /* ROOM: the model has slots enough */
      entry[x] = UNFINISHED;
      refs[x] = BIT(me);
      forget(x)
    :: else -> START_OVER
    fi;
    skip
  };
  atomic { /* [create 3] */
    DIES;
    if
    :: holder[x] == 0 -> holder[x] = me + 1
    :: else -> close(x, me); START_OVER /* a sweeper took us for dead */
    fi;
    skip
  };
  atomic { /* [create 4], [create 5] */
    DIES;
#if !defined(WITHOUT_CREATE_4) && !defined(BROKEN_CREATE_ANYWAY)
    if :: entry[x] == UNFINISHED :: else -> close(x, me); START_OVER fi;
#endif
    header[x] = true
  };
  atomic { /* [create 6] */
    DIES;
#ifndef BROKEN_CREATE_ANYWAY
    if :: entry[x] == UNFINISHED :: else -> close(x, me); START_OVER fi; /* ENOENT: unlinked by a sweeper */
#endif
    use(x, me);
#ifndef BROKEN_KEEP_UNFINISHED_NAME
    if :: entry[x] == UNFINISHED -> entry[x] = FINISHED :: else fi;
#endif
    if :: file == NO_SLOT -> file = x; x = NO_SLOT; goto job :: else fi;
    skip
  };
#if FILES_MAY_VANISH
  atomic { /* [register 1] what is pending in the removed file, by one write; then that one is closed */
    DIES;
    d_step {
      i = 0;
      do
      :: i < ALL ->
        if :: IS_PENDING(file, i) -> REC(x, i) = REC(file, i); isExcused[i] = (entry[x] == NOTHING) :: else fi;
        i++
      :: else -> break
      od;
      i = 0
    }
  };
  atomic { DIES; close(file, me); file = x; x = NO_SLOT; goto job };
#endif

job:
  atomic {
    DIES;
#ifndef BROKEN_NO_LINK_CHECK
    if
    :: entry[file] == NOTHING && REGISTERS -> goto create /* [register 1] removed under us */
    :: entry[file] == NOTHING -> goto closing
    :: else
    fi;
#endif
#if FILES_MAY_VANISH
    if :: REGISTERS -> goto register :: goto closing fi
  };
register:
  atomic {
    DIES;
#endif
    if
    :: REGISTERS -> /* [register 2] */
      REC(file, me * FUNCTIONS + next) = 1;
      registered[me * FUNCTIONS + next] = true;
      jobIsOpen[me * FUNCTIONS + next] = true;
#ifndef BROKEN_NO_LINK_CHECK
      if :: entry[file] == NOTHING && REMOVALS > 0 -> isExcused[me * FUNCTIONS + next] = true :: else fi; /* since it looked */
#endif
      next++;
      goto job
    :: goto closing
    fi
  };

closing:
#ifdef BROKEN_RELEASE_BEFORE_RUN
  atomic { holder[file] = 0; user[file] = 0 };
#endif
  /* [close 1] in order, each once. A death between the start mark and the run, or the run and the done mark, leaves
     what a death in the run leaves, so these are one step. */
running:
  atomic {
    d_step { do :: j < ALL && !IS_PENDING(file, j) -> j++ :: else -> break od; skip };
    DIES;
    if :: j < ALL -> REC(file, j)++; startedBy[j] = ANOTHER; mark(j); begin(j) :: else -> j = 0; goto ran fi
  };
  atomic {
    DIES;
    isRunning[j] = false;
    startedBy[j] = 0;
    mark(j);
    if :: REC(file, j) = FINAL; isFinished[j] = true :: FAILURES fi;
    j++;
    goto running
  };

ran:
  atomic {
    nextUsedUp(file);
    DIES;
    if :: j < ALL -> deadDirectory = true :: else -> j = 0; goto buried fi /* [letter 1] */
  };
  atomic { DIES; if :: deadDirectory -> FIRST(file, j) :: else -> j++; goto ran fi }; /* [letter 2] */
  atomic { DIES; SECOND(file, j); j++; goto ran };                                    /* [letter 3] */

buried:
  atomic {
    DIES;
    endJob();
    anyPending(file, ok);
    if
    :: ok -> /* [close 3] an orphan like any other */
      ok = false;
      close(file, me);
      file = NO_SLOT;
      jobs++;
      if :: jobs < JOBS -> goto create :: else -> endOwner(); goto gone fi
    :: else ->
      jobs++;
      if
      :: jobs < JOBS -> /* [close 2] truncated to its header, for the next job; [register 1] looks whether it is still there */
        d_step { i = 0; do :: i < ALL -> REC(file, i) = 0; i++ :: else -> break od; i = 0 };
        goto job
      :: true /* the last job, or durability 'disk' */
      fi
    fi;
    skip
  };
  atomic { DIES; unlinkFinished(file) }; /* [close 4] while locked */
  atomic {
    DIES;
    if
    :: jobs < JOBS -> close(file, me); file = NO_SLOT; goto create
    :: else -> endOwner(); goto gone
    fi
  };


gone:
  skip
}

#define CAN_RUN(f) (IS_PENDING(x, f) && !IS_USED_UP(x, f) && (since[s] & BIT(f)) == 0)
#ifdef BROKEN_NO_LIMIT
#undef CAN_RUN
#define CAN_RUN(f) (IS_PENDING(x, f) && (since[s] & BIT(f)) == 0)
#endif
#ifdef BROKEN_COUNT_AT_LOOK
#undef CAN_RUN
#define CAN_RUN(f) (IS_PENDING(x, f) && !IS_USED_UP(x, f) && REC(x, f) == look[s * ALL + f])
#endif
inline nextToRun() { d_step { do :: j < ALL && !CAN_RUN(j) -> j++ :: else -> break od; skip } }

/* Attempts that died with this sweep's last runner, from j on. */
#ifdef BROKEN_END_ANY_ATTEMPT
#define HAS_DIED(f) (IS_PENDING(x, f) && startedBy[f] != 0)
#else
#define HAS_DIED(f) (IS_PENDING(x, f) && startedBy[f] == s + 1)
#endif
inline nextDied() { d_step { do :: j < ALL && !HAS_DIED(j) -> j++ :: else -> break od; skip } }
inline endAttempt(f) {
  assert(startedBy[f] == s + 1); /* REASON: an attempt of another runner is ended with this one's reason */
  startedBy[f] = 0;
  told[s] = told[s] | BIT(f);
  mark(f)
}

/* The end of a sweep, whatever brought it. */
inline endSweep() {
  x = 0;
  do
  :: x < INODES -> if :: (refs[x] & BIT(me)) != 0 -> close(x, me) :: else fi; x++
  :: else -> x = 0; break
  od;
  skip;
  d_step {
    listedUnfinished[s] = 0; listedFinished[s] = 0; again[s] = 0; swept[s] = 0; seen[s] = 0;
    isSweeping[s] = false;
    name = NOTHING; j = 0; glances = 0; deaths = 0;
    isNew = false; isGivingUp = false; ok = false;
    if :: runner[s] == NONE || runner[s] == ENDED || runner[s] == DEAD -> forgetRunner() :: else fi;
    if :: sweeps == SWEEPS && s != LAST -> lives-- :: else fi;
    skip
  }
}
inline forgetRunner() { runner[s] = NONE; tasks[s] = 0; hasMarked[s] = false; since[s] = 0; told[s] = 0; did[s] = 0 }
/* What a sweeper's death leaves undone, the next sweep has: a documented limit of sweeps that do not wait. */
#ifdef LIMIT_SWEEPER_DIES
inline excuse() { skip }
#else
inline excuse() { d_step { owed[0] = 0; owed[1] = 0 } }
#endif
#if SWEEPER_DEATHS
#define MAY_DIE if :: true :: s != LAST -> dieSweeping(); goto endIdle fi
#else
#define MAY_DIE skip
#endif
#if WAITS
inline dieSweeping() { owed[s] = 0; endSweep() }
#define BEING_SWEPT (claimed[x] || (OWNERS_ARE_KNOWN && holder[x] - 1 > 1))
#ifndef OWNERS_ARE_KNOWN
#define OWNERS_ARE_KNOWN 1
#endif
#else
inline dieSweeping() { excuse(); endSweep() }
#define BEING_SWEPT false
#endif

#ifdef BROKEN_ONE_LOOK
#define MAX_GLANCES 0
#else
#define MAX_GLANCES GLANCES
#endif

proctype Sweeper(byte me; byte s) {
  byte x, i, j, name, sweeps = 0, glances = 0, deaths = 0;
  bool isNew, isGivingUp, ok;

endIdle:
  atomic {
    if
    :: s != LAST && sweeps < SWEEPS && runner[s] == NONE -> sweeps++
    :: s == LAST && lives == 0 && runner[0] == NONE && runner[1] == NONE ->
      assert((owed[0] | owed[1]) == 0 || REMOVALS > 0); /* SKIPPED: each left it to the other */
    fi;
    skip
  };

sweep:
  atomic { /* [sweep 1] list */
    MAY_DIE;
    isSweeping[s] = true;
    d_step {
      since[s] = 0; told[s] = 0; did[s] = 0; seen[s] = 0;
      i = 0;
      do
      :: i < ALL -> if :: startedBy[i] == s + 1 -> startedBy[i] = ANOTHER :: else fi; i++
      :: else -> i = 0; break
      od;
      x = 0;
      do
      :: x < INODES ->
        i = 0;
        do
        :: i < ALL ->
          if :: s != LAST && entry[x] == FINISHED && IS_PENDING(x, i) && !IS_USED_UP(x, i) && !jobIsOpen[i] && (holder[x] == 0 || holder[x] > 2) && (fresh & BIT(i)) == 0 -> owed[s] = owed[s] | BIT(i) :: else fi;
          i++
        :: else -> i = 0; break
        od;
        x++
      :: else -> x = 0; break
      od;
#ifdef BROKEN_COUNT_AT_LOOK
      ended[s] = 0;
#endif
    };
    goto listing
  };

pass:
  atomic {
    MAY_DIE;
listing:
    isNew = false;
    d_step {
      x = 0;
      do
      :: x < INODES ->
        if
        :: entry[x] == UNFINISHED -> listedUnfinished[s] = listedUnfinished[s] | BIT(x)
        :: entry[x] == FINISHED && (seen[s] & BIT(x)) == 0 -> listedFinished[s] = listedFinished[s] | BIT(x)
        :: else
        fi;
        x++
      :: else -> break
      od;
      x = 0
    }
  };

nextFile: /* [sweep 2] open by name, read-only, and fstat */
  atomic {
    d_step {
      x = 0;
      do :: x < INODES && ((listedUnfinished[s] | listedFinished[s]) & BIT(x)) == 0 -> x++ :: else -> break od;
      skip
    };
    if :: x >= INODES -> x = 0; isGivingUp = false; goto handOver :: else fi;
    MAY_DIE;
    d_step {
      name = ((listedUnfinished[s] & BIT(x)) != 0 -> UNFINISHED : FINISHED);
      listedUnfinished[s] = listedUnfinished[s] & ~BIT(x);
      listedFinished[s] = listedFinished[s] & ~BIT(x)
    };
    if
    :: (refs[x] & BIT(me)) != 0 -> name = NOTHING; goto taken /* a candidate, locked already */
    :: else
    fi;
    if
    :: entry[x] == name -> refs[x] = refs[x] | BIT(me)
    :: else -> name = NOTHING; x = 0; goto nextFile /* vanished, or renamed */
    fi;
    skip
  };
  atomic { /* [sweep 3] lock */
    MAY_DIE;
    if
    :: holder[x] == 0 -> holder[x] = me + 1; looked = looked | BIT(x)
    :: else ->
#ifndef BROKEN_IGNORE_LOCK
      /* live, or another has it */
      if
      :: name == UNFINISHED
      :: name != UNFINISHED && WAITS && BEING_SWEPT -> swept[s] = swept[s] | BIT(x)
      :: else -> again[s] = again[s] | BIT(x)
      fi;
      close(x, me); name = NOTHING; x = 0; goto nextFile
#endif
    fi;
#if FILES_MAY_VANISH
    skip
  };
  atomic { /* [sweep 4] does the name still lead to it? Only a stranger changes the name of a locked file */
    MAY_DIE;
#endif
#ifndef WITHOUT_CHECK_AFTER_LOCK
    if :: entry[x] == name :: else -> close(x, me); name = NOTHING; x = 0; goto nextFile fi;
#endif
    if :: name == UNFINISHED -> name = NOTHING; goto unfinished :: else -> name = NOTHING fi;
    /* [sweep 5] read, through the locked descriptor */
    assert(header[x]); /* HEADER: a name without .tmp has one */
    use(x, me)
#ifdef BROKEN_COUNT_AT_LOOK
    ; d_step { i = 0; do :: i < ALL -> if :: IS_PENDING(x, i) -> look[s * ALL + i] = REC(x, i) :: else fi; i++ :: else -> i = 0; break od; skip }
#endif
  };

#ifdef BROKEN_LINE_PER_FILE
  atomic { d_step { i = 0; do :: i < ALL -> if :: REC(x, i) != 0 && (did[s] & BIT(i)) != 0 -> told[s] = told[s] | BIT(i) :: else fi; i++ :: else -> i = 0; break od; skip } };
#endif
taken: /* the end of what died with the runner */
  atomic {
    nextDied();
    if
    :: j < ALL -> MAY_DIE; endAttempt(j); j = 0; goto taken
    :: else -> j = 0
    fi;
    skip
  };
bury:
  atomic {
    nextUsedUp(x);
    if :: j < ALL -> MAY_DIE; deadDirectory = true :: else -> j = 0; goto decide fi /* [letter 1] */
  };
  atomic { MAY_DIE; if :: deadDirectory -> FIRST(x, j) :: else -> j++; goto bury fi }; /* [letter 2] */
  atomic { MAY_DIE; SECOND(x, j); j++; goto bury };                                    /* [letter 3] */

decide:
  atomic {
    nextToRun();
    if
#ifdef BROKEN_NO_WRITTEN_ATTEMPT
    :: j < ALL && isGivingUp -> j = 0; goto handled
#else
    :: j < ALL && isGivingUp -> /* [sweep 9] no runner lives long enough: the attempt is written without one */
      MAY_DIE;
      REC(x, j)++;
      startedBy[j] = 0;
      mark(j);
      j = 0;
      goto bury
#endif
    :: j < ALL && !isGivingUp -> j = 0 /* [sweep 6] the claim */
    :: else -> j = 0; goto retire
    fi;
    MAY_DIE;
#ifdef BROKEN_STALE_READ
    d_step { saw[s] = 0; do :: j < ALL -> saw[s] = saw[s] | (CAN_RUN(j) -> BIT(j) : 0); j++ :: else -> j = 0; break od; skip };
#endif
#ifndef BROKEN_NO_CLAIM_RECORD
    claimed[x] = true;
#endif
    looked = looked & ~BIT(x);
    tasks[s] = tasks[s] | BIT(x);
    isNew = isNew || (seen[s] & BIT(x)) == 0;
    seen[s] = seen[s] | BIT(x);
#ifdef WITHOUT_KEPT_LOCK
    close(x, me);
#endif
    x = 0;
    goto nextFile
  };

retire:
#ifdef WITHOUT_UNLINK_BEFORE_CLOSE
  atomic { MAY_DIE; holder[x] = 0; looked = looked & ~BIT(x); user[x] = 0 };
#endif
  atomic { /* [sweep 7] unlink while locked */
    anyPending(x, ok);
#ifdef BROKEN_RETIRE_PENDING
    ok = false;
#endif
    if
    :: ok -> ok = false
    :: else -> MAY_DIE; if :: entry[x] == FINISHED -> unlinkFinished(x) :: else fi
    fi;
    goto handled
  };

unfinished:
  atomic { /* [sweep 8] unlink a dead creator's */
    MAY_DIE;
    if
    :: entry[x] == UNFINISHED ->
#ifdef BROKEN_KEEP_UNFINISHED_NAME
      entry[x] = FINISHED; unlinkFinished(x)
#else
      entry[x] = NOTHING
#endif
    :: else
    fi;
#ifdef BROKEN_UNFINISHED_IS_NEW
    isNew = true;
#endif
    goto handled
  };
handled:
  atomic { MAY_DIE; close(x, me); x = 0; goto nextFile };

handOver:
  atomic { /* [sweep 10] a runner */
    if :: tasks[s] == 0 -> deaths = 0; goto lookAgain :: else fi;
    MAY_DIE;
    runner[s] = STARTING
  };
await:
  atomic {
    if
    :: runner[s] == ASKING
    :: runner[s] == ENDED -> runner[s] = NONE; deaths = 0; hasMarked[s] = false; goto lookAgain
    :: runner[s] == DEAD ->
      deaths = (hasMarked[s] -> 0 : deaths + 1);
      hasMarked[s] = false;
      runner[s] = NONE;
#ifdef BROKEN_NO_SUCCESSOR
      tasks[s] = 0; goto lookAgain;
#endif
      /* [sweep 12] it looks again at what is left: ends what died, and claims the rest for a successor */
      listedFinished[s] = tasks[s];
      tasks[s] = 0;
#ifndef BROKEN_RUNNERS_FOR_EVER
      isGivingUp = (deaths == 2);
#else
      deaths = 0;
#endif
      goto nextFile
#if SWEEPER_DEATHS
    :: s != LAST -> dieSweeping(); goto endIdle
#endif
    fi;
    skip
  };
release: /* [sweep 11] it lets go of its candidates, one by one, and names them */
  atomic {
    MAY_DIE;
    d_step { x = 0; do :: x < INODES && (refs[x] & BIT(me)) == 0 -> x++ :: else -> break od; skip };
#ifdef BROKEN_KEEP_CANDIDATES
    x = INODES;
#endif
    if
    :: x < INODES -> close(x, me); x = 0; goto release
    :: else -> x = 0; if :: runner[s] == ASKING -> runner[s] = WORKING :: else fi; goto await
    fi
  };

lookAgain:
  atomic {
#if WAITS
    if
    :: swept[s] != 0 ->
      d_step { x = 0; do :: (swept[s] & BIT(x)) == 0 -> x++ :: else -> break od; skip };
      if
      :: holder[x] == 0 || entry[x] == NOTHING
#if SWEEPER_DEATHS
      :: s != LAST -> dieSweeping(); goto endIdle
#endif
      fi;
      swept[s] = swept[s] & ~BIT(x);
      if :: entry[x] == FINISHED -> listedFinished[s] = listedFinished[s] | BIT(x) :: else fi;
      x = 0;
      goto nextFile
    :: else
    fi;
#endif
    if
    :: again[s] != 0 && glances < MAX_GLANCES -> (again[s] & looked) == 0; glances++; listedFinished[s] = again[s]; again[s] = 0; goto nextFile
    :: else -> again[s] = 0
    fi;
    if :: isNew -> goto pass :: else fi;
    if :: s == LAST && since[s] != 0 -> glances = 0; goto sweep :: else fi; /* [cleanup 1] until nothing is tried */
#ifdef BROKEN_CLEANUP_REMOVES_ALL
    do :: x < INODES -> entry[x] = NOTHING; settle(x); x++ :: else -> x = 0; break od;
#endif
    assert((did[s] & ~told[s]) == 0);         /* REPORT: the outcome of a function is unknown to its sweeper */
    assert(!WAITS || s == LAST || owed[s] == 0 || REMOVALS > 0); /* SKIPPED: it did not wait long enough */
    MAY_DIE; /* [cleanup 2] rmdir dead/ */
    d_step {
      i = 0;
      do :: i < ALL && !hasLetter[i] -> i++ :: else -> break od;
      if :: i >= ALL -> deadDirectory = false :: else fi;
      i = 0
    }
  };
  atomic { /* [cleanup 3] rmdir */
    MAY_DIE;
    if :: !HAS_ENTRIES -> directory = false :: else fi;
    if :: s != LAST -> endSweep(); goto endIdle :: else fi;
    i = 0;
    do
    :: i < ALL ->
      assert(!registered[i] || isFinished[i] || hasLetter[i] || isExcused[i]); /* LOST: at the end of all */
      i++
    :: else -> i = 0; break
    od;
    do
    :: i < INODES -> assert(entry[i] == NOTHING && refs[i] == 0 && holder[i] == 0); i++ /* REST: everything is gone */
    :: else -> i = 0; break
    od;
    assert(!directory || deadDirectory); /* REST */
    assert(!hasGivenUp);                 /* CREATOR: no creator gave up */
    skip
  }
}

#if WAITS
#define LEFT_ALONE skip
#else
#define LEFT_ALONE if :: !isSweeping[s] -> excuse() :: else fi /* it ends early because its sweeper has died */
#endif
/* A runner at its end: what it was in goes with it, and its lock. */
inline endRunner(how) {
  if :: x < INODES && (refs[x] & BIT(me)) != 0 -> close(x, me) :: else fi;
  d_step {
    if :: j < ALL -> isRunning[j] = false :: else fi;
    j = 0; x = 0; tries = 0; ok = false;
    if
    :: isSweeping[s] -> runner[s] = how
    :: else -> forgetRunner()
    fi
  };
  LEFT_ALONE
}
#if RUNNER_DEATHS
#define RUNNER_MAY_DIE if :: true :: s != LAST -> endRunner(DEAD); goto endIdle fi
#else
#define RUNNER_MAY_DIE skip
#endif

proctype Runner(byte me; byte s) {
  byte x, i, j, tries = 0;
  bool ok;

endIdle:
  atomic { runner[s] == STARTING -> skip };
  atomic { RUNNER_MAY_DIE; runner[s] = ASKING };
  atomic {
    if
    :: runner[s] == WORKING
    :: !isSweeping[s] -> endRunner(ENDED); goto endIdle
#if RUNNER_DEATHS
    :: s != LAST -> endRunner(DEAD); goto endIdle
#endif
    fi;
    skip
  };

nextTask:
  atomic { /* [run 1] open by name */
    if :: !isSweeping[s] -> endRunner(ENDED); goto endIdle :: else fi;
    d_step { x = 0; do :: x < INODES && (tasks[s] & BIT(x)) == 0 -> x++ :: else -> break od; skip };
    if :: x >= INODES -> x = 0; endRunner(ENDED); goto endIdle :: else fi;
    RUNNER_MAY_DIE;
    if
    :: entry[x] == FINISHED -> refs[x] = refs[x] | BIT(me)
    :: else -> tasks[s] = tasks[s] & ~BIT(x); x = 0; goto nextTask /* another was faster */
    fi;
    skip
  };
lock:
  atomic { /* [run 2] lock */
    RUNNER_MAY_DIE;
    tries++;
    if
    :: holder[x] == 0 -> holder[x] = me + 1; looked = looked | BIT(x); tries = 0
#ifdef BROKEN_RUNNER_WITHOUT_LOCK
    :: holder[x] != 0 -> tries = 0
#endif
    :: holder[x] != 0 && tries < TRIES -> (looked & BIT(x)) == 0; goto lock
    :: else ->
      tries = 0;
      tasks[s] = tasks[s] & ~BIT(x);
#ifndef BROKEN_CONTENDED_IS_DONE
#ifdef BROKEN_CONTENDED_IS_NEW
      seen[s] = seen[s] & ~BIT(x);
#endif
      if
      :: WAITS && BEING_SWEPT -> swept[s] = swept[s] | BIT(x)
      :: else -> again[s] = again[s] | BIT(x)
      fi;
#endif
      close(x, me); x = 0; goto nextTask
    fi;
#if FILES_MAY_VANISH
    skip
  };
  atomic { /* [run 3] does the name still lead to it? */
    RUNNER_MAY_DIE;
#endif
#ifndef WITHOUT_CHECK_BY_RUNNER
    if :: entry[x] == FINISHED :: else -> tasks[s] = tasks[s] & ~BIT(x); close(x, me); x = 0; goto nextTask fi;
#endif
    use(x, me); /* [run 4] read, through the locked descriptor */
    skip
  };
#ifndef WITHOUT_RUNNERS_CLAIM
  atomic { RUNNER_MAY_DIE; claimed[x] = true }; /* [run 5] the claim */
#endif

running:
#ifdef BROKEN_START_LINE_FIRST
  atomic {
    nextToRun();
    if :: j < ALL -> hasMarked[s] = true :: else fi;
    j = 0
  };
#endif
  atomic { /* [run 6] the start mark, its line, the call */
#ifdef BROKEN_STALE_READ
    d_step { do :: j < ALL && (saw[s] & BIT(j)) == 0 -> j++ :: else -> break od; skip };
    saw[s] = saw[s] & ~BIT(j);
#else
    nextToRun();
#endif
    if :: j >= ALL -> j = 0; goto burying :: else fi;
    if :: !isSweeping[s] -> j = ALL; endRunner(ENDED); goto endIdle :: else fi; /* its sweeper has died, and it has noticed */
    RUNNER_MAY_DIE;
    assert(!jobIsOpen[j]);     /* LIVING: run under a living owner */
    assert(!IS_USED_UP(x, j)); /* LIMIT: an attempt too many */
#ifdef BROKEN_COUNT_AT_LOOK
    assert((ended[s] & BIT(j)) == 0); /* BURN */
#endif
    begin(j);
    REC(x, j)++;
    startedBy[j] = s + 1;
    looked = looked & ~BIT(x);
    hasMarked[s] = true;
    mark(j)
  };
  atomic { RUNNER_MAY_DIE;
#ifndef BROKEN_LINE_PER_FILE
    told[s] = told[s] | BIT(j) /* [run 7] the line of its end */
#else
    skip
#endif
  };
  atomic { /* [run 8] the end mark */
    RUNNER_MAY_DIE;
    isRunning[j] = false;
    startedBy[j] = 0;
    did[s] = did[s] | BIT(j);
    mark(j);
#ifdef BROKEN_COUNT_AT_LOOK
    d_step { ended[0] = ended[0] | BIT(j); ended[1] = ended[1] | BIT(j) };
#endif
    if
    ::
#ifndef BROKEN_NO_DONE_MARK
      REC(x, j) = FINAL;
#endif
      isFinished[j] = true
    :: FAILURES
    fi;
    j = 0;
    goto running
  };

burying:
  atomic {
    nextUsedUp(x);
    if :: j < ALL -> RUNNER_MAY_DIE; deadDirectory = true :: else -> j = 0; goto buried fi /* [letter 1] */
  };
  atomic { RUNNER_MAY_DIE; if :: deadDirectory -> FIRST(x, j) :: else -> j++; goto burying fi }; /* [letter 2] */
  atomic { RUNNER_MAY_DIE; SECOND(x, j); j++; goto burying };                                    /* [letter 3] */

buried:
#ifdef BROKEN_LINE_PER_FILE
  atomic { RUNNER_MAY_DIE; d_step { i = 0; do :: i < ALL -> if :: REC(x, i) != 0 && (did[s] & BIT(i)) != 0 -> told[s] = told[s] | BIT(i) :: else fi; i++ :: else -> i = 0; break od; skip } };
#endif
#ifdef WITHOUT_UNLINK_BEFORE_CLOSE
  atomic { RUNNER_MAY_DIE; holder[x] = 0; looked = looked & ~BIT(x); user[x] = 0 };
#endif
  atomic { /* [run 9] unlink while locked */
    anyPending(x, ok);
#ifdef BROKEN_RETIRE_PENDING
    ok = false;
#endif
    if
    :: ok -> ok = false
    :: else -> RUNNER_MAY_DIE; if :: entry[x] == FINISHED -> unlinkFinished(x) :: else fi
    fi;
    skip
  };
  atomic { RUNNER_MAY_DIE; tasks[s] = tasks[s] & ~BIT(x); close(x, me); x = 0; goto nextTask }
}

#if PROBES > 0
/* A lister: it has the lock for a moment, to see whether it is free. */
proctype Prober() {
  byte x, i, n = 0;
  do
  :: n < PROBES ->
    n++;
    atomic {
      if :: break :: true fi;
      x = 0;
      do :: x < INODES - 1 -> x++ :: break od;
      if :: entry[x] == FINISHED && holder[x] == 0 -> refs[x] = refs[x] | BIT(PROBER); holder[x] = PROBER + 1; looked = looked | BIT(x) :: else -> break fi
    };
    atomic { close(x, PROBER); x = 0 }
  :: else -> break
  od;
  atomic { n = 0; x = 0; lives-- }
}
#endif

#if REMOVALS > 0
/* Somebody who removes a state file, with no lock: what the file holds then is excused from law 1, and from no other. */
proctype Stranger() {
  byte x, i, n = 0;
  do
  :: n < REMOVALS ->
    n++;
    if
    :: atomic {
        x = 0;
        do :: x < INODES - 1 -> x++ :: break od;
        if :: entry[x] == NOTHING -> goto gone :: else fi;
        i = 0;
        do :: i < ALL -> if :: IS_PENDING(x, i) -> isExcused[i] = true :: else fi; i++ :: else -> i = 0; break od;
        entry[x] = NOTHING;
        settle(x)
      }
    :: break
    fi
  :: else -> break
  od;
gone:
  atomic { n = 0; x = 0; lives-- }
}
#endif

init {
  atomic {
    run Owner(0);
#if OWNERS > 1
    run Owner(1);
#endif
    run Sweeper(SWEEPER(0), 0);
    run Sweeper(SWEEPER(1), 1);
    run Sweeper(SWEEPER(LAST), LAST);
    run Runner(RUNNER(0), 0);
    run Runner(RUNNER(1), 1);
    run Runner(RUNNER(LAST), LAST)
#if PROBES > 0
    ; lives++;
    run Prober()
#endif
#if REMOVALS > 0
    ; lives++;
    run Stranger()
#endif
  }
}
