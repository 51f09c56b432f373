// The names of the control database: what the operator must remember beyond the life of an object. They do not depend on
// anything that a user typed, so one server holds one control database.

export const controlDatabase = 'tenantry'

/** Owns the database and everything in it; nobody signs in as it, and only migrations act as it. */
export const controlOwner = 'tenantry_control'

/** The operator acts as this role in its ordinary work: what it may not do there, a fault of the operator cannot do either. */
export const writerRole = 'tenantry_writer'

/** What people who look at devices across customers are in, one login per person. */
export const viewerRole = 'tenantry_viewer'

/** What an ingest gateway is in: it may ask whose a device is, and nothing else. */
export const gatewayRole = 'tenantry_gateway'

/** Every role that migrations grant something to; all NOLOGIN. */
export const controlRoles: readonly string[] = [controlOwner, writerRole, viewerRole, gatewayRole]

/** The comment on the database and its roles: the proof that they are ours. */
export const controlMark = 'tenantry:control'
