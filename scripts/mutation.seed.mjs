/** Before each test file, where policies are mutated: properties draw the same cases every time. */
import fc from 'fast-check'

fc.configureGlobal({ seed: 1 })
