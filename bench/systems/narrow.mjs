/** No node: a way to one, through which so many bytes a second come back. What is dialled here leads to `to`. */
import net from 'node:net'

const HOST = '127.0.0.1'
const EVERY_MS = 20

class Narrow {
  links = 0
  #perTurn
  #to

  /** @param {{ to: number, bytesPerSec: number }} options */
  constructor({ to, bytesPerSec }) {
    this.#to = to
    this.#perTurn = Math.max(1, Math.round((bytesPerSec * EVERY_MS) / 1_000))
  }

  /** @returns {Promise<number>} its port */
  listen() {
    const server = net.createServer({ noDelay: true }, (near) => this.#carry(near))
    return new Promise((resolve) => {
      server.listen({ host: HOST, port: 0 }, () => resolve(/** @type {any} */ (server.address()).port))
    })
  }

  #carry(/** @type {net.Socket} */ near) {
    const far = net.connect({ host: HOST, port: this.#to, noDelay: true })
    near.pipe(far)
    // Read only in small bites: what is not read stays in the kernel, and so with who sent it.
    far.on('readable', () => {})
    const timer = setInterval(() => {
      const bytes = far.read(Math.min(this.#perTurn, far.readableLength))
      if (bytes !== null) near.write(bytes)
    }, EVERY_MS)
    const end = () => {
      clearInterval(timer)
      near.destroy()
      far.destroy()
    }
    for (const socket of [near, far]) socket.on('error', end).on('close', end)
  }
}

/** @param {any} options */
export const createNode = (options) => new Narrow(options)
