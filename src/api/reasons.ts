// The catalogue of reasons: an API that people script against. docs/reference/reasons.md is made
// from here. `means` explains the word once; what an object says in its message is more specific.

type ReasonEntry = { readonly means: string; readonly remedy: string }

export const reasonCatalogue = {
  // Good news
  Ready: { means: 'Everything that was asked for is in place and was checked.', remedy: 'None.' },
  Proven: {
    means: 'The API server, asked about each person, answered as it should.',
    remedy: 'None.',
  },
  Enabled: { means: 'It is switched on.', remedy: 'None.' },
  Linked: { means: 'The partner is linked to the customer.', remedy: 'None.' },
  Home: { means: "This organization is the person's home.", remedy: 'None.' },
  Active: { means: 'Somebody of the partner may enter now.', remedy: 'None.' },

  // Waiting, or switched off on purpose
  Disabled: { means: 'It is switched off in the spec.', remedy: 'Switch it on in the spec.' },
  PortalOff: {
    means: "The customer's own people are out, because its portal is off.",
    remedy: 'The platform sets spec.portal.active to true.',
  },
  NoPartner: {
    means: 'The customer has no partner.',
    remedy: 'None needed; to invite one, write a PartnerAccessGrant named partner.',
  },
  PartnerLeft: {
    means: 'The partner has ended the relationship for good.',
    remedy:
      'None needed; to have another partner, name it in spec.partner, or remove that field and let the customer invite one.',
  },
  NoAdmin: {
    means: 'The customer has nobody who administers it.',
    remedy: 'Add an OrganizationMember, or an owner in the CustomerOrganization.',
  },
  Scheduled: {
    means: 'The window has not begun.',
    remedy: 'None; to start sooner, change spec.access.',
  },
  Expired: { means: 'The window has ended.', remedy: 'Open a new window in spec.access.' },
  Releasing: {
    means: 'A partner is being taken out; nobody else is let in before that is proven.',
    remedy: 'None; the message says what is not proven yet.',
  },
  ReleaseUnproven: {
    means: 'Somebody who has to leave can still enter; the API server is asked again.',
    remedy: 'None, unless it stays.',
  },
  DatabaseUnproven: {
    means:
      'Kubernetes lets nobody in who must leave; that nobody has a login or session in the database is not proven.',
    remedy: 'The message names the PostgreSQL server. Bring it back, and this goes on by itself.',
  },
  OlderThanLedger: {
    means:
      'What lets somebody in is older than what the access ledger has seen of it: the cluster was restored from a backup.',
    remedy:
      'Apply the current manifests; or, having looked at who is held back, the platform sets the annotation tenantry.dev/confirm-restored of the customer to its name.',
  },
  LedgerUnwritten: {
    means:
      'Kubernetes lets nobody in who must leave; that the access ledger in the control database says so, too, is not proven.',
    remedy: 'The message names the PostgreSQL server. Bring it back, and this goes on by itself.',
  },
  Proving: {
    means: 'The change is made; the API server has not confirmed its effect yet.',
    remedy: 'None; it is asked again at once.',
  },
  NotificationFailed: {
    means:
      'Somebody who is to be told of something could not be reached, and the operator has given up.',
    remedy:
      'The message says what failed. A corrected spec.contact.email is tried at once; the next notice that arrives clears it.',
  },
  NoContact: {
    means: 'The portal was turned on and nobody can be told: the customer has no e-mail address.',
    remedy: 'Set spec.contact.email; the message is then sent.',
  },
  Deleting: { means: 'The object is being deleted.', remedy: 'None.' },
  HasChildren: {
    means: 'Nested customers or devices hold the deletion.',
    remedy: 'Remove them first, or set the annotation tenantry.dev/confirm-delete to the name.',
  },
  MassDeletion: {
    means:
      'More than 5 customers or 10 %, whichever is more, were deleted within 10 minutes: people are out, nothing is dropped or let go.',
    remedy: 'If it is meant, set the annotation tenantry.dev/confirm-delete of each to its name.',
  },
  DatabaseRetained: {
    means: 'The customer is gone, and its database is kept under the id in the message.',
    remedy: 'None needed; a new customer of this name has it back with spec.database.restoreFrom.',
  },
  KeptAfterAll: {
    means: 'The database is kept although its reclaimPolicy is Delete.',
    remedy: 'The message says why. Drop it by hand, if nobody needs it.',
  },
  NotLeader: {
    means: 'This replica takes away and does not grant.',
    remedy: 'None; the leader grants.',
  },

  // Organizations
  ParentNotFound: {
    means: 'The parent that the customer names does not exist.',
    remedy: 'Create it; this customer goes on by itself.',
  },
  ParentCycle: {
    means: 'Following the parents leads back to the customer.',
    remedy: 'Delete one customer of the cycle and create it with the right parent.',
  },
  ParentTooDeep: {
    means: 'The customer would be nested more than five deep.',
    remedy: 'Nest it under a higher one.',
  },
  NamespaceNotOurs: {
    means: 'A namespace of that name exists and was not made for this organization.',
    remedy:
      'Remove it, or label it tenantry.dev/customer (or partner) with the name of the organization; nothing in it is touched before.',
  },
  NamespaceTerminating: {
    means: 'The namespace is being deleted.',
    remedy: 'None; it is made again when it is gone.',
  },
  NamespaceMissing: { means: 'The namespace is not there yet.', remedy: 'None.' },
  OrganizationNotFound: {
    means: 'The namespace belongs to no organization that exists.',
    remedy: 'Create the organization, or move the object to the right namespace.',
  },
  NameTaken: {
    means: 'The name is taken; whose it is stays unsaid.',
    remedy: 'Create a CustomerLink with another name, and delete this one.',
  },
  QuotaExceeded: {
    means: 'The organization has created as many customers as it may.',
    remedy: 'Ask the platform to raise links.maxCustomers, or to delete customers.',
  },
  UsernamesConflict: {
    means: "The organization's user name pattern overlaps an older organization's.",
    remedy: 'Give it a pattern of its own in spec.usernames.',
  },
  Accredited: { means: 'The partner is accredited.', remedy: 'None.' },
  NotAccredited: {
    means: 'The partner is not accredited.',
    remedy: 'The platform sets spec.accredited.',
  },
  Suspended: {
    means: 'The partner is suspended: all of its access is off, nothing is deleted.',
    remedy: 'The platform sets spec.suspended to false.',
  },
  SignInMissing: {
    means: 'The partner has no identity provider.',
    remedy: 'Write an IdentityProvider named sso in the namespace of the partner.',
  },
  SignInReady: { means: 'The organization has an identity provider.', remedy: 'None.' },

  // People
  NameReserved: {
    means: 'The user name is one that Kubernetes keeps for itself.',
    remedy: 'Use the name by which the person signs in.',
  },
  UsernameOutsidePattern: {
    means: "The user name does not match the organization's pattern.",
    remedy: 'Correct the name, or spec.usernames of the organization.',
  },
  UsernameOfAnother: {
    means: "The user name matches another organization's pattern.",
    remedy: 'Correct the name; a person belongs to one organization.',
  },
  PersonHasOtherHome: {
    means: 'The person belongs to another organization already.',
    remedy: 'Remove the person there first, or use another user name.',
  },
  DuplicateMember: {
    means: 'The person is written down twice in this organization; the older entry counts.',
    remedy: 'Remove this entry.',
  },
  RoleUnknown: {
    means: 'The role does not exist in this kind of organization.',
    remedy:
      'Partners have SuperAdmin, Admin and User; customers SuperAdmin, Admin, Editor and Viewer.',
  },

  PermissionUnknown: {
    means: 'A member names a permission that the platform does not offer to such organizations.',
    remedy:
      'The platform labels the ClusterRole of that name tenantry.dev/permission: partner or customer; or remove the permission.',
  },
  PolicyMissing: {
    means:
      'It was written while the admission policy that guards it was missing, so it gives nothing.',
    remedy:
      'The platform applies the policies of the chart again; then somebody with the right writes it anew.',
  },

  // Grants
  PartnerNotFound: {
    means: 'The partner that the grant names does not exist.',
    remedy: 'Create it, or correct spec.partnerRef.name.',
  },
  PartnerNotLinked: {
    means: 'The partner is not linked to the customer yet.',
    remedy: "None; the customer's condition PartnerLinked says what it waits for.",
  },
  NotAMember: {
    means: 'The person is named in the grant but is no member of the partner.',
    remedy: "Add an OrganizationMember in the partner's namespace, or correct the name.",
  },
  ScopeAboveMax: {
    means: 'The scope is above what the grant allows.',
    remedy: 'Lower the scope of the entry, or raise spec.access.maxScope.',
  },
  AccessDisabled: {
    means: 'The grant is disabled.',
    remedy: 'Set spec.access.mode to Continuous or Period.',
  },
  Armed: {
    means: 'The cluster itself ends the open windows in time, also without the operator.',
    remedy: 'None.',
  },
  BackstopNotArmed: {
    means:
      "The cluster has not taken up the Job that ends a window by itself: the dead man's switch.",
    remedy: "Look at the cluster's controller-manager, if this stays.",
  },
  EndsWithinAMonth: {
    means: 'The window of the grant ends within 30 days.',
    remedy: 'Set a later spec.access.notAfter, if the access is to go on.',
  },
  EndsWithinAWeek: {
    means: 'The window of the grant ends within 7 days.',
    remedy: 'Set a later spec.access.notAfter, if the access is to go on.',
  },
  EndsWithinADay: {
    means: 'The window of the grant ends within a day.',
    remedy: 'Set a later spec.access.notAfter, if the access is to go on.',
  },
  NoTechnician: {
    means: 'The grant names nobody who may enter.',
    remedy: 'An Admin of the partner names technicians in spec.technicians.',
  },
  ReviewOverdue: {
    means: 'The date by which the grant had to be reviewed has passed.',
    remedy: 'Check who is named in the grant, then set spec.reviewBy to the next date.',
  },
  ReviewLater: { means: 'The next review is not due yet.', remedy: 'None.' },
  WindowEnded: { means: 'The window has ended.', remedy: 'Open a new window.' },
  WindowUnreadable: {
    means: 'A bound of the window cannot be read, or its end is not after its start.',
    remedy: 'Write RFC 3339 times with an offset, and an end after the start.',
  },
  ImpersonationUnavailable: {
    means: 'The cluster does not offer constrained impersonation.',
    remedy: 'Use scope Full or ReadOnly, or Kubernetes 1.36 or newer.',
  },
  ImpersonationNotAllowed: {
    means: 'Whoever decides about access does not let technicians act as people of the customer.',
    remedy: 'Set spec.access.allowImpersonation, or use scope Full or ReadOnly.',
  },
  ImpersonationIncomplete: {
    means: 'An entry of scope Impersonate says not whom, not why, or not for at most 60 minutes.',
    remedy: 'Write impersonate.users, reason, notBefore and notAfter.',
  },
  TargetNotAllowed: {
    means: 'Somebody whom the entry names may not be acted as.',
    remedy: 'Name people of the customer who may enter it and are no SuperAdmins.',
  },
  ImpersonationRemembered: {
    means: 'The API server may still go by a right to act as somebody that is gone.',
    remedy: 'None; it forgets it within ten seconds.',
  },
  ImpersonationOpened: {
    means: 'A technician may act as somebody of the customer from now on.',
    remedy: 'None; to end it, remove the entry from spec.technicians.',
  },
  ImpersonationClosed: {
    means: 'A technician can act as nobody of the customer any more.',
    remedy: 'None.',
  },
  SignInChanged: {
    means: 'Where the people of this organization sign in was changed.',
    remedy: 'None if an Admin of it has done that; else correct the IdentityProvider sso.',
  },
  CustomerNotReady: {
    means: "The customer's namespace is not in place yet.",
    remedy: "None; the customer's condition NamespaceReady says what it waits for.",
  },

  // Devices
  Assigned: { means: 'The devices belong to this customer.', remedy: 'None.' },
  Licensed: { means: 'The customer has licenses for these devices.', remedy: 'None.' },
  Preview: {
    means: 'The assignment is a preview: it says what would happen and changes nothing.',
    remedy: 'None needed; set spec.preview to false to carry it out.',
  },
  DevicesRejected: {
    means: 'Some of the devices could not be assigned; the others are.',
    remedy: 'Look at status.rejected, which gives a reason for each.',
  },
  DeviceTaken: {
    means: 'Somebody else has the device; who it is stays unsaid.',
    remedy: 'Ask whoever has it to release it, or take it out of the list.',
  },
  DeviceReserved: {
    means: 'The device was released less than a day ago and waits for whoever had it.',
    remedy: 'None; it is claimed when the day is over.',
  },
  MovedAway: {
    means: 'The device was moved from this assignment to another customer.',
    remedy: 'Take it out of the list.',
  },
  NotAtSource: {
    means: 'The customer in spec.from does not have the device.',
    remedy: 'Correct spec.from, or take the device out of the list.',
  },
  InOtherAssignment: {
    means: 'Another assignment of the same customer has the device.',
    remedy: 'Take it out of one of the two.',
  },
  UnknownUnit: {
    means: 'The inventory knows no device with this unit id.',
    remedy: 'Correct the unit id, or have the platform import it.',
  },
  IdUnreadable: {
    means: 'The id has a character that may look like another one, or none at all.',
    remedy: 'Write ids in printable ASCII without spaces.',
  },
  TextUnreadable: {
    means: 'Name, model or a label of the device has a character that no text may have.',
    remedy: 'Remove the zero character.',
  },
  LicenseExceeded: {
    means: 'The customer has no license left for the device.',
    remedy: 'The platform raises the quantity in spec.licenses of the customer.',
  },
  LicenseEnded: {
    means: 'The license has ended: devices that have it keep it, further ones get none.',
    remedy: 'The platform sets a later notAfter in spec.licenses of the customer.',
  },
  LicenseMissing: {
    means: 'The customer has no license of this name.',
    remedy: 'Correct spec.sku, or have the platform add it to spec.licenses of the customer.',
  },
  SourceNotFound: {
    means: 'There is no customer of the name in spec.from from which devices could come.',
    remedy: 'Correct spec.from.',
  },
  ShowingDevices: {
    means: "The devices are assigned; the customer's database does not show them yet.",
    remedy: 'None; the message says what it waits for.',
  },

  // Access to the cluster
  AccessUnproven: {
    means: 'The API server answers otherwise than it should about somebody.',
    remedy: 'Look for bindings that Tenantry did not make; the message names the person.',
  },
  ForeignAccess: {
    means: 'Somebody who may not enter can, by a binding that Tenantry did not make.',
    remedy:
      'Remove that binding, or have the platform accept the person by the annotation tenantry.dev/confirm-foreign-access of the customer.',
  },

  // Databases
  DatabaseDisabled: { means: 'The customer has no database by its spec.', remedy: 'None.' },
  RegistryMissing: {
    means: 'The operator has no registry of devices.',
    remedy: 'Configure a PostgreSQL server; assignments wait and lose nothing.',
  },
  NoDatabaseServer: {
    means: 'The operator knows no PostgreSQL server for this customer.',
    remedy: 'Add a server to the configuration, or set spec.database.enabled to false.',
  },
  MoveNotSupported: {
    means: 'The pool was changed after the database was placed.',
    remedy: 'Set spec.database.pool back; databases do not move in this version.',
  },
  RetainedDatabaseExists: {
    means:
      'The database of an earlier customer of this name was kept, and nobody has said what is to become of it.',
    remedy: 'Set spec.database.restoreFrom to the id in the message, or to none.',
  },
  RetainedDatabaseUnknown: {
    means:
      'The database that spec.database.restoreFrom names is not among those retained for this name.',
    remedy: 'Correct the id, or set it to none.',
  },
  ControlDatabaseNewer: {
    means: 'The control database was made by a newer operator.',
    remedy:
      'Run the version that made it, or restore the control database from before its upgrade.',
  },
  DatabaseServerFull: {
    means: 'No server of the pool has room.',
    remedy: 'Add a server, or raise maxDatabases.',
  },
  DatabasePoolUnknown: {
    means: 'No server belongs to the pool.',
    remedy: 'Correct spec.database.pool, or add the pool to a server in the configuration.',
  },
  DatabaseServerUnreachable: {
    means: 'The PostgreSQL server does not answer.',
    remedy: 'Check the server, then the network policy.',
  },
  DatabaseServerRefusesLogin: {
    means: "The PostgreSQL server refuses the operator's login.",
    remedy: "Check the password of the operator's role.",
  },
  DatabaseServerUntrusted: {
    means: 'The PostgreSQL server does not prove that it is the one configured.',
    remedy: 'Check its certificate, its host name, and the CA in the configuration.',
  },
  DatabaseServerCrowded: {
    means: 'The PostgreSQL server has no free connection.',
    remedy: 'Raise max_connections, or lower the connection limits of the customers on it.',
  },
  DatabaseServerUnsuitable: {
    means: 'The PostgreSQL server cannot hold customers.',
    remedy: 'Use PostgreSQL 16 or newer and an administrator with CREATEDB and CREATEROLE.',
  },
  DatabaseNotOurs: {
    means: 'A database of that name exists and does not carry our mark.',
    remedy: "Rename or remove it, if it is nobody's.",
  },
  RoleNotOurs: {
    means: 'A role of that name exists and does not carry our mark.',
    remedy: "Rename or remove it, if it is nobody's.",
  },
  SecretNotOurs: {
    means: 'A Secret of that name exists and was not made by Tenantry.',
    remedy: 'Rename or remove it.',
  },
  ExtensionNotAllowed: {
    means: 'The extension is not on the list of allowed ones.',
    remedy: 'The platform adds it to databases.allowedExtensions.',
  },
  ExtensionUnavailable: {
    means: 'The extension is allowed, and its files are not on the PostgreSQL server.',
    remedy: 'The platform installs it there, or the customer leaves it out.',
  },
  SchemaNotOurs: {
    means: 'The schema into which extensions go was made by the customer.',
    remedy: "The customer's administrators rename it.",
  },
  DatabaseRightsMissing: {
    means: "The operator's role in PostgreSQL may not do what is needed.",
    remedy: 'Give it CREATEDB, CREATEROLE and ADMIN OPTION on the roles of the customers.',
  },
  DatabaseCrowded: {
    means: 'The customer uses all connections that its database allows.',
    remedy: 'Raise spec.database.connectionLimit, or end sessions.',
  },
  DatabaseLocked: {
    means: "Somebody's transaction holds a lock that the operator waits for.",
    remedy: 'End the long transaction in the database; the operator tries again.',
  },
  DatabaseNotIsolated: {
    means: 'The catalog of the database does not say what it should.',
    remedy: 'The message names what differs; the operator repairs what is its own.',
  },
  DatabaseMadeAgain: {
    means: 'The database was gone from its server and was made again, empty.',
    remedy: 'Restore its data from a backup, and find out who dropped it.',
  },
  DatabaseFailed: {
    means: 'PostgreSQL refused a step.',
    remedy: 'Look at the log of the PostgreSQL server; the operator tries again.',
  },
  InternalError: {
    means: 'The operator met a state that its types rule out, or an unexpected answer.',
    remedy: 'Upgrade the chart as a whole; else report it with the log of the run.',
  },
} as const satisfies Record<string, ReasonEntry>

export type Reason = keyof typeof reasonCatalogue

/** Why something is as it is: a word of the catalogue, and a sentence for this very case. */
export type Verdict = { readonly reason: Reason; readonly message: string }

/** What needs nobody to act is normal; the rest is a warning, whatever the condition's status. */
export function eventTypeOf(reason: Reason): 'Normal' | 'Warning' {
  const { remedy }: ReasonEntry = reasonCatalogue[reason]
  return remedy.startsWith('None') ? 'Normal' : 'Warning'
}
