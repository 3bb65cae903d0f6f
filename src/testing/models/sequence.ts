/**
 * What all models have in common: a property over sequences of commands, each run on the part under test and on its model, and
 * the arguments such a property is built from. fast-check comes as an argument: nothing here imports it at run time.
 */
import type fc from 'fast-check'

/** What `import fc from 'fast-check'` gives. */
export type FastCheck = typeof fc

/** What `fc.assert` takes: run it with `numRuns`, and with the `seed` and `path` of a failure to see that one again. */
export type ModelProperty = fc.IProperty<unknown>

/** Any value of a kind. */
export type Any<T> = fc.Arbitrary<T>

/** One command: it runs on the model and on the real part, and throws where they part. */
export type Step<Model extends object, Real> = fc.Command<Model, Real>

/** Commands of one sequence, at most. */
const COMMANDS_MAX = 200

/** A command that is always possible. @param text how a counterexample shows it */
export function step<Model extends object, Real>(
  text: () => string,
  run: (model: Model, real: Real) => void,
): Step<Model, Real> {
  return { check: () => true, run, toString: text }
}

/** What {@link sequences} is made of. */
export interface SequenceParts<Options, Model extends object, Real> {
  readonly options: Any<Options>
  readonly commands: Any<Step<Model, Real>>[]
  /** Default 200. */
  readonly commandsMax?: number
  readonly begin: (options: Options) => { model: Model; real: Real }
  /** What must hold once all commands have run. */
  readonly end?: (world: { readonly model: Model; readonly real: Real }) => void
}

/** The property that every sequence of commands, of any length, keeps model and part together. */
export function sequences<Options, Model extends object, Real>(
  check: FastCheck,
  { options, commands, commandsMax = COMMANDS_MAX, begin, end }: SequenceParts<Options, Model, Real>,
): ModelProperty {
  return check.property(
    options,
    check.commands(commands, { maxCommands: commandsMax, size: 'max' }),
    (given: Options, steps: Iterable<Step<Model, Real>>) => {
      const world = begin(given)
      check.modelRun(() => world, steps)
      end?.(world)
    },
  )
}
