// The registry of devices in the control database: tables, who sees what, who may do what. Holds ONE-OWNER by the primary key,
// ISOLATED by row-level security, NOTHING-LOST. Nothing that is shown to one customer tells whose a device is that it cannot have.
import type { Migration } from '../control/migrations.ts'
import { claim, judge } from './claims-schema.sql.ts'

const tables = `
CREATE EXTENSION pg_trgm SCHEMA tenantry;

CREATE TABLE tenantry.addresses (
  customer_uid uuid PRIMARY KEY,
  customer text NOT NULL,
  host text,
  port int,
  database text
);
COMMENT ON TABLE tenantry.addresses IS 'Where the database of each customer with devices is; NULL while it has none.';

CREATE TABLE tenantry.assignments (
  uid uuid PRIMARY KEY,
  generation bigint NOT NULL
);
COMMENT ON TABLE tenantry.assignments IS 'The generation of each DeviceAssignment that was last carried out.';

CREATE TABLE tenantry.units (
  unit text COLLATE "C" PRIMARY KEY,
  device text COLLATE "C" NOT NULL
);
COMMENT ON TABLE tenantry.units IS 'The inventory: which device a unit id on a label or box stands for. Fill it by COPY.';

CREATE SEQUENCE tenantry.device_version;
CREATE TABLE tenantry.owned_devices (
  id text COLLATE "C" PRIMARY KEY,
  customer_uid uuid NOT NULL,
  customer text COLLATE "C" NOT NULL,
  assignment uuid NOT NULL,
  sku text,
  name text,
  model text COLLATE "C",
  labels jsonb NOT NULL DEFAULT '{}',
  version bigint NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  came_from uuid,
  left_behind jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE tenantry.owned_devices IS 'ONE-OWNER: one row per device, so one customer per device.';
COMMENT ON COLUMN tenantry.owned_devices.version IS 'Rises with each change of the row; what is older never overwrites what is newer.';
COMMENT ON COLUMN tenantry.owned_devices.left_behind IS 'From which assignments it was moved away, each in which generation: none of these takes it back by itself.';
CREATE INDEX owned_devices_of_customer ON tenantry.owned_devices (customer_uid, id);
CREATE INDEX owned_devices_of_assignment ON tenantry.owned_devices (assignment);
CREATE INDEX owned_devices_of_license ON tenantry.owned_devices (customer_uid, sku) WHERE sku IS NOT NULL;
CREATE INDEX owned_devices_of_model ON tenantry.owned_devices (model, id);
CREATE INDEX owned_devices_by_label ON tenantry.owned_devices USING gin (labels jsonb_path_ops);
CREATE INDEX owned_devices_by_text ON tenantry.owned_devices USING gin ((lower(id || ' ' || coalesce(name, '') || ' ' || coalesce(model, ''))) tenantry.gin_trgm_ops);

CREATE TABLE tenantry.reservations (
  device text COLLATE "C" PRIMARY KEY,
  customer_uid uuid NOT NULL,
  until timestamptz NOT NULL
);
COMMENT ON TABLE tenantry.reservations IS 'Released devices that nobody but their last customer may claim yet.';
CREATE INDEX reservations_end ON tenantry.reservations (until);

CREATE TABLE tenantry.departures (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  device text COLLATE "C" NOT NULL,
  customer_uid uuid NOT NULL,
  to_uid uuid,
  policy text NOT NULL CHECK (policy IN ('Retain', 'Migrate', 'Purge')),
  version bigint NOT NULL,
  put_away boolean NOT NULL DEFAULT false
);
COMMENT ON COLUMN tenantry.departures.put_away IS 'The database that the device left does not show it any more; its data has not arrived yet.';
COMMENT ON TABLE tenantry.departures IS 'Devices that left a customer and may still be shown in its database. A row goes when that database is right.';
CREATE INDEX departures_of_device ON tenantry.departures (device);
CREATE INDEX departures_of_customer ON tenantry.departures (customer_uid);

CREATE TABLE tenantry.history (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  action text NOT NULL,
  customer_uid uuid NOT NULL,
  from_uid uuid,
  assignment uuid NOT NULL,
  devices text[] NOT NULL
);
COMMENT ON TABLE tenantry.history IS 'What became of devices. Rows are added and never changed.';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenantry.history
  FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
`

