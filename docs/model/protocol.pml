/*
 * The protocol of design.md section 3: create, register, close, sweep, cleanup. README.md beside this file says what
 * is and what is not modelled; check.sh runs it. One atomic block is one system call, and every one of them may be the
 * last of its process. Marks such as [create 4] are the numbers of the protocol; README.md has their sources.
 *
 * An inode is a slot. The slot of a file that has neither a name nor an open descriptor is given to the next file, so
 * inode numbers are reused as early as any kernel could; names never are. A sweeper's list of names is two masks of
 * slots, and a new file in a slot takes the slot off every list.
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
#ifndef CHILDREN
#define CHILDREN 1 /* orphans' functions run in a child that may outlive its sweeper, or die alone; 0: in place */
#endif
#ifndef FAILURES
#define FAILURES 1 /* functions may fail */
#endif
#ifndef REGISTRATIONS
#define REGISTRATIONS 1 /* 0: owners only create and remove their files */
#endif
#ifndef REMOVALS
#define REMOVALS 0 /* of state files, by somebody who is no part of the protocol */
#endif
#define FILES_MAY_VANISH (REMOVALS > 0 || defined(BROKEN_CLEANUP_REMOVES_ALL) || defined(BROKEN_CREATE_ANYWAY))
#define SWEEPERS 2
#if defined(BROKEN_NO_START_OVER)
#define START_OVER hasGivenUp = true; x = NO_SLOT; endOwner(); goto gone
#else
#define START_OVER x = NO_SLOT; goto create
#endif
#define ALL (OWNERS * FUNCTIONS)

/* Processes. A child shares its sweeper's open file description, so the two hold a lock together. */
#define SWEEPER(n) (2 + (n)) /* the last one is the cleanup when all is quiet: it does not die */
#define LAST SWEEPER(SWEEPERS)
#define BIT(p) (1 << (p))
#define CHILD(p) (1 << ((p) + 3))
#define DESCRIPTION(p) ((p) < 2 -> BIT(p) : BIT(p) | CHILD(p))

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

/* The file system. */
bool directory, deadDirectory;
byte entry[INODES];
byte refs[INODES];   /* processes that have it open */
byte holder[INODES]; /* 1 + process of the locked description; 0: not locked */
bool header[INODES];
byte rec[INODES * ALL];
byte listedUnfinished[SWEEPERS + 1];
byte listedFinished[SWEEPERS + 1];

/* What only the properties look at. */
byte user[INODES];     /* 1 + process that took the file for its own */
bool registered[ALL];  /* defer returned */
bool jobIsOpen[ALL];   /* the owner of this function lives, and its job has not ended */
bool isRunning[ALL];
bool isFinished[ALL];  /* it ran to its end, and its runner lived on to write so */
bool hasLetter[ALL];
bool isExcused[ALL];   /* somebody removed the file it was in: a documented limit */
byte lives = OWNERS + SWEEPERS;
bool hasGivenUp;       /* a creator has */

/* Gives back what nobody refers to: the kernel at the last close, or at a death. */
inline settle(x) {
  d_step {
    if :: holder[x] != 0 && (refs[x] & DESCRIPTION(holder[x] - 1)) == 0 -> holder[x] = 0 :: else fi;
    if :: user[x] != 0 && (refs[x] & DESCRIPTION(user[x] - 1)) == 0 -> user[x] = 0 :: else fi;
    if
    :: entry[x] == NOTHING && refs[x] == 0 ->
      header[x] = false;
      i = 0;
      do :: i < ALL -> REC(x, i) = 0; i++ :: else -> break od;
      i = 0
    :: else
    fi;
    skip
  }
}

inline close(x, bits) { d_step { refs[x] = refs[x] & ~(bits) }; settle(x) }

/* Law 1 at the moment a name goes: nothing in the file is owed to anybody. */
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
#define FIRST(x, f) REC(x, f) = FINAL
#define SECOND(x, f) hasLetter[f] = true
#else
#define FIRST(x, f) hasLetter[f] = true
#define SECOND(x, f) REC(x, f) = FINAL
#endif

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
  if :: x < NO_SLOT -> close(x, BIT(me)) :: else fi;
  if :: file < NO_SLOT -> close(file, BIT(me)) :: else fi;
  endJob();
  d_step { isMine = false; x = 0; file = 0; next = 0; jobs = 0; j = 0; lives-- }
}
#define REGISTERS (REGISTRATIONS && next < FUNCTIONS)
#define DIES if :: true :: endOwner(); goto gone fi

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
      d_step {
        i = 0;
        do
        :: i <= SWEEPERS ->
          listedUnfinished[i] = listedUnfinished[i] & ~BIT(x);
          listedFinished[i] = listedFinished[i] & ~BIT(x);
          i++
        :: else -> break
        od;
        i = 0
      }
    :: else -> START_OVER
    fi;
    skip
  };
  atomic { /* [create 3] */
    DIES;
    if
    :: holder[x] == 0 -> holder[x] = me + 1
    :: else -> close(x, BIT(me)); START_OVER /* a sweeper took us for dead */
    fi;
    skip
  };
  atomic { /* [create 4], [create 5] */
    DIES;
#if !defined(WITHOUT_CREATE_4) && !defined(BROKEN_CREATE_ANYWAY)
    if :: entry[x] == UNFINISHED :: else -> close(x, BIT(me)); START_OVER fi;
#endif
    header[x] = true
  };
  atomic { /* [create 6] */
    DIES;
#ifndef BROKEN_CREATE_ANYWAY
    if :: entry[x] == UNFINISHED :: else -> close(x, BIT(me)); START_OVER fi; /* ENOENT: unlinked by a sweeper */
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
  atomic { DIES; close(file, BIT(me)); file = x; x = NO_SLOT; goto job };
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
    if :: j < ALL -> REC(file, j)++; begin(j) :: else -> j = 0; goto ran fi
  };
  atomic {
    DIES;
    isRunning[j] = false;
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
      close(file, BIT(me));
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
    :: jobs < JOBS -> close(file, BIT(me)); file = NO_SLOT; goto create
    :: else -> endOwner(); goto gone
    fi
  };


