/** What the help of `exec`, `defer` and `cancel` ends with. */
export const EXEC_NOTES = `First BASE is swept. A signal in that time ends it: no program begins.

When the program has ended, however it ended, the job's commands run. If this
wrapper dies, too, the next sweep of BASE runs them.

Inside, 'deferred-sweep defer -- COMMAND' adds a command and prints its ID, and
'deferred-sweep cancel ID' takes it back.

Exit status: that of the program; it dies of the signal the program died of (as
pid 1: 128 + its number). 2 wrong usage; 125 no job could be opened; 126, 127
the program cannot be started, is not there.
`;

export const DEFER_NOTES = `The command runs here, without a shell, when the job has ended. Its ID is
printed when it is registered. PATH and TMPDIR are kept for it.

Exit status: 0 registered; 1 refused, or registered but its ID could not be
printed; 2 wrong usage; 3 there is no job: nothing is registered.
`;

export const CANCEL_NOTES = `Exit status: 0 it will not run; 1 it has run, is running or was taken back
before; 2 wrong usage; 3 there is no job.
`;
