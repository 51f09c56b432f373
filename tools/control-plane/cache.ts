// A directory of programs that is there whole or not at all.
// It is made beside its place, gets its checksums last and is renamed into place: a run that was interrupted leaves nothing
// that looks finished. Every reading checks the SHA-256 of every file (290 MB in 0.3 s); an entry that does not fit is made anew.
import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

const checksumsFile = 'checksums.json'

export type Verdict =
  | { readonly state: 'whole' }
  | { readonly state: 'missing' }
  | { readonly state: 'damaged'; readonly why: string }

/** Whether the entry holds these files as they were when it was made. */
export async function inspect(entry: string, files: readonly string[]): Promise<Verdict> {
  const expected = await readChecksums(entry)
  if (!expected) return { state: 'missing' }
  for (const file of files) {
    const found = await sha256Of(join(entry, file)).catch(() => undefined)
    if (found === undefined) return { state: 'damaged', why: `${file} is missing` }
    if (found !== expected.get(file)) return { state: 'damaged', why: `${file} was changed` }
  }
  return { state: 'whole' }
}

/** Fills the entry by `make`, which writes the files into the directory that it is given. */
export async function fill(
  entry: string,
  files: readonly string[],
  make: (directory: string) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(entry), { recursive: true })
  await removeAbandoned(entry)
  const directory = `${entry}.${process.pid}.${randomUUID().slice(0, 8)}.partial`
  await mkdir(directory)
  try {
    await make(directory)
    const sums: [string, string][] = []
    for (const file of files) sums.push([file, await sha256Of(join(directory, file))])
    const checksums = JSON.stringify(Object.fromEntries(sums), undefined, 2)
    await writeFile(join(directory, checksumsFile), `${checksums}\n`)
    await rm(entry, { recursive: true, force: true }) // a damaged one may be there
    await rename(directory, entry)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What runs that were killed have left. Called under the lock: nobody else is filling this entry. */
async function removeAbandoned(entry: string): Promise<void> {
  const prefix = `${basename(entry)}.`
  for (const name of await readdir(dirname(entry))) {
    if (!name.startsWith(prefix) || !name.endsWith('.partial')) continue
    await rm(join(dirname(entry), name), { recursive: true, force: true })
  }
}

async function readChecksums(entry: string): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const sums: unknown = JSON.parse(await readFile(join(entry, checksumsFile), 'utf8'))
    if (typeof sums !== 'object' || sums === null) return undefined
    return new Map(
      Object.entries(sums).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
    )
  } catch {
    return undefined // no file, or no JSON: the entry was never finished
  }
}

export async function sha256Of(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
