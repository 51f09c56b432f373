// A certificate authority of one control plane, and the certificates that it signs (ECDSA P-256).
// Kubernetes reads the common name as the user and every organization as a group, so a client certificate says who somebody is.
// Certificates begin an hour ago: a container's clock may lag behind the host's.
import { X509Certificate, createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { isIPv4 } from 'node:net'
import * as der from './der.ts'

export type Subject = { readonly user: string; readonly groups?: readonly string[] }

export type Issued = { readonly certificate: string; readonly key: string }

export type Authority = Issued & {
  /** For a person or a program that signs in. */
  issueClient(subject: Subject): Issued
  /** For a server that is reached by these names and IPv4 addresses; it may sign in to its peers too. */
  issueServer(user: string, names: readonly string[]): Issued
}

const oids = {
  commonName: '2.5.4.3',
  organization: '2.5.4.10',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
}

const hourMs = 3_600_000
const tenYearsMs = 10 * 365 * 24 * hourMs
// First byte of KeyUsage, most significant bit first, and the number of unused bits after the last one.
const digitalSignature = { bits: 0x80, unused: 7 }
const certSignAndCrlSign = { bits: 0x06, unused: 1 }

export function createAuthority(name: string, now: Date): Authority {
  const keys = newKeys()
  const certificate = signCertificate({
    subject: { user: name },
    issuer: { user: name },
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    now,
    extensions: [
      extension(oids.basicConstraints, der.sequence(der.boolean(true)), 'critical'),
      keyUsage(certSignAndCrlSign),
      subjectKeyIdentifier(keys.publicKey),
    ],
  })
  return authority(name, { certificate, key: keyPem(keys.privateKey) }, now)
}

/** An authority that was written to disk before: `name` is the one that it was made with. */
export function loadAuthority(name: string, issued: Issued, now: Date): Authority {
  if (!new X509Certificate(issued.certificate).checkPrivateKey(createPrivateKey(issued.key))) {
    throw new Error(`The key of authority ${name} does not fit its certificate.`)
  }
  return authority(name, issued, now)
}

function authority(name: string, issued: Issued, now: Date): Authority {
  const signer = createPrivateKey(issued.key)
  const authorityKey = extension(
    oids.authorityKeyIdentifier,
    der.sequence(der.implicit(0, keyIdentifier(createPublicKey(signer)))),
  )
  const issue = (subject: Subject, extensions: readonly Buffer[]): Issued => {
    const keys = newKeys()
    const certificate = signCertificate({
      subject,
      issuer: { user: name },
      publicKey: keys.publicKey,
      signer,
      now,
      extensions: [keyUsage(digitalSignature), authorityKey, ...extensions],
    })
    return { certificate, key: keyPem(keys.privateKey) }
  }
  return {
    ...issued,
    issueClient: (subject) => issue(subject, [extendedKeyUsage(oids.clientAuth)]),
    issueServer: (user, names) =>
      issue({ user }, [extendedKeyUsage(oids.serverAuth, oids.clientAuth), subjectAltName(names)]),
  }
}

/** A PKCS #10 request, for clusters whose authority is not ours. */
export function createRequest(subject: Subject): {
  readonly request: string
  readonly key: string
} {
  const keys = newKeys()
  const info = der.sequence(
    der.integer(0n),
    nameOf(subject),
    spki(keys.publicKey),
    der.implicitConstructed(0, Buffer.alloc(0)),
  )
  return {
    request: der.pem('CERTIFICATE REQUEST', signed(info, keys.privateKey)),
    key: keyPem(keys.privateKey),
  }
}

/** The key pair that signs and checks tokens of service accounts. */
export function createTokenKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const keys = newKeys()
  return {
    privateKey: keyPem(keys.privateKey),
    publicKey: keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

type ToSign = {
  readonly subject: Subject
  readonly issuer: Subject
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  readonly now: Date
  readonly extensions: readonly Buffer[]
}

function signCertificate({ subject, issuer, publicKey, signer, now, extensions }: ToSign): string {
  const begin = new Date(now.getTime() - hourMs)
  const end = new Date(now.getTime() + tenYearsMs)
  const body = der.sequence(
    der.explicit(0, der.integer(2n)), // version 3
    der.integer(randomBytes(16).readBigUInt64BE() | 1n),
    algorithm(),
    nameOf(issuer),
    der.sequence(der.time(begin), der.time(end)),
    nameOf(subject),
    spki(publicKey),
    der.explicit(3, der.sequence(...extensions)),
  )
  return der.pem('CERTIFICATE', signed(body, signer))
}

function signed(body: Buffer, signer: KeyObject): Buffer {
  return der.sequence(body, algorithm(), der.bitString(sign('sha256', body, signer)))
}

function algorithm(): Buffer {
  return der.sequence(der.objectIdentifier(oids.ecdsaWithSha256))
}

function nameOf({ user, groups = [] }: Subject): Buffer {
  const attribute = (oid: string, value: string) =>
    der.setOf(der.sequence(der.objectIdentifier(oid), der.utf8String(value)))
  return der.sequence(
    ...groups.map((group) => attribute(oids.organization, group)),
    attribute(oids.commonName, user),
  )
}

function extension(oid: string, value: Buffer, critical?: 'critical'): Buffer {
  const flag = critical ? [der.boolean(true)] : []
  return der.sequence(der.objectIdentifier(oid), ...flag, der.octetString(value))
}

function keyUsage({ bits, unused }: { bits: number; unused: number }): Buffer {
  return extension(oids.keyUsage, der.bitString(Buffer.from([bits]), unused), 'critical')
}

function extendedKeyUsage(...usages: readonly string[]): Buffer {
  return extension(oids.extendedKeyUsage, der.sequence(...usages.map(der.objectIdentifier)))
}

function subjectKeyIdentifier(publicKey: KeyObject): Buffer {
  return extension(oids.subjectKeyIdentifier, der.octetString(keyIdentifier(publicKey)))
}

function subjectAltName(names: readonly string[]): Buffer {
  const encoded = names.map((name) =>
    isIPv4(name)
      ? der.implicit(7, Buffer.from(name.split('.').map(Number)))
      : der.implicit(2, Buffer.from(name, 'ascii')),
  )
  return extension(oids.subjectAltName, der.sequence(...encoded))
}

function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256').update(spki(publicKey)).digest().subarray(0, 20)
}

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

function spki(publicKey: KeyObject): Buffer {
  return publicKey.export({ type: 'spki', format: 'der' })
}

/** SEC 1: what every server and client of Kubernetes reads. */
function keyPem(privateKey: KeyObject): string {
  return privateKey.export({ type: 'sec1', format: 'pem' }).toString()
}
