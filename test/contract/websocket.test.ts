import { it } from 'vitest'
import { transportContract } from '../../src/testing/transport-contract.js'
import { webSocket } from '../../src/transports/websocket.js'

const cases = transportContract({
  name: 'websocket',
  create: () => webSocket(),
  listenOn: { scheme: 'ws', peerId: null, host: '127.0.0.1', port: 0, path: '/' },
  refusedAddress: { scheme: 'ws', peerId: null, host: '127.0.0.1', port: 1, path: '/' },
})

for (const { name, run } of cases) it(name, run)
