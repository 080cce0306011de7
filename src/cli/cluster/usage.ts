/** What `deferred-sweep cluster --help` prints. */
export const CLUSTER_USAGE = `Usage: deferred-sweep cluster VERB [OPTIONS] [ID...]

Deferred functions in a PostgreSQL database.

  migrate           make the schema, or bring it to this version
  list              what is registered in a pool, whose it is, and what was
                    given up
  show ID           all that is known of one owner or dead letter
  sweep             run the functions of lost owners once
  watch             the same again and again, until SIGINT or SIGTERM
  retry ID...       give dead letters all their attempts again
  discard ID...     remove dead letters, or functions (OWNER.N) whose owner is
                    gone

The connection is taken from the environment, never from the command line:
DEFERRED_SWEEP_POSTGRES (a URL), or PGHOST, PGUSER, PGPASSWORD, PGDATABASE, ...

Options:
  --schema NAME     default: deferred_sweep
  --pool NAME       the pool (all verbs but migrate)
  --json            print JSON, one line for each report or owner
  --handlers FILE   sweep, watch: a module that exports "handlers"
  --interval TIME   watch: from one sweep to the next (500ms, 30s, 5m;
                    default: 1s)
  --deadline TIME   sweep: begin no function after TIME; the one in progress
                    finishes
  --quiet           sweep: print nothing unless something went wrong
  --exit-zero       sweep: exit with 0 also when a function failed or the
                    database could not be used
  --state STATE     list: only owners in these states, separated by commas
  --older TIME      list, retry, discard: only jobs older than TIME (2h, 30d)
  --label TEXT      list, retry, discard: only jobs with this label
  --exit-code       list: exit with 1 if an owner is listed
  --all             retry, discard: every dead letter; with --name, --label or
                    --older only some
  --name NAME       retry, discard: only functions with this name
  --yes             discard: do not ask
  --worker ROLE     migrate: a role that may register and sweep; repeatable
  --operator ROLE   migrate: a role that may list, retry, discard; repeatable

Exit status: 0 all done or nothing to do; 1 a function failed, or what was
asked for is not there or not free; 2 wrong usage; 3 the database could not be
used.

Examples:
  deferred-sweep cluster list --pool ci --state orphan,dead --exit-code
  deferred-sweep cluster watch --pool ci --handlers handlers.mjs
`;
