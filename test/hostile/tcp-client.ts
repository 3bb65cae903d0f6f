/** A client that speaks no protocol at all: it writes bytes, and tells what came back and how it ended. */
import net from 'node:net'

export interface Heard {
  /** Everything that came back. */
  readonly bytes: Uint8Array
  /** The name of the error that broke the socket, null where it ended in order. */
  readonly error: string | null
}

/** Writes the chunks one after another, each when the one before has left, and reads to the end. */
export async function speakTcp(port: number, chunks: readonly Uint8Array[]): Promise<Heard> {
  return new Promise((resolve) => {
    const read: Uint8Array[] = []
    let error: string | null = null
    const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true }, () => {
      const next = (i: number): void => {
        const chunk = chunks[i]
        if (chunk !== undefined && socket.writable)
          socket.write(chunk, () => {
            next(i + 1)
          })
      }
      next(0)
    })
    socket.on('data', (bytes) => read.push(bytes))
    socket.on('end', () => {
      socket.end()
    })
    socket.on('error', (broken: NodeJS.ErrnoException) => {
      error = broken.code ?? broken.message
    })
    socket.on('close', () => {
      resolve({ bytes: Uint8Array.from(Buffer.concat(read)), error })
    })
  })
}

/** The port of a swarm's address. */
export function portOf(addresses: readonly string[]): number {
  return Number(addresses[0]?.split(':').at(-1))
}

/** The first 16 bytes of an initiator of a network whose name is given. */
export function preamble(network: string): Uint8Array {
  return Uint8Array.from([0x9d, 0x48, 0x46, 0x0a, ...Buffer.from(network), 0, 0, 0, 0, 1, 1, 0, 0])
}
