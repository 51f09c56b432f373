// The audit as both sides read it: people of the customer all of it, technicians what concerns their own partner. Holds ISOLATED: whom
// a customer had before is nobody's business, and what is shown ends with the access, by the clock of the server.
import type { Migration } from './migrations.ts'

export const auditMigrations: readonly Migration[] = [
  {
    version: 20,
    name: 'the audit for both sides',
    sql: `
CREATE FUNCTION tenantry.visible_audit() RETURNS TABLE (customer uuid, partner text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
  SELECT l.customer, CASE l.kind WHEN 'technician' THEN l.organization_name END
  FROM tenantry.ledger l
  WHERE l.person_key = right(session_user, 26) AND l.customer = ANY (tenantry.visible_customers())
    AND l.ended IS NULL AND l.since <= clock_timestamp() AND clock_timestamp() < l.until
$body$;
COMMENT ON FUNCTION tenantry.visible_audit IS 'Of which customers you may read the audit now; of a partner alone, or NULL: all of it.';

CREATE VIEW tenantry.audit_trail WITH (security_barrier = true) AS
  SELECT a.id, a.at, a.customer_name AS customer, a.partner, a.person, a.action, a.reason,
    CASE WHEN v.partner IS NULL THEN a.detail ELSE a.detail - 'from' END AS detail
  FROM tenantry.audit a JOIN tenantry.visible_audit() v ON v.customer = a.customer
  WHERE v.partner IS NULL OR v.partner = a.partner;
COMMENT ON VIEW tenantry.audit_trail IS 'What the operator did and why, in the customers that you may enter now.';

REVOKE ALL ON FUNCTION tenantry.visible_audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenantry.visible_audit TO tenantry_viewer;
GRANT SELECT ON tenantry.audit_trail TO tenantry_viewer;
`,
  },
]
