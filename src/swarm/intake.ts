/**
 * The receiving half of an open connection: what the peer has used of its quota, and the credit that goes back to it. Credit
 * returns when a message is done with; a peer that owes something waits for it, and nothing else happens to it.
 */
import type { Memory } from '../policy/memory.js'
import { heldBytes } from '../policy/memory.js'
import { isTrustedClass } from '../policy/peer-class.js'
import type { PeerClass } from '../ports/types.js'
import type { ReceiveCredit } from '../protocol/credit.js'
import type { Reassembly } from '../protocol/fragment.js'
import { LANES } from '../protocol/fragment.js'
import { FRAME_BYTES_MAX, HEADER_BYTES_MAX } from '../protocol/frame.js'
import type { SessionEvent } from '../protocol/session.js'
import type { Tally } from '../protocol/tally.js'
import type { Agenda, Deadline } from './agenda.js'
import type { ClassLimits } from './profile.js'
import { windowBytesFor } from './profile.js'
import type { Quota } from './quota.js'
import { Unfinished } from './unfinished.js'

export interface IntakeSetup {
  readonly agenda: Agenda
  readonly credit: ReceiveCredit
  readonly memory: Memory
  /** What the peer is now. */
  readonly peerClass: () => PeerClass
  readonly limits: () => ClassLimits
  /** Which keeps to what the peer has been told. */
  readonly reassembly: Pick<Reassembly, 'bytesMax' | 'keptMax' | 'unasked'>
  readonly sendLimits: (messageBytesMax: number, windowBytes: number) => void
  /** Bytes held of what is not whole. */
  readonly partialBytes: () => number
  /** What the link draws on, by the class that the peer has now. */
  readonly openQuota: () => Quota
  readonly sendGrant: (bytes: number) => void
  /** The peer goes on sending frames of the protocol that nobody asked for. */
  readonly flooded: (withWhat: string) => void
}

/** Frames that need no credit and that nobody asked for: past a few a second they are not even looked at. */
const COURTESIES: readonly SessionEvent['kind'][] = ['ping', 'types', 'get-peers', 'peers', 'gap', 'skipped', 'limits']
/**
 * A message smaller than this, which no broadcast is, costs its sender hardly any credit; of those for which there was no place some
 * thousand in a row are a flood.
 */
const CRUMB_BYTES = 16
const CRUMB_WEIGHT = 1 / 16
/** Fewer bytes are charged together with those that follow: pings alone would be charged one by one for ever. */
const CHARGED_BYTES = 4_096
/** What a record costs beside its bytes: some microseconds of arithmetic, however short it is. */
const RECORD_BYTES = 256
/** What a message of one that is not trusted costs beside its bytes, whatever becomes of it: it is looked up, at least. */
const MESSAGE_BYTES = 128
/** Who is told of a smaller limit may be sending what was within the old one; what is larger is dropped after that, and no offence. */
const NARROW_MS = 120_000
/** While too much is in flight, it is looked at again this often. */
const BUSY_MS = 50

export class Intake {
  readonly #setup: IntakeSetup
  /** What it holds of what is not whole. */
  readonly unfinished: Unfinished
  #quota: Quota
  #deadline: Deadline | null = null
  #narrowing: Deadline | null = null
  #toldBytesMax: number
  #stopped = false
  #cancelsLeft = 0
  /** Of what this link brought, what is not done with. */
  #heldBytes = 0
  /** Not charged yet. */
  #bytes = 0

