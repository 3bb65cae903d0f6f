/** What one process did. Instants are milliseconds on the machine's monotonic clock. */
export interface Boot {
  readonly name: string
  readonly boot: number
  /** When each id was sent. */
  readonly sent: ReadonlyMap<string, number>
  readonly done: readonly string[]
  /** When it had heard every other node over their link; null before. */
  readonly fullAt: number | null
  readonly killed: boolean
}

/** A node as it sees its peers. */
export interface Picture {
  readonly name: string
  readonly id: string
  readonly peers: readonly { readonly id: string; readonly direction: string; readonly address: string | null }[]
}

export interface Links {
  /** Pairs of nodes that agree that they are linked. */
  readonly links: number
  readonly byTransport: { readonly tcp: number; readonly ws: number }
}

/** A time in which a node was away. */
export interface Outage {
  readonly node: string
  readonly kind: 'kill' | 'freeze'
  readonly beganAt: number
  /** When its new process listened, or it was woken; null while it is away. */
  readonly backAt: number | null
  /** The boot that came back. */
  readonly boot: number
}

/** A heartbeat that arrived. */
export interface Beat {
  readonly from: string
  readonly to: string
  /** The sender's. */
  readonly boot: number
  readonly sentAt: number
  readonly gotAt: number
}

export interface Deliveries {
  /** Transfers sent by nodes. */
  readonly transactions: number
  /** Pairs of a transfer and a process it was owed to. */
  readonly expected: number
  readonly delivered: number
  readonly lost: number
  readonly processedTwice: number
}

export interface Record {
  readonly names: readonly string[]
  readonly boots: readonly Boot[]
  readonly forged: readonly string[]
  readonly linksAtStart: Links
  readonly linksAtEnd: Links
  readonly plannedFaults: number
  readonly outages: readonly Outage[]
  readonly beats: readonly Beat[]
  /** Names of the nodes that banned the stranger. */
  readonly bannedBy: readonly string[]
  readonly durationMs: number
  /** What must never happen, in words. */
  readonly troubles: readonly string[]
}

export interface Summary extends Deliveries {
  readonly nodes: number
  readonly links: number
  readonly expectedLinks: number
  readonly byTransport: { readonly tcp: number; readonly ws: number }
  readonly invalidSent: number
  readonly invalidAccepted: number
  readonly strangerBannedBy: number
  readonly kills: number
  readonly freezes: number
  readonly reconnectMsP50: number | null
  readonly reconnectMsMax: number | null
  readonly durationMs: number
  readonly ok: boolean
}

export function countDeliveries(boots: readonly Boot[]): Deliveries
export function countLinks(pictures: readonly Picture[]): Links
/** One sample for each other node that has met the returned one again, by name. */
export function reconnections(
  outage: Outage,
  outages: readonly Outage[],
  names: readonly string[],
  beats: readonly Beat[],
): Map<string, number>
export function summarize(record: Record): Summary
