// Written by `npm run generate` from crds/. Change the CRD, not this file.
import type { Condition, ObjectMeta } from './object.ts'

/** A customer as a partner or a parent lists it. */
export type CustomerLink = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'CustomerLink'
  metadata: ObjectMeta
  spec?: CustomerLinkSpec
  status?: CustomerLinkStatus
}

/**
 * Written by a person who creates a customer by this link.
 */
export type CustomerLinkSpec = {
  /**
   * The name that people read.
   */
  displayName?: string
  /**
   * The customer's DNS domain.
   */
  domain?: string
  /**
   * Whom the platform writes to.
   */
  contact?: {
    name?: string
    email?: string
    phone?: string
  }
}

export type CustomerLinkStatus = {
  observedGeneration?: number
  customerID?: string
  displayName?: string
  domain?: string
  relation?: 'Self' | 'Partner' | 'Parent'
  relationship?: string
  /**
   * Of a nested customer, at its parent. Whether further customers are nested in it.
   */
  hasNested?: boolean
  access?: string
  until?: string
  technicians?: number
  signInURL?: string
  /**
   * Members whom people of a partner wrote down that is not linked any more.
   *
   * @maxItems 100
   */
  leftByPartner?: {
    user: string
    partner: string
    createdBy: string
  }[]
  createdBy?: string
  portal?: 'On' | 'Off'
  database?: string
  informationLevel?: {
    [k: string]: boolean
  }
  contact?: {
    [k: string]: string
  }
  /**
   * @maxItems 100
   */
  licenses?: {
    sku: string
    quantity: number
    notAfter?: string
  }[]
  conditions?: Condition[]
}

/** A customer of the platform. It gets the namespace customer-<name> and a database of its own. */
export type CustomerOrganization = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'CustomerOrganization'
  metadata: ObjectMeta
  spec: CustomerOrganizationSpec
  status?: CustomerOrganizationStatus
}

