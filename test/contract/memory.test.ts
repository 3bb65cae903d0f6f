import { it } from 'vitest'
import { transportContract } from '../../src/testing/transport-contract.js'
import { memory, MemoryNetwork } from '../../src/transports/memory.js'

const cases = transportContract({
  name: 'memory',
  create: () => memory(new MemoryNetwork()),
  listenOn: { scheme: 'memory', peerId: null, host: 'home', port: 0, path: '/' },
  refusedAddress: { scheme: 'memory', peerId: null, host: 'nobody', port: 1, path: '/' },
})

for (const { name, run } of cases) it(name, run)
