// DER, as much of it as an X.509 certificate and a certificate request need.
// node:crypto signs and reads certificates but cannot write one; this is the writing half.

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  generalizedTime: 0x18,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
}

function encode(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content])
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 0x80) return Buffer.from([length])
  const bytes = bigEndian(BigInt(length))
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes])
}

function bigEndian(value: bigint): Buffer {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
}

export function sequence(...items: readonly Buffer[]): Buffer {
  return encode(tags.sequence, Buffer.concat(items))
}

/** DER wants the members of a set sorted by their encoding. */
export function setOf(...items: readonly Buffer[]): Buffer {
  return encode(tags.set, Buffer.concat([...items].sort((left, right) => left.compare(right))))
}

/** A non-negative number; a leading zero keeps it from reading as negative. */
export function integer(value: bigint): Buffer {
  const bytes = bigEndian(value)
  const negative = (bytes[0] ?? 0) >= 0x80
  return encode(tags.integer, negative ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}

export function boolean(value: boolean): Buffer {
  return encode(tags.boolean, Buffer.from([value ? 0xff : 0x00]))
}

export function octetString(content: Buffer): Buffer {
  return encode(tags.octetString, content)
}

export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return encode(tags.bitString, Buffer.concat([Buffer.from([unusedBits]), content]))
}

export function utf8String(text: string): Buffer {
  return encode(tags.utf8String, Buffer.from(text, 'utf8'))
}

export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap(base128)
  return encode(tags.objectIdentifier, Buffer.from(bytes))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80)
  return bytes
}

/** RFC 5280: two-digit years until 2049, four digits after. */
export function time(date: Date): Buffer {
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050
    ? encode(tags.utcTime, Buffer.from(digits.slice(2), 'ascii'))
    : encode(tags.generalizedTime, Buffer.from(digits, 'ascii'))
}

/** `[n] EXPLICIT`: the item keeps its own tag inside. */
export function explicit(number: number, item: Buffer): Buffer {
  return encode(0xa0 | number, item)
}

/** `[n] IMPLICIT` of something constructed, such as a set of attributes. */
export function implicitConstructed(number: number, content: Buffer): Buffer {
  return encode(0xa0 | number, content)
}

/** `[n] IMPLICIT` of something primitive, such as a name in a subjectAltName. */
export function implicit(number: number, content: Buffer): Buffer {
  return encode(0x80 | number, content)
}

export function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