gone:
  skip
}

/* The end of a sweep, whatever brought it. */
inline endSweep() {
  if :: x < INODES && (refs[x] & BIT(me)) != 0 -> close(x, BIT(me)) :: else fi;
  d_step {
    listedUnfinished[me - 2] = 0; listedFinished[me - 2] = 0;
    name = NOTHING; x = 0; j = 0; seen = 0; handled = 0;
    isNew = false; hasTried = false; hasParent = true; hasMarked = false; ok = false;
    if :: sweeps == SWEEPS && me != LAST -> lives-- :: else fi;
    skip
  }
}
#define MAY_DIE if :: true :: me != LAST -> endSweep(); goto endIdle fi

/* The child at its end: what it was in goes with it, and its hold on the lock. */
inline endChild() {
  if :: j < ALL -> isRunning[j] = false :: else fi;
  j = 0;
  close(x, CHILD(me));
}
/* A step of the child. Its sweeper may die meanwhile, the child goes on; the child may die, the sweeper goes on. */
#ifdef BROKEN_CHILD_WITHOUT_LOCK
#define ORPHAN_CHILD holder[x] = 0; user[x] = 0
#else
#define ORPHAN_CHILD skip
#endif
/* One that dies before its first mark would do so again: what is left waits for the next sweep. */
#ifdef BROKEN_CHILD_FOR_EVER
#define CHILD_DIED goto orphan
#else
#define CHILD_DIED if :: hasMarked -> hasMarked = false; goto orphan :: else -> goto ran fi
#endif
#if CHILDREN
#define CHILD_MAY_DIE \
  if \
  :: true \
  :: me != LAST && hasParent -> hasParent = false; refs[x] = refs[x] & ~BIT(me); ORPHAN_CHILD \
  :: me != LAST && hasParent -> endChild(); CHILD_DIED \
  :: me != LAST && !hasParent -> endChild(); endSweep(); goto endIdle \
  fi
#else
#define CHILD_MAY_DIE if :: true :: me != LAST -> endChild(); endSweep(); goto endIdle fi
#endif
#define CAN_RUN(f) (IS_PENDING(x, f) && !IS_USED_UP(x, f) && (handled & BIT(f)) == 0)

inline nextToRun() { d_step { do :: j < ALL && !CAN_RUN(j) -> j++ :: else -> break od; skip } }

