// One question to PostgreSQL, for machines without psql: PSQL_URL and PGSSLROOTCERT say where.
import { readFileSync } from 'node:fs'
import { Client } from 'pg'

const { PSQL_URL: url = '', PGSSLROOTCERT: ca = '' } = process.env
const [question = 'SELECT current_user, current_database()'] = process.argv.slice(2)
const target = new URL(url)
target.search = ''
const client = new Client({ connectionString: target.href, ssl: { ca: readFileSync(ca, 'utf8') } })
await client.connect()
const { rows } = await client.query(question)
console.table(rows)
await client.end()
