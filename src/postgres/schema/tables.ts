/**
 * Tables of the cluster store. Workers have no right on any of them: they call the functions beside this file.
 *
 * An owner is `owned`, then `suspected` (its lock was seen free), then `taken` (its epoch has grown), then gone.
 * `attached_on` is null where its last holder let go in order; `attachment` counts the sessions that held it.
 */
export const TABLES = `
CREATE TABLE {schema}.meta (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  version integer NOT NULL
);
CREATE FUNCTION {schema}.schema_version() RETURNS integer AS $$
  SELECT m.version FROM {schema}.meta m
$$ LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- Unlogged on purpose: the server empties it after a crash and on a promoted standby, when all session locks are gone too.
CREATE UNLOGGED TABLE {schema}.incarnation (
  singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  started_at timestamptz NOT NULL,
  id uuid NOT NULL
);

-- Epochs of all owners come from one sequence, so a later owner of the same thing has a higher fence.
CREATE SEQUENCE {schema}.epochs;

CREATE TABLE {schema}.owners (
  lock_key bigint PRIMARY KEY,
  epoch bigint NOT NULL,
  attachment bigint NOT NULL DEFAULT 1,
  pool text NOT NULL,
  label text,
  host text NOT NULL,
  pid integer NOT NULL,
  boot_id text,
  run_order text NOT NULL CHECK (run_order IN ('fifo', 'lifo')),
  grace_ms integer NOT NULL,
  restart_grace_ms integer NOT NULL,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  attached_on uuid,
  suspected_at timestamptz,
  suspected_on uuid,
  taken_at timestamptz,
  taken_by text
);
CREATE INDEX owners_pool ON {schema}.owners (pool);

CREATE TABLE {schema}.functions (
  lock_key bigint NOT NULL REFERENCES {schema}.owners,
  id bigint NOT NULL,
  handler text NOT NULL,
  arguments bytea NOT NULL,
  delivery text NOT NULL CHECK (delivery IN ('at-least-once', 'at-most-once')),
  timeout_ms integer NOT NULL,
  max_attempts integer NOT NULL,
  -- The first attempt waits for no clock: it may be set back, or be that of a standby, and behind.
  next_at timestamptz NOT NULL DEFAULT '-infinity',
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (lock_key, id)
);

CREATE TABLE {schema}.attempts (
  lock_key bigint NOT NULL,
  id bigint NOT NULL,
  attempt integer NOT NULL,
  epoch bigint NOT NULL,
  call uuid NOT NULL,
  runner text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_at timestamptz,
  error jsonb,
  PRIMARY KEY (lock_key, id, attempt),
  FOREIGN KEY (lock_key, id) REFERENCES {schema}.functions ON DELETE CASCADE
);

CREATE TABLE {schema}.dead_letters (
  lock_key bigint NOT NULL,
  id bigint NOT NULL,
  pool text NOT NULL,
  handler text NOT NULL,
  arguments bytea NOT NULL,
  delivery text NOT NULL,
  timeout_ms integer NOT NULL,
  max_attempts integer NOT NULL,
  registered_at timestamptz NOT NULL,
  owner jsonb NOT NULL,
  attempts jsonb NOT NULL,
  error jsonb NOT NULL,
  buried_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Which call gave it up without a run. Sent again, it tells of it again.
  call uuid,
  PRIMARY KEY (lock_key, id)
);
CREATE INDEX dead_letters_pool ON {schema}.dead_letters (pool);
CREATE INDEX dead_letters_call ON {schema}.dead_letters (call) WHERE call IS NOT NULL;
`;
