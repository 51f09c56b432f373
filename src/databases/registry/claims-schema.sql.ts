// The functions by which devices change hands, as the migration makes them. Holds ONE-OWNER.
// The rule by which a device is claimed, moved or refused stands here once: a preview asks judge_devices, and claim_devices asks it
// again behind its locks.

/** What becomes of each device that an assignment asks for. */
export const judge = `
CREATE FUNCTION tenantry.judge_devices(
  to_customer uuid, to_assignment uuid, to_generation bigint, from_customer uuid, others uuid[],
  license text, quantity int, refusal text,
  ids text[], names text[], models text[], tags jsonb[]
) RETURNS TABLE (
  place bigint, id text, name text, model text, labels jsonb, outcome text,
  was_customer uuid, was_assignment uuid
) LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $body$
  WITH asked AS (
    SELECT * FROM unnest(ids, names, models, tags) WITH ORDINALITY AS a (id, name, model, labels, place)
  ), first AS (
    SELECT a.*, d.customer_uid, d.assignment, d.sku,
      CASE
        WHEN d.id IS NULL AND from_customer IS NOT NULL THEN 'NotAtSource'
        WHEN d.id IS NULL AND r.device IS NOT NULL THEN 'DeviceReserved'
        WHEN d.id IS NULL THEN 'Claim'
        WHEN d.assignment = to_assignment AND d.customer_uid = to_customer THEN CASE
          WHEN (d.name, d.model, d.labels, d.sku) IS NOT DISTINCT FROM (a.name, a.model, a.labels, license)
          THEN 'Assigned' ELSE 'Update' END
        WHEN d.assignment = to_assignment THEN 'Adopt'
        WHEN d.customer_uid = to_customer AND d.assignment = ANY (others) THEN 'InOtherAssignment'
        WHEN d.customer_uid = to_customer THEN 'Adopt'
        WHEN (d.left_behind ->> to_assignment::text)::bigint >= to_generation THEN 'MovedAway'
        WHEN d.customer_uid = from_customer THEN 'Move'
        WHEN from_customer IS NOT NULL THEN 'NotAtSource'
        ELSE 'DeviceTaken'
      END AS wish
    FROM asked a
    LEFT JOIN tenantry.owned_devices d ON d.id = a.id
    LEFT JOIN tenantry.reservations r ON r.device = a.id
      AND r.until > clock_timestamp() AND r.customer_uid <> to_customer
  ), counted AS (
    SELECT f.*,
      -- Whoever has this license of this customer already needs no other.
      f.wish IN ('Claim', 'Move', 'Update', 'Adopt')
        AND (f.customer_uid, f.sku) IS DISTINCT FROM (to_customer, license) AS takes
    FROM first f
  ), ranked AS (
    SELECT c.*, count(*) FILTER (WHERE c.takes) OVER (ORDER BY c.place) AS nth FROM counted c
  ), used AS (
    SELECT count(*) AS n FROM tenantry.owned_devices d
    WHERE license IS NOT NULL AND d.customer_uid = to_customer AND d.sku = license
  )
  SELECT k.place, k.id, k.name, k.model, k.labels,
    CASE
      WHEN license IS NULL OR NOT k.takes THEN k.wish
      WHEN refusal IS NOT NULL THEN refusal
      WHEN u.n + k.nth > quantity THEN 'LicenseExceeded'
      ELSE k.wish
    END, k.customer_uid, k.assignment
  FROM ranked k, used u
$body$;
`

