// The HTTP client of undici without what lies around it: fetch, WebSockets, caches and mocks take 40 ms of a
// start, which a person at a terminal waits for each time.

import UndiciAgent from 'undici/lib/dispatcher/agent.js'
import request from 'undici/lib/api/api-request.js'

export class Agent extends UndiciAgent {
  override readonly request = request
}