export type CustomerOrganizationSpec = {
  /**
   * The name that people read.
   */
  displayName?: string
  /**
   * The customer's DNS domain.
   */
  domain?: string
  /**
   * Who this customer is in another system.
   */
  externalRef?: {
    /**
     * The other system.
     */
    system: string
    /**
     * Its key there.
     */
    id: string
  }
  /**
   * The agreement that it is a customer by.
   */
  agreementRef?: string
  /**
   * Who brought the customer; it never changes.
   */
  origin?: 'Platform' | 'Self' | 'Partner' | 'Parent' | 'CRM'
  /**
   * The customer above, whose Admins look down into this one.
   */
  parentRef?: {
    /**
     * Name of a CustomerOrganization.
     */
    name: string
  }
  /**
   * How Kubernetes user names of this customer's people begin or end.
   */
  usernames?: {
    /**
     * How the names begin.
     */
    prefix?: string
    /**
     * How the names end.
     */
    suffix?: string
  }
  /**
   * User names of SuperAdmins that the platform names.
   *
   * @maxItems 50
   */
  owners?: string[]
  /**
   * What the platform writes here is put into the IdentityProvider sso; nobody else changes it.
   */
  identityProvider?: {
    /**
     * The OpenID Connect issuer.
     */
    issuerURL: string
    /**
     * The client at the issuer.
     */
    clientID?: string
    /**
     * Which claims of a token say who somebody is.
     */
    claims?: {
      /**
       * The claim with the user name.
       */
      username?: string
      /**
       * The claim with the groups.
       */
      groups?: string
    }
  }
  /**
   * What the platform decides of this customer's PartnerAccessGrant; what is left out the parties decide.
   */
  partner?: {
    /**
     * The one partner of this customer.
     */
    partnerRef: {
      /**
       * Name of a PartnerOrganization.
       */
      name: string
    }
    /**
     * Managed access is continuous, and the customer sees it; an invitation is the customer's to change.
     */
    relationship?: 'Managed' | 'Invited'
    /**
     * When the partner may enter, and with what at most.
     */
    access?: {
      /**
       * Whether the partner may enter.
       */
      mode?: 'Continuous' | 'Period' | 'Disabled'
      /**
       * Start; RFC 3339 with an offset.
       */
      notBefore?: string
      /**
       * End; at this moment the access is gone.
       */
      notAfter?: string
      /**
       * The widest scope that an entry may have.
       */
      maxScope?: 'Full' | 'ReadOnly'
      /**
       * Allows entries of scope Impersonate.
       */
      allowImpersonation?: boolean
    }
    /**
     * Who of the partner may enter. Nobody enters without being named here.
     *
     * @maxItems 500
     */
    technicians?: {
      /**
       * The person's user name; a member of the partner.
       */
      name: string
      /**
       * What the person may do.
       */
      scope?: 'Full' | 'ReadOnly' | 'Impersonate'
      /**
       * Start; RFC 3339 with an offset.
       */
      notBefore?: string
      /**
       * End; at this moment the access is gone.
       */
      notAfter?: string
      /**
       * Why.
       */
      reason?: string
      /**
       * Whom the technician may act as.
       */
      impersonate?: {
        /**
         * @minItems 1
         * @maxItems 10
         */
        users: string[]
      }
    }[]
    /**
     * When somebody should look at this grant again.
     */
    reviewBy?: string
  }
  /**
   * Whom the platform writes to.
   */
  contact?: {
    /**
     * The person.
     */
    name?: string
    /**
     * The address for notices.
     */
    email?: string
    /**
     * The telephone number.
     */
    phone?: string
  }
  /**
   * What the customer's own people see of their devices in the database.
   */
  informationLevel?: {
    estimatedLoad?: boolean
    measuredPeakLoad?: boolean
    deviceProperties?: boolean
    customProperties?: boolean
  }
  /**
   * Off means that the customer's own people are out; data and partner stay.
   */
  portal?: {
    /**
     * False by default for origin CRM; true for the others.
     */
    active?: boolean
  }
  /**
   * What device assignments may name.
   *
   * @maxItems 100
   */
  licenses?: {
    sku: string
    quantity: number
    notAfter?: string
  }[]
  /**
   * The walls around the namespace.
   */
  isolation?: {
    /**
     * The Pod Security level.
     */
    podSecurity?: 'restricted' | 'baseline' | 'privileged'
    /**
     * Hard limits of the namespace, such as requests.cpu: "4".
     */
    quota?: {
      [k: string]: string
    }
    /**
     * Limits of one container.
     */
    limits?: {
      default?: {
        [k: string]: string
      }
      defaultRequest?: {
        [k: string]: string
      }
      max?: {
        [k: string]: string
      }
    }
    /**
     * Traffic beside DNS and the own namespace; never from or to another organization.
     */
    networkPolicy?: {
      /**
       * @maxItems 20
       */
      allowIngressFrom?: {
        namespaceSelector?: {
          matchLabels?: {
            [k: string]: string
          }
        }
        podSelector?: {
          matchLabels?: {
            [k: string]: string
          }
        }
        ipBlock?: {
          cidr: string
          /**
           * @maxItems 20
           */
          except?: string[]
        }
        /**
         * @maxItems 20
         */
        ports?: {
          protocol?: 'TCP' | 'UDP' | 'SCTP'
          port: number
        }[]
      }[]
      /**
       * @maxItems 20
       */
      allowEgressTo?: {
        namespaceSelector?: {
          matchLabels?: {
            [k: string]: string
          }
        }
        podSelector?: {
          matchLabels?: {
            [k: string]: string
          }
        }
        ipBlock?: {
          cidr: string
          /**
           * @maxItems 20
           */
          except?: string[]
        }
        /**
         * @maxItems 20
         */
        ports?: {
          protocol?: 'TCP' | 'UDP' | 'SCTP'
          port: number
        }[]
      }[]
    }
  }
  /**
   * The customer's PostgreSQL database.
   */
  database?: {
    /**
     * False means that the customer has none.
     */
    enabled?: boolean
    /**
     * The pool of servers it is placed in.
     */
    pool?: string
    /**
     * Connections at once.
     */
    connectionLimit?: number
    /**
     * Extensions of PostgreSQL, from the list that the platform allows.
     *
     * @maxItems 20
     */
    extensions?: string[]
    /**
     * What happens to the data when the customer is deleted.
     */
    reclaimPolicy?: 'Retain' | 'Delete'
    /**
     * How long a deleted database can be restored.
     */
    retainFor?: string
    /**
     * The retained database to restore, or none.
     */
    restoreFrom?: string
  }
  /**
   * What happens to the namespace when the customer is deleted.
   */
  reclaimPolicy?: 'Retain' | 'Delete'
  /**
   * Refuses the deletion of this customer.
   */
  protected?: boolean
}