/** Who carries it out, and who gives back. Both tell the gateways, without a word: whoever may connect can listen. */
export const claim = `
CREATE FUNCTION tenantry.claim_devices(
  to_customer uuid, to_name text, to_assignment uuid, to_generation bigint, from_customer uuid, others uuid[],
  license text, quantity int, refusal text, policy text,
  ids text[], names text[], models text[], tags jsonb[]
) RETURNS TABLE (id text, outcome text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
DECLARE
  v bigint;
BEGIN
  -- The order in which everybody locks: licenses, then devices by their id.
  IF license IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(to_customer::text || '/' || license, 0));
  END IF;
  INSERT INTO tenantry.assignments AS s (uid, generation) VALUES (to_assignment, to_generation)
    ON CONFLICT (uid) DO UPDATE SET generation = to_generation WHERE s.generation < to_generation;
  PERFORM FROM tenantry.owned_devices d WHERE d.id = ANY (ids) ORDER BY d.id FOR UPDATE;
  v := nextval('tenantry.device_version');
  RETURN QUERY
  WITH judged AS MATERIALIZED (
    SELECT * FROM tenantry.judge_devices(to_customer, to_assignment, to_generation, from_customer, others,
      license, quantity, refusal, ids, names, models, tags)
  ), changed AS (
    UPDATE tenantry.owned_devices d
    SET customer_uid = to_customer, customer = to_name, assignment = to_assignment, sku = license,
      name = j.name, model = j.model, labels = j.labels, version = v,
      since = CASE WHEN j.outcome = 'Move' THEN clock_timestamp() ELSE d.since END,
      came_from = CASE WHEN j.outcome = 'Move' THEN d.customer_uid ELSE d.came_from END,
      left_behind = CASE WHEN j.outcome = 'Move' THEN d.left_behind || jsonb_build_object(d.assignment::text,
        (SELECT s.generation FROM tenantry.assignments s WHERE s.uid = d.assignment)) ELSE d.left_behind END
    FROM judged j WHERE d.id = j.id AND j.outcome IN ('Move', 'Adopt', 'Update')
    RETURNING d.id
  ), unreserved AS (
    DELETE FROM tenantry.reservations r USING judged j WHERE r.device = j.id AND j.outcome = 'Claim'
  ), claimed AS (
    INSERT INTO tenantry.owned_devices (id, customer_uid, customer, assignment, sku, name, model, labels, version)
    SELECT j.id, to_customer, to_name, to_assignment, license, j.name, j.model, j.labels, v
    FROM judged j WHERE j.outcome = 'Claim' ORDER BY j.id
    ON CONFLICT (id) DO NOTHING
    RETURNING id
  ), departed AS (
    INSERT INTO tenantry.departures (device, customer_uid, to_uid, policy, version)
    SELECT j.id, j.was_customer, to_customer, policy, v FROM judged j
    WHERE j.outcome = 'Move' OR (j.outcome = 'Adopt' AND j.was_customer <> to_customer)
  ), told AS (
    SELECT j.id, CASE
      WHEN j.outcome = 'Claim' AND NOT EXISTS (SELECT FROM claimed c WHERE c.id = j.id) THEN 'DeviceTaken'
      ELSE j.outcome END AS outcome, j.was_customer
    FROM judged j
  ), noted AS (
    INSERT INTO tenantry.history (action, customer_uid, from_uid, assignment, devices)
    SELECT t.outcome, to_customer, CASE WHEN t.outcome = 'Claim' THEN NULL ELSE t.was_customer END, to_assignment,
      array_agg(t.id ORDER BY t.id)
    FROM told t WHERE t.outcome IN ('Claim', 'Move', 'Adopt') GROUP BY 1, 2, 3, 4
    RETURNING pg_notify('tenantry_moves', '')
  )
  SELECT t.id, t.outcome FROM told t WHERE (SELECT count(*) FROM noted) >= 0;
END
$body$;

CREATE FUNCTION tenantry.release_devices(of_assignment uuid, kept text[], policy text, reserved interval)
RETURNS TABLE (id text) LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
#variable_conflict use_column
DECLARE
  v bigint;
BEGIN
  PERFORM FROM tenantry.owned_devices d WHERE d.assignment = of_assignment AND d.id <> ALL (kept)
    ORDER BY d.id FOR UPDATE;
  v := nextval('tenantry.device_version');
  DELETE FROM tenantry.reservations r WHERE r.until < clock_timestamp();
  RETURN QUERY
  WITH released AS (
    DELETE FROM tenantry.owned_devices d WHERE d.assignment = of_assignment AND d.id <> ALL (kept)
    RETURNING d.id, d.customer_uid
  ), reserving AS (
    INSERT INTO tenantry.reservations AS r (device, customer_uid, until)
    SELECT d.id, d.customer_uid, clock_timestamp() + reserved FROM released d
    ON CONFLICT (device) DO UPDATE SET customer_uid = excluded.customer_uid, until = excluded.until
  ), departed AS (
    INSERT INTO tenantry.departures (device, customer_uid, policy, version)
    SELECT d.id, d.customer_uid, policy, v FROM released d
  ), noted AS (
    INSERT INTO tenantry.history (action, customer_uid, assignment, devices)
    SELECT 'Release', d.customer_uid, of_assignment, array_agg(d.id ORDER BY d.id)
    FROM released d GROUP BY d.customer_uid
    RETURNING pg_notify('tenantry_moves', '')
  )
  SELECT d.id FROM released d WHERE (SELECT count(*) FROM noted) >= 0;
END
$body$;
`
