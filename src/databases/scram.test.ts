// Verifiers against the example of RFC 7677.
import { describe, expect, test } from 'vitest'
import { scramVerifier, verifierFits } from './scram.ts'

describe('a SCRAM verifier', () => {
  test('has the server key of the example of RFC 7677', async () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    expect(await scramVerifier('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    )
  })

  test('fits its own password and no other', async () => {
    const verifier = await scramVerifier('one')
    expect(await verifierFits(verifier, 'one')).toBe(true)
    expect(await verifierFits(verifier, 'two')).toBe(false)
  })

  test('of another method fits nothing', async () => {
    expect(await verifierFits('md5d41d8cd98f00b204e9800998ecf8427e', 'one')).toBe(false)
  })

  test('with more iterations than anybody needs fits nothing, and costs nothing', async () => {
    const hostile = (await scramVerifier('one')).replace('$4096:', '$2147483647:')
    const started = performance.now()
    expect(await verifierFits(hostile, 'one')).toBe(false)
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('is not made of a password that clients would send in another form', async () => {
    await expect(scramVerifier('pässword')).rejects.toThrow(RangeError)
    await expect(scramVerifier('')).rejects.toThrow(RangeError)
  })
})
