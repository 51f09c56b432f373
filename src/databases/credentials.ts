// The keys of an application's Secret, as users of CloudNativePG and of Service Binding know them.
import { databaseName, groupName, type ApplicationRole } from './names.ts'
import type { Login, ServerOptions } from './server.ts'

export function credentialsOf(
  server: ServerOptions,
  customerUid: string,
  role: ApplicationRole,
  login: Login,
): Record<string, string> {
  return {
    role: groupName(customerUid, role),
    ...credentialsFor(server, databaseName(customerUid), login),
  }
}

/** For one database of the server, whatever it is. */
export function credentialsFor(
  { host, port, tls, advertise }: ServerOptions,
  dbname: string,
  { username, password }: Login,
): Record<string, string> {
  const at = advertise ?? { host, port }
  const authority = `${at.host.includes(':') ? `[${at.host}]` : at.host}:${at.port}`
  const mode = tls === 'off' ? 'prefer' : 'verify-full'
  const uri = new URL(`postgresql://${authority}/${dbname}?sslmode=${mode}`)
  uri.username = username
  uri.password = password
  const jdbc = new URLSearchParams({ user: username, password, sslmode: mode })
  return {
    type: 'postgresql',
    provider: 'tenantry',
    host: at.host,
    port: String(at.port),
    dbname,
    username,
    password,
    sslmode: mode,
    uri: uri.href,
    'jdbc-uri': `jdbc:postgresql://${authority}/${dbname}?${jdbc.toString()}`,
    ...(tls === 'off' ? {} : { 'ca.crt': tls.ca }),
  }
}
