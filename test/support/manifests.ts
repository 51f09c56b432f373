// The API's objects as tests write them: as few words as a user would need.

const apiVersion = 'tenantry.dev/v1alpha1'

export function partner(name: string, spec: object = {}) {
  return {
    apiVersion,
    kind: 'PartnerOrganization',
    metadata: { name },
    spec: {
      accredited: true,
      identityProvider: { issuerURL: `https://login.${name}.example` },
      ...spec,
    },
  }
}

export function customer(name: string, spec: object = {}) {
  return { apiVersion, kind: 'CustomerOrganization', metadata: { name }, spec }
}

export function member(namespace: string, user: string, role?: string) {
  return {
    apiVersion,
    kind: 'OrganizationMember',
    metadata: { name: user.replaceAll(/[^a-z0-9]/g, '-'), namespace },
    spec: { user, ...(role !== undefined && { role }) },
  }
}

export function grant(ofCustomer: string, ofPartner: string, spec: object = {}) {
  return {
    apiVersion,
    kind: 'PartnerAccessGrant',
    metadata: { name: 'partner', namespace: `customer-${ofCustomer}` },
    spec: { partnerRef: { name: ofPartner }, relationship: 'Invited', ...spec },
  }
}

/** By which somebody creates a customer. */
export function link(namespace: string, name: string, spec: object = {}) {
  return { apiVersion, kind: 'CustomerLink', metadata: { name, namespace }, spec }
}

/** RFC 3339, so many milliseconds from now. */
export function inMs(ms: number): string {
  return new Date(Date.now() + ms).toISOString()
}

/** A batch of devices; a bare word is a device id. */
export function devices(
  ofCustomer: string,
  name: string,
  list: readonly (string | object)[],
  spec: object = {},
) {
  return {
    apiVersion,
    kind: 'DeviceAssignment',
    metadata: { name, namespace: `customer-${ofCustomer}` },
    spec: {
      devices: list.map((each) => (typeof each === 'string' ? { id: each } : each)),
      ...spec,
    },
  }
}
