import { describe, expect, it } from 'vitest'
import type { Link, LinkEvents, Listener, Transport } from '../../src/ports/transport.js'
import { transportContract } from '../../src/testing/transport-contract.js'
import { memory, MemoryNetwork } from '../../src/transports/memory.js'

type Wrap = (link: Link) => Link

const failing: Record<string, { wrap: Wrap; sentence: string; message: RegExp }> = {
  'loses a byte': {
    sentence: 'bytes that arrive before open are kept',
    message: /is not the one that was written/,
    wrap: (link) =>
      changed(link, { write: (chunks) => link.write(chunks.map((chunk) => chunk.subarray(chunk.length > 1 ? 1 : 0))) }),
  },
  'swaps the chunks of a write': {
    sentence: 'the chunks of one write arrive as one run',
    message: /is not the one that was written/,
    wrap: (link) => changed(link, { write: (chunks) => link.write([...chunks].reverse()) }),
  },
  'calls its owner within open': {
    sentence: 'bytes arrive in order, both ways at once',
    message: /data within a call of the owner's/,
    wrap: (link) =>
      reporting(link, (events) => {
        events.data(Uint8Array.of(0))
      }),
  },
  'closes twice': {
    sentence: 'destroying twice is destroying once',
    message: /closed after closed/,
    wrap: (link) =>
      telling(link, (events) => ({
        closed: (reason) => {
          events.closed(reason)
          events.closed(reason)
        },
      })),
  },
  'drains without need': {
    sentence: 'bytes arrive in order, both ways at once',
    message: /drained although no write had returned false/,
    wrap: (link) =>
      telling(link, (events) => ({
        data: (bytes) => {
          events.drained()
          events.data(bytes)
        },
      })),
  },
  'never saturates': {
    sentence: 'a write returns false while the other side does not read, and drained follows once',
    message: /never said that it is saturated/,
    wrap: (link) => changed(link, { write: () => true }),
  },
  'changes what it sends': {
    sentence: 'the chunks that were written are left as they are',
    message: /of a write were changed/,
    wrap: (link) =>
      changed(link, {
        write: (chunks) => {
          const free = link.write(chunks)
          for (const chunk of chunks) chunk.fill(0)
          return free
        },
      }),
  },
  'takes destroy for an end': {
    sentence: 'destroying after end closes as aborted',
    message: /reason of the close: expected aborted, but was closed/,
    wrap: (link) =>
      telling(link, (events) => ({
        closed: () => {
          events.closed({ code: 'closed', fault: 'local' })
        },
      })),
  },
}

describe('the transport contract', () => {
  it.each(Object.entries(failing))('catches a transport that %s', async (_, { wrap, sentence, message }) => {
    const cases = transportContract({
      name: 'broken',
      create: () => wrapped(memory(new MemoryNetwork()), wrap),
      listenOn: { scheme: 'memory', peerId: null, host: 'home', port: 0, path: '/' },
      refusedAddress: { scheme: 'memory', peerId: null, host: 'nobody', port: 1, path: '/' },
    })
    const found = cases.find(({ name }) => name === `broken: ${sentence}`)
    await expect(found?.run()).rejects.toThrow(message)
  })
})

function wrapped(transport: Transport, wrap: Wrap): Transport {
  return {
    schemes: transport.schemes,
    dial: (address, events) =>
      transport.dial(address, {
        ...events,
        opened: (link) => {
          events.opened(wrap(link))
        },
      }),
    listen: (address, events) =>
      listenWith(transport, address, {
        ...events,
        accepted: (link) => {
          events.accepted(wrap(link))
        },
      }),
  }
}

function changed(link: Link, change: Partial<Link>): Link {
  return {
    remote: link.remote,
    open: (events) => {
      link.open(events)
    },
    write: (chunks) => link.write(chunks),
    end: () => {
      link.end()
    },
    destroy: () => {
      link.destroy()
    },
    ...change,
  }
}

function telling(link: Link, change: (events: LinkEvents) => Partial<LinkEvents>): Link {
  return changed(link, {
    open: (events) => {
      link.open({
        data: (bytes) => {
          events.data(bytes)
        },
        drained: () => {
          events.drained()
        },
        ended: () => {
          events.ended()
        },
        closed: (reason) => {
          events.closed(reason)
        },
        ...change(events),
      })
    },
  })
}

function reporting(link: Link, report: (events: LinkEvents) => void): Link {
  return changed(link, {
    open: (events) => {
      link.open(events)
      report(events)
    },
  })
}

function listenWith(transport: Transport, ...args: Parameters<NonNullable<Transport['listen']>>): Listener {
  if (transport.listen === undefined) throw new Error('cannot listen')
  return transport.listen(...args)
}