export type CustomerOrganizationStatus = {
  observedGeneration?: number
  customerID?: string
  namespace?: string
  access?: string
  until?: string
  portal?: 'On' | 'Off'
  devices?: number
  /**
   * The link to the one partner; what it says survives every restart.
   */
  partner?: {
    name?: string
    state: 'Linked' | 'Releasing' | 'Vacant'
    epoch: number
    since?: string
    /**
     * The partner that has ended the relationship although spec.partner names it.
     */
    left?: string
  }
  /**
   * Members whom people of a partner wrote down that is not linked any more. Remove whoever should not stay.
   *
   * @maxItems 100
   */
  leftByPartner?: {
    user: string
    partner: string
    createdBy: string
  }[]
  /**
   * Where the database was placed; decided once.
   */
  database?: {
    name?: string
    server?: string
    pool?: string
    /**
     * UID of the customer that had this database before and after whom it is named.
     */
    madeFor?: string
    state?: string
    placedAt?: string
    /**
     * When the password of an application was last rotated.
     */
    rotatedAt?: string
  }
  /**
   * What somebody was told of, and what is on its way. Written before anything is sent.
   */
  notifications?: {
    /**
     * How many notices there were; it numbers them.
     */
    count: number
    /**
     * How things stood at the last notice of each kind.
     */
    told?: {
      portal?: 'On' | 'Off'
      partner?: string
      invited?: string
      access?: string
      until?: string
      endsWithinDays?: number
      halfProven?: boolean
      /**
       * The version of where the people sign in.
       */
      signIn?: string
    }
    /**
     * Who is still to be told.
     *
     * @maxItems 20
     */
    pending?: {
      id: string
      kind: string
      since: string
      partner?: string
      message: string
      /**
       * @maxItems 8
       */
      to: string[]
    }[]
    /**
     * What could not be delivered, the newest last.
     *
     * @maxItems 10
     */
    failed?: {
      id: string
      kind: string
      to: string
      address?: string
      at: string
      partner?: string
      reason: string
      message: string
    }[]
  }
  /**
   * The SuperAdmin who stays one until there is another.
   */
  superAdmin?: {
    user: string
    since: string
  }
  /**
   * Each owner, since when, and whether this organization is the person's home.
   *
   * @maxItems 50
   */
  owners?: {
    user: string
    home?: boolean
    since?: string
    reason?: string
  }[]
  conditions?: Condition[]
}

/** A batch of 1 to 1,000 devices that belongs to this customer. */
export type DeviceAssignment = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'DeviceAssignment'
  metadata: ObjectMeta
  spec: DeviceAssignmentSpec
  status?: DeviceAssignmentStatus
}

