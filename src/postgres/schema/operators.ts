/** SQL functions for people: what there is, and what to do with dead letters. Workers have no right on them. */
export const OPERATORS = `
-- This one and the next have no path of their own, so that the server puts them into the statement. It has one.
CREATE FUNCTION {schema}.hex_key(p_key bigint) RETURNS text AS $$
  SELECT lpad(to_hex(p_key), 16, '0')
$$ LANGUAGE sql IMMUTABLE;

-- Arguments as they are listed: null where they are long.
CREATE FUNCTION {schema}.short_base64(p_arguments bytea) RETURNS text AS $$
  SELECT CASE WHEN octet_length(p_arguments) <= 4096 THEN encode(p_arguments, 'base64') END
$$ LANGUAGE sql IMMUTABLE;

-- Where nothing sweeps, the grace of an owner runs from the first call of this that found its lock free.
CREATE FUNCTION {schema}.suspect_free(p_pool text) RETURNS void AS $$
BEGIN
  PERFORM set_config('synchronous_commit', 'local', true);
  PERFORM {schema}.suspect(array_agg(o.lock_key), array_agg(o.attachment)) FROM {schema}.owners o
    WHERE o.pool = p_pool AND o.lock_key NOT IN (SELECT h.held FROM {schema}.held_keys() h);
END
$$ {definer};

-- One row for each function, with its owner; one for each owner without functions, and for each dead letter. Oldest owners
-- first, dead letters last. No value holds what grows with their number: a jsonb of 256 MiB is the largest. It writes
-- nothing: who reads it slowly holds no row.
CREATE FUNCTION {schema}.list_owners(p_pool text) RETURNS TABLE (entry jsonb, stored jsonb) AS $$
DECLARE
  here uuid := {schema}.current_incarnation();
BEGIN
  -- The clock may have been set back since an owner was opened.
  RETURN QUERY WITH listed AS MATERIALIZED (
    SELECT o.lock_key, o.opened_at, jsonb_strip_nulls(jsonb_build_object('id', {schema}.hex_key(o.lock_key), 'pool', o.pool,
      'state', CASE
        WHEN o.lock_key IN (SELECT h.held FROM {schema}.held_keys() h)
          THEN CASE WHEN o.taken_at IS NULL THEN 'live' ELSE 'sweeping' END
        WHEN {schema}.is_due(o, here) THEN 'orphan' ELSE 'suspected' END,
      'label', o.label, 'epoch', o.epoch, 'takenBy', o.taken_by,
      'ageMs', greatest(0, {schema}.epoch_ms(now()) - {schema}.epoch_ms(o.opened_at))))
      || jsonb_build_object('owner', jsonb_build_object('host', o.host, 'pid', o.pid, 'bootId', o.boot_id)) AS entry
    FROM {schema}.owners o WHERE o.pool = p_pool
  ), rows AS (
    SELECT false AS is_dead, l.opened_at, l.lock_key, f.id AS number, l.entry,
      CASE WHEN f.id IS NOT NULL THEN jsonb_build_object('id', f.id, 'name', f.handler,
        'registeredAtEpochMs', {schema}.epoch_ms(f.registered_at),
        'nextAtEpochMs', {schema}.epoch_ms(greatest(f.next_at, f.registered_at)),
        'delivery', f.delivery, 'timeoutMs', f.timeout_ms, 'maxAttempts', f.max_attempts,
        'argumentsLength', octet_length(f.arguments), 'arguments', {schema}.short_base64(f.arguments),
        'attempts', coalesce((SELECT jsonb_agg({schema}.listed_attempt(a) ORDER BY a.attempt)
          FROM {schema}.attempts a WHERE a.lock_key = f.lock_key AND a.id = f.id), '[]')) END AS stored
    FROM listed l LEFT JOIN {schema}.functions f USING (lock_key)
    UNION ALL
    SELECT true, t.opened_at, d.lock_key, d.id, jsonb_strip_nulls(jsonb_build_object(
        'id', {schema}.hex_key(d.lock_key) || '.' || d.id, 'pool', d.pool, 'state', 'dead',
        'label', d.owner -> 'label', 'error', d.error,
        'ageMs', greatest(0, {schema}.epoch_ms(now()) - {schema}.epoch_ms(t.opened_at))))
        || jsonb_build_object('owner', d.owner - 'label' - 'openedAt'),
      jsonb_build_object('id', d.id, 'name', d.handler, 'registeredAtEpochMs', {schema}.epoch_ms(d.registered_at),
        'delivery', d.delivery, 'timeoutMs', d.timeout_ms, 'maxAttempts', d.max_attempts,
        'argumentsLength', octet_length(d.arguments), 'arguments', {schema}.short_base64(d.arguments),
        'attempts', d.attempts)
    FROM {schema}.dead_letters d, LATERAL (SELECT (d.owner ->> 'openedAt')::timestamptz AS opened_at) t
    WHERE d.pool = p_pool
  )
  SELECT r.entry, r.stored FROM rows r ORDER BY r.is_dead, r.opened_at, r.lock_key, r.number;
END
$$ {definer};

-- Gives a dead letter all its attempts again: it becomes the function of an owner that can be taken at once. This one and
-- the next return the outcome of a letter.
CREATE FUNCTION {schema}.retry(p_pool text, p_key bigint, p_id bigint) RETURNS text AS $$
DECLARE
  d {schema}.dead_letters;
BEGIN
  DELETE FROM {schema}.dead_letters l WHERE l.pool = p_pool AND l.lock_key = p_key AND l.id = p_id RETURNING * INTO d;
  IF NOT FOUND THEN RETURN 'gone'; END IF;
  -- The owner may still be there, and may be removed by its last runner at this moment: then it is made again.
  LOOP
    INSERT INTO {schema}.owners (lock_key, epoch, pool, label, host, pid, boot_id, run_order, grace_ms, restart_grace_ms,
        opened_at)
      VALUES (p_key, nextval('{schema}.epochs'), d.pool, d.owner ->> 'label', d.owner ->> 'host',
        (d.owner ->> 'pid')::integer, d.owner ->> 'bootId', 'fifo', 0, 0, (d.owner ->> 'openedAt')::timestamptz)
      ON CONFLICT (lock_key) DO NOTHING;
    PERFORM 1 FROM {schema}.owners o WHERE o.lock_key = p_key FOR KEY SHARE;
    EXIT WHEN FOUND;
  END LOOP;
  INSERT INTO {schema}.functions (lock_key, id, handler, arguments, delivery, timeout_ms, max_attempts, registered_at)
    VALUES (p_key, p_id, d.handler, d.arguments, d.delivery, d.timeout_ms, d.max_attempts, d.registered_at);
  RETURN 'retried';
END
$$ {definer};

-- 'busy' where the owner or a runner of the function lives, or where its grace runs.
CREATE FUNCTION {schema}.discard(p_pool text, p_key bigint, p_id bigint) RETURNS text AS $$
BEGIN
  DELETE FROM {schema}.dead_letters l WHERE l.pool = p_pool AND l.lock_key = p_key AND l.id = p_id;
  IF FOUND THEN RETURN 'discarded'; END IF;
  IF NOT EXISTS (SELECT FROM {schema}.functions f JOIN {schema}.owners o USING (lock_key)
      WHERE o.pool = p_pool AND f.lock_key = p_key AND f.id = p_id) THEN RETURN 'gone'; END IF;
  IF NOT pg_try_advisory_xact_lock(p_key) THEN RETURN 'busy'; END IF;
  PERFORM 1 FROM {schema}.owners o WHERE o.lock_key = p_key FOR UPDATE;
  PERFORM {schema}.suspect(array_agg(o.lock_key), array_agg(o.attachment)) FROM {schema}.owners o WHERE o.lock_key = p_key;
  IF EXISTS (SELECT FROM {schema}.owners o WHERE o.lock_key = p_key
      AND NOT {schema}.is_due(o, {schema}.current_incarnation())) THEN RETURN 'busy'; END IF;
  DELETE FROM {schema}.functions f WHERE f.lock_key = p_key AND f.id = p_id;
  RETURN 'discarded';
END
$$ {definer};
`;
