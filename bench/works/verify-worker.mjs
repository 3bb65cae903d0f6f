/** What the pool's threads run. */
import { serve } from 'holdfast/kit'
import { isSigned } from './verify-parts.mjs'

serve(isSigned)
