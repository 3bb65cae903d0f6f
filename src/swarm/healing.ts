/** The four habits that make a network heal, each of which can be switched off to see what it is worth. */

/** Experiments. A production node leaves all of them alone. */
export interface Healing {
  /** One success after failures wakes every trusted peer that waits. Default true. */
  readonly recoveryReset: boolean
  /** The side that is not preferred dials too, a little later. Default true. */
  readonly bothSidesDial: boolean
  /** Attempts end, as in the literal preset, trusted or not. Default false. */
  readonly giveUp: boolean
  /** A link that answers takes the place of one that does not. Default true; else the newcomer is refused. */
  readonly supersede: boolean
}

export const DEFAULT_HEALING: Healing = { recoveryReset: true, bothSidesDial: true, giveUp: false, supersede: true }