export type DeviceAssignmentSpec = {
  /**
   * What the ids are.
   */
  idType?: 'DeviceID' | 'UnitID'
  /**
   * The license of the customer that these devices use.
   */
  sku?: string
  /**
   * What becomes of the data of a device that moves.
   */
  dataPolicy?: 'Retain' | 'Migrate' | 'Purge'
  /**
   * Makes it a move; needs the right on both sides.
   */
  from?: {
    /**
     * The customer that has the devices now.
     */
    customer: string
  }
  /**
   * Say what would happen and change nothing.
   */
  preview?: boolean
  /**
   * The devices; a repeated id is one device.
   *
   * @minItems 1
   * @maxItems 1000
   */
  devices: {
    id?: string
    unitId?: string
    name?: string
    model?: string
    labels?: {
      [k: string]: string
    }
  }[]
}

export type DeviceAssignmentStatus = {
  observedGeneration?: number
  assigned?: number
  pending?: number
  moved?: number
  /**
   * @maxItems 1000
   */
  rejected?: {
    id: string
    reason: string
    message?: string
  }[]
  conditions?: Condition[]
}

/** Where the people of this organization sign in; one per organization, named sso. */
export type IdentityProvider = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'IdentityProvider'
  metadata: ObjectMeta
  spec: IdentityProviderSpec
  status?: IdentityProviderStatus
}

export type IdentityProviderSpec = {
  /**
   * The OpenID Connect issuer.
   */
  issuerURL: string
  /**
   * The client at the issuer.
   */
  clientID?: string
  /**
   * Which claims of a token say who somebody is.
   */
  claims?: {
    /**
     * The claim with the user name.
     */
    username?: string
    /**
     * The claim with the groups.
     */
    groups?: string
  }
}

export type IdentityProviderStatus = {
  /**
   * The issuer that was last announced.
   */
  issuerURL?: string
  observedGeneration?: number
  conditions?: Condition[]
}

/** One person of this organization, and the role. */
export type OrganizationMember = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'OrganizationMember'
  metadata: ObjectMeta
  spec: OrganizationMemberSpec
  status?: OrganizationMemberStatus
}

export type OrganizationMemberSpec = {
  /**
   * The person's Kubernetes user name; it never changes.
   */
  user: string
  /**
   * Partners have SuperAdmin, Admin and User; customers SuperAdmin, Admin, Editor and Viewer. Left out, the first becomes SuperAdmin.
   */
  role?: 'SuperAdmin' | 'Admin' | 'User' | 'Editor' | 'Viewer'
  /**
   * Further permissions, by the names of the platform's ClusterRoles.
   *
   * @maxItems 50
   */
  permissions?: string[]
  /**
   * Gives the person a PostgreSQL login.
   */
  databaseLogin?: boolean
}

export type OrganizationMemberStatus = {
  observedGeneration?: number
  /**
   * The role that is in effect.
   */
  role?: string
  /**
   * This is the only SuperAdmin of the organization.
   */
  lastSuperAdmin?: boolean
  /**
   * Who wrote this member down, as the cluster stamped it.
   */
  createdBy?: {
    user: string
    /**
     * The partner to which that person belonged then.
     */
    partner?: string
  }
  /**
   * The organization this person was found to belong to; it stays.
   */
  home?: {
    /**
     * customer/<name> or partner/<name>.
     */
    organization?: string
    since?: string
  }
  conditions?: Condition[]
}

/** The customer's one partner, and what it may do. */
export type PartnerAccessGrant = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'PartnerAccessGrant'
  metadata: ObjectMeta
  spec: PartnerAccessGrantSpec
  status?: PartnerAccessGrantStatus
}