const readers = `
CREATE FUNCTION tenantry.visible_customers() RETURNS uuid[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
  -- A person's login ends with the key of the ledger. now() would stand still in a transaction.
  SELECT coalesce(array_agg(l.customer), '{}') FROM tenantry.ledger l
  WHERE session_user ~ '^tenantry_p_[a-z2-7]{26}$' AND l.person_key = right(session_user, 26)
    AND l.ended IS NULL AND l.since <= clock_timestamp() AND clock_timestamp() < l.until
    AND CASE l.kind WHEN 'member' THEN l.scope IN ('SuperAdmin', 'Admin')
      WHEN 'technician' THEN l.scope IN ('Full', 'ReadOnly') ELSE true END
$body$;

ALTER TABLE tenantry.owned_devices ENABLE ROW LEVEL SECURITY;
CREATE POLICY work ON tenantry.owned_devices TO tenantry_writer USING (true) WITH CHECK (true);
CREATE POLICY entered ON tenantry.owned_devices FOR SELECT TO tenantry_viewer
  USING (customer_uid = ANY ((SELECT tenantry.visible_customers())::uuid[]));

CREATE VIEW tenantry.devices WITH (security_invoker = true) AS
  SELECT id, customer, sku, name, model, labels, since FROM tenantry.owned_devices;
COMMENT ON VIEW tenantry.devices IS 'The devices of all customers that you may enter now.';

CREATE FUNCTION tenantry.find_devices(
  with_labels jsonb DEFAULT '{}', with_text text DEFAULT '', after_id text DEFAULT '', page int DEFAULT 50
) RETURNS SETOF tenantry.devices
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
  -- Only what is asked for is in the statement, so that each is planned for its own index.
  RETURN QUERY EXECUTE
    'SELECT d.id, d.customer, d.sku, d.name, d.model, d.labels, d.since FROM tenantry.owned_devices d
     WHERE d.customer_uid = ANY ($1) AND d.id > $2'
    || CASE WHEN with_labels = '{}' THEN '' ELSE ' AND d.labels @> $3' END
    || CASE WHEN with_text = '' THEN '' ELSE
      ' AND lower(d.id || '' '' || coalesce(d.name, '''') || '' '' || coalesce(d.model, '''')) LIKE $4' END
    || ' ORDER BY d.id LIMIT $5'
    USING tenantry.visible_customers(), after_id, with_labels,
      '%' || regexp_replace(lower(with_text), '([\\\\%_])', '\\\\\\1', 'g') || '%', least(page, 1000);
END
$body$;
COMMENT ON FUNCTION tenantry.find_devices IS 'Devices that you may see now, by labels and by a part of id, name or model, in the order of their ids; the next page begins after the last id.';

CREATE FUNCTION tenantry.whose(device text)
RETURNS TABLE (customer text, host text, port int, database text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
  SELECT d.customer, a.host, a.port, a.database
  FROM tenantry.owned_devices d LEFT JOIN tenantry.addresses a USING (customer_uid) WHERE d.id = device
$body$;
COMMENT ON FUNCTION tenantry.whose IS 'For an ingest gateway: the customer that has the device, and where its database is; no row when nobody has it.';
`

const rights = `
REVOKE ALL ON FUNCTION tenantry.judge_devices, tenantry.claim_devices, tenantry.release_devices,
  tenantry.visible_customers, tenantry.find_devices, tenantry.whose FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON tenantry.addresses, tenantry.assignments TO tenantry_writer;
GRANT SELECT ON tenantry.units TO tenantry_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON tenantry.owned_devices, tenantry.reservations, tenantry.departures TO tenantry_writer;
GRANT SELECT, INSERT ON tenantry.history TO tenantry_writer;
GRANT USAGE ON SEQUENCE tenantry.device_version TO tenantry_writer;
GRANT EXECUTE ON FUNCTION tenantry.judge_devices, tenantry.claim_devices, tenantry.release_devices TO tenantry_writer;
GRANT USAGE ON SCHEMA tenantry TO tenantry_viewer, tenantry_gateway;
GRANT SELECT ON tenantry.devices TO tenantry_viewer;
GRANT SELECT (id, customer_uid, customer, sku, name, model, labels, since) ON tenantry.owned_devices TO tenantry_viewer;
GRANT EXECUTE ON FUNCTION tenantry.visible_customers, tenantry.find_devices TO tenantry_viewer;
GRANT EXECUTE ON FUNCTION tenantry.whose TO tenantry_gateway;
GRANT CONNECT ON DATABASE tenantry TO tenantry_viewer, tenantry_gateway;
ALTER DATABASE tenantry SET search_path = tenantry;
`

export const registryMigrations: readonly Migration[] = [
  {
    version: 10,
    name: 'registry of devices',
    sql: [tables, judge, claim, readers, rights].join('\n'),
  },
]
