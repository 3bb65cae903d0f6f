/** The milliseconds until the next attempt after so many failures in a row, or null to give up: a swarm's `backoff`. */
export type Schedule = (peerClass: string, attempt: number, random: { float(): number }) => number | null

export declare const bitcoinAddnode: Schedule
export declare const gethStatic: Schedule
export declare const cometbftPersistent: Schedule
export declare const libp2pKeepAlive: Schedule
export declare const timeCoinMasternode: Schedule

/** A schedule as it is shown and as it is run. */
export interface Contestant {
  readonly name: string
  readonly brief: string
  /** A swarm's own. */
  readonly options: {
    readonly backoff?: Schedule
    readonly limits?: { readonly masternode: { readonly connectMs: number } }
    readonly healing?: {
      readonly recoveryReset: boolean
      readonly bothSidesDial: boolean
      readonly giveUp: boolean
      readonly supersede: boolean
    }
  }
  readonly note: string
}

export declare const OURS: string
export declare const SCHEDULES: readonly Contestant[]
export declare function scheduleOf(name: string): Contestant
