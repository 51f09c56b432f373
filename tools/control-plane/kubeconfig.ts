// Writes kubeconfig files: everything inside, so that a file can be handed on, and readable by its owner alone.
import { writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import type { Issued } from './certificates.ts'

export type Credentials = Issued | { readonly token: string }

export async function writeKubeconfig(
  file: string,
  server: string,
  ca: string,
  credentials: Credentials,
): Promise<string> {
  const user =
    'token' in credentials
      ? { token: credentials.token }
      : {
          'client-certificate-data': base64(credentials.certificate),
          'client-key-data': base64(credentials.key),
        }
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'tenantry', cluster: { server, 'certificate-authority-data': base64(ca) } }],
    users: [{ name: 'tenantry', user }],
    contexts: [{ name: 'tenantry', context: { cluster: 'tenantry', user: 'tenantry' } }],
    'current-context': 'tenantry',
  }
  await writeFile(file, stringify(config), { mode: 0o600 })
  return file
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
