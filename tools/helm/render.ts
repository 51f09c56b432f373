// The chart as Helm renders it. What the local platform installs is checked in (charts/rendered/local.yaml) with a digest of
// what it is made from: while that fits, nobody needs Helm; after a change it is rendered anew, once, into the cache.
import { createHash, randomUUID } from 'node:crypto'
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { kubernetesVersion, type Log } from '../control-plane/programs.ts'
import { findHelm } from './find.ts'
import { runHelm } from './helm.ts'
import { helmVersion, renderingsEntry } from './programs.ts'

export const chart = 'charts/tenantry'
export const systemNamespace = 'tenantry-system'
export const renderedFile = 'charts/rendered/local.yaml'
/** Where the chart keeps its copy of crds/. */
export const crdsInChart = 'files/crds'

const localValues = fileURLToPath(new URL('local-values.yaml', import.meta.url))

export type Rendering = {
  /** Default: none beside the chart's own. */
  readonly valuesFile?: string
  /** Default: the one that this repository is tested on. */
  readonly kubernetes?: string
}

/** `helm template` of the working tree. */
export async function render(
  signal: AbortSignal,
  helm: string,
  { valuesFile, kubernetes = kubernetesVersion }: Rendering = {},
): Promise<string> {
  const staged = await stage()
  try {
    const { stdout } = await runHelm(signal, helm, [
      'template',
      'tenantry',
      join(staged, 'tenantry'),
      '--namespace',
      systemNamespace,
      '--kube-version',
      kubernetes,
      ...(valuesFile === undefined ? [] : ['--values', valuesFile]),
    ])
    return stdout
  } finally {
    await rm(staged, { recursive: true, force: true })
  }
}

/** What the local platform installs. */
export async function localRendering(signal: AbortSignal, log: Log): Promise<string> {
  const first = `# Written by \`npm run generate\`: charts/tenantry as Helm ${helmVersion} renders it for the local platform, from ${await digest()}.`
  const isOf = (text: string | undefined): text is string => text?.startsWith(`${first}\n`) === true
  const checkedIn = await textOf(renderedFile)
  if (isOf(checkedIn)) return checkedIn

  const name = createHash('sha256').update(first).digest('hex').slice(0, 32)
  const cached = join(renderingsEntry(), `${name}.yaml`)
  const found = await textOf(cached)
  if (isOf(found)) return found

  const helm = await findHelm(signal, log)
  const text = `${first}\n${await render(signal, helm, { valuesFile: localValues })}`
  await mkdir(dirname(cached), { recursive: true })
  const partial = `${cached}.${randomUUID()}`
  await writeFile(partial, text)
  await rename(partial, cached) // whoever reads finds it whole
  return text
}

/** One document of a rendering, by the template that it comes from. */
export function documentOf(rendering: string, template: string): string {
  const source = `\n# Source: tenantry/templates/${template}\n`
  const document = rendering.split(/^---$/m).find((each) => each.includes(source))
  if (document === undefined) throw new Error(`The chart renders nothing from ${template}.`)
  return document
}

/** The chart as it is once `npm run generate` has run: with the CRDs of crds/. */
async function stage(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tenantry-chart-'))
  await cp(chart, join(directory, 'tenantry'), { recursive: true })
  const crds = join(directory, 'tenantry', crdsInChart)
  await rm(crds, { recursive: true, force: true })
  await cp('crds', crds, { recursive: true })
  return directory
}

async function digest(): Promise<string> {
  const hash = createHash('sha256').update(`${helmVersion} ${kubernetesVersion}`)
  const inChart = (await filesIn(chart)).filter(
    (file) => !file.startsWith(join(chart, crdsInChart)),
  )
  for (const file of [...inChart, ...(await filesIn('crds'))]) {
    hash.update(`\n${file}\n`).update(await readFile(file))
  }
  return hash.update(await readFile(localValues)).digest('hex')
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}

async function textOf(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined)
}