proctype Sweeper(byte me) {
  byte x, i, j, name, seen = 0, handled = 0, sweeps = 0;
  bool isNew, hasTried, hasParent = true, hasMarked, ok;

endIdle:
  atomic { (me != LAST && sweeps < SWEEPS) || (me == LAST && lives == 0) -> sweeps = (me == LAST -> 0 : sweeps + 1) };

pass:
  atomic { /* [sweep 1] list */
    MAY_DIE;
    isNew = false;
    d_step {
      x = 0;
      do
      :: x < INODES ->
        if
        :: entry[x] == UNFINISHED -> listedUnfinished[me - 2] = listedUnfinished[me - 2] | BIT(x)
        :: entry[x] == FINISHED -> listedFinished[me - 2] = listedFinished[me - 2] | BIT(x)
        :: else
        fi;
        x++
      :: else -> break
      od;
      x = 0
    }
  };

nextFile: /* [sweep 2] open by name, and fstat */
  atomic {
    name = NOTHING;
    d_step {
      x = 0;
      do :: x < INODES && ((listedUnfinished[me - 2] | listedFinished[me - 2]) & BIT(x)) == 0 -> x++ :: else -> break od;
      skip
    };
    if
    :: x >= INODES ->
      x = 0;
      if :: isNew -> goto pass :: else -> goto swept fi
    :: else
    fi;
    MAY_DIE;
    d_step {
      name = ((listedUnfinished[me - 2] & BIT(x)) != 0 -> UNFINISHED : FINISHED);
      listedUnfinished[me - 2] = listedUnfinished[me - 2] & ~BIT(x);
      listedFinished[me - 2] = listedFinished[me - 2] & ~BIT(x)
    };
    if
    :: entry[x] == name && (seen & BIT(x)) == 0 -> refs[x] = refs[x] | BIT(me)
    :: else -> name = NOTHING; x = 0; goto nextFile /* vanished, renamed, or met before in this sweep */
    fi;
    skip
  };
  atomic { /* [sweep 3] lock */
    MAY_DIE;
    if
    :: holder[x] == 0 -> holder[x] = me + 1
#ifndef BROKEN_IGNORE_LOCK
    :: else -> close(x, BIT(me)); name = NOTHING; x = 0; goto nextFile /* live */
#else
    :: else
#endif
    fi;
#if FILES_MAY_VANISH
    skip
  };
  atomic { /* [sweep 4] does the name still lead to it? Only a stranger changes the name of a locked file */
    MAY_DIE;
#endif
#ifndef BROKEN_NO_CHECK_AFTER_LOCK
    if :: entry[x] == name :: else -> close(x, BIT(me)); name = NOTHING; x = 0; goto nextFile fi;
#endif
    if :: name == UNFINISHED -> name = NOTHING; goto unfinished :: else -> name = NOTHING fi;
    /* [sweep 5] read, through the locked descriptor */
    assert(header[x]); /* HEADER: a name without .tmp has one */
    use(x, me);
    seen = seen | BIT(x);
    isNew = true
  };

taken:
  atomic {
    nextUsedUp(x);
    MAY_DIE;
    if :: j < ALL -> deadDirectory = true :: else -> j = 0; goto orphan fi /* [letter 1] */
  };
  atomic { MAY_DIE; if :: deadDirectory -> FIRST(x, j) :: else -> j++; goto taken fi }; /* [letter 2] */
  atomic { MAY_DIE; SECOND(x, j); j++; goto taken };                                    /* [letter 3] */

orphan: /* [sweep 6] a child runs what is pending, each once */
  atomic {
    nextToRun();
    if :: j >= ALL -> j = 0; goto ran :: else -> refs[x] = refs[x] | (CHILDREN -> CHILD(me) : 0) fi;
    CHILD_MAY_DIE;
    REC(x, j)++;
    handled = handled | BIT(j);
    hasMarked = CHILDREN;
    hasTried = (me == LAST);
    assert(!jobIsOpen[j]); /* LIVING: run under a living owner */
    begin(j)
  };
  atomic {
    CHILD_MAY_DIE;
    isRunning[j] = false;
    if
    ::
#ifndef BROKEN_NO_DONE_MARK
      REC(x, j) = FINAL;
#endif
      isFinished[j] = true
    :: FAILURES
    fi;
    nextToRun();
    if
    :: j < ALL -> goto orphan
    :: j < ALL && !hasParent -> j = ALL /* its control pipe has ended, and it has noticed */
    :: j >= ALL
    fi;
    endChild();
    hasMarked = false;
    if :: hasParent -> goto ran :: else -> endSweep(); goto endIdle fi
  };

ran:
  atomic {
    nextUsedUp(x);
    MAY_DIE;
    if :: j < ALL -> deadDirectory = true :: else -> j = 0; handled = 0; goto retire fi /* [letter 1] */
  };
  atomic { MAY_DIE; if :: deadDirectory -> FIRST(x, j) :: else -> j++; goto ran fi }; /* [letter 2] */
  atomic { MAY_DIE; SECOND(x, j); j++; goto ran };                                    /* [letter 3] */

retire:
#ifdef WITHOUT_UNLINK_BEFORE_CLOSE
  atomic { MAY_DIE; holder[x] = 0; user[x] = 0 };
#endif
  atomic { /* [sweep 7] unlink while locked */
    MAY_DIE;
    anyPending(x, ok);
#ifdef BROKEN_RETIRE_PENDING
    ok = false;
#endif
    if
    :: ok -> ok = false
    :: else ->
      if :: entry[x] == FINISHED -> unlinkFinished(x) :: else fi;
      seen = seen & ~BIT(x) /* its number may be a new file's by now */
    fi;
    goto handled_
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
    goto handled_
  };
handled_:
  atomic { MAY_DIE; close(x, BIT(me)); x = 0; goto nextFile };

swept:
  atomic {
    if :: me == LAST && hasTried -> hasTried = false; seen = 0; goto pass :: else fi; /* [cleanup 1] until nothing is tried */
#ifdef BROKEN_CLEANUP_REMOVES_ALL
    do :: x < INODES -> entry[x] = NOTHING; settle(x); x++ :: else -> x = 0; break od;
#endif
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
    if :: me != LAST -> endSweep(); goto endIdle :: else fi;
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
    assert(!hasGivenUp);                 /* CREATOR: nobody gave up */
    skip
  }
}

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
    run Sweeper(SWEEPER(0));
    run Sweeper(SWEEPER(1));
    run Sweeper(LAST)
#if REMOVALS > 0
    ; lives++;
    run Stranger()
#endif
  }
}