export type PartnerAccessGrantSpec = {
  /**
   * The one partner of this customer.
   */
  partnerRef: {
    /**
     * Name of a PartnerOrganization.
     */
    name: string
  }
  /**
   * Managed access is continuous, and the customer sees it; an invitation is the customer's to change.
   */
  relationship?: 'Managed' | 'Invited'
  /**
   * When the partner may enter, and with what at most.
   */
  access?: {
    /**
     * Whether the partner may enter.
     */
    mode?: 'Continuous' | 'Period' | 'Disabled'
    /**
     * Start; RFC 3339 with an offset.
     */
    notBefore?: string
    /**
     * End; at this moment the access is gone.
     */
    notAfter?: string
    /**
     * The widest scope that an entry may have.
     */
    maxScope?: 'Full' | 'ReadOnly'
    /**
     * Allows entries of scope Impersonate.
     */
    allowImpersonation?: boolean
  }
  /**
   * Who of the partner may enter. Nobody enters without being named here.
   *
   * @maxItems 500
   */
  technicians?: {
    /**
     * The person's user name; a member of the partner.
     */
    name: string
    /**
     * What the person may do.
     */
    scope?: 'Full' | 'ReadOnly' | 'Impersonate'
    /**
     * Start; RFC 3339 with an offset.
     */
    notBefore?: string
    /**
     * End; at this moment the access is gone.
     */
    notAfter?: string
    /**
     * Why.
     */
    reason?: string
    /**
     * Whom the technician may act as.
     */
    impersonate?: {
      /**
       * @minItems 1
       * @maxItems 10
       */
      users: string[]
    }
  }[]
  /**
   * When somebody should look at this grant again.
   */
  reviewBy?: string
}

export type PartnerAccessGrantStatus = {
  observedGeneration?: number
  epoch?: number
  access?: string
  until?: string
  signInURL?: string
  /**
   * Who may enter, and why everybody else may not.
   *
   * @maxItems 500
   */
  people?: {
    name: string
    may: 'Enter' | 'Later' | 'Not'
    scope: 'Full' | 'ReadOnly' | 'Impersonate'
    from?: string
    until?: string
    reason?: string
    message?: string
  }[]
  conditions?: Condition[]
}

/** A system integrator, reseller or managed-service provider. It gets the namespace partner-<name>. */
export type PartnerOrganization = {
  apiVersion: 'tenantry.dev/v1alpha1'
  kind: 'PartnerOrganization'
  metadata: ObjectMeta
  spec: PartnerOrganizationSpec
  status?: PartnerOrganizationStatus
}

export type PartnerOrganizationSpec = {
  /**
   * The name that people read.
   */
  displayName?: string
  /**
   * The partner's DNS domain.
   */
  domain?: string
  /**
   * How Kubernetes user names of this partner's people begin or end.
   */
  usernames?: {
    /**
     * How the names begin.
     */
    prefix?: string
    /**
     * How the names end.
     */
    suffix?: string
  }
  /**
   * The platform trusts this partner; without it, it has no access anywhere.
   */
  accredited?: boolean
  /**
   * All of its access is off, at once, and nothing is deleted.
   */
  suspended?: boolean
  /**
   * User names of SuperAdmins that the platform names.
   *
   * @maxItems 50
   */
  owners?: string[]
  /**
   * Whom the platform writes to.
   */
  contact?: {
    /**
     * The person.
     */
    name?: string
    /**
     * The address for notices.
     */
    email?: string
  }
  /**
   * What the platform writes here is put into the IdentityProvider sso; nobody else changes it.
   */
  identityProvider?: {
    /**
     * The OpenID Connect issuer.
     */
    issuerURL: string
    /**
     * The client at the issuer.
     */
    clientID?: string
    /**
     * Which claims of a token say who somebody is.
     */
    claims?: {
      /**
       * The claim with the user name.
       */
      username?: string
      /**
       * The claim with the groups.
       */
      groups?: string
    }
  }
}

export type PartnerOrganizationStatus = {
  observedGeneration?: number
  namespace?: string
  /**
   * How many customers are linked.
   */
  customers?: number
  /**
   * The SuperAdmin who stays one until there is another.
   */
  superAdmin?: {
    user: string
    since: string
  }
  /**
   * Each owner, since when, and whether this organization is the person's home.
   *
   * @maxItems 50
   */
  owners?: {
    user: string
    home?: boolean
    since?: string
    reason?: string
  }[]
  conditions?: Condition[]
}