  constructor(setup: IntakeSetup) {
    this.#setup = setup
    this.#quota = setup.openQuota()
    this.unfinished = new Unfinished(setup.memory, this.#quota, setup)
    this.#toldBytesMax = setup.reassembly.bytesMax
  }

  /** The link is open: what the peer was told in the hello may be what it was before that. */
  begin(): void {
    this.#limit()
    this.#grant()
  }

  /** Bytes have come. Pieces that said nothing whole are counted as control frames: they cost their arithmetic. */
  countArrived(bytes: number, tally: Tally): void {
    this.#bytes += bytes + tally.takeRecords() * RECORD_BYTES
    if (this.#bytes >= CHARGED_BYTES) this.#charge()
    for (let crumbs = tally.takeCrumbs(); crumbs > 0; crumbs--) this.takeControl()
    this.unfinished.count()
  }

  /** Whether a message of which more comes is not kept: memory is short, or the peer's other links hold more in part than one ever does. */
  isShort(bytes: number): boolean {
    const { memory, peerClass, limits } = this.#setup
    return (
      !memory.fits(peerClass(), bytes) ||
      this.unfinished.elsewhere > LANES * (limits().messageBytesMax + HEADER_BYTES_MAX)
    )
  }

  /** A whole message has come, which holds memory until it is released or dropped. @returns false where there is none for this peer */
  arrived(bytes: number): boolean {
    if (!isTrustedClass(this.#setup.peerClass())) this.#bytes += MESSAGE_BYTES
    if (this.takeOver(bytes)) return true
    if (!this.#quota.mayHold(heldBytes(bytes))) this.countInvalid()
    return false
  }

  /** A message that somebody else has brought is held on this peer's account. @returns false where there is no memory for it */
  takeOver(bytes: number): boolean {
    const held = heldBytes(bytes)
    if (!this.#quota.mayHold(held) || !this.#setup.memory.arrived(this.#setup.peerClass(), bytes)) return false
    this.#hold(held)
    return true
  }

  /** It will not be looked at, and is not held; its credit is another matter. */
  dropped(bytes: number): void {
    this.#setup.memory.done(bytes)
    this.#hold(-heldBytes(bytes))
  }

  /** A broadcast nobody had brought before, a direct message or a request. @returns false where it must wait */
  takeFirstCopy(): boolean {
    return this.#quota.takeFirstCopy(this.#setup.agenda.seenAt)
  }

  /** What it brought has taken so long to read: of a stranger's, that is owed as bytes would be. */
  worked(ms: number): void {
    if (!isTrustedClass(this.#setup.peerClass())) this.#quota.countWork(ms, this.#setup.agenda.seenAt)
  }

  /** How long until there may be room for one, or a question may be asked. */
  get firstCopyWaitMs(): number {
    const now = this.#setup.agenda.now()
    return Math.max(this.#quota.firstCopyWaitMs(now), this.#quota.servedWaitMs(now))
  }

  /** Whether a quarter of its quota is enough for the peer. */
  throttle(isPoor: boolean): void {
    this.#quota.throttle(isPoor)
  }

  countInvalid(): void {
    this.#quota.countInvalid(this.#setup.agenda.now())
  }

  /** @returns false for a frame that is best ignored */
  admits(kind: SessionEvent['kind']): boolean {
    // Names and limits are told once: what is not heard then is never heard.
    return !COURTESIES.includes(kind) || this.takeControl() || kind === 'types' || kind === 'limits'
  }

  /** A frame of the protocol itself, for which no credit is needed. @returns false where it is one too many, and best ignored */
  takeControl(weight: number = 1): boolean {
    const counted = this.#quota.countControl(weight, this.#setup.agenda.now())
    if (counted === 'flood') this.#setup.flooded(weight === CRUMB_WEIGHT ? 'small messages' : 'control frames')
    return counted === 'needed'
  }

  /** The peer asks a question, which it may withdraw once: our answer may be on its way by then. */
  asked(): void {
    this.#cancelsLeft++
  }

  /** The peer withdraws a question. */
  cancelled(): void {
    if (this.#cancelsLeft > 0) this.#cancelsLeft--
    else this.takeControl()
  }

  /** A stranger's message found no place to wait: it has cost its work all the same. */
  turnedAway(bytes: number): void {
    if (bytes < CRUMB_BYTES && !isTrustedClass(this.#setup.peerClass())) this.takeControl(CRUMB_WEIGHT)
  }

  /** Ids of broadcasts that the peer tells or asks for. @returns false where they are too many, and best ignored */
  takeIds(count: number): boolean {
    return this.#quota.takeIds(count, this.#setup.agenda.now())
  }

  /** The peer asks for so many bytes. @returns false where it has been sent too much for its asking */
  takeServed(bytes: number): boolean {
    return this.#quota.takeServed(bytes, this.#setup.agenda.now())
  }

  /** Whether it was sent too much for its asking. */
  get owesServed(): boolean {
    return this.#quota.servedWaitMs(this.#setup.agenda.seenAt) > 0
  }

  /** A message is done with: its credit returns, as soon as the quota allows. */
  release(bytes: number): void {
    this.dropped(bytes)
    this.returned(bytes)
  }

  /** Whether the peer has the credit to send so much, or a fragment of it. */
  hasCredit(bytes: number): boolean {
    return this.#setup.credit.left >= Math.min(bytes, FRAME_BYTES_MAX)
  }

  /** Credit of what holds no memory. */
  returned(bytes: number): void {
    this.#setup.credit.release(bytes)
    this.#grant()
  }

  /** The peer's class has changed, and its quota with it. */
  reclassify(): void {
    this.#charge()
    this.#quota.hold(-this.#heldBytes)
    this.#quota = this.#setup.openQuota()
    this.#quota.hold(this.#heldBytes)
    this.unfinished.move(this.#quota)
    this.#limit()
    // What it waits for was the old one's debt.
    this.#deadline?.cancel()
    this.#deadline = null
    this.#grant()
  }

  /** No credit goes back any more; what still comes is counted. */
  stop(): void {
    this.#stopped = true
    this.#deadline?.cancel()
    this.#narrowing?.cancel()
    this.unfinished.count()
  }

  /** Nothing comes any more. */
  gone(): void {
    this.#charge()
    this.unfinished.gone()
  }

  /** The peer is told how large a message it may send, and has some time to keep to less. */
  #limit(): void {
    const { agenda, credit, limits, reassembly, sendLimits } = this.#setup
    const { messageBytesMax } = limits()
    if (messageBytesMax === this.#toldBytesMax) return
    this.#toldBytesMax = messageBytesMax
    const windowBytes = windowBytesFor(limits())
    sendLimits(messageBytesMax, windowBytes)
    credit.resize(windowBytes)
    this.#narrowing?.cancel()
    this.#narrowing = null
    reassembly.bytesMax = Math.max(reassembly.bytesMax, messageBytesMax)
    if (messageBytesMax > reassembly.keptMax) reassembly.keptMax = messageBytesMax
    else
      this.#narrowing = agenda.in(NARROW_MS, () => {
        reassembly.keptMax = messageBytesMax
      })
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#quota.hold(bytes)
  }

  #charge(): void {
    if (this.#bytes > 0) this.#quota.countBytes(this.#bytes, this.#setup.agenda.now())
    this.#bytes = 0
  }

  #grant(): void {
    if (this.#deadline !== null || this.#stopped) return
    const { agenda, credit, sendGrant } = this.#setup
    if (!credit.isDue) return
    this.#charge()
    const waitMs = Math.max(this.#quota.waitMs(agenda.now()), this.#isOneTooMany() ? BUSY_MS : 0)
    if (waitMs > 0) {
      this.#deadline = agenda.in(waitMs, () => {
        this.#deadline = null
        this.#grant()
      })
      return
    }
    const grant = credit.pickGrant()
    if (grant > 0) sendGrant(grant)
  }

  /** Too much is in flight, and of that some is this peer's: another's slow handlers are no reason to stop hearing it, while there is room. */
  #isOneTooMany(): boolean {
    const { memory, peerClass } = this.#setup
    if (!memory.isBusy(peerClass())) return false
    const { little } = this.#quota
    return little === null || !memory.fits(peerClass(), little)
  }
}
