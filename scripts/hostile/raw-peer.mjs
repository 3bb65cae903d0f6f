/**
 * A speaker of the wire that shares nothing with holdfast but the specification: plain sockets, plain `node:crypto`. Well
 * behaved unless told otherwise, and everything it sends can be told otherwise: `tamper` sees each flight before it leaves,
 * `raw` writes any bytes at any time, `cipher.nonce` breaks tags, `send` takes any type and never looks at credit.
 * It neither cuts messages into fragments nor puts them together. Options and shapes are in raw-peer.d.mts.
 *
 * @typedef {import('./raw-peer.mjs').RawOptions} RawOptions
 * @typedef {import('./raw-peer.mjs').Flight} Flight
 * @typedef {import('./raw-peer.mjs').Said} Said
 * @typedef {import('./raw-peer.mjs').Frame} Frame
 */
import { EventEmitter } from 'node:events'
import net from 'node:net'
import { keyPair, Noise } from './raw-peer-crypto.mjs'
import * as wire from './raw-peer-wire.mjs'
import { costOf, FRAME, frame, framed, helloFields, isCounted, preamble, varint } from './raw-peer-wire.mjs'

const PROLOGUE = Buffer.from('holdfast/1\0')
const NETWORK = wire.networkIdOf('TIME')

/** The next flight expected of the other side, for either role. */
const EXPECTED = {
  initiator: ['preamble', 'second', 'hello', 'open'],
  responder: ['preamble', 'first', 'third', 'hello', 'open'],
}

/** Events: `frame` for each frame after hello, `record` (plaintext), `said`, `closed`. */
export class RawPeer extends EventEmitter {
  /** What the other side is expected to send next; `open` after its hello. */
  expects = 'preamble'
  /** Flights as they left here, and as they arrived: what can be replayed. */
  sent = /** @type {Partial<Record<Flight, Buffer>>} */ ({})
  received = /** @type {Partial<Record<Flight, Buffer>>} */ ({})
  /** Who the other side says it is. */
  remoteKey = /** @type {Buffer | null} */ (null)
  remoteHello = /** @type {ReturnType<typeof wire.readHello> | null} */ (null)
  /** Why the other side ended it, in its own words; null where it said nothing. */
  said = /** @type {Said | null} */ (null)
  /** What went wrong here: a tag that does not hold, a socket that failed. */
  fault = /** @type {Error | null} */ (null)
  /** Bytes of counted frames that the other side still takes. */
  credit = 0
  /** What is still sent and received on: null before the keys. */
  cipher = /** @type {import('./raw-peer-crypto.mjs').Cipher | null} */ (null)
  opener = /** @type {import('./raw-peer-crypto.mjs').Cipher | null} */ (null)
  /** Resolves with the remote hello; rejects when it ends before. */
  ready
  /** Resolves once the socket is closed. */
  closed
  #options
  #noise = /** @type {Noise | null} */ (null)
  #buffer = Buffer.alloc(0)
  #cutter = new wire.FrameCutter()
  #types = /** @type {Map<string, number>} */ (new Map())
  #owed = 0

