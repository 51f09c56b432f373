// The tables of the control database: audit, ledger, retained databases. Holds NOTHING-LOST.
// What the operator's working role may do with each is said here and nowhere else: the audit takes rows and gives none back.
import type { Migration } from './migrations.ts'

export const controlMigrations: readonly Migration[] = [
  {
    version: 1,
    name: 'audit, ledger and retained databases',
    sql: `
GRANT USAGE ON SCHEMA tenantry TO tenantry_writer;
GRANT SELECT ON tenantry.schema_version TO tenantry_writer;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

CREATE TABLE tenantry.audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL,
  customer uuid,
  customer_name text NOT NULL,
  partner text,
  person text,
  action text NOT NULL,
  reason text,
  detail jsonb NOT NULL DEFAULT '{}'
);
COMMENT ON TABLE tenantry.audit IS 'What the operator did and why. Rows are added and never changed.';
COMMENT ON COLUMN tenantry.audit.actor IS 'The replica of the operator.';
CREATE INDEX audit_of_customer ON tenantry.audit (customer, id);
CREATE INDEX audit_of_person ON tenantry.audit (person, id) WHERE person IS NOT NULL;

CREATE FUNCTION tenantry.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  RAISE EXCEPTION 'tenantry.% is append-only: % is refused', TG_TABLE_NAME, TG_OP
    USING ERRCODE = 'insufficient_privilege', HINT = 'Write a new row that corrects the old one.';
END
$body$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tenantry.audit
  FOR EACH STATEMENT EXECUTE FUNCTION tenantry.refuse_change();
GRANT SELECT, INSERT ON tenantry.audit TO tenantry_writer;

CREATE TABLE tenantry.ledger (
  customer uuid NOT NULL,
  person_key text NOT NULL,
  customer_name text NOT NULL,
  organization uuid NOT NULL,
  organization_name text NOT NULL,
  kind text NOT NULL,
  person text NOT NULL,
  scope text NOT NULL,
  since timestamptz NOT NULL,
  until timestamptz NOT NULL,
  ended timestamptz,
  refusal text,
  CHECK (refusal IS NULL OR ended IS NOT NULL),
  PRIMARY KEY (customer, person_key)
);
COMMENT ON TABLE tenantry.ledger IS 'Who may enter which customer now: rows with ended NULL and clock_timestamp() < until. now() stands still in a transaction.';
COMMENT ON COLUMN tenantry.ledger.person_key IS 'A digest of the person''s organization and user name; the last 26 characters of the person''s logins.';
COMMENT ON COLUMN tenantry.ledger.kind IS 'technician, member, or ancestor: of a customer above.';
COMMENT ON COLUMN tenantry.ledger.refusal IS 'Why the person, who is written down, may not enter.';
COMMENT ON COLUMN tenantry.ledger.until IS 'infinity: no end. Half-open: at this moment the access is gone.';
CREATE INDEX ledger_open ON tenantry.ledger (person_key, customer) WHERE ended IS NULL;
GRANT SELECT, INSERT, UPDATE ON tenantry.ledger TO tenantry_writer;

CREATE TABLE tenantry.links (
  customer uuid PRIMARY KEY,
  customer_name text NOT NULL,
  state text NOT NULL,
  partner text,
  last_partner text,
  epoch bigint NOT NULL
);
COMMENT ON TABLE tenantry.links IS 'The partner of each customer as the audit last told it.';
GRANT SELECT, INSERT, UPDATE ON tenantry.links TO tenantry_writer;

CREATE TABLE tenantry.retained (
  id text PRIMARY KEY,
  made_for uuid NOT NULL UNIQUE,
  customer uuid NOT NULL,
  customer_name text NOT NULL,
  server text NOT NULL,
  pool text NOT NULL,
  oid oid NOT NULL,
  roles text[] NOT NULL,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  drop_after timestamptz,
  state text NOT NULL CHECK (state IN ('Retained', 'Restored', 'Dropping', 'Dropped')),
  CHECK (state NOT IN ('Dropping', 'Dropped') OR drop_after IS NOT NULL)
);
COMMENT ON TABLE tenantry.retained IS 'Databases that outlived their customer. The id is the name of the database.';
COMMENT ON COLUMN tenantry.retained.made_for IS 'The customer after whom database and roles are named.';
COMMENT ON COLUMN tenantry.retained.customer IS 'The customer that had it last, or, once Restored, that has it now.';
COMMENT ON COLUMN tenantry.retained.drop_after IS 'NULL: kept until somebody decides otherwise.';
CREATE INDEX retained_of_customer ON tenantry.retained (customer_name) WHERE state = 'Retained';
GRANT SELECT, INSERT, UPDATE ON tenantry.retained TO tenantry_writer;
`,
  },
]
