/** How many attempts of a function are known one by one: a dead letter has them in one jsonb. */
const KEPT_ATTEMPTS = 20;

/** SQL functions by which functions are registered, cancelled, started and ended. */
export const ATTEMPTS: string = `
-- All of them or none. Sent again, it changes nothing. The row's share lock also makes a repeated call wait for the
-- synchronous standby as the first one did.
CREATE FUNCTION {schema}.register(
  p_key bigint, p_epoch bigint, p_attachment bigint, p_ids bigint[], p_handlers text[], p_arguments bytea[],
  p_delivery text, p_timeout_ms integer, p_max_attempts integer
) RETURNS text AS $$
DECLARE
  v_status text := {schema}.standing(p_key, p_epoch, p_attachment);
BEGIN
  IF v_status <> 'ok' THEN RETURN v_status; END IF;
  INSERT INTO {schema}.functions (lock_key, id, handler, arguments, delivery, timeout_ms, max_attempts)
    SELECT p_key, c.id, c.handler, c.arguments, p_delivery, p_timeout_ms, p_max_attempts
    FROM unnest(p_ids, p_handlers, p_arguments) AS c (id, handler, arguments)
    ON CONFLICT (lock_key, id) DO NOTHING;
  RETURN 'ok';
END
$$ {definer};

-- 'ok' also where the function is not there any more.
CREATE FUNCTION {schema}.cancel(p_key bigint, p_epoch bigint, p_attachment bigint, p_id bigint) RETURNS text AS $$
DECLARE
  v_status text := {schema}.standing(p_key, p_epoch, p_attachment);
BEGIN
  IF v_status <> 'ok' THEN RETURN v_status; END IF;
  DELETE FROM {schema}.functions f WHERE f.lock_key = p_key AND f.id = p_id;
  RETURN 'ok';
END
$$ {definer};

-- Milliseconds as in JavaScript.
CREATE FUNCTION {schema}.epoch_ms(p_time timestamptz) RETURNS numeric AS $$
  SELECT floor(extract(epoch FROM p_time) * 1000)
$$ LANGUAGE sql IMMUTABLE;

-- As it is listed, and kept in a dead letter. Alone, without the others: so the server puts it into the statement.
CREATE FUNCTION {schema}.listed_attempt(a {schema}.attempts) RETURNS jsonb AS $$
  SELECT jsonb_strip_nulls(jsonb_build_object('attempt', a.attempt, 'runner', a.runner, 'startedAtEpochMs',
    {schema}.epoch_ms(a.started_at), 'endedAtEpochMs', {schema}.epoch_ms(a.ended_at), 'error', a.error))
$$ LANGUAGE sql STABLE;

CREATE FUNCTION {schema}.bury(p_key bigint, p_id bigint, p_error jsonb, p_call uuid) RETURNS void AS $$
BEGIN
  INSERT INTO {schema}.dead_letters
    (lock_key, id, pool, handler, arguments, delivery, timeout_ms, max_attempts, registered_at, owner, attempts, error, call)
    SELECT f.lock_key, f.id, o.pool, f.handler, f.arguments, f.delivery, f.timeout_ms, f.max_attempts, f.registered_at,
      jsonb_build_object('label', o.label, 'host', o.host, 'pid', o.pid, 'bootId', o.boot_id, 'openedAt', o.opened_at),
      coalesce((SELECT jsonb_agg({schema}.listed_attempt(a) ORDER BY a.attempt)
        FROM {schema}.attempts a WHERE a.lock_key = f.lock_key AND a.id = f.id), '[]'),
      p_error, p_call
    FROM {schema}.functions f JOIN {schema}.owners o USING (lock_key) WHERE f.lock_key = p_key AND f.id = p_id
    ON CONFLICT (lock_key, id) DO NOTHING;
  DELETE FROM {schema}.functions f WHERE f.lock_key = p_key AND f.id = p_id;
END
$$ {definer};

-- What became of the function: 'done', 'retry', 'buried', or 'late' where nothing is left to decide.
-- Not fenced: that a function has run is a fact, also where another process ran it.
CREATE FUNCTION {schema}.end_attempt(p_key bigint, p_ended jsonb, p_retry_delay_ms integer) RETURNS text AS $$
DECLARE
  v_id bigint := p_ended ->> 'id';
  v_attempt integer := p_ended ->> 'attempt';
  v_error jsonb := nullif(p_ended -> 'error', 'null');
  v_max integer;
BEGIN
  SELECT f.max_attempts INTO v_max FROM {schema}.functions f WHERE f.lock_key = p_key AND f.id = v_id FOR UPDATE;
  IF v_error IS NULL THEN
    DELETE FROM {schema}.functions f WHERE f.lock_key = p_key AND f.id = v_id;
    DELETE FROM {schema}.dead_letters d WHERE d.lock_key = p_key AND d.id = v_id
      AND EXISTS (SELECT FROM jsonb_array_elements(d.attempts) a WHERE (a ->> 'attempt')::integer = v_attempt);
    RETURN CASE WHEN v_max IS NULL THEN 'late' ELSE 'done' END;
  END IF;
  IF v_max IS NULL THEN
    -- Sent again, it returns the same.
    RETURN CASE WHEN EXISTS (SELECT FROM {schema}.dead_letters d WHERE d.lock_key = p_key AND d.id = v_id
      AND (d.attempts -> -1 ->> 'attempt')::integer = v_attempt) THEN 'buried' ELSE 'late' END;
  END IF;
  UPDATE {schema}.attempts a SET ended_at = clock_timestamp(), error = v_error
    WHERE a.lock_key = p_key AND a.id = v_id AND a.attempt = v_attempt AND a.ended_at IS NULL;
  IF NOT FOUND
    OR EXISTS (SELECT FROM {schema}.attempts a WHERE a.lock_key = p_key AND a.id = v_id AND a.attempt > v_attempt)
  THEN RETURN 'late'; END IF;
  IF v_attempt >= v_max THEN
    PERFORM {schema}.bury(p_key, v_id, v_error, NULL);
    RETURN 'buried';
  END IF;
  UPDATE {schema}.functions f
    SET next_at = clock_timestamp() + p_retry_delay_ms * power(2, least(v_attempt - 1, 20)) * interval '1 millisecond'
    WHERE f.lock_key = p_key AND f.id = v_id;
  RETURN 'retry';
END
$$ {definer};

-- Ends one attempt, if p_ended has one, then starts the next function in the owner's order after p_after: its start mark is
-- written. No function if none is runnable. Sent again with the same p_call, it returns the same attempt.
CREATE FUNCTION {schema}.start_attempt(
  p_key bigint, p_epoch bigint, p_attachment bigint, p_call uuid, p_runner text, p_handlers text[], p_after bigint,
  p_ended jsonb DEFAULT NULL, p_retry_delay_ms integer DEFAULT NULL,
  OUT status text, OUT fate text, OUT buried jsonb, OUT id bigint, OUT handler text, OUT arguments bytea,
  OUT attempt integer, OUT "timeoutMs" integer, OUT "registeredAt" timestamptz
) AS $$
#variable_conflict use_column
DECLARE
  v_order text;
  f {schema}.functions;
  v_after bigint := p_after;
  v_attempt integer;
  v_error jsonb;
BEGIN
  IF p_ended IS NOT NULL THEN fate := {schema}.end_attempt(p_key, p_ended, p_retry_delay_ms); END IF;
  status := {schema}.standing(p_key, p_epoch, p_attachment);
  IF status <> 'ok' THEN
    buried := '[]';
    RETURN;
  END IF;
  SELECT a.id, a.attempt INTO id, attempt FROM {schema}.attempts a WHERE a.lock_key = p_key AND a.call = p_call;
  SELECT * INTO f FROM {schema}.functions g WHERE g.lock_key = p_key AND g.id = start_attempt.id;
  SELECT o.run_order INTO v_order FROM {schema}.owners o WHERE o.lock_key = p_key;
  WHILE attempt IS NULL LOOP
    SELECT * INTO f FROM {schema}.functions g
      WHERE g.lock_key = p_key AND g.handler = ANY (p_handlers) AND g.next_at <= clock_timestamp()
        AND (v_after IS NULL OR CASE WHEN v_order = 'fifo' THEN g.id > v_after ELSE g.id < v_after END)
      -- Two expressions, of which one is constant: each order is one of the primary key's index. Without enable_sort, as
      -- here, a planner that believes in few functions does not sort many each time.
      ORDER BY CASE WHEN v_order = 'fifo' THEN g.id END, CASE WHEN v_order = 'lifo' THEN g.id END DESC
      LIMIT 1 FOR UPDATE;
    EXIT WHEN NOT FOUND;
    v_after := f.id;
    SELECT coalesce(max(a.attempt), 0) INTO v_attempt FROM {schema}.attempts a WHERE a.lock_key = p_key AND a.id = f.id;
    -- An attempt without an end: its runner died in it, or cannot tell.
    IF v_attempt >= f.max_attempts THEN
      v_error := jsonb_build_object('name', 'DeferredSweepError', 'code', 'DEFERRED_CRASHED', 'message',
        format('cannot tell whether %s ended: the runner of attempt %s is gone', f.handler, v_attempt));
      PERFORM {schema}.bury(p_key, f.id, v_error, p_call);
      CONTINUE;
    END IF;
    IF v_attempt >= ${KEPT_ATTEMPTS} THEN
      DELETE FROM {schema}.attempts a WHERE a.lock_key = p_key AND a.id = f.id AND a.attempt <= v_attempt + 1 - ${KEPT_ATTEMPTS};
    END IF;
    INSERT INTO {schema}.attempts (lock_key, id, attempt, epoch, call, runner)
      VALUES (p_key, f.id, v_attempt + 1, p_epoch, p_call, p_runner);
    attempt := v_attempt + 1;
  END LOOP;
  SELECT f.id, f.handler, f.arguments, f.timeout_ms, f.registered_at
    INTO id, handler, arguments, "timeoutMs", "registeredAt";
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', d.id, 'handler', d.handler,
      'attempt', (d.attempts -> -1 ->> 'attempt')::integer, 'error', d.error) ORDER BY d.buried_at), '[]')
    INTO buried FROM {schema}.dead_letters d WHERE d.lock_key = p_key AND d.call = p_call;
END
$$ {definer} SET enable_sort = off;
`;