  /**
   * @param {net.Socket} socket
   * @param {'initiator' | 'responder'} role
   * @param {RawOptions} options
   */
  constructor(socket, role, options = {}) {
    super()
    this.socket = socket
    this.role = role
    this.#options = options
    this.networkId = options.networkId ?? NETWORK
    this.identity = options.identity ?? keyPair('Ed25519')
    this.fixed = options.fixed ?? keyPair('X25519')
    this.ephemeral = options.ephemeral ?? keyPair('X25519')
    this.preamble = preamble(this.networkId, options.versions ?? (role === 'initiator' ? [1, 1] : [1, 0]))
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.said)))
    this.ready = new Promise((resolve, reject) => {
      this.once('ready', resolve)
      void this.closed.then(() => reject(new Error(`ended at ${this.expects}: ${this.said?.code ?? 'without a word'}`)))
    })
    // Whoever does not ask need not hear of it.
    this.ready.catch(() => undefined)
    socket.on('error', (error) => {
      this.fault ??= error
    })
    socket.on('close', () => this.emit('closed', this.said))
    socket.on('data', (bytes) => this.#take(bytes))
    if (role === 'responder') return
    this.#flight('preamble', this.preamble)
    this.#flight('first', framed(this.ephemeral.publicKey))
  }

  /** @param {net.TcpNetConnectOpts} where @param {RawOptions} [options] */
  static dial(where, options) {
    return new RawPeer(net.connect({ ...where, noDelay: true }), 'initiator', options)
  }

  /** The id that the own identity has in text. */
  get id() {
    return wire.peerIdOf(this.identity.publicKey)
  }

  /** A genuine delegation of this peer's own, or what the options put in its place. */
  get delegation() {
    const { identity, fixed, networkId } = this
    return this.#options.delegation ?? wire.delegation({ identity, staticKey: fixed.publicKey, networkId })
  }

  /** Any bytes, as they are. @param {Uint8Array} bytes @returns {boolean} */
  raw(bytes) {
    const { pieces = bytes.length } = this.#options
    for (let at = 0; at + pieces < bytes.length; at += pieces) this.socket.write(bytes.subarray(at, at + pieces))
    return this.socket.write(bytes.subarray(bytes.length - (bytes.length % pieces || pieces)))
  }

  /** One record of any plaintext. @param {Uint8Array} plain */
  record(plain) {
    if (this.cipher === null) throw new Error('no keys yet')
    return this.raw(framed(this.cipher.seal(plain)))
  }

  /** Frames in one record; what they cost is taken off the credit, there or not. @param {readonly Frame[]} frames */
  sendAll(frames) {
    for (const { type, body } of frames) if (isCounted(type)) this.credit -= costOf(type, body)
    return this.record(Buffer.concat(frames.map(({ type, body }) => frame(type, body))))
  }

  /** @param {number} type @param {Uint8Array} body */
  send(type, body = Buffer.alloc(0)) {
    return this.sendAll([{ type, body: Buffer.from(body) }])
  }

  /** The number of a name at the other side. @param {string} kind @param {string} name */
  typeOf(kind, name) {
    const index = this.#types.get(`${kind} ${name}`)
    if (index === undefined) throw new Error(`the other side does not receive ${kind} ${name}`)
    return FRAME.firstApplication + index
  }

  /** A broadcast, not yet sent. @param {string} name @param {Uint8Array} payload as the codec would write it @returns {Frame} */
  broadcast(name, payload) {
    const body = Buffer.concat([wire.broadcastId(name, payload), payload])
    return { type: this.typeOf('message', name), body }
  }

  /** A question, not yet sent. @param {number} id @param {string} name @param {Uint8Array} payload @returns {Frame} */
  request(id, name, payload) {
    const type = varint(this.typeOf('request', name))
    return { type: FRAME.request, body: Buffer.concat([varint(id), type, payload]) }
  }

  /** Says goodbye and half-closes. @param {number} code */
  leave(code = 0) {
    if (this.cipher !== null) this.record(wire.goodbye(code))
    this.socket.end()
  }

  destroy() {
    this.socket.destroy()
  }

  /** @param {Flight} flight @param {Buffer} bytes */
  #flight(flight, bytes) {
    const told = this.#options.tamper === undefined ? bytes : this.#options.tamper(flight, bytes)
    if (told === null) return
    this.sent[flight] = told
    this.raw(told)
  }

  /** @param {Buffer} bytes */
  #take(bytes) {
    this.#buffer = this.#buffer.length === 0 ? bytes : Buffer.concat([this.#buffer, bytes])
    try {
      while (this.said === null && this.#step());
    } catch (error) {
      this.fault ??= /** @type {Error} */ (error)
      this.destroy()
    }
  }

  /** @returns {boolean} whether there may be more */
  #step() {
    if (this.expects === 'preamble') return this.#readPreamble()
    if (this.#buffer.length < 3) return false
    const length = this.#buffer.readUInt16BE()
    if (length === 0) return this.#say({ where: 'clear', code: wire.CODES[this.#buffer[2] ?? 0] ?? 'unknown' })
    const bytes = this.#cut(2 + length)
    if (bytes === null) return false
    const flight = this.expects
    if (flight === 'hello' || flight === 'open') this.#readRecord(bytes)
    else this.#readMessage(/** @type {'first' | 'second' | 'third'} */ (flight), bytes)
    return true
  }

  /** @param {number} length */
  #cut(length) {
    if (this.#buffer.length < length) return null
    const bytes = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    return bytes
  }

  #readPreamble() {
    const theirs = this.#cut(wire.PREAMBLE_BYTES)
    if (theirs === null) return false
    this.received.preamble = theirs
    const status = this.role === 'initiator' ? (theirs[13] ?? 0) : 0
    if (status !== 0) return this.#say({ where: 'preamble', code: wire.STATUS[status] ?? 'unknown' })
    const both = this.role === 'initiator' ? [this.preamble, theirs] : [theirs, this.preamble]
    const { ephemeral, fixed } = this
    this.#noise = new Noise({ prologue: Buffer.concat([PROLOGUE, ...both]), ephemeral, fixed })
    if (this.role === 'initiator') this.#noise.writeFirst()
    else this.#flight('preamble', this.preamble)
    this.#advance()
    return true
  }

  /** @param {'first' | 'second' | 'third'} flight @param {Buffer} bytes */
  #readMessage(flight, bytes) {
    const noise = /** @type {Noise} */ (this.#noise)
    const message = bytes.subarray(2)
    this.received[flight] = bytes
    if (flight === 'first') {
      noise.readFirst(message)
      this.#flight('second', framed(noise.writeSecond(this.delegation)))
    } else if (flight === 'second') {
      this.remoteKey = wire.readDelegation(noise.readSecond(message)).publicKey
      this.#flight('third', framed(noise.writeThird(this.delegation)))
      this.#keys(noise)
      this.#sayHello()
    } else {
      this.remoteKey = wire.readDelegation(noise.readThird(message)).publicKey
      this.#keys(noise)
    }
    this.#advance()
  }

  /** @param {Noise} noise */
  #keys(noise) {
    const [initiators, responders] = noise.split()
    this.cipher = this.role === 'initiator' ? initiators : responders
    this.opener = this.role === 'initiator' ? responders : initiators
  }

  #sayHello() {
    const hello = frame(FRAME.hello, wire.encodeFields(helloFields(this.#options.hello ?? {})))
    if (this.cipher !== null) this.#flight('hello', framed(this.cipher.seal(hello)))
  }

  /** @param {Buffer} bytes */
  #readRecord(bytes) {
    const plain = this.opener?.open(bytes.subarray(2)) ?? Buffer.alloc(0)
    if (this.expects === 'hello') this.received.hello ??= bytes
    this.emit('record', plain)
    for (const found of this.#cutter.push(plain)) this.#frame(found)
  }

  /** @param {Frame} found */
  #frame({ type, body }) {
    if (type === FRAME.goodbye) this.#say({ where: 'goodbye', ...wire.readGoodbye(body) })
    else if (this.expects === 'hello' && type === FRAME.hello) {
      const hello = wire.readHello(body)
      this.remoteHello = hello
      this.#name(hello.names)
      this.credit += hello.windowBytes
      if (this.role === 'responder') this.#sayHello()
      this.#advance()
      this.emit('ready', hello)
      return
    }
    if (type === FRAME.types) this.#name(wire.decodeNames(body))
    if (type === FRAME.window) this.credit += new wire.Fields(body).varint()
    if (this.#options.polite !== false) this.#answer(type, body)
    this.emit('frame', { type, body })
  }

  /** @param {number} type @param {Buffer} body */
  #answer(type, body) {
    if (type === FRAME.ping) this.send(FRAME.pong, body)
    if (!isCounted(type)) return
    this.#owed += costOf(type, body)
    if (this.#owed < 32_768) return
    this.send(FRAME.window, varint(this.#owed))
    this.#owed = 0
  }

  /** @param {readonly { kind: string, name: string }[]} names */
  #name(names) {
    for (const { kind, name } of names) this.#types.set(`${kind} ${name}`, this.#types.size)
  }

  #advance() {
    const order = EXPECTED[this.role]
    this.expects = order[order.indexOf(this.expects) + 1] ?? 'open'
  }

  /** @param {Pick<Said, 'where' | 'code'> & Partial<Said>} said @returns {false} nothing more is read */
  #say(said) {
    this.said = { retryAfterS: 0, text: '', ...said }
    this.emit('said', this.said)
    this.socket.end()
    return false
  }
}
