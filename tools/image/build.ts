// The file system of the image: Node, the libraries that it is linked to, the compiled operator and its packages. No shell, no
// package manager, no second program. The Dockerfile runs this, and so does a test on machines without a container engine.
// `node tools/image/build.ts <directory>`, in a copy of the repository whose packages are installed.
import { spawnSync } from 'node:child_process'
import { chmod, cp, mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { dirname, extname, join } from 'node:path'

/** Types, maps and texts that nobody reads there. */
const leftOut = new Set(['.ts', '.cts', '.mts', '.map', '.md', '.markdown'])
const nodePath = '/usr/local/bin/node'
const accounts = 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n'

type Lock = { readonly packages: Readonly<Record<string, LockedPackage>> }
type LockedPackage = {
  readonly dev?: boolean
  readonly optional?: boolean
  readonly devOptional?: boolean
}

const [image] = process.argv.slice(2)
if (image === undefined) throw new Error('Say where to: node tools/image/build.ts <directory>')

run('npm', ['run', 'build'])
await copyNode(image)
const app = join(image, 'app')
await copy('dist', join(app, 'dist'))
await cp('LICENSE', join(app, 'LICENSE'))
await write(join(app, 'package.json'), await packageThere())
for (const name of await neededPackages()) await copy(name, join(app, name))
// Of what lies there: asked of the lock, npm leaves out what a development package needs as well.
await write(join(app, 'sbom.spdx.json'), run('npm', ['sbom', '--sbom-format=spdx'], app))
await write(join(image, 'etc/passwd'), accounts)
await write(join(image, 'etc/group'), 'nonroot:x:65532:\n')

/** Node as it runs here, with what its loader looks for. */
async function copyNode(to: string): Promise<void> {
  const libraries = run('ldd', [process.execPath])
    .split('\n')
    .map((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1])
    .filter((path) => path !== undefined)
  for (const path of libraries) await cp(path, join(to, path), { dereference: true })
  await cp(process.execPath, join(to, nodePath), { dereference: true })
  await chmod(join(to, nodePath), 0o755)
}

/** Without what is only for this repository. */
async function packageThere(): Promise<string> {
  const { name, version, description, license, type, dependencies } = JSON.parse(
    await readFile('package.json', 'utf8'),
  )
  const kept = { name, version, description, license, type, dependencies }
  return `${JSON.stringify(kept, undefined, 2)}\n`
}

/** Directories of the packages that the operator needs to run, nested ones included, as the lock says. */
async function neededPackages(): Promise<readonly string[]> {
  const lock: Lock = JSON.parse(await readFile('package-lock.json', 'utf8'))
  return Object.entries(lock.packages)
    .filter(
      ([path, { dev, optional, devOptional }]) => path !== '' && !dev && !optional && !devOptional,
    )
    .map(([path]) => path)
}

/** One package, without those nested in it, which are entries of their own. */
async function copy(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === '.bin') continue
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) await copy(source, target)
    else if (entry.isFile() && !leftOut.has(extname(entry.name))) {
      await mkdir(to, { recursive: true })
      await cp(source, target)
      await chmod(target, 0o644)
    }
  }
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, content)
}

function run(program: string, args: readonly string[], cwd = '.'): string {
  const { status, stdout, error } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed.`, { cause: error })
  return stdout
}
