// The image without a container engine: the Dockerfile's steps in a clean directory, and what comes of them started as the
// chart would have it, in that file system and no other, under an account without rights.
import { execFileSync } from 'node:child_process'
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChartPlatform } from '../support/chart-platform.ts'
import { customer } from '../support/manifests.ts'
import { startWorld } from '../support/world.ts'

const dockerfile = readFileSync('Dockerfile', 'utf8')
const megabyte = 1024 * 1024

describe.runIf(process.platform === 'linux')('the image', () => {
  let directory: string
  let image: string

  beforeAll(() => {
    // Readable by everybody, as layers are; the temporary directory itself is ours alone.
    directory = mkdtempSync(join(tmpdir(), 'tenantry-image-'))
    image = join(directory, 'image')
    const build = join(directory, 'build')
    for (const source of copied()) cpSync(source, join(build, source), { recursive: true })
    // In place of `npm ci`, which would fetch the same.
    symlinkSync(resolve('node_modules'), join(build, 'node_modules'))
    execFileSync(process.execPath, ['tools/image/build.ts', image], { cwd: build })
    execFileSync('chmod', ['755', directory])
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('is built by these steps, and no others', () => {
    const steps = dockerfile.split('\n').filter((line) => line.startsWith('RUN '))
    expect(steps).toEqual(['RUN npm ci --ignore-scripts', 'RUN node tools/image/build.ts /image'])
    const result = dockerfile.slice(dockerfile.indexOf('FROM scratch'))
    expect(result).toContain('COPY --from=build /image /\n')
    expect(result).toContain('USER 65532:65532\n')
  })

  test('holds one program, the libraries that it is linked to, and no source or types', () => {
    const programs = files(image).filter((file) => (statSync(join(image, file)).mode & 0o111) !== 0)
    const isLibrary = (file: string) => /^(usr\/)?lib(64)?\/.*\.so(\.\d+)*$/.test(file)
    expect(programs.filter((file) => !isLibrary(file))).toEqual(['usr/local/bin/node'])
    expect(files(image).filter((file) => /\.(ts|map|md)$/.test(file))).toEqual([])
  })

  test('says what it is made of', () => {
    const { packages }: { readonly packages: readonly { readonly name: string }[] } = JSON.parse(
      readFileSync(join(image, 'app/sbom.spdx.json'), 'utf8'),
    )
    const names = packages.map(({ name }) => name)
    expect(names).toEqual(expect.arrayContaining(['tenantry', 'pg', 'undici']))
    expect(names).not.toContain('vitest')
  })

  test('stays under 200 MB', () => {
    const bytes = files(image).reduce((sum, file) => sum + statSync(join(image, file)).size, 0)
    console.log(`the image is ${Math.round(bytes / megabyte)} MiB, not compressed`)
    expect(bytes).toBeLessThan(200 * megabyte)
  })

  test('runs as the chart says, and brings a customer with its database to Ready', async () => {
    await using world = await startWorld({
      start: (signal, options) => startChartPlatform(signal, options, image),
    })
    await world.apply(customer('northwind'))
    await world.until(
      'the customer is ready',
      async () => {
        return (
          (await world.condition({ kind: 'corg', name: 'northwind' }, 'Ready')) === 'True/Ready'
        )
      },
      30_000,
    )
    const [operator] = world.operators
    const status = readFileSync(`/proc/${operator?.pid}/status`, 'utf8')
    if (process.getuid?.() === 0) expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m)
    expect(await operator?.log()).not.toContain('ERR_ACCESS_DENIED')
    expect(await operator?.stop()).toBe(0)
  })
})

/** What the Dockerfile copies into the build. */
function copied(): readonly string[] {
  return [...dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources = '']) =>
    sources.split(' '),
  )
}

function files(root: string): readonly string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
}
