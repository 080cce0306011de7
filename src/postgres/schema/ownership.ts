/**
 * SQL functions by which an owner is opened, found orphaned, taken over, attached again and let go.
 *
 * Order against races. P is the owner that comes back, Q a sweeper.
 * 1. P takes the lock shared, then writes its row (attachment + 1).
 * 2. Q reads the rows, then the locks, then writes only rows whose attachment is what it read. If P took its lock after
 *    Q looked, then P's row has changed when Q writes: Q does nothing.
 * 3. Q takes the lock exclusively before it takes the row, so P either has the lock (Q gives up) or finds a new epoch.
 */
export const OWNERSHIP = `
-- The same as long as no session lock can have vanished with the server.
CREATE FUNCTION {schema}.current_incarnation() RETURNS uuid AS $$
DECLARE
  here uuid;
BEGIN
  SELECT i.id INTO here FROM {schema}.incarnation i WHERE i.started_at = pg_postmaster_start_time();
  IF here IS NULL THEN
    INSERT INTO {schema}.incarnation AS i (started_at, id) VALUES (pg_postmaster_start_time(), gen_random_uuid())
      ON CONFLICT (singleton) DO UPDATE SET started_at = excluded.started_at, id = excluded.id
      WHERE i.started_at <> excluded.started_at;
    SELECT i.id INTO here FROM {schema}.incarnation i;
  END IF;
  RETURN here;
END
$$ {definer};

-- Keys of all advisory locks that are held in this database, by any session.
CREATE FUNCTION {schema}.held_keys() RETURNS TABLE (held bigint, pid integer) AS $$
  SELECT (l.classid::bigint << 32) | l.objid::bigint, l.pid FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
$$ LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- A new owner, whose lock this session holds shared before the row is seen: a row without a held lock is an orphan. No
-- lock is left where the row cannot be written, on a full disk for instance: it would not end with the transaction.
CREATE FUNCTION {schema}.open_owner(
  p_pool text, p_label text, p_host text, p_pid integer, p_boot_id text, p_order text,
  p_grace_ms integer, p_restart_grace_ms integer
) RETURNS TABLE (key text, epoch bigint, attachment bigint) AS $$
DECLARE
  v_key bigint;
BEGIN
  LOOP
    v_key := ('x' || substr(md5(gen_random_uuid()::text), 1, 16))::bit(64)::bigint;
    -- Exclusive for this transaction: that this session alone has it shows that the key is free.
    CONTINUE WHEN NOT pg_try_advisory_xact_lock(v_key);
    EXIT WHEN NOT EXISTS (SELECT FROM {schema}.owners o WHERE o.lock_key = v_key)
      AND NOT EXISTS (SELECT FROM {schema}.dead_letters d WHERE d.lock_key = v_key);
  END LOOP;
  RETURN QUERY INSERT INTO {schema}.owners AS o
    (lock_key, epoch, pool, label, host, pid, boot_id, run_order, grace_ms, restart_grace_ms, attached_on)
    VALUES (v_key, nextval('{schema}.epochs'), p_pool, p_label, p_host, p_pid, p_boot_id, p_order,
      p_grace_ms, p_restart_grace_ms, {schema}.current_incarnation())
    RETURNING o.lock_key::text, o.epoch, o.attachment;
  PERFORM pg_advisory_lock_shared(v_key);
END
$$ {definer};

-- 'ok' with the new attachment, 'contended' (a sweeper has the lock for a moment), or 'fenced'.
CREATE FUNCTION {schema}.reattach(p_key bigint, p_epoch bigint, OUT status text, OUT attachment bigint) AS $$
#variable_conflict use_column
BEGIN
  -- What is lost of this with a server is found out at the next attachment; so it need not wait for a standby.
  PERFORM set_config('synchronous_commit', 'local', true);
  IF NOT pg_try_advisory_lock_shared(p_key) THEN
    status := 'contended';
    RETURN;
  END IF;
  UPDATE {schema}.owners o SET attachment = o.attachment + 1, attached_on = {schema}.current_incarnation(),
      suspected_at = NULL, suspected_on = NULL
    WHERE o.lock_key = p_key AND o.epoch = p_epoch
    RETURNING 'ok', o.attachment INTO status, attachment;
  IF NOT FOUND THEN
    status := 'fenced';
    PERFORM pg_advisory_unlock_shared(p_key);
  END IF;
END
$$ {definer};

-- Whether the owner's row still belongs to this epoch and this session; holds the row against a take-over if so.
CREATE FUNCTION {schema}.standing(p_key bigint, p_epoch bigint, p_attachment bigint) RETURNS text AS $$
DECLARE
  v_epoch bigint;
  v_attachment bigint;
BEGIN
  SELECT o.epoch, o.attachment INTO v_epoch, v_attachment FROM {schema}.owners o WHERE o.lock_key = p_key FOR SHARE;
  IF v_epoch IS DISTINCT FROM p_epoch THEN RETURN 'fenced'; END IF;
  -- A request of a former session, delivered late.
  IF v_attachment <> p_attachment THEN RETURN 'stale'; END IF;
  RETURN 'ok';
END
$$ {definer};

-- Owners that were read before their locks were found free become suspected, unless they are so already.
CREATE FUNCTION {schema}.suspect(p_keys bigint[], p_attachments bigint[]) RETURNS void AS $$
DECLARE
  here uuid := {schema}.current_incarnation();
BEGIN
  -- Rows that another session writes at this moment are left to it: two sweepers must not wait for each other.
  UPDATE {schema}.owners o SET suspected_at = clock_timestamp(), suspected_on = here
    FROM (
      SELECT s.lock_key, s.attachment FROM {schema}.owners s
        JOIN unnest(p_keys, p_attachments) AS c (lock_key, attachment) USING (lock_key, attachment)
        WHERE s.attached_on IS NOT NULL AND s.suspected_on IS DISTINCT FROM here
        FOR UPDATE OF s SKIP LOCKED
    ) c
    WHERE o.lock_key = c.lock_key AND o.attachment = c.attachment;
END
$$ {definer};

-- Owners whose lock is free. Those seen so for the first time become suspected; those whose time is over are returned,
-- or removed if they have nothing left to run.
CREATE FUNCTION {schema}.orphans(p_pool text, p_handlers text[], p_limit integer)
RETURNS TABLE (key text, epoch bigint, attachment bigint) AS $$
#variable_conflict use_column
DECLARE
  here uuid := {schema}.current_incarnation();
  v_keys bigint[];
  v_attachments bigint[];
BEGIN
  PERFORM set_config('synchronous_commit', 'local', true);
  -- NOT IN reads the locks once. With NOT EXISTS a planner may compare each owner with each lock.
  SELECT array_agg(o.lock_key), array_agg(o.attachment) INTO v_keys, v_attachments FROM {schema}.owners o
    WHERE o.pool = p_pool AND o.lock_key NOT IN (SELECT h.held FROM {schema}.held_keys() h);
  -- Of these few: in one statement the planner would look for the functions of all, or read the whole table.
  SELECT array_agg(c.lock_key), array_agg(c.attachment) INTO v_keys, v_attachments
    FROM unnest(v_keys, v_attachments) AS c (lock_key, attachment)
    WHERE EXISTS (SELECT FROM {schema}.functions f
        WHERE f.lock_key = c.lock_key AND f.handler = ANY (p_handlers) AND f.next_at <= clock_timestamp())
      OR NOT EXISTS (SELECT FROM {schema}.functions f WHERE f.lock_key = c.lock_key);
  IF v_keys IS NULL THEN RETURN; END IF;

  PERFORM {schema}.suspect(v_keys, v_attachments);

  DELETE FROM {schema}.owners o USING (
      SELECT s.lock_key, s.attachment FROM {schema}.owners s
        JOIN unnest(v_keys, v_attachments) AS c (lock_key, attachment) USING (lock_key, attachment)
        WHERE {schema}.is_due(s, here)
          AND NOT EXISTS (SELECT FROM {schema}.functions f WHERE f.lock_key = s.lock_key)
        FOR UPDATE OF s SKIP LOCKED
    ) c
    WHERE o.lock_key = c.lock_key AND o.attachment = c.attachment;

  RETURN QUERY
    SELECT o.lock_key::text, o.epoch, o.attachment FROM {schema}.owners o
      JOIN unnest(v_keys, v_attachments) AS c (lock_key, attachment) USING (lock_key, attachment)
      WHERE {schema}.is_due(o, here)
      ORDER BY random() LIMIT p_limit;
END
$$ {definer};

-- Whether an owner whose lock is free may be taken. The time runs by the server's clock, in this incarnation.
CREATE FUNCTION {schema}.is_due(o {schema}.owners, here uuid) RETURNS boolean AS $$
  SELECT o.attached_on IS NULL OR (o.suspected_on = here AND o.suspected_at <= clock_timestamp()
    - CASE WHEN o.attached_on = here THEN o.grace_ms ELSE o.restart_grace_ms END * interval '1 millisecond')
$$ LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp;

-- The owner with a new epoch, its lock held shared by this session; nothing if another was faster.
CREATE FUNCTION {schema}.take_over(
  p_key bigint, p_epoch bigint, p_attachment bigint, p_by text, p_grace_ms integer, p_restart_grace_ms integer
) RETURNS TABLE (epoch bigint, attachment bigint, label text, owner jsonb) AS $$
#variable_conflict use_column
DECLARE
  here uuid := {schema}.current_incarnation();
BEGIN
  -- A session's own locks do not refuse it: it does not ask for what it holds.
  IF NOT pg_try_advisory_xact_lock(p_key) THEN RETURN; END IF;
  RETURN QUERY UPDATE {schema}.owners o
    SET epoch = nextval('{schema}.epochs'), attachment = o.attachment + 1, attached_on = here,
      suspected_at = NULL, suspected_on = NULL, taken_at = clock_timestamp(), taken_by = p_by,
      grace_ms = p_grace_ms, restart_grace_ms = p_restart_grace_ms
    WHERE o.lock_key = p_key AND o.epoch = p_epoch AND o.attachment = p_attachment AND {schema}.is_due(o, here)
    RETURNING o.epoch, o.attachment, o.label, jsonb_build_object('host', o.host, 'pid', o.pid, 'bootId', o.boot_id);
  IF FOUND THEN PERFORM pg_advisory_lock_shared(p_key); END IF;
END
$$ {definer};

-- Lets go of an owner: it is removed if nothing is left to run, else it can be taken at once.
CREATE FUNCTION {schema}.retire(
  p_key bigint, p_epoch bigint, p_attachment bigint, OUT status text, OUT pending bigint
) AS $$
BEGIN
  PERFORM 1 FROM {schema}.owners o WHERE o.lock_key = p_key FOR UPDATE;
  status := {schema}.standing(p_key, p_epoch, p_attachment);
  IF status = 'stale' THEN RETURN; END IF;
  IF status = 'ok' THEN
    SELECT count(*) INTO pending FROM {schema}.functions f WHERE f.lock_key = p_key;
    IF pending = 0 THEN
      DELETE FROM {schema}.owners o WHERE o.lock_key = p_key;
    ELSE
      UPDATE {schema}.owners o SET attached_on = NULL, suspected_at = NULL, suspected_on = NULL WHERE o.lock_key = p_key;
    END IF;
  END IF;
  -- The row is written first: a sweeper that sees the lock free waits for the row.
  PERFORM pg_advisory_unlock_shared(p_key);
END
$$ {definer};
`;
